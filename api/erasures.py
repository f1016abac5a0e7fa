"""Erasing one reference from the audit log: of what, on which ground, what came of it, and the storage that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from protocols.audit.entries import Entry
from protocols.audit.events.vocabulary import EventKind

COMPANIONS: dict[EventKind, tuple[str, ...]] = {
    EventKind.FAMILY_DECLARED: ("declaration",),
    EventKind.PROFILE_ANSWERED: ("decisions",),
    EventKind.BREAK_GLASS_OPENED: ("explanation",),
}
"""What an entry about a family also commits to that is about the family. Workers, sessions and managers are other people's, and stay."""


class Of(StrEnum):
    """What is erased: a family, a person by their record at children's social care, or one record of an agency."""

    FAMILY = "family"
    MEMBER = "member"
    RECORD = "record"


class Ground(StrEnum):
    """Why erasing is lawful (UK GDPR Art 17(1)). That a public task needs the log overrides all but these (Art 17(3))."""

    UNLAWFUL = "unlawfully-processed"  # (d): it should never have been there, such as a family declared by mistake
    OBJECTION = "objection-upheld"  # (c)
    LAW = "legal-obligation"  # (e): a law or a court orders it


@dataclass(frozen=True, slots=True)
class Subject:
    """What is erased: its references (a family's, its aliases too), and whose they are."""

    of: Of
    agency: str
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, counted, and what still speaks of the subject, in sentences. `entry` says so in the log."""

    entry: int
    openings: int
    entries: int
    answers: int
    emergencies: int
    inputs: int
    left: tuple[str, ...]


class ErasureStore(Protocol):
    """The storage that erasing needs."""

    def obstacles(self, subject: Subject, closed_before: date) -> list[str]:
        """Why nothing about the subject may be erased now."""

    def erase(self, subject: Subject, ground: str, approver: str, at: datetime) -> Erased | None:
        """Erase everything about the subject in the log; None if there is nothing."""


class SignIns(Protocol):
    """The storage that tells who held which office."""

    def last_signed_in(self, person: str) -> Entry | None:
        """The entry of somebody's last sign-in."""
