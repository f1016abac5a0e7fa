"""The people whom families declare, numbered, with the families they are in.

Linking starts from them and from nobody else. A person declared in two families is one person here (the same record at the
declaring agency) and two members outside; nothing joins the two families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.records import EncodedRecords, Family, Member
from protocols.errors import InputError
from protocols.vocabulary import Kind

MOST_MEMBERS = 1_000
"""Members of one declared family; beyond that it is a mistake, and every pair of them would be looked at."""


@dataclass(frozen=True)
class Declared:
    """People by number: their rows at the anchor, their member ids; families as sorted arrays of people's numbers.

    `members` and `same` have every member, with an encoding or without; `same` gives the ids under which a member's person
    is declared.
    """

    rows: NDArray[np.int32]
    member_ids: tuple[tuple[str, ...], ...]
    families: tuple[NDArray[np.int32], ...]
    person_of: dict[str, int]
    members: dict[str, Member]
    same: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return self.rows.size


def declared(anchor: EncodedRecords, families: Sequence[Family]) -> Declared:
    """Number the declared people that have an encoding; members without one (unborn, or without a record) stay members."""
    if not families:
        raise InputError("There is no declared family to link.", next_step="Declare at least one family.")
    with_clk = np.zeros(len(anchor), dtype=bool)
    with_clk[anchor.owner] = True
    members: dict[str, Member] = {}
    ids_of: dict[int, list[str]] = {}
    people_in: list[set[int]] = []
    for family in families:
        if len(family.members) > MOST_MEMBERS:
            raise InputError(
                f"Family `{family.family_ref}` has {len(family.members):,} members; expected at most {MOST_MEMBERS:,}.",
                next_step="Declare separate cases as separate families.",
            )
        people = set()
        for member in family.members:
            if members.setdefault(member.member_id, member) != member:
                raise InputError(f"Member `{member.member_id}` is declared in two ways; expected one.")
            if member.record_ref is None:
                continue
            row = anchor.row_of.get(member.record_ref)
            if row is None:
                raise InputError(
                    f"Family `{family.family_ref}` names record `{member.record_ref}`, which agency `{anchor.agency}` "
                    "did not submit.",
                    next_step="Submit the record, or correct the declaration.",
                )
            if member.kind != Kind.UNBORN and with_clk[row]:
                people.add(row)
                if member.member_id not in ids_of.setdefault(row, []):
                    ids_of[row].append(member.member_id)
        people_in.append(people)
    rows = sorted(ids_of)
    number = {row: person for person, row in enumerate(rows)}
    return Declared(
        np.array(rows, dtype=np.int32),
        tuple(tuple(ids_of[row]) for row in rows),
        tuple(np.array(sorted(number[row] for row in people), dtype=np.int32) for people in people_in if people),
        {member_id: number[row] for row in rows for member_id in ids_of[row]},
        members,
        _same(members),
    )


def _same(members: Mapping[str, Member]) -> dict[str, tuple[str, ...]]:
    ids: dict[tuple[str, str], list[str]] = {}
    for member in members.values():
        ids.setdefault(_who(member), []).append(member.member_id)
    return {member_id: tuple(sorted(same)) for same in ids.values() for member_id in same}


def _who(member: Member) -> tuple[str, str]:
    name = member.record_ref or member.person
    return ("record", name) if name else ("member", member.member_id)


def grouped(
    records: EncodedRecords, largest: int, among: NDArray[np.int32] | None = None
) -> tuple[NDArray[np.int32], ...]:
    """The rows of each of an agency's own groups that has at most `largest` records: larger ones are no household.

    With `among`, only groups that hold one of these rows: an agency has many groups, and most of them concern nobody.
    """
    wanted = None if among is None else {group for row in np.unique(among).tolist() for group in records.groups[row]}
    rows_of: dict[str, list[int]] = {}
    for row, groups in enumerate(records.groups):
        for group in groups if len(groups) < 2 else set(groups):
            if wanted is None or group in wanted:
                rows_of.setdefault(group, []).append(row)
    return tuple(np.array(rows, dtype=np.int32) for _, rows in sorted(rows_of.items()) if len(rows) <= largest)
