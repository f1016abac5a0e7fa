"""People have a session here with the offices that their identity provider vouches for. What is kept of a session is its hash.

A person is known by the opaque id that the provider gives (`sub`, or another claim), and holds offices under the sharing protocol: a
role `police:data-protection-officer` in the provider's claim is that office at that agency, and `operator` is the service's own.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from api.problems import Scope
from protocols.audit.events.parties import PersonSignedIn, PersonSignedOut
from protocols.errors import KeyProblem
from protocols.lifecycle import Office

PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,80}")
SERVICE = "service"
CALLBACK = "/v1/sign-in/callback"
SIGN_IN_MINUTES = 10
LINK_MINUTES = 15
SEEN_EVERY = timedelta(minutes=1)
_ROLE = re.compile(r"([a-z][a-z0-9_]{0,40}):([a-z-]{1,40})")

Held = tuple[str, Office]


class SignInNeeded(KeyProblem):
    """There is no session, or it has ended."""

    slug = "sign-in"


class StepUpNeeded(KeyProblem):
    """The session is good, but this asks that the person signed in a moment ago (RFC 9470)."""

    slug = "step-up"


@dataclass(frozen=True, slots=True)
class Vouched:
    """What an identity provider, or in a demo a one-time link, says about somebody."""

    person: str
    offices: frozenset[Held]
    authenticated_at: datetime
    acr: str | None
    how: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in: an opaque id, what they hold, and when and how they last proved who they are."""

    person: str
    session: str
    offices: frozenset[Held]
    authenticated_at: datetime
    acr: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is kept."""

    session_sha256: str
    session: str
    person: str
    offices: frozenset[Held]
    opened_at: datetime
    authenticated_at: datetime
    seen_at: datetime
    expires_at: datetime
    acr: str | None = None
    how: str = "provider"


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that is under way; `again` asks the provider to have the person prove anew who they are."""

    browser_sha256: str
    nonce: str
    verifier: str
    return_to: str
    again: bool
    expires_at: datetime


class SessionStore(Protocol):
    """The storage that sessions need."""

    def open_session(self, session: Session, event: PersonSignedIn) -> None:
        """Keep a session."""

    def session(self, session_sha256: str) -> Session | None:
        """A session that was not ended, by its hash."""

    def end_session(self, session: str, event: PersonSignedOut) -> bool:
        """End a session; False if there is none."""


def offices_of(roles: object) -> frozenset[Held]:
    """The offices among a provider's roles; what is no office here is somebody else's role and is left out."""
    listed: Iterable[object] = roles if isinstance(roles, list) else [roles]
    found: set[Held] = set()
    for role in listed:
        if role == Office.OPERATOR.value:
            found.add((SERVICE, Office.OPERATOR))
        matched = _ROLE.fullmatch(role) if isinstance(role, str) else None
        if matched and matched[2] in set(Office) - {Office.OPERATOR}:
            found.add((matched[1], Office(matched[2])))
    return frozenset(found)


def roles_of(offices: Iterable[Held]) -> list[str]:
    """The same as a provider's roles."""
    return sorted(office.value if agency == SERVICE else f"{agency}:{office.value}" for agency, office in offices)


def begin_session(store: SessionStore, vouched: Vouched, now: datetime, hours: int) -> tuple[str, Session]:
    """Open a session; the first of the two is what the browser keeps, and is not kept here."""
    text = secrets.token_urlsafe(32)
    session = Session(
        session_sha256=digest(text),
        session=f"ses-{secrets.token_hex(8)}",
        person=vouched.person,
        offices=vouched.offices,
        opened_at=now,
        authenticated_at=vouched.authenticated_at,
        seen_at=now,
        expires_at=now + timedelta(hours=hours),
        acr=vouched.acr,
        how=vouched.how,
    )
    event = PersonSignedIn(
        actor=SERVICE,
        session=session.session,
        how=vouched.how,
        offices=tuple(roles_of(vouched.offices)),
        person=vouched.person,
    )
    store.open_session(session, event)
    return text, session


def present(store: SessionStore, text: str | None, now: datetime, idle_minutes: int) -> Session:
    """The session that a request carries. Raises `SignInNeeded`."""
    found = store.session(digest(text)) if text else None
    if found is None or found.expires_at <= now or now - found.seen_at > timedelta(minutes=idle_minutes):
        raise SignInNeeded("You are not signed in, or your session has ended.", next_step="Sign in at `/v1/sign-in`.")
    return found


def person_of(session: Session) -> Person:
    """Who a session is of."""
    return Person(session.person, session.session, session.offices, session.authenticated_at, session.acr)


def require_recent(person: Person, now: datetime, seconds: int, acr: str | None) -> None:
    """Raise `StepUpNeeded` unless the person proved a moment ago who they are, in the way that is asked for."""
    if now - person.authenticated_at > timedelta(seconds=seconds) or (acr is not None and person.acr != acr):
        raise StepUpNeeded(
            "This asks that you signed in a moment ago.", next_step="Sign in again at `/v1/sign-in?again=true`."
        )


def acting(person: Person, agency: str, office: Office) -> None:
    """Raise `Scope` unless the person holds this office at this agency (the operator's is at `service`)."""
    if (agency, office) not in person.offices:
        raise Scope(
            f"You do not hold the office `{office}` at `{agency}`.",
            next_step=f"You act as: {', '.join(roles_of(person.offices)) or 'nobody'}.",
        )


def packed(offices: Iterable[Held]) -> str:
    """Offices as they are kept."""
    return json.dumps(roles_of(offices))


def unpacked(text: str) -> frozenset[Held]:
    """Offices as they were kept."""
    roles: Sequence[object] = json.loads(text)
    return offices_of(list(roles))


def digest(text: str) -> str:
    """How a state, a browser's cookie or a link is kept."""
    return hashlib.sha256(text.encode()).hexdigest()
