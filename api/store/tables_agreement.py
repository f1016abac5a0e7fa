"""The tables of what people do to versions of the sharing protocol."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.store.base import Base, UtcDateTime
from api.store.tables import Digest, Id


class ActRow(Base):
    """A signed act on a version, as it came."""

    __tablename__ = "acts"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    sha256: Mapped[str] = mapped_column(Digest, unique=True)
    digest: Mapped[str] = mapped_column(ForeignKey("protocols.digest"), index=True)
    token: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    entry: Mapped[int] = mapped_column(BigInteger)


class StopRow(Base):
    """An agency whose data protection officer stopped its releases."""

    __tablename__ = "stops"
    agency: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    entry: Mapped[int] = mapped_column(BigInteger)


class RehearsalRow(Base):
    """The report of a rehearsal."""

    __tablename__ = "rehearsals"
    report: Mapped[str] = mapped_column(Digest, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("protocols.digest"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    entry: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[str] = mapped_column(Text)
