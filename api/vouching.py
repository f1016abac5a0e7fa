"""Whom the Workbook vouches for. What does not hold is refused, and on record: it came with the Workbook's own token.

Of an assertion that does not verify nothing is kept, not as a commitment either: whoever forged it chose what it says. The entry tells
which client sent it, what was asked, about which family (the request's own word) and what was wrong with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum

from api.service import Service
from api.store.store import Transaction
from protocols.audit.events.answers import AlertRaised, WorkerRefused
from protocols.errors import KeyProblem, VerificationError
from protocols.identity import SKEW, WorkerAssertion, read_worker_assertion
from protocols.signing import signer_of


class Doubt(StrEnum):
    """What is wrong with a worker assertion. It is on record."""

    MALFORMED = "malformed"
    FOREIGN_KEY = "foreign-key"  # unknown, another party's, or retired
    FORGED = "not-verified"  # its signature or its claims do not hold
    UNFIT = "out-of-date"  # expired, from the future, too long-lived, or made by another client
    OLD_SIGN_IN = "old-sign-in"


class Unvouched(KeyProblem):
    """A worker assertion of a client that does not hold."""

    def __init__(self, client: str, doubt: Doubt, what: str, *, next_step: str) -> None:
        super().__init__(what, next_step=next_step)
        self.client, self.doubt = client, doubt


def vouched(service: Service, tx: Transaction, token: str, client: str) -> WorkerAssertion:
    """The worker whom the Workbook vouches for. Raises `Unvouched`."""
    try:
        key = tx.identity.key(signer_of(token))
    except VerificationError as error:
        raise Unvouched(
            client, Doubt.MALFORMED, "The worker assertion is malformed.", next_step=error.next_step
        ) from None
    if key is None or key.client != client or key.retired_at is not None:
        raise Unvouched(
            client,
            Doubt.FOREIGN_KEY,
            "The worker assertion is signed with a key that is not this client's.",
            next_step="Sign it with the current key.",
        )
    now = service.now()
    try:
        claims = read_worker_assertion(token, key.verifying_key, client, now)
    except KeyProblem as error:
        doubt = Doubt.FORGED if isinstance(error.__cause__, VerificationError) else Doubt.UNFIT
        raise Unvouched(client, doubt, error.what, next_step=error.next_step) from None
    if not -SKEW <= now - claims.auth_time <= timedelta(hours=service.settings.worker_auth_hours):
        raise Unvouched(
            client,
            Doubt.OLD_SIGN_IN,
            "The worker signed in too long ago, or in the future.",
            next_step="Have the worker sign in again.",
        )
    return claims


def worker_of(service: Service, token: str, client: str, asked: str, family: str | None) -> WorkerAssertion:
    """The worker whom the Workbook vouches for in what is `asked` (about a family). Raises `Unvouched`, once that is on record."""
    with doubts_on_record(service, asked, family), service.store.reading() as tx:
        return vouched(service, tx, token, client)


@contextmanager
def doubts_on_record(service: Service, asked: str, family: str | None) -> Iterator[None]:
    """Put a worker assertion that does not hold on record before it is refused; outside of any other transaction.

    Each has its entry. Children's social care is alerted once an hour for each kind of doubt: a Workbook whose clock is wrong has them all
    the time, and a list of thousands of alerts is one that nobody reads.
    """
    try:
        yield
    except Unvouched as problem:
        client, doubt = problem.client, problem.doubt.value
        event = WorkerRefused(actor=client, asked=asked, reason=doubt, family=family)
        with service.limiter.once_an_hour("doubt", f"{client} {doubt}") as first, service.store.writing() as tx:
            tx.profiles.keep_doubt(event, _alert(doubt, family) if first else None, service.now())
        raise


def _alert(doubt: str, family: str | None) -> AlertRaised:
    return AlertRaised(
        actor="service",
        alert=f"alr-{secrets.token_hex(8)}",
        about=f"worker-not-vouched-for:{doubt}",
        recipient="social_care",
        family=family,
    )
