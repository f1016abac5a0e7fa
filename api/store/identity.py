"""Parties, their keys, their tokens, and the versions of the sharing protocol, in the database."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.identity import Client, ClientKey, Contacts, Token
from api.protocol_versions import ProtocolVersion
from api.store.base import connection_of
from api.store.log import AuditLog
from api.store.tables import AssertionRow, ClientKeyRow, ClientRow, ProtocolRow, TokenRow
from protocols.audit.events.agreement import ProtocolActivated, ProtocolLoaded, ServiceCreated
from protocols.audit.events.parties import (
    ClientKeyRetired,
    ClientRegistered,
    ClientRevoked,
    ContactsSet,
    TokenIssued,
    TokenRefused,
)
from protocols.signing import VerifyingKey

_KEY = select(*ClientKeyRow.__table__.columns).where(ClientKeyRow.kid == bindparam("kid"))
_TOKEN = (
    select(TokenRow.client, TokenRow.kid, TokenRow.scope, TokenRow.expires_at)
    .join(ClientRow, ClientRow.client == TokenRow.client)
    .where(TokenRow.token_sha256 == bindparam("token"), ClientRow.revoked_at.is_(None))
)
_LIVE = select(ProtocolRow.digest).where(ProtocolRow.state == "live")


class Identity:
    """Who may come in, and under which agreement."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def create_service(self, event: ServiceCreated) -> None:
        """Record that the service was set up."""
        self._audit.append(event)

    def client(self, client: str) -> Client | None:
        """A registered party."""
        row = self._session.get(ClientRow, client)
        return None if row is None else Client(row.client, row.purpose, row.registered_at, row.revoked_at)

    def clients(self) -> list[Client]:
        """Every party that was ever registered."""
        rows = self._session.execute(select(ClientRow).order_by(ClientRow.client)).scalars()
        return [Client(row.client, row.purpose, row.registered_at, row.revoked_at) for row in rows]

    def register(self, client: Client, key: ClientKey, event: ClientRegistered) -> None:
        """Believe a key of a party, new or known; a revoked party is let in again only by this, with a new key."""
        self._audit.append(event)
        row = self._session.get(ClientRow, client.client)
        if row is None:
            self._session.add(
                ClientRow(
                    client=client.client, purpose=client.purpose, registered_at=client.registered_at, revoked_at=None
                )
            )
        else:
            row.revoked_at = None
        self._session.flush()
        self._session.execute(
            insert(ClientKeyRow).values(
                kid=key.kid,
                client=client.client,
                jwk=json.dumps(key.verifying_key.as_dict()),
                sealing_key=key.sealing_key,
                sealing_fingerprint=key.sealing_fingerprint,
                registered_at=key.registered_at,
                retired_at=None,
            )
        )

    def set_contacts(self, event: ContactsSet) -> None:
        """Keep an agency's mailboxes in place of those before."""
        self._audit.append(event)
        self._session.execute(
            update(ClientRow)
            .where(ClientRow.client == event.client)
            .values(controller=event.controller, officer=event.officer)
        )

    def contacts(self, client: str) -> Contacts:
        """The mailboxes of an agency's offices, as far as they were given."""
        row = self._session.get(ClientRow, client)
        return Contacts() if row is None else Contacts(row.controller, row.officer)

    def key(self, kid: str) -> ClientKey | None:
        """A key by its name, retired or not."""
        row = connection_of(self._session).execute(_KEY, {"kid": kid}).first()
        return None if row is None else _key(row)

    def keys(self, client: str) -> list[ClientKey]:
        """Every key a party ever had, newest first."""
        rows = self._session.execute(
            select(ClientKeyRow).where(ClientKeyRow.client == client).order_by(ClientKeyRow.registered_at.desc())
        ).scalars()
        return [_key(row) for row in rows]

    def retire(self, kid: str, at: datetime, event: ClientKeyRetired) -> None:
        """Stop believing a key, and every token that was had with it."""
        self._audit.append(event)
        self._session.execute(update(ClientKeyRow).where(ClientKeyRow.kid == kid).values(retired_at=at))
        self._session.execute(delete(TokenRow).where(TokenRow.kid == kid))

    def revoke(self, client: str, at: datetime) -> None:
        """Shut a party out at once: its tokens are gone with this transaction, and no key that it had is believed again."""
        tokens = self._session.execute(select(TokenRow.token_sha256).where(TokenRow.client == client)).scalars().all()
        self._audit.append(ClientRevoked(actor="operator", client=client, tokens=len(tokens)))
        self._session.execute(update(ClientRow).where(ClientRow.client == client).values(revoked_at=at))
        believed = (ClientKeyRow.client == client, ClientKeyRow.retired_at.is_(None))
        self._session.execute(update(ClientKeyRow).where(*believed).values(retired_at=at))
        self._session.execute(delete(TokenRow).where(TokenRow.client == client))

    def use_assertion(self, jti_sha256: str, expires_at: datetime) -> bool:
        """Note that a credential was used; False if it was used before."""
        try:
            with self._session.begin_nested():
                self._session.execute(insert(AssertionRow).values(jti_sha256=jti_sha256, expires_at=expires_at))
        except IntegrityError:
            return False
        return True

    def add_token(self, token: Token, event: TokenIssued) -> None:
        """Keep a token's hash."""
        self._audit.append(event)
        self._session.execute(
            insert(TokenRow).values(
                token_sha256=token.token_sha256,
                client=token.client,
                kid=token.kid,
                scope=" ".join(token.scopes),
                expires_at=token.expires_at,
            )
        )

    def refuse_token(self, event: TokenRefused) -> None:
        """Record that a known party's credential was refused."""
        self._audit.append(event)

    def token(self, token_sha256: str) -> Token | None:
        """A token by its hash, whether or not it has expired; none of a revoked party."""
        row = connection_of(self._session).execute(_TOKEN, {"token": token_sha256}).one_or_none()
        if row is None:
            return None
        return Token(token_sha256, row.client, row.kid, tuple(row.scope.split()), row.expires_at)

    def forget_tokens(self) -> None:
        """Forget every token: whoever had one asks for a new one."""
        self._session.execute(delete(TokenRow))

    def drop_expired(self, before: datetime) -> int:
        """Forget tokens and used credentials that have expired; returns how many."""
        gone = 0
        for table in (AssertionRow, TokenRow):
            gone += self._session.execute(delete(table).where(table.expires_at < before)).rowcount  # type: ignore[attr-defined]
        return gone

    def live_digest(self) -> str | None:
        """The digest of the version in force."""
        return connection_of(self._session).execute(_LIVE).scalar_one_or_none()

    def live_protocol(self) -> ProtocolVersion | None:
        """The version in force."""
        return self._version(ProtocolRow.state == "live")

    def last_protocol(self) -> ProtocolVersion | None:
        """The version in force; while none is, the one that was last: what it says of keeping and deleting goes on."""
        query = (
            select(ProtocolRow).where(ProtocolRow.live_at.is_not(None)).order_by(ProtocolRow.live_at.desc()).limit(1)
        )
        row = self._session.execute(query).scalar_one_or_none()
        return self.live_protocol() or (None if row is None else _version(row))

    def protocol(self, digest: str) -> ProtocolVersion | None:
        """A version by its digest."""
        return self._version(ProtocolRow.digest == digest)

    def _version(self, condition: object) -> ProtocolVersion | None:
        row = self._session.execute(select(ProtocolRow).where(condition)).scalar_one_or_none()  # type: ignore[arg-type]
        return None if row is None else _version(row)

    def add_protocol(self, version: ProtocolVersion, at: datetime, event: ProtocolLoaded) -> None:
        """Keep a version of the sharing protocol."""
        self._audit.append(event)
        self._session.execute(
            insert(ProtocolRow).values(
                digest=version.digest,
                protocol=version.protocol,
                version=version.version,
                text=version.text,
                state=version.state,
                loaded_at=at,
            )
        )

    def activate_protocol(self, digest: str, at: datetime, event: ProtocolActivated) -> None:
        """Put a version in force; the one before it is retired in the same moment."""
        self._audit.append(event)
        self._session.execute(update(ProtocolRow).where(ProtocolRow.state == "live").values(state="retired"))
        self._session.execute(update(ProtocolRow).where(ProtocolRow.digest == digest).values(state="live", live_at=at))


def _version(row: ProtocolRow) -> ProtocolVersion:
    return ProtocolVersion(row.digest, row.protocol, row.version, row.text, row.state)


def _key(row: Any) -> ClientKey:
    return ClientKey(
        kid=row.kid,
        client=row.client,
        verifying_key=_verifying_key(row.jwk),
        sealing_key=row.sealing_key,
        sealing_fingerprint=row.sealing_fingerprint,
        registered_at=row.registered_at,
        retired_at=row.retired_at,
    )


@lru_cache(maxsize=256)
def _verifying_key(jwk: str) -> VerifyingKey:
    """A public key as it is stored. The same text is the same key for ever; whether it is believed is read each time."""
    return VerifyingKey.from_dict(json.loads(jwk))
