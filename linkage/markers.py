"""Markers: what a person has decided holds in every run, whatever the encodings say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linkage.declared import Declared
from linkage.order import OrderedRecords
from linkage.records import Marker
from protocols.errors import InputError

NOBODY = -1


@dataclass(frozen=True)
class Decided:
    """Markers by agency, as rows. `must` gives a record's person, or `NOBODY` for a member without an encoding."""

    must: Mapping[str, Mapping[int, int]]
    never: Mapping[str, frozenset[tuple[int, int]]]
    links: Mapping[str, frozenset[tuple[str, str]]]
    barred: frozenset[tuple[str, str, str]]
    waiting: int


def decide(people: Declared, agencies: Sequence[OrderedRecords], markers: Sequence[Marker]) -> Decided:
    """Turn markers into rows. One whose record or member is not in this run waits; contradictions raise `InputError`.

    A marker is about a person: one set on a member holds for the same person in another family too.
    """
    at = {records.agency: records for records in agencies}
    must: dict[str, dict[int, int]] = {agency: {} for agency in at}
    never: dict[str, set[tuple[int, int]]] = {agency: set() for agency in at}
    links: dict[str, set[tuple[str, str]]] = {agency: set() for agency in at}
    taken: dict[tuple[str, str], tuple[str, ...]] = {}
    barred: set[tuple[str, str, str]] = set()
    waiting = 0
    for marker in sorted(markers, key=lambda m: (m.agency, m.record_ref, m.member_id, m.kind)):
        row = at[marker.agency].row(marker.record_ref) if marker.agency in at else None
        if row is None or marker.member_id not in people.members:
            waiting += 1
            continue
        person = people.person_of.get(marker.member_id, NOBODY)
        ids = people.same[marker.member_id]
        if marker.kind == "never":
            never[marker.agency].add((person, row))
            barred.update((member_id, marker.agency, marker.record_ref) for member_id in ids)
            continue
        must[marker.agency][row] = person
        if taken.setdefault((marker.agency, marker.record_ref), ids) != ids:
            raise InputError(
                f"Record `{marker.record_ref}` of agency `{marker.agency}` must be linked to two people by its markers; "
                "one record is one person.",
                next_step="Withdraw one of the two markers.",
            )
        links[marker.agency].update((member_id, marker.record_ref) for member_id in ids)
    for agency, pairs in links.items():
        for member_id, record_ref in sorted(pairs):
            if (member_id, agency, record_ref) in barred:
                raise InputError(
                    f"Member `{member_id}` and record `{record_ref}` of agency `{agency}` have a must-link and a never-link.",
                    next_step="Withdraw one of the two markers.",
                )
    return Decided(
        must,
        {agency: frozenset(pairs) for agency, pairs in never.items()},
        {agency: frozenset(pairs) for agency, pairs in links.items()},
        frozenset(barred),
        waiting,
    )
