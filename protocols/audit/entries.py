"""One entry of the audit log: an event's canonical bytes, with personal data as salted commitments.

A commitment is SHA-256 over the field's name, 32 random bytes and the value. The value and its salt are kept beside the log; to
erase a person's data the two are deleted, the entry stays, and the log still verifies.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any, Literal

import rfc8785
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from protocols.audit.events import EVENTS
from protocols.audit.events.vocabulary import Event, EventKind
from protocols.errors import VerificationError

FORMAT: Literal["kinlink-audit/1"] = "kinlink-audit/1"
NO_PREVIOUS = "0" * 64
SALT_BYTES = 32
Fact = str | int | bool | tuple[str, ...] | dict[str, int]


class Entry(BaseModel):
    """What is hashed. `previous` is the leaf hash of the entry before, so that a change names the place where it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["kinlink-audit/1"] = FORMAT
    index: int = Field(ge=0)
    previous: str = Field(pattern=r"^[0-9a-f]{64}$")
    at: AwareDatetime
    kind: EventKind
    actor: str
    facts: dict[str, Fact]
    commitments: dict[str, str]

    def canonical(self) -> bytes:
        """The bytes that are hashed (RFC 8785)."""
        return rfc8785.dumps(self.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens one commitment of one entry."""

    field: str
    salt: bytes
    value: str


def commitment(opening: Opening) -> str:
    """The commitment in hex."""
    return hashlib.sha256(
        rfc8785.dumps(["kinlink/commitment/1", opening.field, opening.salt.hex(), opening.value])
    ).hexdigest()


def seal_event(event: Event, index: int, previous: bytes | None, at: Any) -> tuple[Entry, tuple[Opening, ...]]:
    """The entry of an event, and the openings of what it commits to. Empty optional fields are left out."""
    facts: dict[str, Fact] = {}
    openings = []
    for name in type(event).model_fields:
        value = getattr(event, name)
        if value is None or name == "actor":
            continue
        if name in event.personal_fields():
            openings.append(Opening(name, os.urandom(SALT_BYTES), str(value)))
        else:
            facts[name] = value
    entry = Entry(
        index=index,
        previous=previous.hex() if previous else NO_PREVIOUS,
        at=at,
        kind=event.kind,
        actor=event.actor,
        facts=facts,
        commitments={opening.field: commitment(opening) for opening in openings},
    )
    return entry, tuple(openings)


def read_entry(body: bytes) -> Entry:
    """Read an entry's bytes. Raises `VerificationError` unless they are the canonical form of an entry of a known event."""
    try:
        entry = Entry.model_validate_json(body)
    except ValidationError as error:
        fields = sorted({str(item["loc"][0]) if item["loc"] else "(all)" for item in error.errors()})
        raise VerificationError(
            f"An audit entry is malformed at: {', '.join(f'`{field}`' for field in fields)}."
        ) from None
    if entry.canonical() != body:
        raise VerificationError("An audit entry is not in canonical form.")
    kind = EVENTS[entry.kind]
    stray = (set(entry.facts) - kind.plain_fields()) | (set(entry.commitments) - kind.personal_fields())
    missing = kind.required_fields() - set(entry.facts) - set(entry.commitments)
    if stray or missing:
        raise VerificationError(f"An audit entry of `{entry.kind}` has fields that do not belong to it, or lacks some.")
    return entry


def opens(entry: Entry, opening: Opening) -> bool:
    """Whether the opening is the one that the entry commits to."""
    return entry.commitments.get(opening.field) == commitment(opening)
