"""Everything that can happen. An event's class is the only way to make one, so a typo or a stray field cannot be recorded.

The vocabulary and what all events have is in `vocabulary`; each other room holds the events of one part of the service.
"""

from __future__ import annotations

from protocols.audit.events import agreement, answers, keeping, linking, parties, submissions
from protocols.audit.events.vocabulary import Event, EventKind

__all__ = ["EVENTS", "agreement", "answers", "keeping", "linking", "parties", "submissions"]


def _subclasses() -> dict[EventKind, type[Event]]:
    found = {kind.kind: kind for kind in Event.__subclasses__()}
    missing = set(EventKind) - set(found)
    if missing or len(found) != len(Event.__subclasses__()):
        raise AssertionError(f"events without a class, or two with one name: {sorted(missing)}")
    return found


EVENTS: dict[EventKind, type[Event]] = _subclasses()
