"""What lands on people's desks: alerts, emergency accesses to review; and who must not ask about whom."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from api.break_glass import Access
from api.store.base import connection_of
from api.store.log import AuditLog
from api.store.profiles import Profiles
from api.store.tables import ConflictRow
from api.store.tables_work import AlertRow, BreakGlassRow, CursorRow, OnceRow
from protocols.audit.events.answers import AlertRaised, AlertSeen, BreakGlassOpened, BreakGlassReviewed
from protocols.audit.events.linking import ConflictDeclared

_OPEN_ACCESS = (
    select(*BreakGlassRow.__table__.columns)
    .where(
        BreakGlassRow.family_ref == bindparam("family"),
        BreakGlassRow.worker == bindparam("worker"),
        BreakGlassRow.role_function == bindparam("role_function"),
        BreakGlassRow.opened_at <= bindparam("at"),
        BreakGlassRow.expires_at > bindparam("at"),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person at a party should look at. It names no person. `cursor` is the place of its entry."""

    alert: str
    cursor: int
    at: datetime
    about: str
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer to a request with an idempotency key."""

    request_sha256: str
    status: int
    body: str


class Desk:
    """Alerts, emergency accesses, conflicts, answers that are given once."""

    def __init__(self, session: Session, audit: AuditLog, profiles: Profiles) -> None:
        self._session = session
        self._audit = audit
        self._profiles = profiles

    def alerts(self, recipient: str, before: int | None = None, limit: int = 200, unseen: bool = False) -> list[Alert]:
        """A party's alerts, newest first, `before` a cursor; `unseen`: those that nobody has looked at."""
        query = select(AlertRow).where(AlertRow.recipient == recipient)
        if before is not None:
            query = query.where(AlertRow.entry < before)
        if unseen:
            query = query.where(AlertRow.seen_at.is_(None))
        rows = self._session.execute(query.order_by(AlertRow.entry.desc()).limit(limit)).scalars()
        return [Alert(row.alert, row.entry, row.at, row.about, row.seen_at) for row in rows]

    def see_alert(self, recipient: str, alert: str, at: datetime) -> bool:
        """Note that the recipient has seen an alert; False if there is none such of theirs."""
        row = self._session.get(AlertRow, alert)
        if row is None or row.recipient != recipient:
            return False
        if row.seen_at is None:
            self._audit.append(AlertSeen(actor=recipient, alert=alert))
            row.seen_at = at
        return True

    def set_conflicts(self, worker: str, refs: Collection[str], event: ConflictDeclared) -> None:
        """Say whom a worker must not ask about."""
        self._audit.append(event)
        self._session.execute(delete(ConflictRow).where(ConflictRow.worker == worker))
        if refs:
            rows = [{"worker": worker, "record_ref": ref} for ref in sorted(set(refs))]
            self._session.execute(insert(ConflictRow), rows)

    def open_access(self, access: Access, event: BreakGlassOpened, alerts: list[AlertRaised]) -> None:
        """Keep an access and tell who must know."""
        self._audit.append(event)
        self._session.execute(
            insert(BreakGlassRow).values(
                access=access.access,
                family_ref=access.family_ref,
                worker=access.worker,
                role_function=access.role_function,
                reason=access.reason,
                manager=access.manager,
                explanation=access.explanation,
                opened_at=access.opened_at,
                expires_at=access.expires_at,
                review_due=access.review_due,
            )
        )
        for item in alerts:
            self._profiles.raise_alert(item, access.opened_at)

    def access(self, access: str) -> Access | None:
        """An access by its id."""
        row = self._session.get(BreakGlassRow, access, populate_existing=True)
        return None if row is None else _access(row)

    def access_of(self, worker: str, family_ref: str, role_function: str, at: datetime) -> Access | None:
        """The worker's access to the family that is open at a moment."""
        asked = {"family": family_ref, "worker": worker, "role_function": role_function, "at": at}
        row = connection_of(self._session).execute(_OPEN_ACCESS, asked).first()
        return None if row is None else _access(row)

    def accesses_to_review(self) -> list[Access]:
        """Accesses that nobody has judged, the most urgent first."""
        rows = self._session.execute(
            select(BreakGlassRow).where(BreakGlassRow.outcome.is_(None)).order_by(BreakGlassRow.review_due)
        ).scalars()
        return [_access(row) for row in rows]

    def review_access(self, access: str, reviewer: str, outcome: str, at: datetime, event: BreakGlassReviewed) -> None:
        """Keep what came of the review."""
        self._audit.append(event)
        self._session.execute(
            update(BreakGlassRow)
            .where(BreakGlassRow.access == access)
            .values(reviewed_at=at, reviewer=reviewer, outcome=outcome)
        )

    def overdue(self, at: datetime) -> list[Access]:
        """Accesses whose review is late and whose reminder was not sent."""
        rows = self._session.execute(
            select(BreakGlassRow).where(
                BreakGlassRow.outcome.is_(None), BreakGlassRow.review_due < at, BreakGlassRow.reminded_at.is_(None)
            )
        ).scalars()
        return [_access(row) for row in rows]

    def remind(self, access: str, alert: AlertRaised, at: datetime) -> None:
        """Remind of a review that is late, once."""
        self._profiles.raise_alert(alert, at)
        self._session.execute(update(BreakGlassRow).where(BreakGlassRow.access == access).values(reminded_at=at))

    def kept(self, client: str, key: str) -> Kept | None:
        """The answer that was given to a request with this idempotency key."""
        row = self._session.get(OnceRow, (client, key))
        return None if row is None else Kept(row.request_sha256, row.status, row.body)

    def keep(self, client: str, key: str, answer: Kept, at: datetime) -> None:
        """Keep an answer for the same request to come."""
        self._session.execute(
            insert(OnceRow).values(
                client=client,
                key=key,
                request_sha256=answer.request_sha256,
                status=answer.status,
                body=answer.body,
                at=at,
            )
        )

    def cursor(self, name: str) -> int:
        """How far something that reads in order has come."""
        row = self._session.get(CursorRow, name)
        return 0 if row is None else row.position

    def move_cursor(self, name: str, position: int) -> None:
        """Note how far something that reads in order has come."""
        row = self._session.get(CursorRow, name)
        if row is None:
            self._session.add(CursorRow(name=name, position=position))
        else:
            row.position = position
        self._session.flush()


def _access(row: Any) -> Access:
    return Access(
        access=row.access,
        family_ref=row.family_ref,
        worker=row.worker,
        role_function=row.role_function,
        reason=row.reason,
        manager=row.manager,
        explanation=row.explanation,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        review_due=row.review_due,
        outcome=row.outcome,
    )
