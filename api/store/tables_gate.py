"""The tables of the gate: planted records, and passes for one batch."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from api.store.base import Base, UtcDateTime
from api.store.tables import Id


class CanaryRow(Base):
    """A made-up person whom an auditor planted in an agency's extract."""

    __tablename__ = "canaries"
    __table_args__ = ({"sqlite_with_rowid": False},)
    agency: Mapped[str] = mapped_column(Id, primary_key=True)
    record_ref: Mapped[str] = mapped_column(Id, primary_key=True)
    planted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GatePassRow(Base):
    """One batch of an agency is let through the gate: who decided is in the log."""

    __tablename__ = "gate_passes"
    agency: Mapped[str] = mapped_column(Id, primary_key=True)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text)
