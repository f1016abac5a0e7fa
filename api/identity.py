"""Machines prove who they are: a signed, single-use credential for a short token (RFC 7523 client credentials)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from protocols.audit.events.parties import TokenIssued, TokenRefused
from protocols.errors import KeyProblem, VerificationError
from protocols.identity import SKEW, client_claimed, malformed_credential, read_client_assertion
from protocols.signing import VerifyingKey, signer_of

TOKEN_LIFETIME = timedelta(minutes=5)
DECLARING_AGENCY = "social_care"
_ASK = "Make a new credential; if it is refused again, compare the key's fingerprint with the one that the service registered."


@dataclass(frozen=True, slots=True)
class Client:
    """A party that may have a token."""

    client: str
    purpose: str
    registered_at: datetime
    revoked_at: datetime | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        """What this party may ever do."""
        if self.purpose == "operator":
            return ("operate",)
        if self.purpose == "workbook":
            return ("query",)
        own = (f"submit:{self.client}", f"review:{self.client}")
        return (*own, "declare") if self.client == DECLARING_AGENCY else own


@dataclass(frozen=True, slots=True)
class Contacts:
    """Mailboxes of an agency's offices, never of a person: of the controller, of its data protection officer. None: not given."""

    controller: str | None = None
    officer: str | None = None


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One of a party's keys; a retired one still verifies what was signed while it was believed."""

    kid: str
    client: str
    verifying_key: VerifyingKey
    sealing_key: str
    sealing_fingerprint: str
    registered_at: datetime
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: its hash, whose it is, what it allows, until when."""

    token_sha256: str
    client: str
    kid: str
    scopes: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as its holder gets it, once."""

    access_token: str
    scopes: tuple[str, ...]
    expires_in: int


class IdentityStore(Protocol):
    """The storage that tokens need."""

    def client(self, client: str) -> Client | None:
        """A registered party."""

    def key(self, kid: str) -> ClientKey | None:
        """A key by its name."""

    def use_assertion(self, jti_sha256: str, expires_at: datetime) -> bool:
        """Note that a credential was used; False if it was used before."""

    def add_token(self, token: Token, event: TokenIssued) -> None:
        """Keep a token's hash."""

    def refuse_token(self, event: TokenRefused) -> None:
        """Record a refusal."""

    def token(self, token_sha256: str) -> Token | None:
        """A token by its hash."""


def issue_token(
    store: IdentityStore, assertion: str, audience: str, wanted: str | None, now: datetime
) -> Issued | KeyProblem:
    """A token for a credential, or the problem with it. A known party's refusal is on record; the caller commits, then raises.

    Raises `KeyProblem` for a credential of nobody known here: there is no party whose record it could go on.
    """
    client = store.client(client_claimed(assertion))
    if client is None or client.revoked_at is not None:
        raise KeyProblem("The credential is not one of a party that has access.", next_step=_ASK)
    try:
        key = _believed_key(store, assertion, client.client)
        claims = read_client_assertion(assertion, key.verifying_key, audience, now)
        if claims.sub != client.client:
            raise KeyProblem("The credential is not this party's.", next_step=_ASK)
        scopes = _scopes(client, wanted)
        expires = datetime.fromtimestamp(claims.exp, UTC) + 2 * SKEW
        if not store.use_assertion(hashlib.sha256(f"{client.client}\n{claims.jti}".encode()).hexdigest(), expires):
            raise KeyProblem("The credential was used before.", next_step="Make a new one for every token.")
    except KeyProblem as problem:
        store.refuse_token(TokenRefused(actor=client.client, reason=problem.what))
        return problem
    text = secrets.token_urlsafe(32)
    token = Token(token_hash(text), client.client, key.kid, scopes, now + TOKEN_LIFETIME)
    store.add_token(token, TokenIssued(actor=client.client, signing_key=key.kid, scope=" ".join(scopes)))
    return Issued(text, scopes, int(TOKEN_LIFETIME.total_seconds()))


def _believed_key(store: IdentityStore, assertion: str, client: str) -> ClientKey:
    try:
        kid = signer_of(assertion)
    except VerificationError:
        raise malformed_credential() from None
    key = store.key(kid)
    if key is None or key.client != client:
        raise KeyProblem("The credential is signed with a key that is not registered for this party.", next_step=_ASK)
    if key.retired_at is not None:
        raise KeyProblem(
            "The credential is signed with a retired key.", next_step="Sign it with the party's current key."
        )
    return key


def _scopes(client: Client, wanted: str | None) -> tuple[str, ...]:
    if not wanted:
        return client.scopes
    asked = tuple(dict.fromkeys(wanted.split()))
    foreign = [scope for scope in asked if scope not in client.scopes]
    if foreign:
        raise KeyProblem(
            f"This party cannot have {len(foreign)} of the scopes it asks for.",
            next_step=f"Ask for: {' '.join(client.scopes)}.",
        )
    return asked


def authenticate(store: IdentityStore, token: str, now: datetime) -> Token:
    """The token that a request carries. Raises `KeyProblem`."""
    found = store.token(token_hash(token))
    if found is None or found.expires_at <= now:
        raise KeyProblem("The token is unknown or has expired.", next_step="Get a new one with a new credential.")
    return found


def token_hash(text: str) -> str:
    """How a token is kept."""
    return hashlib.sha256(text.encode()).hexdigest()
