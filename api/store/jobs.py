"""Jobs, their holders and their fences, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from api.jobs import Job, JobState, LostLease
from api.store.log import AuditLog
from api.store.tables_work import JobRow
from protocols.audit.events.linking import JobGivenUp


class Jobs:
    """Work to do. Leases are bookkeeping: what a job does has its own events, and so has its being given up."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def add(self, job: str, key: str, kind: str, subject: str, not_before: datetime) -> None:
        """Ask for work; the same key is asked for once."""
        self._session.execute(
            insert(JobRow).values(job=job, key=key, kind=kind, subject=subject, state="waiting", not_before=not_before)
        )

    def exists(self, key: str) -> bool:
        """Whether this work was ever asked for."""
        return self._session.execute(select(JobRow.job).where(JobRow.key == key)).first() is not None

    def take(self, holder: str, now: datetime, until: datetime) -> Job | None:
        """Take the first job that is due and free, or whose holder went silent: that is a death."""
        free = or_(
            and_(JobRow.state == "waiting", JobRow.not_before <= now),
            and_(JobRow.state == "held", JobRow.held_until < now),
        )
        row = self._session.execute(
            select(JobRow)
            .where(free)
            .order_by(JobRow.not_before, JobRow.job)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).scalar_one_or_none()
        if row is None:
            return None
        row.deaths += row.state == "held"
        row.state, row.holder, row.held_until = "held", holder, until
        row.fence += 1
        row.attempts += 1
        self._session.flush()
        return Job(row.job, row.kind, row.subject, row.fence, row.attempts, row.deaths)

    def hold(self, job: Job, until: datetime) -> None:
        """Go on holding a job. Raises `LostLease` if another has taken it."""
        self._change(job, held_until=until)

    def finish(self, job: Job, state: str) -> None:
        """End a job. Raises `LostLease`."""
        self._change(job, state=state, held_until=None, holder=None)

    def give_up(self, job: Job, event: JobGivenUp) -> None:
        """End a job that nobody will try again. Raises `LostLease`."""
        self._audit.append(event)
        self.finish(job, "failed")

    def release(self, job: Job, not_before: datetime) -> None:
        """Give a job back for another attempt. Raises `LostLease`."""
        self._change(job, state="waiting", held_until=None, holder=None, not_before=not_before)

    def postpone(self, job: Job, not_before: datetime) -> None:
        """Give a job back whose time has not come: that was no attempt. Raises `LostLease`."""
        self._change(
            job, state="waiting", held_until=None, holder=None, not_before=not_before, attempts=JobRow.attempts - 1
        )

    def _change(self, job: Job, **values: object) -> None:
        changed = self._session.execute(
            update(JobRow)
            .where(JobRow.job == job.job, JobRow.fence == job.fence, JobRow.state == "held")
            .values(**values)
        )
        if changed.rowcount != 1:  # type: ignore[attr-defined]
            raise LostLease(job.job)

    def free_all(self) -> None:
        """Give back every job that is held: for a worker that knows that no other is alive, so whoever held one died in it."""
        self._session.execute(
            update(JobRow)
            .where(JobRow.state == "held")
            .values(state="waiting", held_until=None, holder=None, deaths=JobRow.deaths + 1)
        )

    def jobs(self, limit: int = 50) -> list[JobState]:
        """The newest jobs."""
        rows = self._session.execute(select(JobRow).order_by(JobRow.not_before.desc()).limit(limit)).scalars()
        return [
            JobState(row.job, row.kind, row.subject, row.state, row.fence, row.attempts, row.deaths) for row in rows
        ]

    def overdue(self, since: datetime) -> int:
        """How many jobs were due before a moment and nobody has taken."""
        late = select(JobRow.job).where(JobRow.state == "waiting", JobRow.not_before < since)
        return len(self._session.execute(late).scalars().all())

    def last(self, kind: str) -> datetime | None:
        """When work of a kind was last due."""
        return self._session.execute(select(func.max(JobRow.not_before)).where(JobRow.kind == kind)).scalar_one()

    def failed(self) -> list[str]:
        """The kinds of work that was given up and is not forgotten yet."""
        query = select(JobRow.kind).where(JobRow.state == "failed").distinct().order_by(JobRow.kind)
        return list(self._session.execute(query).scalars())

    def waiting(self) -> int:
        """How many jobs are waiting or under way."""
        return len(
            self._session.execute(select(JobRow.job).where(JobRow.state.in_(("waiting", "held")))).scalars().all()
        )
