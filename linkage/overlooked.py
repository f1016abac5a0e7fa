"""Who is left over: a declared member and a record, both without a link, where the rest of the family is certain.

A placeholder in a name's stead, or a name and a date both wrong, make one person's encodings as unlike as two people's;
no likeness finds them. What finds them is that somebody is missing: a member is likely to be in a group where the family
is (`ContextRules.same_group`), and some encodings of one person are damaged (`Calibration.against_others`). What comes of
it is never more than `probable`: a person looks first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.bits import distances_of, pack
from linkage.calibrate import Density, Scale
from linkage.candidates import Candidates, Side, closest
from linkage.compete import Probabilities
from linkage.grade import Evidence, Graded, Rule, ages_conflict
from linkage.order import OrderedRecords
from linkage.records import GradeName
from linkage.search_exact import Pairs
from linkage.sets import Sets, together
from protocols.matching import MatchRules

Pair = tuple[int, int]
Household = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Scene:
    """The declared people and one agency's records, each in their families and groups, and what is known of their pairs."""

    people: Side
    person_kind: NDArray[np.str_]
    records: OrderedRecords
    families: Sets
    groups: Sets
    earlier: Mapping[Pair, GradeName]
    never: Set[Pair]
    settled: Collection[int]  # records that a must-link gives to somebody


def overlooked(
    scene: Scene, likely: Candidates, graded: Sequence[Graded], ratio: Density, scale: Scale, rules: MatchRules
) -> list[Graded]:
    """The pairs that a person should look at besides those `graded`; at most one for a record.

    One of them may be graded already, because it was a link before: it is what it was, left over. Whoever is in one of
    the `likely` pairs is not left over. `ratio` is the density of one person's pairs against other people's of the group
    by level and bin, shape (levels, bins).
    """
    households = _left_over(scene, likely, graded)
    found = _compared(scene, households)
    found = found.chosen(~ages_conflict(scene.person_kind[found.person], scene.records.kinds[found.record]))
    found = found.chosen(np.array([pair not in scene.never for pair in _pairs(found)], dtype=bool))
    if len(found) == 0:
        return []
    p = _probabilities(found, households, ratio[found.level, scale.bins(found.distance)], rules.context.same_group)
    holder = {item.record: item.person for item in graded}
    asked: dict[int, int] = {}
    chosen = []
    for k in np.argsort(-p, kind="stable").tolist():
        pair = person, record = int(found.person[k]), int(found.record[k])
        before = pair in scene.earlier
        if p[k] < (rules.stay_probable if before else rules.probable) or holder.get(record, person) != person:
            continue
        if asked.get(person, 0) < rules.review.most_per_member:
            holder[record] = person
            asked[person] = asked.get(person, 0) + 1
            evidence = (Evidence.FAMILY, Evidence.EARLIER_LINK) if before else (Evidence.FAMILY,)
            chosen.append(Graded(person, record, "probable", Rule.LEFT_OVER, evidence, float(p[k])))
    return sorted(chosen, key=lambda item: (item.person, item.record))


def _left_over(scene: Scene, likely: Candidates, graded: Sequence[Graded]) -> list[Household]:
    """For each family that is certain to be in a group: its members and the group's records that nobody is likely for."""
    free_people, free_records = np.ones(scene.person_kind.size, dtype=bool), np.ones(len(scene.records), dtype=bool)
    free_people[likely.person] = False
    free_records[likely.record] = False
    free_records[list(scene.settled)] = False
    certain = [(item.person, item.record) for item in graded if item.grade == "certain"]
    person, record = np.array(certain, dtype=np.int32).reshape(-1, 2).T
    met = together(person, record, scene.families, scene.groups)
    people = scene.families.members(met.family, free_people)
    records = scene.groups.members(met.group, free_records)
    both = sorted(set(zip(met.family.tolist(), met.group.tolist(), strict=True)))
    return [
        (tuple(people[family]), tuple(records[group]))
        for family, group in both
        if family in people and group in records
    ]


def _compared(scene: Scene, households: Sequence[Household]) -> Candidates:
    """Every member with every record of a household, by their closest encodings."""
    people, records = scene.people, scene.records
    pairs = sorted({(i, r) for members, rows in households for i in members for r in rows})
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    rows, place = np.unique(table[:, 1], return_inverse=True)
    starts, first = np.searchsorted(people.owner, np.arange(people.count + 1)), records.starts
    columns = np.concatenate([np.arange(first[row], first[row + 1]) for row in rows] or [np.empty(0, dtype=np.int64)])
    begin = np.cumsum(np.concatenate([[0], first[rows + 1] - first[rows]]))
    both = [
        (a, b)
        for i, k in zip(table[:, 0].tolist(), place.ravel().tolist(), strict=True)
        for a in range(starts[i], starts[i + 1])
        for b in range(begin[k], begin[k + 1])
    ]
    left, right = np.array(both, dtype=np.int64).reshape(-1, 2).T
    distance = distances_of(people.words, pack(records.clks[columns]), left, right)
    return closest(people, records, Pairs(left.astype(np.int32), columns[right].astype(np.int32), distance))


def _probabilities(
    found: Candidates, households: Sequence[Household], ratio: NDArray[np.float64], same_group: float
) -> Probabilities:
    """How likely each pair is one person, when a member is in the group with probability `same_group`, as any record of it."""
    number = {pair: k for k, pair in enumerate(_pairs(found))}
    p = np.zeros(len(found))
    for people, records in households:
        at = np.array([[number.get((i, r), -1) for r in records] for i in people])
        open_places = np.maximum((at >= 0).sum(axis=1, keepdims=True), 1)
        odds = np.where(at >= 0, ratio[at], 0.0) * same_group / (1.0 - same_group) / open_places
        share = odds / (1.0 + odds.sum(axis=0) + odds.sum(axis=1, keepdims=True) - odds)
        np.maximum.at(p, at[at >= 0], share[at >= 0])
    return p


def _pairs(found: Candidates) -> list[Pair]:
    return list(zip(found.person.tolist(), found.record.tolist(), strict=True))
