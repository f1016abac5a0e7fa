"""Uploads, submissions, their records and their sealed cells, in the database."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from api.store.log import AuditLog
from api.store.tables import CellRow, ChainRow, ConsentRow, EpochRow, RecordRow, SubmissionRow, UploadRow
from api.store.tables_work import ChangeRow, LinkRow, RunRow
from api.submissions import Accepted, RecordLine, StoredSubmission, Upload
from protocols.audit.events.submissions import (
    SubmissionQuarantined,
    SubmissionReceived,
    SubmissionWithdrawn,
    UploadOpened,
)
from protocols.submission import Manifest
from protocols.vocabulary import ConsentStatus

_BATCH = 2_000
_ENDED = ("superseded", "withdrawn", "purged")
_HERE = ("received", "current", "superseded", "withdrawn")


class Submissions:
    """What agencies sent."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def open_upload(self, upload: Upload, event: UploadOpened) -> None:
        """Keep an announcement."""
        self._audit.append(event)
        self._session.execute(
            insert(UploadRow).values(
                upload=upload.upload,
                agency=upload.agency,
                file_sha256=upload.file_sha256,
                bytes=upload.bytes,
                part_bytes=upload.part_bytes,
                state=upload.state,
                opened_at=upload.opened_at,
            )
        )

    def upload(self, upload: str) -> Upload | None:
        """An announced file."""
        row = self._session.get(UploadRow, upload)
        return None if row is None else _upload(row)

    def upload_of(self, agency: str, file_sha256: str) -> Upload | None:
        """The agency's announcement of this very file."""
        row = self._session.execute(
            select(UploadRow).where(UploadRow.agency == agency, UploadRow.file_sha256 == file_sha256)
        ).scalar_one_or_none()
        return None if row is None else _upload(row)

    def open_uploads(self) -> list[Upload]:
        """Announced files that are not complete."""
        rows = self._session.execute(select(UploadRow).where(UploadRow.state == "open")).scalars()
        return [_upload(row) for row in rows]

    def quarantine(self, upload: str, problem: str, event: SubmissionQuarantined) -> None:
        """Note that a file failed a check."""
        self._audit.append(event)
        self._session.execute(
            update(UploadRow).where(UploadRow.upload == upload).values(state="quarantined", problem=problem)
        )

    def _being_linked(self) -> list[str]:
        """The submissions that the run under way works on."""
        running = select(RunRow.inputs).where(RunRow.state == "running", RunRow.inputs.is_not(None))
        chosen = self._session.execute(running).scalars()
        return [name for inputs in chosen for name in json.loads(inputs or "{}")["submissions"].values()]

    def accept(self, upload: str, accepted: Accepted, event: SubmissionReceived) -> None:
        """Keep a submission: it is `received`, and takes the place of one that was received before and never linked.

        One that a run is working on stays, or nothing of the agency would be in force when the run ends.
        """
        self._audit.append(event)
        stored = accepted.submission
        number = self._session.execute(select(func.coalesce(func.max(SubmissionRow.number), 0))).scalar_one() + 1
        self._session.execute(
            update(SubmissionRow)
            .where(
                SubmissionRow.agency == stored.agency,
                SubmissionRow.state == "received",
                SubmissionRow.submission.not_in(self._being_linked()),
            )
            .values(state="superseded", ended_at=stored.received_at)
        )
        self._session.execute(
            insert(SubmissionRow).values(
                submission=stored.submission,
                agency=stored.agency,
                number=number,
                file_sha256=stored.file_sha256,
                manifest=stored.manifest.canonical().decode(),
                protocol_digest=stored.manifest.protocol_digest,
                epoch=stored.manifest.epoch,
                workbook_key=stored.manifest.workbook.key,
                workbook_box=stored.manifest.workbook.box,
                extract_date=stored.extract_date,
                state="received",
                receipt=stored.receipt,
                received_at=stored.received_at,
            )
        )
        self._session.execute(
            update(UploadRow).where(UploadRow.upload == upload).values(state="complete", submission=stored.submission)
        )
        self._chain(stored.submission, accepted.base)
        if accepted.base is not None:
            self._copy_records(accepted.base, stored.submission, accepted.replaced)
        self._insert(RecordRow, (_record(stored.submission, line) for line in accepted.records))
        self._insert(
            ConsentRow,
            (
                {
                    "submission": stored.submission,
                    "subject_ref": item.subject_ref,
                    "expires_at": item.expires_at if item.status is ConsentStatus.GIVEN else None,
                    "body": item.model_dump_json(),
                }
                for item in accepted.consents
            ),
        )
        self._session.execute(insert(ChangeRow).values(at=stored.received_at, kind="submission", about=stored.agency))

    def _chain(self, submission: str, base: str | None) -> None:
        sources = [*(self.chain(base) if base else ()), submission]
        rows = [{"submission": submission, "position": n, "source": source} for n, source in enumerate(sources)]
        self._session.execute(insert(ChainRow), rows)

    def chain(self, submission: str) -> list[str]:
        """The submissions whose files make up this one, the full one first."""
        return list(
            self._session.execute(
                select(ChainRow.source).where(ChainRow.submission == submission).order_by(ChainRow.position)
            ).scalars()
        )

    def _copy_records(self, base: str, submission: str, replaced: frozenset[str]) -> None:
        """Take over the records of a delta's base but for those that the delta changes or removes."""
        columns = [column for column in RecordRow.__table__.columns if column.name != "submission"]
        rows = select(literal(submission), *columns).where(RecordRow.submission == base)
        self._session.execute(insert(RecordRow).from_select(["submission", *(c.name for c in columns)], rows))
        gone = sorted(replaced)
        for start in range(0, len(gone), 500):
            self._session.execute(
                delete(RecordRow).where(
                    RecordRow.submission == submission, RecordRow.record_ref.in_(gone[start : start + 500])
                )
            )

    def record_refs(self, submission: str) -> set[str]:
        """The references of every record of a submission."""
        return set(
            self._session.execute(select(RecordRow.record_ref).where(RecordRow.submission == submission)).scalars()
        )

    def added(
        self, submission: str, before: str, refs: Collection[str] | None = None, limit: int | None = None
    ) -> set[str]:
        """References of records that a submission has and the one before has not; of these only, or at most so many."""
        old = aliased(RecordRow)
        there = select(old.record_ref).where(old.submission == before, old.record_ref == RecordRow.record_ref)
        query = select(RecordRow.record_ref).where(RecordRow.submission == submission, ~there.exists()).limit(limit)
        if refs is None:
            return set(self._session.execute(query).scalars())
        wanted = sorted(refs)
        found: set[str] = set()
        for start in range(0, len(wanted), 500):
            part = query.where(RecordRow.record_ref.in_(wanted[start : start + 500]))
            found.update(self._session.execute(part).scalars())
        return found

    def _insert(self, table: Any, rows: Iterator[dict[str, Any]]) -> None:
        while batch := list(islice(rows, _BATCH)):
            self._session.execute(insert(table), batch)

    def submission(self, submission: str) -> StoredSubmission | None:
        """A submission by its id."""
        row = self._session.get(SubmissionRow, submission)
        return None if row is None else _submission(row)

    def submissions_of(self, agency: str) -> list[StoredSubmission]:
        """All submissions of an agency, newest first."""
        rows = self._session.execute(
            select(SubmissionRow).where(SubmissionRow.agency == agency).order_by(SubmissionRow.number.desc())
        ).scalars()
        return [_submission(row) for row in rows]

    def linkable(self) -> dict[str, StoredSubmission]:
        """Each agency's newest submission that is in use and whose encodings are still there."""
        gone = set(
            self._session.execute(
                select(SubmissionRow.submission).where(SubmissionRow.encodings_purged_at.is_not(None))
            ).scalars()
        )
        return {agency: item for agency, item in self.newest().items() if item.submission not in gone}

    def needed_files(self) -> set[str]:
        """The submissions whose files are still needed: those in use, and what they are deltas on."""
        return set(
            self._session.execute(
                select(ChainRow.source)
                .join(SubmissionRow, SubmissionRow.submission == ChainRow.submission)
                .where(SubmissionRow.state.in_(_HERE), SubmissionRow.encodings_purged_at.is_(None))
            ).scalars()
        )

    def newest(self) -> dict[str, StoredSubmission]:
        """Each agency's newest submission that is in use, received or current."""
        rows = self._session.execute(
            select(SubmissionRow).where(SubmissionRow.state.in_(("received", "current"))).order_by(SubmissionRow.number)
        ).scalars()
        return {row.agency: _submission(row) for row in rows}

    def withdraw(self, submission: str, at: datetime, event: SubmissionWithdrawn) -> None:
        """Take a submission out of use, and end the links to its agency's records if it was in force."""
        self._audit.append(event)
        row = self._session.get(SubmissionRow, submission)
        if row is None or row.state in _ENDED:
            return
        if row.state == "current":
            self._session.execute(
                update(LinkRow)
                .where(LinkRow.agency == row.agency, LinkRow.state != "closed")
                .values(state="closed", changed_at=at, ended_why="submission-withdrawn")
            )
        row.state, row.ended_at = "withdrawn", at
        self._session.execute(insert(ChangeRow).values(at=at, kind="submission", about=row.agency))

    def links_through(self, agency: str) -> int:
        """How many links end at this agency's records."""
        return int(
            self._session.execute(
                select(func.count()).select_from(LinkRow).where(LinkRow.agency == agency, LinkRow.state != "closed")
            ).scalar_one()
        )

    def add_cells(self, submission: str, rows: Iterable[dict[str, Any]]) -> None:
        """Keep the sealed cells of linked records. What is there from an attempt that was cut short is left."""
        there = self.with_cells(submission)
        fresh = ({"submission": submission, **row} for row in rows if row["record_ref"] not in there)
        self._insert(CellRow, fresh)

    def with_cells(self, submission: str) -> set[str]:
        """The records of a submission whose cells are kept."""
        return set(
            self._session.execute(
                select(CellRow.record_ref).where(CellRow.submission == submission).distinct()
            ).scalars()
        )

    def copy_cells(self, submission: str, before: str, refs: Iterable[str]) -> None:
        """Take over the cells of records that are the same in a submission as in one before it."""
        columns = [column for column in CellRow.__table__.columns if column.name != "submission"]
        wanted = sorted(refs)
        for start in range(0, len(wanted), 500):
            rows = select(literal(submission), *columns).where(
                CellRow.submission == before, CellRow.record_ref.in_(wanted[start : start + 500])
            )
            self._session.execute(insert(CellRow).from_select(["submission", *(c.name for c in columns)], rows))

    def drop_unlinked_cells(self) -> int:
        """Delete the cells of records that no link ends at: part of putting a run's links in force. Returns how many."""
        linked = (
            select(LinkRow.link)
            .join(SubmissionRow, SubmissionRow.agency == LinkRow.agency)
            .where(
                SubmissionRow.submission == CellRow.submission,
                LinkRow.record_ref == CellRow.record_ref,
                LinkRow.state != "closed",
            )
        )
        gone = self._session.execute(delete(CellRow).where(~linked.exists()))
        return int(gone.rowcount)  # type: ignore[attr-defined]

    def key_check(self, protocol: str, epoch: int) -> str | None:
        """The key-check value of an epoch, if an agency has shown one."""
        row = self._session.get(EpochRow, (protocol, epoch))
        return None if row is None else row.key_check_value

    def set_key_check(self, protocol: str, epoch: int, value: str, agency: str) -> None:
        """Keep the key-check value that the first agency of an epoch shows."""
        self._session.execute(
            insert(EpochRow).values(protocol=protocol, epoch=epoch, key_check_value=value, set_by=agency)
        )


def _upload(row: UploadRow) -> Upload:
    return Upload(
        upload=row.upload,
        agency=row.agency,
        file_sha256=row.file_sha256,
        bytes=row.bytes,
        part_bytes=row.part_bytes,
        state=row.state,
        opened_at=row.opened_at,
        problem=row.problem,
        submission=row.submission,
    )


def _submission(row: SubmissionRow) -> StoredSubmission:
    return StoredSubmission(
        submission=row.submission,
        agency=row.agency,
        manifest=Manifest.model_validate_json(row.manifest),
        file_sha256=row.file_sha256,
        state=row.state,
        receipt=row.receipt,
        received_at=row.received_at,
    )


def _record(submission: str, line: RecordLine) -> dict[str, Any]:
    return {
        "submission": submission,
        "record_ref": line.record_ref,
        "kind": line.kind.value,
        "shielded": line.shielded,
        "silent": line.silent,
        "deceased": line.deceased,
        "hold": line.hold.value if line.hold else None,
    }
