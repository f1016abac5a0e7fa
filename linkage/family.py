"""The family step: what the rest of a declared family, found in an agency's own group, says about each of its members.

A declared family meets an agency's group when at least one of its members has a candidate record in it. In a meeting the
members are assigned to the records one to one; with probability q another member is really there. Then the other
explanation for a record is no stranger but a relative, so the probability is weighed against the shape of family pairs,
and a member is likely to be in the group at all. Nothing here adds a person to a family: only declared members have
candidates, and a group decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from linkage.compete import Probabilities, Rows, duplicate_rate, held_elsewhere, share_out
from linkage.memberships import memberships
from protocols.matching import ContextRules

_ALONE = 0.1  # below this probability nobody else of the family is taken to be there


@dataclass(frozen=True)
class Meeting:
    """One family and one group: its candidate pairs as indices, and their places in a members × records table."""

    pairs: NDArray[np.int64]
    member: NDArray[np.int64]
    record: NDArray[np.int64]
    members: int
    records: int


def meetings(
    anchor: Rows,
    record: Rows,
    families: Sequence[NDArray[np.int32]],
    groups: Sequence[NDArray[np.int32]],
) -> list[Meeting]:
    """Every meeting of a family (people's numbers) and a group (rows of the agency) that can say something."""
    families_of = memberships(families)
    groups_of = memberships(groups)
    met: dict[tuple[int, int], list[int]] = {}
    for pair, (i, r) in enumerate(zip(anchor.tolist(), record.tolist(), strict=True)):
        for family in families_of.get(i, ()):
            for group in groups_of.get(r, ()):
                met.setdefault((family, group), []).append(pair)
    found = []
    for (family, group), pairs in sorted(met.items()):
        people, rows = families[family], groups[group]
        if people.size < 2 and rows.size < 2:
            continue
        at = np.array(pairs, dtype=np.int64)
        places = (
            {row: place for place, row in enumerate(people.tolist())},
            {row: place for place, row in enumerate(rows.tolist())},
        )
        found.append(
            Meeting(
                at,
                np.array([places[0][i] for i in anchor[at].tolist()], dtype=np.int64),
                np.array([places[1][r] for r in record[at].tolist()], dtype=np.int64),
                people.size,
                rows.size,
            )
        )
    return found


@dataclass(frozen=True)
class Confirmed:
    """Probabilities after the family step, and before it."""

    probability: Probabilities
    unaided: Probabilities


def confirm(
    anchor: Rows,
    record: Rows,
    log_odds: NDArray[np.float64],
    family_log_ratio: NDArray[np.float64],
    met: Sequence[Meeting],
    anchors: int,
    records: int,
    rules: ContextRules,
) -> Confirmed:
    """Rounds of competition and family step over the candidate pairs of one agency.

    `log_odds` are the pairs' log-odds against strangers, `family_log_ratio` the log density ratio of one person against a
    relative.
    """
    probability = share_out(record, log_odds, records)
    unaided = probability
    for _ in range(rules.rounds):
        lifted, alone = _look_round(met, probability, family_log_ratio, rules)
        base_odds = log_odds - rules.penalty * alone
        elsewhere = held_elsewhere(anchor, probability, anchors)
        found = min(1.0, max(0.01, probability.sum() / anchors))
        further = min(1.0, duplicate_rate(anchor, probability, anchors) / found)
        base_odds += np.log1p(elsewhere * (further - 1.0))
        base = share_out(record, base_odds, records)
        probability = np.maximum(base, np.where(lifted > probability, lifted, 0.0))
        total = np.bincount(record, weights=probability, minlength=records)
        probability = probability / np.maximum(1.0, total[record])
    return Confirmed(probability, unaided)


def _look_round(
    met: Sequence[Meeting], probability: Probabilities, family_log_ratio: NDArray[np.float64], rules: ContextRules
) -> tuple[Probabilities, NDArray[np.bool_]]:
    lifted = probability.copy()
    company = np.zeros(probability.size)
    alone = np.zeros(probability.size, dtype=bool)
    for meeting in met:
        pairs, member, record = meeting.pairs, meeting.member, meeting.record
        table = np.zeros((meeting.members, meeting.records))
        table[member, record] = probability[pairs]
        others = _others(table)[member, record]
        chance = rules.same_group / max(meeting.members, meeting.records)
        odds = np.zeros_like(table)
        odds[member, record] = np.exp(family_log_ratio[pairs]) * chance / (1.0 - chance)
        share = odds / (1.0 + odds.sum(axis=0) + odds.sum(axis=1, keepdims=True) - odds)
        lift = others * share[member, record] + (1.0 - others) * probability[pairs]
        lifted[pairs] = np.maximum(lifted[pairs], lift)
        company[pairs] = np.maximum(company[pairs], others)
        if meeting.members > 1 and meeting.records > 1:
            alone[pairs] |= others < _ALONE
    return lifted, alone & (company < _ALONE)


def _others(table: Probabilities) -> Probabilities:
    """For each place, the probability that one of the *other* assigned pairs is right, under the best assignment."""
    rows, columns = linear_sum_assignment(table, maximize=True)
    wrong = np.log1p(-np.minimum(table[rows, columns], 1.0 - 1e-12))
    total = wrong.sum()
    by_row, by_column, both = np.zeros(table.shape[0]), np.zeros(table.shape[1]), np.zeros_like(table)
    by_row[rows], by_column[columns], both[rows, columns] = wrong, wrong, wrong
    return np.asarray(-np.expm1(np.minimum(total - by_row[:, None] - by_column[None, :] + both, 0.0)))
