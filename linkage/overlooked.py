"""Who is left over: a declared member and a record, both without a link, where the rest of the family is certain.

A placeholder in a name's stead, or a name and a date both wrong, make one person's encodings as unlike as two people's;
no likeness finds them. What finds them is that somebody is missing: a member is likely to be in a group where the family
is (`ContextRules.same_group`), and some encodings of one person are damaged (`Calibration.against_others`). What comes of
it is never more than `probable`: a person looks first.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import NDArray

from linkage.bits import distances_of
from linkage.calibrate import Density, Scale
from linkage.candidates import Candidates, Side, closest
from linkage.compete import Probabilities
from linkage.grade import Evidence, Graded, Pairing, Rule, ages_conflict
from linkage.memberships import memberships
from linkage.search_exact import Pairs
from protocols.matching import MatchRules

Pair = tuple[int, int]
Household = tuple[tuple[int, ...], tuple[int, ...]]


def overlooked(
    pairing: Pairing,
    graded: Sequence[Graded],
    never: Set[Pair],
    people: Side,
    records: Side,
    ratio: Density,
    scale: Scale,
    rules: MatchRules,
) -> list[Graded]:
    """The pairs that a person should look at besides those `graded`; at most one for a record.

    One of them may be graded already, because it was a link before: it is what it was, left over.
    `ratio` is the density of one person's pairs against other people's of the group by level and bin, shape (levels, bins).
    """
    households = _left_over(pairing, graded, rules.probable)
    found = _compared(households, people, records)
    found = found.chosen(~ages_conflict(pairing, found))
    found = found.chosen(np.array([pair not in never for pair in _pairs(found)], dtype=bool))
    if len(found) == 0:
        return []
    p = _probabilities(found, households, ratio[found.level, scale.bins(found.distance)], rules.context.same_group)
    holder = {item.record: item.person for item in graded}
    asked: dict[int, int] = {}
    chosen = []
    for k in np.argsort(-p, kind="stable").tolist():
        pair = person, record = int(found.person[k]), int(found.record[k])
        before = pair in pairing.earlier
        if p[k] < (rules.stay_probable if before else rules.probable) or holder.get(record, person) != person:
            continue
        if asked.get(person, 0) < rules.review.most_per_member:
            holder[record] = person
            asked[person] = asked.get(person, 0) + 1
            evidence = (Evidence.FAMILY, Evidence.EARLIER_LINK) if before else (Evidence.FAMILY,)
            chosen.append(Graded(person, record, "probable", Rule.LEFT_OVER, evidence, float(p[k])))
    return sorted(chosen, key=lambda item: (item.person, item.record))


def _left_over(pairing: Pairing, graded: Sequence[Graded], probable: float) -> list[Household]:
    """For each family that is certain to be in a group: its members and the group's records that nobody is likely for."""
    likely = pairing.candidates.chosen(pairing.probability >= probable)
    linked_people, linked_records = set(likely.person.tolist()), set(likely.record.tolist())
    families_of, groups_of = memberships(pairing.families), memberships(pairing.groups)
    met = {
        (family, group)
        for item in graded
        if item.grade == "certain"
        for family in families_of.get(item.person, ())
        for group in groups_of.get(item.record, ())
    }
    households = []
    for family, group in sorted(met):
        people = tuple(i for i in pairing.families[family].tolist() if i not in linked_people)
        records = tuple(r for r in pairing.groups[group].tolist() if r not in linked_records)
        if people and records:
            households.append((people, records))
    return households


def _compared(households: Sequence[Household], people: Side, records: Side) -> Candidates:
    """Every member with every record of a household, by their closest encodings."""
    pairs = sorted({(i, r) for members, rows in households for i in members for r in rows})
    rows_of, columns_of = _encodings(people, {i for i, _ in pairs}), _encodings(records, {r for _, r in pairs})
    both = [(a, b) for i, r in pairs for a in rows_of.get(i, ()) for b in columns_of.get(r, ())]
    left, right = np.array(both, dtype=np.int64).reshape(-1, 2).T
    distance = distances_of(people.words, records.words, left, right)
    return closest(people, records, Pairs(left.astype(np.int32), right.astype(np.int32), distance))


def _encodings(side: Side, wanted: Set[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in np.flatnonzero(np.isin(side.owner, list(wanted))).tolist():
        found.setdefault(int(side.owner[row]), []).append(row)
    return found


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
