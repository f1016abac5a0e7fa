"""What the Workbook asked and was told, emergency access, and alerts."""

from __future__ import annotations

from protocols.audit.events.vocabulary import Event, EventKind, Personal, PersonalOrNone


class ProfileAnswered(Event):
    """A question about a family was answered. `decisions` commits to every decision, released and refused, with its reason."""

    kind = EventKind.PROFILE_ANSWERED
    decides = False
    profile: str
    protocol_digest: str
    role_function: str
    purpose: str
    released: int
    refused: int
    family: Personal
    worker: Personal
    session: Personal
    decisions: Personal


class ProfileRefused(Event):
    """A question about a family was refused whole."""

    kind = EventKind.PROFILE_REFUSED
    decides = False
    reason: str
    role_function: str
    purpose: str
    family: Personal
    worker: Personal
    session: Personal


class WorkerRefused(Event):
    """A client vouched for a worker in a way that does not hold. Nothing of what it said about the worker is kept."""

    kind = EventKind.WORKER_REFUSED
    decides = False
    asked: str
    reason: str
    family: PersonalOrNone = None


class ChangesRead(Event):
    """The Workbook read what changed."""

    kind = EventKind.CHANGES_READ
    decides = False
    since: int
    until: int


class BreakGlassOpened(Event):
    """A worker opened more than the role and stage allow, for a stated reason and a limited time."""

    kind = EventKind.BREAK_GLASS_OPENED
    access: str
    reason: str
    role_function: str
    family: Personal
    worker: Personal
    manager: Personal
    explanation: Personal


class BreakGlassReviewed(Event):
    """Someone else judged a break-glass afterwards."""

    kind = EventKind.BREAK_GLASS_REVIEWED
    decides = False
    access: str
    outcome: str
    worker: Personal


class AlertRaised(Event):
    """Something that a person should look at. `about` names the recipients' view of it, never a person."""

    kind = EventKind.ALERT_RAISED
    decides = False
    alert: str
    about: str
    recipient: str
    family: PersonalOrNone = None
    worker: PersonalOrNone = None


class AlertSeen(Event):
    """The recipient has seen an alert."""

    kind = EventKind.ALERT_SEEN
    decides = False
    alert: str
