"""The family step: what the rest of a declared family, found in an agency's own group, says about each of its members.

A declared family meets an agency's group when at least one of its members has a candidate record in it. In a meeting the
members are assigned to the records one to one; with probability q another member is really there. Then the other
explanation for a record is no stranger but a relative, so the probability is weighed against the shape of family pairs,
and a member is likely to be in the group at all. Nothing here adds a person to a family: only declared members have
candidates, and a group decides nothing by itself.

What a meeting says depends on nothing but its own numbers, so it is said again without being worked out again: `Said`
goes from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from linkage.compete import Probabilities, Rows, duplicate_rate, held_elsewhere, share_out
from linkage.sets import Indices, Together
from protocols.matching import ContextRules

_ALONE = 0.1  # below this probability nobody else of the family is taken to be there

Said = Mapping[bytes, tuple[Probabilities, Probabilities]]
"""By everything that a meeting depends on: for each of its pairs, whether others are there, and its lifted probability."""


@dataclass(frozen=True)
class Confirmed:
    """Probabilities after the family step, and before it.

    `further` has for each round how likely another record of a member is who has one already, as this run found it or was
    given it; `said` what the meetings said.
    """

    probability: Probabilities
    unaided: Probabilities
    further: tuple[float, ...] = ()
    said: Said = field(default_factory=dict)


def confirm(
    person: Rows,
    record: Rows,
    log_odds: NDArray[np.float64],
    family_log_ratio: NDArray[np.float64],
    met: Together,
    people: int,
    rules: ContextRules,
    further: Sequence[float] | None = None,
    said: Said | None = None,
) -> Confirmed:
    """Rounds of competition and family step over the candidate pairs of one agency, with `people` declared.

    `log_odds` are the pairs' log-odds against strangers, `family_log_ratio` the log density ratio of one person against a
    relative. With `further` of an earlier run, no pair depends on pairs with which it shares nothing.
    """
    records = int(record.max(initial=-1)) + 1
    meetings = _Meetings.of(person, record, family_log_ratio, met, rules, said or {})
    rates: list[float] = []
    probability = share_out(record, log_odds, records)
    unaided = probability
    for number in range(rules.rounds):
        lifted, alone = meetings.look_round(probability)
        base_odds = log_odds - rules.penalty * alone
        elsewhere = held_elsewhere(person, probability, people)
        rates.append(_further(person, probability, people) if further is None else further[number])
        base_odds += np.log1p(elsewhere * (rates[-1] - 1.0))
        base = share_out(record, base_odds, records)
        probability = np.maximum(base, np.where(lifted > probability, lifted, 0.0))
        total = np.bincount(record, weights=probability, minlength=records)
        probability = probability / np.maximum(1.0, total[record])
    return Confirmed(probability, unaided, tuple(rates), meetings.said)


def _further(person: Rows, probability: Probabilities, people: int) -> float:
    found = min(1.0, max(0.01, float(probability.sum()) / people))
    return min(1.0, duplicate_rate(person, probability, people) / found)


@dataclass(frozen=True)
class _Meetings:
    """Meetings of several pairs, each a stretch of `pair` and of its pairs' places in a members x records table.

    In a meeting of one pair nobody else is there, so it has nothing to say but that: `alone`.
    """

    pair: Indices
    bounds: list[int]
    member: Indices
    record: Indices
    ratio: NDArray[np.float64]
    chance: NDArray[np.float64]
    both: NDArray[np.bool_]
    fixed: list[bytes]
    alone: NDArray[np.bool_]
    before: Said
    said: dict[bytes, tuple[Probabilities, Probabilities]]

    @staticmethod
    def of(
        person: Rows, record: Rows, ratio: NDArray[np.float64], met: Together, rules: ContextRules, before: Said
    ) -> _Meetings:
        single, order = _several(met.meeting)
        both = (met.family_size > 1) & (met.group_size > 1)
        alone = np.zeros(person.size, dtype=bool)
        alone[met.pair[single & both]] = True
        met = met.only(order[((met.family_size > 1) | (met.group_size > 1))[order]])
        pair, meeting = met.pair, met.meeting
        starts = np.flatnonzero(np.diff(meeting, prepend=-1))
        member, place = _ranks(meeting, person[pair]), _ranks(meeting, record[pair])
        chance = rules.same_group / np.maximum(met.family_size, met.group_size).astype(np.float64)
        bounds = [*starts.tolist(), pair.size]
        columns = member, place, ratio[pair], chance, (met.family_size > 1) & (met.group_size > 1)
        raw = [(column.tobytes(), column.itemsize) for column in columns]
        fixed = [b"".join(data[size * a : size * b] for data, size in raw) for a, b in pairwise(bounds)]
        return _Meetings(pair, bounds, *columns, fixed, alone, before, {})

    def look_round(self, probability: Probabilities) -> tuple[Probabilities, NDArray[np.bool_]]:
        """Each pair's probability lifted by its family, and whether it met groups and none with anybody else in it."""
        p = probability[self.pair]
        raw = p.tobytes()
        others, lift = np.empty(p.size), np.empty(p.size)
        for fixed, (a, b) in zip(self.fixed, pairwise(self.bounds), strict=True):
            key = fixed + raw[8 * a : 8 * b]
            found = self.said.get(key) or self.before.get(key) or self._listen(p, a, b)
            self.said[key] = found
            others[a:b], lift[a:b] = found
        lifted, company, alone = probability.copy(), np.zeros(probability.size), self.alone.copy()
        np.maximum.at(lifted, self.pair, lift)
        np.maximum.at(company, self.pair, others)
        alone[self.pair[self.both & (others < _ALONE)]] = True
        return lifted, alone & (company < _ALONE)

    def _listen(self, probability: Probabilities, a: int, b: int) -> tuple[Probabilities, Probabilities]:
        member, record, p = self.member[a:b], self.record[a:b], probability[a:b]
        table = np.zeros((int(member.max()) + 1, int(record.max()) + 1))
        table[member, record] = p
        others = _others(table)[member, record]
        odds = np.zeros_like(table)
        odds[member, record] = np.exp(self.ratio[a:b]) * self.chance[a:b] / (1.0 - self.chance[a:b])
        share = odds / (1.0 + odds.sum(axis=0) + odds.sum(axis=1, keepdims=True) - odds)
        return others, others * share[member, record] + (1.0 - others) * p


