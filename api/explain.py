"""Decisions that were made: where in which answer a decision stands, and what it depended on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from protocols.decision_inputs import Remembered
from protocols.decision_inputs import unpack as read_inputs

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Place:
    """What a decision is about; `line` is everything that was decided about that member at that agency."""

    profile: str
    protocol_digest: str
    family_ref: str
    member_ref: str
    agency: str
    attribute_number: int
    line: dict[str, Any]


class AnswerStore(Protocol):
    """The storage that explaining needs."""

    def decisions(self, profile: str) -> tuple[str, str, bytes] | None:
        """The family, the sharing protocol's digest and the decisions of an answer, as they are kept."""


def place_of(store: AnswerStore, decision_id: str) -> Place | None:
    """Where a decision stands; None if there is no such decision."""
    profile, member, agency, attribute = decision_id.split(".")
    found = store.decisions(profile)
    if found is None or not found[2]:
        return None
    family_ref, digest, lines = found[0], found[1], unpack(found[2])
    members = list(dict.fromkeys(line["member"] for line in lines))
    if int(member) >= len(members):
        return None
    own = [line for line in lines if line["member"] == members[int(member)]]
    if int(agency) >= len(own):
        return None
    line = own[int(agency)]
    return Place(profile, digest, family_ref, line["member"], line["agency"], int(attribute), line)


def remembered(line: Mapping[str, Any], subject: str) -> Iterator[Remembered]:
    """The inputs of every decision about one member at one agency; `subject` stands for the person.

    Raises `InputError` for what is not as it was kept.
    """
    about = {"subject": subject, "open_case": line["open_case"], "agency": line["agency"], **line["asking"]}
    for mode, attribute, *_, place in line["decisions"]:
        yield read_inputs({**about, "mode": mode, "attribute": attribute, **line["facts"][place]})


def unpack(kept: bytes) -> list[dict[str, Any]]:
    """The decisions of an answer, line by line."""
    lines: list[dict[str, Any]] = json.loads(zlib.decompress(kept[SALT_BYTES:]))
    return lines
