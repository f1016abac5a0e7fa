"""The tables of people's sign-ins and sessions. No table holds what a browser holds: only hashes of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.store.base import Base, UtcDateTime
from api.store.tables import Digest, Id


class PersonSessionRow(Base):
    """A session of somebody who signed in."""

    __tablename__ = "person_sessions"
    __table_args__ = (CheckConstraint("how IN ('provider', 'link')", name="how"),)
    session_sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    session: Mapped[str] = mapped_column(Id, unique=True)
    person: Mapped[str] = mapped_column(String(81), index=True)
    offices: Mapped[str] = mapped_column(Text)
    how: Mapped[str] = mapped_column(String(10))
    acr: Mapped[str | None] = mapped_column(String(200))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    authenticated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SignInRow(Base):
    """A sign-in that is under way at the identity provider; it belongs to one browser."""

    __tablename__ = "sign_ins"
    state_sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    browser_sha256: Mapped[str] = mapped_column(Digest)
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(128))
    return_to: Mapped[str] = mapped_column(String(400))
    again: Mapped[bool]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SignInLinkRow(Base):
    """A link that signs somebody in once, in a demo."""

    __tablename__ = "sign_in_links"
    link_sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    person: Mapped[str] = mapped_column(String(81))
    offices: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
