"""From probabilities to grades: which pairs are `certain`, which go to review, by which rule, on what kinds of evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from linkage.candidates import Candidates
from linkage.checks import ABSENT, NONE_AGREES
from linkage.compete import Probabilities
from linkage.records import GradeName
from linkage.sets import Together
from protocols.matching import MatchRules
from protocols.vocabulary import Kind

_RIVAL = 0.01


class Rule(StrEnum):
    """Why a link has its grade."""

    PERSON = "person"  # the encoding alone
    FAMILY = "person-and-family"  # the encoding, and another member in the same group at the agency
    REVIEW = "review"  # likely, not certain
    NO_DATE = "review-no-date"  # would be certain, but no date of birth on one side
    AGE = "review-age"  # would be certain, but an adult and a child
    NOT_CLOSE = "review-not-close"  # would be certain, but no closer than name and place without the date
    MUST_LINK = "must-link"  # a person decided it
    UNBORN = "unborn-with-mother"
    LEFT_OVER = "review-left-over"  # neither has a link, and the rest of the family is certain in the group


class Evidence(StrEnum):
    """Kinds of evidence, by name: what may leave the matcher."""

    ENCODING = "encoding"
    FAMILY = "family-in-group"
    UNRIVALLED = "unrivalled"
    FURTHER_RECORD = "further-record"
    EARLIER_LINK = "earlier-link"
    MARKER = "marker"
    MOTHER = "mother"


@dataclass(frozen=True)
class Graded:
    """One pair with its grade."""

    person: int
    record: int
    grade: GradeName
    rule: Rule
    evidence: tuple[Evidence, ...]
    probability: float


@dataclass(frozen=True)
class Pairing:
    """The candidate pairs of one agency, as the grading needs them."""

    candidates: Candidates
    probability: Probabilities
    unaided: Probabilities  # before the family step
    likeness: NDArray[np.float64]  # 0: strangers, 1: equal encodings
    decided: NDArray[np.bool_]  # a person made it a must-link
    person_kind: NDArray[np.str_]
    record_kind: NDArray[np.str_]
    met: Together
    earlier: Mapping[tuple[int, int], GradeName]
    checked: bool = False


def grade(pairing: Pairing, rules: MatchRules) -> list[Graded]:
    """Grade one agency's candidate pairs; at most one member for each record.

    What a pair was before moves only its own thresholds, never another pair's: so a run on its own result changes nothing.
    """
    person, record, p = pairing.candidates.person, pairing.candidates.record, pairing.probability
    was = [pairing.earlier.get(pair) for pair in zip(person.tolist(), record.tolist(), strict=True)]
    was_certain = np.array([w == "certain" for w in was], dtype=bool)
    join = np.where(was_certain, rules.stay_certain, rules.certain)
    keep = np.where([w is not None for w in was], rules.stay_probable, rules.probable)
    best = _best_of_record(record, p)
    likely = best & (p >= join)
    kinds = pairing.person_kind[person], pairing.record_kind[record]
    ages = ages_conflict(*kinds) & rules.guards.age
    undated = ((kinds[0] == Kind.UNKNOWN) | (kinds[1] == Kind.UNKNOWN)) & rules.guards.date
    level = pairing.candidates.level
    if pairing.checked:
        undated = (level == ABSENT) & rules.guards.date
    enough = np.array([rules.guards.closeness] * 2 + list(rules.guards.closeness_agreeing))[level]
    distant = pairing.likeness < enough
    alone = pairing.decided | (likely & ~ages & ~undated & ~distant)
    sure, still_sure = (
        pairing.decided | (best & ~ages & (pairing.unaided >= least)) for least in (rules.certain, rules.stay_certain)
    )
    company = _in_company(pairing, sure) | (was_certain & _in_company(pairing, still_sure))
    # A comparator that relatives may share (twins: the family name and the date) is no evidence apart from the family's.
    shared = distant & (level > NONE_AGREES) & (level < NONE_AGREES + len(rules.guards.closeness_agreeing))
    certain = pairing.decided | (likely & ~ages & (alone | (company & ~shared)))
    review = best & (p >= keep) & ~certain
    expected = float(certain.sum() + p[best & (p >= rules.stay_probable) & ~certain].sum())
    review &= _affordable(person, p, expected, review, rules)
    crowd = np.bincount(record[p >= _RIVAL], minlength=int(record.max(initial=-1)) + 1)
    held = np.bincount(person[certain], minlength=int(person.max(initial=-1)) + 1)
    graded = []
    for k in np.flatnonzero(certain | review).tolist():
        evidence = [Evidence.ENCODING]
        if company[k]:
            evidence.append(Evidence.FAMILY)
        if crowd[record[k]] == 1:
            evidence.append(Evidence.UNRIVALLED)
        if held[person[k]] - int(certain[k]) > 0:
            evidence.append(Evidence.FURTHER_RECORD)
        if was[k] is not None:
            evidence.append(Evidence.EARLIER_LINK)
        if certain[k]:
            rule = Rule.PERSON if alone[k] else Rule.FAMILY
        elif p[k] >= rules.certain:
            rule = Rule.AGE if ages[k] else Rule.NO_DATE if undated[k] else Rule.NOT_CLOSE
        else:
            rule = Rule.REVIEW
        graded.append(
            Graded(
                int(person[k]),
                int(record[k]),
                "certain" if certain[k] else "probable",
                rule,
                tuple(evidence),
                float(p[k]),
            )
        )
    return graded


def _best_of_record(record: NDArray[np.int32], p: Probabilities) -> NDArray[np.bool_]:
    """Whether each pair is its record's most probable; of equals, the first."""
    order = np.lexsort((np.arange(p.size), -p, record))
    first = np.ones(p.size, dtype=bool)
    first[1:] = record[order][1:] != record[order][:-1]
    best = np.zeros(p.size, dtype=bool)
    best[order[first]] = True
    return best


