"""Which search to use: the cost of both for the data at hand, and the choice in words.

Costs are modelled, not timed, so that the same input always takes the same search. The model's constants are from
`python -m benchmarks`; what decides is a ratio of two costs on the same machine, which moves little between machines.
Hardened encodings need far more tables than plain ones, because diffusion multiplies every difference: there the exact
search usually wins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage import search_lsh
from linkage.bits import Words, popcounts
from linkage.columns import Columns
from linkage.result import SearchReport
from linkage.search_exact import Pairs, Side, best_look
from linkage.search_exact import search as search_exact
from linkage.search_tables import (
    LONGEST_KEY,
    MOST_TABLES,
    SHORTEST_KEY,
    Tables,
    collision_rate,
    meeting_chance,
    tables_needed,
    telling_bits,
)
from protocols.errors import InputError
from protocols.matching import SearchKind, SearchRules

EXACT_WORD = 6.4e-11  # seconds of one core for one word of one pair
EXACT_PAIR = 1.8e-10  # and for the pair
LSH_WORD = 7.0e-11  # for one word of one pair that shares a key
LSH_ROW = 1.0e-8  # to sort one row
LSH_ROW_WORD = 4.5e-9  # to fetch one word of it from memory
LSH_ROW_BIT = 2.0e-10  # for one bit of one row's key
LSH_BUCKET = 5.0e-9  # for one possible key
LSH_FOUND = 1.0e-7  # for one pair within the limit, each time it meets
WORTH_PLANNING = 2.0  # seconds of exact search on one core below which nothing else is considered
_FEWEST_ROWS = 512
_SAMPLE_ROWS = 8_192
_SAMPLE_SHARE = 0.03
_ENOUGH_SAMPLE = 50
_MOST_SAMPLE = 200_000
_RATE_ROWS = 20_000
_RATE_TABLES = 12
_LOOK_ROWS = 4_096


@dataclass(frozen=True)
class Plan:
    """The search to do: exact if there are no tables. `measured_recall` is that of the tables on the sample.

    The estimates are seconds of one core; NaN where there was no need for one, infinite where `lsh` cannot keep the promise.
    """

    why: str
    tables: Tables | None
    promised_recall: float
    measured_recall: float
    exact_seconds: float = math.nan
    lsh_seconds: float = math.nan

    @property
    def report(self) -> SearchReport:
        """The plan as the run's report gives it."""
        kind = SearchKind.EXACT if self.tables is None else SearchKind.LSH
        return SearchReport(kind, self.why, self.promised_recall, self.measured_recall)


def make_plan(
    left: Words, right: Words, bits: int, limits: NDArray[np.int64], rules: SearchRules, *, threads: int | None = None
) -> Plan:
    """Plan the search of pairs within `limits[popcount sum]`. Raises `InputError` if `lsh` is asked for and cannot keep its promise."""
    if min(left.shape[0], right.shape[0]) == 0:
        return Plan("one side is empty", None, 1.0, 1.0)
    if rules.kind is SearchKind.EXACT:
        return Plan("the match rules ask for it", None, 1.0, 1.0)
    exact = _exact_seconds(left, right, limits)
    if rules.kind is SearchKind.AUTO and exact < WORTH_PLANNING:
        return Plan("every pair is compared in seconds", None, 1.0, 1.0, exact)
    seen, held_back = _sample_pairs(left, right, limits, threads)
    key_bits, tables, lsh, choice = _cheapest(left, right, bits, limits, seen, rules.recall)
    costs = f"exact about {exact:,.0f} s of one core"
    if tables <= MOST_TABLES:
        costs += f", lsh about {lsh:,.0f} s with {tables:,} tables of {key_bits} bits"
        if rules.kind is SearchKind.AUTO and exact <= lsh:
            return Plan(costs, None, 1.0, 1.0, exact, lsh)
        drawn, measured = _held_to_promise(left.shape[1], choice, held_back, key_bits, tables, rules.recall)
        if (needed := drawn.positions.shape[0]) > tables:
            costs += f", {needed:,} tables to keep the promise on the sample"
        if measured >= rules.recall:
            return Plan(costs, drawn, rules.recall, measured, exact, lsh)
    if rules.kind is SearchKind.LSH:
        raise InputError(
            f"`lsh` would need more than {MOST_TABLES:,} tables for a recall of {rules.recall} on these encodings.",
            next_step="Use `exact`, or promise less.",
        )
    return Plan(f"{costs}; lsh would need more than {MOST_TABLES:,} tables", None, 1.0, 1.0, exact, math.inf)


