"""Deleting, and what is asked of the log itself."""

from __future__ import annotations

from protocols.audit.events.vocabulary import Counts, Event, EventKind, Personal, PersonalOrNone


class PurgeCompleted(Event):
    """What the schedule asks for was deleted."""

    kind = EventKind.PURGE_COMPLETED
    deleted: Counts


class CertificateSigned(Event):
    """The day's deletion certificate."""

    kind = EventKind.CERTIFICATE_SIGNED
    decides = False
    day: str
    sha256: str
    deleted: Counts


class AuditAsked(Event):
    """Someone asked the log a question about a person or a family; `person` is who was signed in."""

    kind = EventKind.AUDIT_ASKED
    decides = False
    question: str
    rows: int
    about: Personal
    person: PersonalOrNone = None


class CheckpointCosigned(Event):
    """An agency has checked that the log of this size follows from what it saw before, and stands by it."""

    kind = EventKind.CHECKPOINT_COSIGNED
    decides = False
    size: int


class AuditExported(Event):
    """A copy of the log left the service."""

    kind = EventKind.AUDIT_EXPORTED
    decides = False
    size: int
    root: str
    openings: bool


class InputsExported(Event):
    """Kept decision inputs left the service, without names or references, to rehearse a draft elsewhere."""

    kind = EventKind.INPUTS_EXPORTED
    decides = False
    since: str
    answers: int
    decisions: int
    person: PersonalOrNone = None


class PersonalErased(Event):
    """What opened commitments was deleted, so many of them; the entries stay. `of`: of one family, person or record, as `approver` allowed."""

    kind = EventKind.PERSONAL_ERASED
    decides = False
    openings: int
    reason: str
    of: str | None = None
    approver: PersonalOrNone = None
