"""From probabilities to grades: which pairs are `certain`, which go to review, by which rule, on what kinds of evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
NOTHING, PROBABLE, CERTAIN = 0, 1, 2
"""What a pair was in the last run."""


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


_RULES = (Rule.PERSON, Rule.FAMILY, Rule.REVIEW, Rule.AGE, Rule.NO_DATE, Rule.NOT_CLOSE)
_KINDS = (Evidence.FAMILY, Evidence.UNRIVALLED, Evidence.FURTHER_RECORD, Evidence.EARLIER_LINK)
_EVIDENCE = tuple(
    (Evidence.ENCODING, *(kind for bit, kind in enumerate(_KINDS) if number >> bit & 1))
    for number in range(1 << len(_KINDS))
)


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
    """The candidate pairs of one agency, as the grading needs them.

    Their records are numbered as `record_kind` is; `rows` has each one's row at the agency, if that is another.
    """

    candidates: Candidates
    probability: Probabilities
    unaided: Probabilities  # before the family step
    likeness: NDArray[np.float64]  # 0: strangers, 1: equal encodings
    decided: NDArray[np.bool_]  # a person made it a must-link
    person_kind: NDArray[np.str_]
    record_kind: NDArray[np.str_]
    met: Together
    was: NDArray[np.int8]  # what each pair was in the last run
    checked: bool = False
    rows: NDArray[np.int32] | None = None

    def only(self, keep: NDArray[np.bool_]) -> Pairing:
        """Some of the pairs."""
        met = self.met.only(keep[self.met.pair])
        return replace(
            self,
            candidates=self.candidates.chosen(keep),
            probability=self.probability[keep],
            unaided=self.unaided[keep],
            likeness=self.likeness[keep],
            decided=self.decided[keep],
            met=replace(met, pair=(np.cumsum(keep) - 1)[met.pair]),
            was=self.was[keep],
        )


def grade(pairing: Pairing, rules: MatchRules) -> list[Graded]:
    """Grade one agency's candidate pairs; at most one member for each record.

    What a pair was before moves only its own thresholds, never another pair's: so a run on its own result changes nothing.
    """
    pairing = pairing.only(_of_use(pairing, rules))
    person, record, p = pairing.candidates.person, pairing.candidates.record, pairing.probability
    was_certain, was_linked = pairing.was == CERTAIN, pairing.was != NOTHING
    join = np.where(was_certain, rules.stay_certain, rules.certain)
    keep = np.where(was_linked, rules.stay_probable, rules.probable)
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
    # What relatives share is no evidence apart from the family's: a twin has the family name and the date, a son his father's
    # name and place. Without a date nothing tells a father from a son either, and nothing but the family finds anybody.
    shared = distant & (level >= NONE_AGREES) & (level < NONE_AGREES + len(rules.guards.closeness_agreeing))
    certain = pairing.decided | (likely & ~ages & (alone | (company & ~shared)))
    review = best & (p >= keep) & ~certain
    expected = float(certain.sum() + p[best & (p >= rules.stay_probable) & ~certain].sum())
    review &= _affordable(person, p, expected, review, rules)
    crowd = np.bincount(record[p >= _RIVAL], minlength=int(record.max(initial=-1)) + 1)
    held = np.bincount(person[certain], minlength=int(person.max(initial=-1)) + 1)
    further = held[person] - certain > 0
    rows = record if pairing.rows is None else pairing.rows[record]
    kinds_of = company * 1 + (crowd[record] == 1) * 2 + further * 4 + was_linked * 8
    rule = np.where(
        certain, np.where(alone, 0, 1), np.where(p < rules.certain, 2, np.where(ages, 3, np.where(undated, 4, 5)))
    )
    chosen = np.flatnonzero(certain | review)
    columns = (person, rows, certain, rule, kinds_of, p)
    return [
        Graded(i, r, "certain" if sure else "probable", _RULES[why], _EVIDENCE[kinds], probability)
        for i, r, sure, why, kinds, probability in zip(*(column[chosen].tolist() for column in columns), strict=True)
    ]


def _of_use(pairing: Pairing, rules: MatchRules) -> NDArray[np.bool_]:
    """All pairs of the records of which any pair could be a link, or could vouch for one. Most candidates are no such."""
    record = pairing.candidates.record
    use = pairing.decided | (pairing.probability >= rules.stay_probable) | (pairing.unaided >= rules.stay_certain)
    records = np.zeros(int(record.max(initial=-1)) + 1, dtype=bool)
    records[record[use]] = True
    return records[record]


def _best_of_record(record: NDArray[np.int32], p: Probabilities) -> NDArray[np.bool_]:
    """Whether each pair is its record's most probable; of equals, the first."""
    best: NDArray[np.bool_] = np.bincount(record)[record] == 1
    rivals = np.flatnonzero(~best)
    order = rivals[np.lexsort((rivals, -p[rivals], record[rivals]))]
    best[order[np.diff(record[order], prepend=-1) != 0]] = True
    return best


def ages_conflict(a: NDArray[np.str_], b: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Whether each pair of kinds is an adult and a child."""
    return np.asarray(((a == Kind.ADULT) & (b == Kind.CHILD)) | ((a == Kind.CHILD) & (b == Kind.ADULT)))


def _in_company(pairing: Pairing, sure: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether another member of a family of the pair's person is sure without it, with another record of the same group."""
    pair = pairing.met.pair
    counts = sure[pair].astype(np.int64)
    meeting = np.unique(pairing.met.meeting, return_inverse=True)[1].ravel()
    person, record = pairing.candidates.person[pair], pairing.candidates.record[pair]

    def sure_with(*columns: NDArray[np.integer]) -> NDArray[np.int64]:
        """How many sure pairs each line's meeting has that share these columns."""
        if counts.size == 0:
            return counts
        order = np.lexsort((*columns, meeting))
        new = np.diff(meeting[order], prepend=-1) != 0
        for column in columns:
            new |= np.diff(column[order], prepend=-1) != 0
        number = np.empty(order.size, dtype=np.int64)
        number[order] = np.cumsum(new) - 1
        return np.bincount(number, weights=counts).astype(np.int64)[number]

    others = sure_with() - sure_with(person) - sure_with(record) + counts
    company = np.zeros(sure.size, dtype=bool)
    company[pair[others > 0]] = True
    return company


def _affordable(
    person: NDArray[np.int32],
    p: Probabilities,
    expected: float,
    review: NDArray[np.bool_],
    rules: MatchRules,
) -> NDArray[np.bool_]:
    """Which pairs are among the best of their member and of the agency, as many as review may take of `expected` links."""
    asked = np.flatnonzero(review)
    order = asked[np.lexsort((asked, -p[asked]))].tolist()
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
