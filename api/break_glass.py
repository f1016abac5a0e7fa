"""Emergency access: a worker states a reason, it ends by itself, the agencies are told, somebody else judges it afterwards."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from api.families import StoredFamily
from api.problems import NotFound
from api.profiles import allocations
from protocols.audit.events.answers import AlertRaised, BreakGlassOpened, BreakGlassReviewed
from protocols.document import SharingProtocol
from protocols.errors import InputError
from protocols.identity import WorkerAssertion
from protocols.vocabulary import RoleFunction

OUTCOMES = ("justified", "not-justified")


@dataclass(frozen=True, slots=True)
class Access:
    """One worker's emergency access to one family."""

    access: str
    family_ref: str
    worker: str
    role_function: str
    reason: str
    manager: str
    explanation: str
    opened_at: datetime
    expires_at: datetime
    review_due: datetime
    outcome: str | None = None


class BreakGlassStore(Protocol):
    """The storage that emergency access needs."""

    def open_access(self, access: Access, event: BreakGlassOpened, alerts: list[AlertRaised]) -> None:
        """Keep an access and tell who must know."""

    def access(self, access: str) -> Access | None:
        """An access by its id."""

    def access_of(self, worker: str, family_ref: str, role_function: str, at: datetime) -> Access | None:
        """The worker's access to the family that is open at a moment."""

    def review_access(self, access: str, reviewer: str, outcome: str, at: datetime, event: BreakGlassReviewed) -> None:
        """Keep what came of the review."""


def open_access(
    store: BreakGlassStore,
    family: StoredFamily,
    claims: WorkerAssertion,
    client: str,
    protocol: SharingProtocol,
    given: tuple[str, str, str],
    now: datetime,
) -> Access:
    """Open an access, or give the one that is open. `given` is the reason, the explanation and the manager.

    Raises `InputError` for a reason that is not agreed. Whether it is open to the worker at all, `open_to` says before.
    """
    rules, (reason, explanation, manager) = protocol.break_glass, given
    if reason not in rules.reasons:
        raise InputError(
            f"Reason `{reason}` is not agreed.", next_step=f"Use one of {', '.join(rules.reasons)}, or do not open it."
        )
    if manager == claims.worker:
        raise InputError("The manager who is told is the worker.", next_step="Name the manager on duty.")
    there = store.access_of(claims.worker, family.declaration.family_ref, claims.role_function.value, now)
    if there is not None:
        return there
    access = Access(
        access=f"bgl-{secrets.token_hex(8)}",
        family_ref=family.declaration.family_ref,
        worker=claims.worker,
        role_function=claims.role_function.value,
        reason=reason,
        manager=manager,
        explanation=explanation,
        opened_at=now,
        expires_at=now + timedelta(hours=rules.hours),
        review_due=after_working_days(now, rules.review_working_days),
    )
    event = BreakGlassOpened(
        actor=client,
        access=access.access,
        reason=reason,
        role_function=access.role_function,
        family=access.family_ref,
        worker=access.worker,
        manager=manager,
        explanation=explanation,
    )
    store.open_access(access, event, [alert(f"break-glass:{access.access}", "social_care", access)])
    return access


def open_to(claims: WorkerAssertion, family: StoredFamily, protocol: SharingProtocol, today: date) -> bool:
    """Whether a worker may open one: in a function that may, and on the case or on a rota."""
    rules, function = protocol.break_glass, claims.role_function
    return function in rules.functions and (function in rules.on_a_rota or bool(allocations(claims, family, today)))


def alert(about: str, recipient: str, access: Access) -> AlertRaised:
    """An alert about an access. Its recipient learns that there was one, not about whom."""
    return AlertRaised(
        actor="service",
        alert=f"alr-{secrets.token_hex(8)}",
        about=about,
        recipient=recipient,
        family=access.family_ref,
        worker=access.worker,
    )


def review(store: BreakGlassStore, ref: str, reviewer: str, outcome: str, client: str, now: datetime) -> Access:
    """Judge an access afterwards. Raises `NotFound`, or `InputError` if the reviewer opened it or it was judged before."""
    found = store.access(ref)
    if found is None:
        raise NotFound("There is no such access.", next_step="List the accesses that wait for review.")
    if reviewer in (found.worker, found.manager):
        raise InputError("The reviewer took part in the access.", next_step="Have somebody else review it.")
    if found.outcome not in (None, outcome):
        raise InputError(f"The access was judged {found.outcome}.", next_step="Take it up with the reviewer.")
    if found.outcome is None:
        event = BreakGlassReviewed(actor=client, access=ref, outcome=outcome, worker=reviewer)
        store.review_access(ref, reviewer, outcome, now, event)
    done = store.access(ref)
    assert done is not None  # noqa: S101 - it was there
    return done


def after_working_days(start: datetime, days: int) -> datetime:
    """The end of the working day that is so many working days after `start` (Monday to Friday; holidays are not known here)."""
    day: date = start.date()
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return datetime.combine(day, time(17), start.tzinfo)


def opened_for(store: BreakGlassStore, claims: WorkerAssertion, family: StoredFamily, at: datetime) -> Access | None:
    """The emergency access that a question is asked under, if there is one."""
    return store.access_of(claims.worker, family.declaration.family_ref, claims.role_function.value, at)


def stands_in(access: Access | None, protocol: SharingProtocol, function: RoleFunction) -> bool:
    """Whether an access stands in for the allocation: only for functions on a rota."""
    return access is not None and function in protocol.break_glass.on_a_rota
