"""Rehearsals of versions of the sharing protocol, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from api.rehearsals import UNDER_WAY, Rehearsal
from api.store.log import AuditLog
from api.store.tables_agreement import ActRow, RehearsalRow
from api.store.tables_work import ProfileRow
from protocols.audit.events.agreement import ProtocolRehearsed, RehearsalFailed, RehearsalRequested
from protocols.lifecycle import Act
from protocols.rehearsal import RehearsalReport


class Rehearsals:
    """What was asked for, how far it is, and the reports."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def as_of(self, personas: str) -> str:
        """What a rehearsal that begins now is held on: the last answer, the last event that can change a decision or a link, and the
        golden personas, as they are marked.

        In a writing transaction nothing can come between this and what is written after it.
        """
        generation = self._audit.generation()
        answer = self._session.execute(select(func.coalesce(func.max(ProfileRow.entry), -1))).scalar_one()
        return f"{generation}.{answer}.{personas}"

    def add(self, rehearsal: Rehearsal, event: RehearsalRequested) -> None:
        """Keep a request."""
        self._audit.append(event)
        self._session.execute(
            insert(RehearsalRow).values(
                rehearsal=rehearsal.rehearsal,
                digest=rehearsal.digest,
                state=rehearsal.state,
                requested_by=rehearsal.requested_by,
                requested_at=rehearsal.requested_at,
            )
        )

    def rehearsal(self, rehearsal: str) -> Rehearsal | None:
        """A rehearsal by its id."""
        row = self._session.get(RehearsalRow, rehearsal)
        return None if row is None else _read(row)

    def newest(self, digest: str) -> Rehearsal | None:
        """The rehearsal of a version that was asked for last."""
        row = self._session.execute(
            select(RehearsalRow)
            .where(RehearsalRow.digest == digest)
            .order_by(RehearsalRow.requested_at.desc(), RehearsalRow.rehearsal)
            .limit(1)
        ).scalar_one_or_none()
        return None if row is None else _read(row)

    def report(self, report: str) -> RehearsalReport | None:
        """A report by its digest."""
        body = self._session.execute(
            select(RehearsalRow.report_body).where(RehearsalRow.report == report).limit(1)
        ).scalar_one_or_none()
        return None if body is None else RehearsalReport.read(body, "rehearsal")

    def start(self, rehearsal: str, as_of: str, at: datetime) -> None:
        """Keep what a rehearsal is held on."""
        self._change(rehearsal, state="running", as_of=as_of, started_at=at)

    def progress(self, rehearsal: str, stage: tuple[int, int, str], done: int, total: int) -> None:
        """Show how far a rehearsal is."""
        number, of, name = stage
        self._change(rehearsal, stage_number=number, stage_of=of, stage_name=name[:80], done=done, total=total)

    def keep_replayed(self, rehearsal: str, replayed: RehearsalReport) -> None:
        """Keep what was counted: it is not counted again."""
        self._change(rehearsal, replayed=replayed.canonical().decode())

    def complete(self, rehearsal: str, report: RehearsalReport, at: datetime, event: ProtocolRehearsed) -> None:
        """Keep the report."""
        self._audit.append(event)
        body = report.canonical().decode()
        self._change(
            rehearsal, state="completed", finished_at=at, replayed=None, report=report.digest, report_body=body
        )

    def fail(self, rehearsal: str, at: datetime, event: RehearsalFailed) -> None:
        """End a rehearsal without a report."""
        self._audit.append(event)
        self._change(rehearsal, state="failed", finished_at=at, replayed=None, problem=event.problem)

    def give_up(self, rehearsal: str, at: datetime, why: str) -> None:
        """End a rehearsal that is not tried again."""
        problem = f"The rehearsal {why}"
        self.fail(rehearsal, at, RehearsalFailed(actor="service", rehearsal=rehearsal, problem=problem))

    def _change(self, rehearsal: str, **values: object) -> None:
        self._session.execute(update(RehearsalRow).where(RehearsalRow.rehearsal == rehearsal).values(**values))

    def old(self, before: datetime) -> list[str]:
        """The rehearsals that ended before a moment and that no version was scheduled by."""
        ended = self._session.execute(
            select(RehearsalRow.rehearsal, RehearsalRow.digest, RehearsalRow.report).where(
                RehearsalRow.state.not_in(UNDER_WAY), RehearsalRow.finished_at < before
            )
        ).all()
        named = self._named({row.digest for row in ended if row.report is not None})
        return [row.rehearsal for row in ended if row.report not in named]

    def _named(self, digests: set[str]) -> set[str]:
        """The reports that acts on these versions name."""
        bodies = self._session.execute(select(ActRow.body).where(ActRow.digest.in_(digests))).scalars()
        return {act.rehearsal for act in (Act.read(body, "act") for body in bodies) if act.rehearsal is not None}


def _read(row: RehearsalRow) -> Rehearsal:
    return Rehearsal(
        row.rehearsal,
        row.digest,
        row.state,
        row.requested_by,
        row.requested_at,
        row.started_at,
        row.finished_at,
        row.as_of,
        (row.stage_number, row.stage_of, row.stage_name),
        row.done,
        row.total,
        RehearsalReport.read(row.replayed, "rehearsal") if row.replayed else None,
        RehearsalReport.read(row.report_body, "rehearsal") if row.report_body else None,
        row.problem,
    )