def ages_conflict(a: NDArray[np.str_], b: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Whether each pair of kinds is an adult and a child."""
    return np.asarray(((a == Kind.ADULT) & (b == Kind.CHILD)) | ((a == Kind.CHILD) & (b == Kind.ADULT)))


def _in_company(pairing: Pairing, sure: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether another member of a family of the pair's person is sure without it, with another record of the same group."""
    met, counts = pairing.met, sure[pairing.met.pair].astype(np.int64)
    person, record = pairing.candidates.person[met.pair], pairing.candidates.record[met.pair]

    def sure_with(*columns: NDArray[np.integer]) -> NDArray[np.int64]:
        """How many sure pairs each line's meeting has that share these columns."""
        if counts.size == 0:
            return counts
        order = np.lexsort((*columns, met.meeting))
        new = np.diff(met.meeting[order], prepend=-1) != 0
        for column in columns:
            new |= np.diff(column[order], prepend=-1) != 0
        number = np.empty(order.size, dtype=np.int64)
        number[order] = np.cumsum(new) - 1
        return np.bincount(number, weights=counts).astype(np.int64)[number]

    others = sure_with() - sure_with(person) - sure_with(record) + counts
    company = np.zeros(sure.size, dtype=bool)
    company[met.pair[others > 0]] = True
    return company


def _affordable(
    person: NDArray[np.int32],
    p: Probabilities,
    expected: float,
    review: NDArray[np.bool_],
    rules: MatchRules,
) -> NDArray[np.bool_]:
    """Which pairs are among the best of their member and of the agency, as many as review may take of `expected` links."""
    order = [k for k in np.lexsort((np.arange(p.size), -p)).tolist() if review[k]]
    budget = int(np.ceil(rules.review.most_share * expected))
    taken: dict[int, int] = {}
    kept = np.zeros(p.size, dtype=bool)
    for k in order:
        i = int(person[k])
        if budget > 0 and taken.get(i, 0) < rules.review.most_per_member:
            kept[k] = True
            taken[i] = taken.get(i, 0) + 1
            budget -= 1
    return kept
