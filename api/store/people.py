"""People's sign-ins and sessions, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session as Database

from api.people import Held, Session, SignIn, packed, unpacked
from api.store.log import AuditLog
from api.store.tables_people import PersonSessionRow, SignInLinkRow, SignInRow
from protocols.audit.events.parties import PersonSignedIn, PersonSignedOut, SignInLinkMade, SignInRefused


class People:
    """Who is signed in, and who is about to."""

    def __init__(self, session: Database, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def open_session(self, session: Session, event: PersonSignedIn) -> None:
        """Keep a session."""
        self._audit.append(event)
        self._session.execute(
            insert(PersonSessionRow).values(
                session_sha256=session.session_sha256,
                session=session.session,
                person=session.person,
                offices=packed(session.offices),
                how=session.how,
                acr=session.acr,
                opened_at=session.opened_at,
                authenticated_at=session.authenticated_at,
                seen_at=session.seen_at,
                expires_at=session.expires_at,
            )
        )

    def session(self, session_sha256: str) -> Session | None:
        """A session that was not ended, by its hash."""
        row = self._session.get(PersonSessionRow, session_sha256)
        return None if row is None else _session(row)

    def sessions(self, person: str | None = None) -> list[Session]:
        """Every session that was not ended, of one person or of all, newest first."""
        query = select(PersonSessionRow).order_by(PersonSessionRow.opened_at.desc(), PersonSessionRow.session)
        if person is not None:
            query = query.where(PersonSessionRow.person == person)
        return [_session(row) for row in self._session.execute(query).scalars()]

    def see(self, session: str, at: datetime) -> None:
        """Note that a session is in use."""
        self._session.execute(update(PersonSessionRow).where(PersonSessionRow.session == session).values(seen_at=at))

    def end_session(self, session: str, event: PersonSignedOut) -> bool:
        """End a session; False if there is none."""
        there = select(PersonSessionRow.session).where(PersonSessionRow.session == session)
        if self._session.execute(there).first() is None:
            return False
        self._audit.append(event)
        self._session.execute(delete(PersonSessionRow).where(PersonSessionRow.session == session))
        return True

    def begin(self, state_sha256: str, sign_in: SignIn) -> None:
        """Keep a sign-in while the person is at the identity provider."""
        self._session.execute(
            insert(SignInRow).values(
                state_sha256=state_sha256,
                browser_sha256=sign_in.browser_sha256,
                nonce=sign_in.nonce,
                verifier=sign_in.verifier,
                return_to=sign_in.return_to,
                again=sign_in.again,
                expires_at=sign_in.expires_at,
            )
        )

    def take_sign_in(self, state_sha256: str) -> SignIn | None:
        """A sign-in that was under way; it cannot be taken twice."""
        row = self._session.get(SignInRow, state_sha256, with_for_update=True)
        if row is None:
            return None
        found = SignIn(row.browser_sha256, row.nonce, row.verifier, row.return_to, row.again, row.expires_at)
        self._session.delete(row)
        return found

    def refuse(self, event: SignInRefused) -> None:
        """Record that a sign-in was refused."""
        self._audit.append(event)

    def add_link(
        self, link_sha256: str, person: str, offices: frozenset[Held], until: datetime, event: SignInLinkMade
    ) -> None:
        """Keep a link that signs somebody in once."""
        self._audit.append(event)
        self._session.execute(
            insert(SignInLinkRow).values(
                link_sha256=link_sha256, person=person, offices=packed(offices), expires_at=until
            )
        )

    def take_link(self, link_sha256: str, now: datetime) -> tuple[str, frozenset[Held]] | None:
        """Whom a link signs in; it cannot be taken twice."""
        row = self._session.get(SignInLinkRow, link_sha256, with_for_update=True)
        if row is None:
            return None
        person, offices, until = row.person, unpacked(row.offices), row.expires_at
        self._session.delete(row)
        return None if until <= now else (person, offices)

    def forget_everybody(self) -> None:
        """End every session, sign-in and link: whoever wants to come in signs in anew."""
        for table in (PersonSessionRow, SignInRow, SignInLinkRow):
            self._session.execute(delete(table))

    def drop_expired(self, before: datetime) -> None:
        """Forget sessions, sign-ins and links that have expired."""
        for table in (PersonSessionRow, SignInRow, SignInLinkRow):
            self._session.execute(delete(table).where(table.expires_at < before))


def _session(row: PersonSessionRow) -> Session:
    return Session(
        session_sha256=row.session_sha256,
        session=row.session,
        person=row.person,
        offices=unpacked(row.offices),
        opened_at=row.opened_at,
        authenticated_at=row.authenticated_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        acr=row.acr,
        how=row.how,
    )