def _several(meeting: Indices) -> tuple[NDArray[np.bool_], Indices]:
    """Which lines are alone in their meeting; and the others, sorted by meeting, then as they come."""
    order = np.argsort(meeting)
    same = np.diff(meeting[order]) == 0
    several = np.zeros(meeting.size, dtype=bool)
    several[1:] |= same
    several[:-1] |= same
    lines = np.sort(order[several])
    single = np.ones(meeting.size, dtype=bool)
    single[lines] = False
    return single, lines[np.argsort(meeting[lines], kind="stable")]


def _ranks(meeting: Indices, item: Rows) -> Indices:
    """The place of each item among the different items of its meeting."""
    order = np.lexsort((item, meeting))
    first = np.diff(meeting[order], prepend=-1) != 0
    new = first | (np.diff(item[order], prepend=-1) != 0)
    number = np.cumsum(new) - 1
    start = np.maximum.accumulate(np.where(first, number, 0))
    ranks = np.empty(item.size, dtype=np.int64)
    ranks[order] = number - start
    return ranks


def _others(table: Probabilities) -> Probabilities:
    """For each place, the probability that one of the *other* assigned pairs is right, under the best assignment."""
    rows, columns = linear_sum_assignment(table, maximize=True)
    wrong = np.log1p(-np.minimum(table[rows, columns], 1.0 - 1e-12))
    total = wrong.sum()
    by_row, by_column, both = np.zeros(table.shape[0]), np.zeros(table.shape[1]), np.zeros_like(table)
    by_row[rows], by_column[columns], both[rows, columns] = wrong, wrong, wrong
    return np.asarray(-np.expm1(np.minimum(total - by_row[:, None] - by_column[None, :] + both, 0.0)))