def search_by(
    plan: Plan, left: Words, right: Words, limits: NDArray[np.int64], *, threads: int | None = None
) -> Iterator[Pairs]:
    """Do the planned search."""
    if plan.tables is None:
        return search_exact(left, right, limits, threads=threads)
    return search_lsh.search(left, right, limits, plan.tables, threads=threads)


def _sample_pairs(
    left: Words, right: Words, limits: NDArray[np.int64], threads: int | None
) -> tuple[tuple[Words, float], Words]:
    """Differences of the pairs of a sample of the left rows, by the exact search: of half of the rows to plan by (and how many
    pairs of all each stands for), of the other half to hold the plan to.
    """
    rows = max(_FEWEST_ROWS, min(_SAMPLE_ROWS, int(_SAMPLE_SHARE * left.shape[0])))
    chosen = np.linspace(0, left.shape[0] - 1, min(rows, left.shape[0])).astype(np.int64)
    found = Pairs.join(list(search_exact(np.ascontiguousarray(left[chosen]), right, limits, threads=threads)))
    every = -(-found.left.size // _MOST_SAMPLE) or 1
    found = Pairs(*(column[::every] for column in found))
    differences = left[chosen[found.left]] ^ right[found.right]
    seen = found.left % 2 == 0
    return (differences[seen], 2.0 * every * left.shape[0] / chosen.size), differences[~seen]


def _at_the_limit(left: Words, right: Words, limits: NDArray[np.int64]) -> NDArray[np.int64]:
    """The worst case: every pair as far apart as it may be."""
    typical = int(popcounts(left[:1_000]).mean() + popcounts(right[:1_000]).mean())
    return np.array([max(0, limits[typical])], dtype=np.int64)


def _exact_seconds(left: Words, right: Words, limits: NDArray[np.int64]) -> float:
    """What the exact search would take on one core, with its pruning as a sample of rows shows it."""
    few_left, few_right = (Side.of(side[:: max(1, side.shape[0] // _LOOK_ROWS)]) for side in (left, right))
    words = best_look(few_left, few_right, limits).words
    return float(left.shape[0] * right.shape[0] * (EXACT_PAIR + words * EXACT_WORD))


def _cheapest(
    left: Words, right: Words, bits: int, limits: NDArray[np.int64], seen: tuple[Words, float], recall: float
) -> tuple[int, int, float, NDArray[np.int64]]:
    """Key bits, tables, modelled seconds of one core, and the bits to draw from. Half of what may be missed is kept in hand.

    `seen` are the differences of the sample's pairs, and how many pairs of all each stands for.
    """
    differences, times = seen
    if enough := differences.shape[0] >= _ENOUGH_SAMPLE:
        choice = telling_bits(left, right, differences, bits)
        chosen = Tables.draw(choice, left.shape[1], choice.size, 1).masks[:, 0]
        differing = popcounts(differences & chosen)
    else:
        choice = telling_bits(left, right, differences[:0], bits)
        differing = _at_the_limit(left, right, limits) * choice.size // bits + 1
    aim = 1.0 - (1.0 - recall) / 2.0
    best = (SHORTEST_KEY, MOST_TABLES + 1, np.inf)
    few_left, few_right = (Columns.of(side[:: max(1, side.shape[0] // _RATE_ROWS)], choice) for side in (left, right))
    rows, words = left.shape[0] + right.shape[0], left.shape[1]
    for key_bits in range(SHORTEST_KEY, min(LONGEST_KEY, choice.size) + 1, 2):
        tables = tables_needed(choice.size, differing, key_bits, aim)
        if tables > MOST_TABLES:
            break
        trial = Tables.draw(choice, words, key_bits, _RATE_TABLES).positions
        rate = max(float(np.mean([collision_rate(few_left, few_right, row) for row in trial])), 0.5**key_bits)
        found = times * meeting_chance(choice.size, differing, key_bits).sum() if enough else 0.0
        cost = tables * (
            rows * (LSH_ROW + words * LSH_ROW_WORD + key_bits * LSH_ROW_BIT)
            + (1 << key_bits) * LSH_BUCKET
            + left.shape[0] * right.shape[0] * rate * words * LSH_WORD
            + found * LSH_FOUND
        )
        if cost < best[2]:
            best = (key_bits, tables, float(cost))
    return *best, choice


def _held_to_promise(
    words: int, choice: NDArray[np.int64], differences: Words, key_bits: int, tables: int, recall: float
) -> tuple[Tables, float]:
    """Tables that find at least the promised share of a sample that did not plan them: as many more as that takes."""
    while True:
        drawn = Tables.draw(choice, words, key_bits, tables)
        measured = float((drawn.first(differences) >= 0).mean()) if differences.shape[0] else 1.0
        if measured >= recall or tables >= MOST_TABLES:
            return drawn, measured
        tables = min(MOST_TABLES, tables + tables // 8 + 1)
