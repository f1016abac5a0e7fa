"""Deleting what is not needed any more, in the database: every deletion with its event, and counted for the day's certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from api.identity import DECLARING_AGENCY
from api.store.consents import spent
from api.store.links import Links
from api.store.log import AuditLog
from api.store.tables import CellRow, ChainRow, ConsentRow, FamilyRow, MemberRow, RecordRow, SubmissionRow, UploadRow
from api.store.tables_agreement import RehearsalRow
from api.store.tables_work import (
    KEPT,
    BreakGlassRow,
    CertificateRow,
    ChangeRow,
    DeletionRow,
    JobRow,
    LinkRow,
    OnceRow,
    OpeningRow,
    ProfileRow,
    RunRow,
    RunStepRow,
)
from protocols.audit.events.keeping import CertificateSigned, PersonalErased, PurgeCompleted
from protocols.audit.events.linking import FamilyClosed
from protocols.audit.events.submissions import SubmissionPurged

TOLD = ("submissions", "files", "encoded-files", "unfinished-files")
"""What an agency is told of its own: the other counts would tell it how many of its records are linked."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A submission of which something is to be deleted."""

    submission: str
    agency: str
    why: str


class Retention:
    """What the schedule of the sharing protocol deletes."""

    def __init__(self, session: Session, audit: AuditLog, links: Links) -> None:
        self._session = session
        self._audit = audit
        self._links = links

    def ended_submissions(self) -> list[Ended]:
        """Submissions that are out of use and not yet deleted."""
        rows = self._session.execute(
            select(SubmissionRow.submission, SubmissionRow.agency, SubmissionRow.state)
            .where(SubmissionRow.state.in_(("superseded", "withdrawn")), ~self._needed())
            .order_by(SubmissionRow.number)
        )
        return [Ended(row.submission, row.agency, row.state) for row in rows]

    def _needed(self) -> Any:
        """That a submission in use is a delta on this one, directly or over others."""
        later = aliased(SubmissionRow)
        return (
            select(ChainRow.source)
            .join(later, later.submission == ChainRow.submission)
            .where(
                ChainRow.source == SubmissionRow.submission,
                later.submission != SubmissionRow.submission,
                later.state.in_(("received", "current")),
            )
            .exists()
        )

    def purge_submission(self, ended: Ended, at: datetime) -> None:
        """Delete everything of a submission but that it was there."""
        records = self._count(RecordRow, RecordRow.submission == ended.submission)
        cells = self._count(CellRow, CellRow.submission == ended.submission)
        event = SubmissionPurged(actor="service", submission=ended.submission, records=records, reason=ended.why)
        entry = self._audit.append(event)
        for table in (CellRow, ConsentRow, RecordRow):
            self._session.execute(delete(table).where(table.submission == ended.submission))
        self._session.execute(
            update(SubmissionRow)
            .where(SubmissionRow.submission == ended.submission)
            .values(state="purged", workbook_box="", encodings_purged_at=at)
        )
        deleted = {"submissions": 1, "records": records, "cells": cells, "files": 1}
        self.tally(entry, at, deleted, ended.agency)

    def stale_encodings(self, received_before: datetime) -> list[Ended]:
        """Submissions in force whose encodings were kept for as long as was agreed."""
        rows = self._session.execute(
            select(SubmissionRow.submission, SubmissionRow.agency)
            .where(
                SubmissionRow.state == "current",
                SubmissionRow.received_at < received_before,
                SubmissionRow.encodings_purged_at.is_(None),
            )
            .order_by(SubmissionRow.number)
        )
        return [Ended(row.submission, row.agency, "unlinked") for row in rows]

    def sources(self, submission: str) -> list[str]:
        """The submissions whose files make up this one."""
        return list(self._session.execute(select(ChainRow.source).where(ChainRow.submission == submission)).scalars())

    def purge_unlinked(self, ended: Ended, at: datetime) -> None:
        """Delete the encodings of a submission in force, and the records and consents of whom no link ends at; its links stay."""
        linked = select(LinkRow.record_ref).where(LinkRow.agency == ended.agency, LinkRow.state != "closed")
        unlinked = (RecordRow.submission == ended.submission, RecordRow.record_ref.not_in(linked))
        idle = [ConsentRow.submission == ended.submission, ConsentRow.subject_ref.not_in(linked)]
        if ended.agency == DECLARING_AGENCY:  # a member who is declared and not linked yet may have consented
            idle.append(ConsentRow.subject_ref.not_in(select(MemberRow.record_ref)))
        deleted = {
            "encoded-files": len(self.sources(ended.submission)),
            "unlinked-records": self._count(RecordRow, *unlinked),
        }
        if consents := self._count(ConsentRow, *idle):
            deleted["unlinked-consents"] = consents
        entry = self._audit.append(PurgeCompleted(actor="service", deleted=deleted))
        self._session.execute(delete(RecordRow).where(*unlinked))
        self._session.execute(delete(ConsentRow).where(*idle))
        self._session.execute(
            update(SubmissionRow).where(SubmissionRow.submission == ended.submission).values(encodings_purged_at=at)
        )
        self.tally(entry, at, deleted, ended.agency)

    def closed_families(self, closed_before: date) -> list[str]:
        """Closed cases that still have links and were closed for as long as was agreed."""
        linked = select(LinkRow.link).where(LinkRow.family_ref == FamilyRow.family_ref, LinkRow.state != "closed")
        return list(
            self._session.execute(
                select(FamilyRow.family_ref)
                .where(FamilyRow.closed.is_not(None), FamilyRow.closed < closed_before, linked.exists())
                .order_by(FamilyRow.family_ref)
            ).scalars()
        )

    def close_family(self, family_ref: str, at: datetime) -> None:
        """End a closed case's links; what was released stays right, so nothing is recalled."""
        links = list(
            self._session.execute(
                select(LinkRow.link).where(LinkRow.family_ref == family_ref, LinkRow.state != "closed")
            ).scalars()
        )
        entry = self._audit.append(FamilyClosed(actor="service", family=family_ref))
        self._links.close(links, at, "case-closed")
        self._session.execute(insert(ChangeRow).values(at=at, kind="links", family_ref=family_ref))
        self.tally(entry, at, {"links": len(links)})

    def drop_ended_cells(self, at: datetime) -> None:
        """Delete the sealed values of records that nobody is linked to any more; not while a run brings in those of the next links."""
        self._audit.generation()  # locks the log's head: no run begins or ends meanwhile
        if self._links.running() is None:
            self._drop_cells(self._ended_cells(), at)

    def _ended_cells(self) -> list[tuple[str, str]]:
        """Records, with their submission, whose sealed values are here although no link ends at them any more."""
        again = aliased(LinkRow)
        rows = self._session.execute(
            select(SubmissionRow.submission, LinkRow.record_ref)
            .join(SubmissionRow, SubmissionRow.agency == LinkRow.agency)
            .where(
                LinkRow.state == "closed",
                SubmissionRow.state.in_(("received", "current")),
                exists().where(
                    CellRow.submission == SubmissionRow.submission, CellRow.record_ref == LinkRow.record_ref
                ),
                ~exists().where(
                    again.agency == LinkRow.agency, again.record_ref == LinkRow.record_ref, again.state != "closed"
                ),
            )
            .distinct()
            .order_by(SubmissionRow.submission, LinkRow.record_ref)
        )
        return [(row.submission, row.record_ref) for row in rows]

    def _drop_cells(self, ended: Sequence[tuple[str, str]], at: datetime) -> None:
        of = [(CellRow.submission == submission, CellRow.record_ref == ref) for submission, ref in ended]
        deleted = {"cells": sum(self._count(CellRow, *where) for where in of)}
        if deleted["cells"]:
            entry = self._audit.append(PurgeCompleted(actor="service", deleted=deleted))
            for where in of:
                self._session.execute(delete(CellRow).where(*where))
            self.tally(entry, at, deleted)

    def cells_dropped(self, count: int, at: datetime) -> None:
        """Record that a run's end deleted the sealed values of records that it does not link any more."""
        if count:
            entry = self._audit.append(PurgeCompleted(actor="service", deleted={"cells": count}))
            self.tally(entry, at, {"cells": count})

    def give_up(self, uploads: set[str], at: datetime) -> set[str]:
        """Forget those of the uploads that are still open: nobody went on sending them. Their parts are nobody's from now, and go."""
        self._audit.generation()  # locks the log's head, as everything that completes a file does
        still = (UploadRow.upload.in_(sorted(uploads)), UploadRow.state == "open")
        rows = self._session.execute(select(UploadRow.upload, UploadRow.agency).where(*still)).all()
        if rows:
            entry = self._audit.append(PurgeCompleted(actor="service", deleted={"unfinished-files": len(rows)}))
            for _, agency in rows:
                self.tally(entry, at, {"unfinished-files": 1}, agency)
            self._session.execute(delete(UploadRow).where(*still))
        return {row.upload for row in rows}

    def purge_rows(
        self, at: datetime, consents_before: datetime, inputs_before: datetime, done_before: datetime
    ) -> None:
        """Delete consents that ran out, inputs of decisions that are old, and what finished work leaves behind."""
        old = (ProfileRow.at < inputs_before, KEPT)
        finished = select(RunRow.run).where(RunRow.state.in_(("completed", "failed")))
        consents = (ConsentRow.number.in_(spent(self._session, consents_before)),)
        todo: list[tuple[str, Any, tuple[Any, ...]]] = [
            ("expired-consents", ConsentRow, consents),
            ("decision-inputs", ProfileRow, old),
            ("run-steps", RunStepRow, (RunStepRow.run.in_(finished),)),
        ]
        deleted = {name: count for name, table, where in todo if (count := self._count(table, *where))}
        self._session.execute(delete(OnceRow).where(OnceRow.at < done_before))
        self._session.execute(
            delete(JobRow).where(JobRow.state.in_(("done", "failed")), JobRow.not_before < done_before)
        )
        if not deleted:
            return
        entry = self._audit.append(PurgeCompleted(actor="service", deleted=deleted))
        self._session.execute(delete(ConsentRow).where(*consents))
        self._session.execute(update(ProfileRow).where(*old).values(decisions=b""))
        self._session.execute(delete(RunStepRow).where(RunStepRow.run.in_(finished)))
        self.tally(entry, at, deleted)

    def purge_rehearsals(self, rehearsals: list[str], at: datetime) -> None:
        """Delete old rehearsals with their reports."""
        entry = self._audit.append(PurgeCompleted(actor="service", deleted={"rehearsals": len(rehearsals)}))
        self._session.execute(delete(RehearsalRow).where(RehearsalRow.rehearsal.in_(rehearsals)))
        self.tally(entry, at, {"rehearsals": len(rehearsals)})

    def erase_openings(self, at: datetime, before: datetime) -> None:
        """Delete what opens the commitments of every entry up to the last answer that is older than the audit's years."""
        oldest = self._session.execute(select(ProfileRow.at).order_by(ProfileRow.entry).limit(1)).scalar_one_or_none()
        if oldest is None or oldest >= before:  # nearly always: nothing else has to be read
            return
        last = self._session.execute(select(func.max(ProfileRow.entry)).where(ProfileRow.at < before)).scalar_one()
        entries = list(
            self._session.execute(select(OpeningRow.entry).where(OpeningRow.entry <= last).distinct()).scalars()
        )
        entry = self._audit.forget(
            entries, PersonalErased(actor="service", openings=self._audit.openings(last), reason="audit-years")
        )
        self._session.execute(delete(ProfileRow).where(ProfileRow.at < before))
        self._session.execute(delete(BreakGlassRow).where(BreakGlassRow.expires_at < before))
        self.tally(entry, at, {"answers-and-names": len(entries)})

    def _count(self, table: Any, *where: Any) -> int:
        return int(self._session.execute(select(func.count()).select_from(table).where(*where)).scalar_one())

    def tally(self, entry: int, at: datetime, deleted: dict[str, int], agency: str | None = None) -> None:
        rows = [
            {"at": at, "kind": kind, "count": count, "entry": entry, "agency": agency}
            for kind, count in deleted.items()
        ]
        self._session.execute(insert(DeletionRow), rows)

    def deleted_between(self, start: datetime, end: datetime, agency: str | None = None) -> dict[str, int]:
        """What was deleted in a time, by kind: everything, or what an agency may be told of its own."""
        only = () if agency is None else (DeletionRow.agency == agency, DeletionRow.kind.in_(TOLD))
        rows = self._session.execute(
            select(DeletionRow.kind, func.sum(DeletionRow.count).label("total"))
            .where(DeletionRow.at >= start, DeletionRow.at < end, *only)
            .group_by(DeletionRow.kind)
            .order_by(DeletionRow.kind)
        )
        return {row.kind: int(row.total) for row in rows}

    def uncertified(self, today: date) -> list[str]:
        """Days that are over and have no certificate, a year back: all since something was first deleted or certified, and yesterday."""
        yesterday, oldest = today - timedelta(days=1), today - timedelta(days=366)
        signed = set(
            self._session.execute(select(CertificateRow.day).where(CertificateRow.day >= oldest.isoformat())).scalars()
        )
        first: datetime | None = self._session.execute(select(func.min(DeletionRow.at))).scalar_one()
        since = min([yesterday, *(date.fromisoformat(day) for day in signed), *([first.date()] if first else [])])
        days = range((yesterday - max(since, oldest)).days + 1)
        return [day for n in days if (day := (yesterday - timedelta(days=n)).isoformat()) not in signed]

    def certificate(self, day: str) -> str | None:
        """The certificate of a day."""
        row = self._session.get(CertificateRow, day)
        return None if row is None else row.text

    def certificates(self, limit: int = 400) -> list[str]:
        """The days that have a certificate, newest first."""
        query = select(CertificateRow.day).order_by(CertificateRow.day.desc()).limit(limit)
        return list(self._session.execute(query).scalars())

    def add_certificate(self, day: str, text: str, at: datetime, event: CertificateSigned) -> None:
        """Keep the certificate of a day."""
        self._audit.append(event)
        self._session.execute(insert(CertificateRow).values(day=day, text=text, at=at))

    def answered(self, after: int, limit: int) -> Sequence[tuple[str, int, str, str, bytes]]:
        """Answers after an entry, oldest first: profile, entry, family, worker, decisions."""
        rows = self._session.execute(
            select(ProfileRow.profile, ProfileRow.entry, ProfileRow.family_ref, ProfileRow.worker, ProfileRow.decisions)
            .where(ProfileRow.entry >= after)
            .order_by(ProfileRow.entry)
            .limit(limit)
        )
        return [(row.profile, row.entry, row.family_ref, row.worker, row.decisions) for row in rows]
