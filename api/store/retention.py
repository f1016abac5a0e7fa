"""Deleting what is not needed any more, in the database: every deletion with its event, and counted for the day's certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from api.store.links import Links
from api.store.log import AuditLog
from api.store.tables import CellRow, ChainRow, ConsentRow, FamilyRow, RecordRow, SubmissionRow
from api.store.tables_work import (
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

_BATCH = 500


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
        self._tally(entry, at, {"submissions": 1, "records": records, "cells": cells, "files": 1})

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
        """Delete the encodings of a submission in force and the records that no link ends at; its links stay."""
        linked = select(LinkRow.record_ref).where(LinkRow.agency == ended.agency, LinkRow.state != "closed")
        unlinked = (RecordRow.submission == ended.submission, RecordRow.record_ref.not_in(linked))
        records = self._count(RecordRow, *unlinked)
        event = PurgeCompleted(actor="service", deleted={"encoded-files": 1, "unlinked-records": records})
        entry = self._audit.append(event)
        self._session.execute(delete(RecordRow).where(*unlinked))
        self._session.execute(
            update(SubmissionRow).where(SubmissionRow.submission == ended.submission).values(encodings_purged_at=at)
        )
        self._tally(entry, at, event.deleted)

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
        self._tally(entry, at, {"links": len(links)})

    def purge_rows(
        self, at: datetime, consents_before: datetime, inputs_before: datetime, done_before: datetime
    ) -> None:
        """Delete consents that ran out, inputs of decisions that are old, and what finished work leaves behind."""
        old = (ProfileRow.at < inputs_before, func.length(ProfileRow.decisions) > 0)
        finished = select(RunRow.run).where(RunRow.state.in_(("completed", "failed")))
        todo: list[tuple[str, Any, tuple[Any, ...]]] = [
            ("expired-consents", ConsentRow, (ConsentRow.expires_at < consents_before,)),
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
        self._session.execute(delete(ConsentRow).where(ConsentRow.expires_at < consents_before))
        self._session.execute(update(ProfileRow).where(*old).values(decisions=b""))
        self._session.execute(delete(RunStepRow).where(RunStepRow.run.in_(finished)))
        self._tally(entry, at, deleted)

    def erase_openings(self, at: datetime, before: datetime) -> None:
        """Delete what opens the commitments of every entry up to the last answer that is older than the audit's years."""
        last = self._session.execute(select(func.max(ProfileRow.entry)).where(ProfileRow.at < before)).scalar_one()
        if last is None:
            return
        entries = list(
            self._session.execute(select(OpeningRow.entry).where(OpeningRow.entry <= last).distinct()).scalars()
        )
        entry = self._audit.forget(
            entries, PersonalErased(actor="service", openings=len(entries), reason="audit-years")
        )
        self._session.execute(delete(ProfileRow).where(ProfileRow.at < before))
        self._tally(entry, at, {"answers-and-names": len(entries)})

    def _count(self, table: Any, *where: Any) -> int:
        return int(self._session.execute(select(func.count()).select_from(table).where(*where)).scalar_one())

    def _tally(self, entry: int, at: datetime, deleted: dict[str, int]) -> None:
        rows = [{"at": at, "kind": kind, "count": count, "entry": entry} for kind, count in deleted.items()]
        self._session.execute(insert(DeletionRow), rows)

    def deleted_between(self, start: datetime, end: datetime) -> dict[str, int]:
        """What was deleted in a time, by kind."""
        rows = self._session.execute(
            select(DeletionRow.kind, func.sum(DeletionRow.count).label("total"))
            .where(DeletionRow.at >= start, DeletionRow.at < end)
            .group_by(DeletionRow.kind)
            .order_by(DeletionRow.kind)
        )
        return {row.kind: int(row.total) for row in rows}

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
