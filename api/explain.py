"""Decisions that were made: where in which answer a decision stands, and what it depended on."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any, Protocol

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Place:
    """What a decision is about; `line` is everything that was decided about that member at that agency."""

    profile: str
    family_ref: str
    member_ref: str
    agency: str
    attribute_number: int
    line: dict[str, Any]


class AnswerStore(Protocol):
    """The storage that explaining needs."""

    def decisions(self, profile: str) -> tuple[str, bytes] | None:
        """The family and the decisions of an answer, as they are kept."""


def place_of(store: AnswerStore, decision_id: str) -> Place | None:
    """Where a decision stands; None if there is no such decision."""
    profile, member, agency, attribute = decision_id.split(".")
    found = store.decisions(profile)
    if found is None:
        return None
    family_ref, lines = found[0], unpack(found[1])
    members = list(dict.fromkeys(line["member"] for line in lines))
    if int(member) >= len(members):
        return None
    own = [line for line in lines if line["member"] == members[int(member)]]
    if int(agency) >= len(own):
        return None
    line = own[int(agency)]
    return Place(profile, family_ref, line["member"], line["agency"], int(attribute), line)


def unpack(kept: bytes) -> list[dict[str, Any]]:
    """The decisions of an answer, line by line."""
    lines: list[dict[str, Any]] = json.loads(zlib.decompress(kept[SALT_BYTES:]))
    return lines
