"""The tables of what people do to versions of the sharing protocol."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.store.base import Base, UtcDateTime
from api.store.tables import Digest, Id, _one_of


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
    """A rehearsal of a version, from its request to its report."""

    __tablename__ = "rehearsals"
    __table_args__ = (
        _one_of("state", "queued", "running", "completed", "failed"),
        Index("ix_rehearsals_digest_requested_at", "digest", "requested_at"),
    )
    rehearsal: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("protocols.digest"))
    state: Mapped[str] = mapped_column(String(10))
    requested_by: Mapped[str] = mapped_column(Id)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    as_of: Mapped[str | None] = mapped_column(String(128))
    stage_number: Mapped[int] = mapped_column(default=0)
    stage_of: Mapped[int] = mapped_column(default=0)
    stage_name: Mapped[str] = mapped_column(String(80), default="")
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    replayed: Mapped[str | None] = mapped_column(Text)
    report: Mapped[str | None] = mapped_column(Digest, index=True)
    report_body: Mapped[str | None] = mapped_column(Text)
    problem: Mapped[str | None] = mapped_column(Text)
