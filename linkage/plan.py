"""Which search to use: the cost of both for the data at hand, and the choice in words.

Costs are modelled, not timed, so that the same input always takes the same search. The model's constants are from
`python -m benchmarks`; what decides is a ratio of two costs on the same machine, which moves little between machines.
Hardened encodings need far more tables than plain ones, because diffusion multiplies every difference: there the exact
search usually wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage import search_lsh
from linkage.bits import Words, popcounts
from linkage.result import SearchReport
from linkage.search_exact import Pairs
from linkage.search_exact import search as search_exact
from linkage.search_lsh import (
    LONGEST_KEY,
    MOST_TABLES,
    SHORTEST_KEY,
    Tables,
    balanced,
    collision_rate,
    tables_needed,
)
from protocols.errors import InputError
from protocols.matching import SearchKind, SearchRules

EXACT_PAIR = 1.5e-9  # seconds for one pair of 1,024 bits on one core
LSH_PAIR = 1.5e-8  # seconds for one pair that shares a key
LSH_ROW_BIT = 1.0e-9  # seconds for one bit of one row's key
LSH_ROW = 1.2e-7  # seconds to sort one row and to fetch it from memory
LSH_BUCKET = 2.0e-9  # seconds for one possible key
WORTH_PLANNING = 2.0  # seconds of exact search on one core below which nothing else is considered
_FEWEST_ROWS = 512
_SAMPLE_ROWS = 4_096
_SAMPLE_SHARE = 0.03
_ENOUGH_SAMPLE = 50
_RATE_ROWS = 20_000


@dataclass(frozen=True)
class Plan:
    """The search to do: exact if there are no tables. `measured_recall` is that of the tables on the sample."""

    why: str
    tables: Tables | None
    promised_recall: float
    measured_recall: float

    @property
    def report(self) -> SearchReport:
        """The plan as the run's report gives it."""
        kind = SearchKind.EXACT if self.tables is None else SearchKind.LSH
        return SearchReport(kind, self.why, self.promised_recall, self.measured_recall)


def make_plan(
    left: Words, right: Words, bits: int, limits: NDArray[np.int64], rules: SearchRules, *, threads: int | None = None
) -> Plan:
    """Plan the search of pairs within `limits[popcount sum]`. Raises `InputError` if `lsh` is asked for and cannot keep its promise."""
    exact_cost = left.shape[0] * right.shape[0] * EXACT_PAIR * left.shape[1] / 16
    if min(left.shape[0], right.shape[0]) == 0:
        return Plan("one side is empty", None, 1.0, 1.0)
    if rules.kind is SearchKind.EXACT:
        return Plan("the match rules ask for it", None, 1.0, 1.0)
    if rules.kind is SearchKind.AUTO and exact_cost < WORTH_PLANNING:
        return Plan("every pair is compared in seconds", None, 1.0, 1.0)
    seen, held_back = _sample_pairs(left, right, limits, threads)
    choice = balanced(left, right, bits)
    differing = _differing(left, right, seen, choice)
    if differing.size < _ENOUGH_SAMPLE:
        differing = _at_the_limit(left, right, limits) * choice.size // bits + 1
    key_bits, tables, lsh_cost = _cheapest(left, right, choice, differing, rules.recall)
    costs = f"exact about {exact_cost:,.0f} s of one core"
    if tables > MOST_TABLES:
        if rules.kind is SearchKind.LSH:
            raise InputError(
                f"`lsh` would need more than {MOST_TABLES:,} tables for a recall of {rules.recall} on these encodings.",
                next_step="Use `exact`, or promise less.",
            )
        return Plan(f"{costs}; lsh would need more than {MOST_TABLES:,} tables", None, 1.0, 1.0)
    costs += f", lsh about {lsh_cost:,.0f} s with {tables:,} tables of {key_bits} bits"
    if rules.kind is SearchKind.AUTO and exact_cost <= lsh_cost:
        return Plan(costs, None, 1.0, 1.0)
    drawn, measured = _held_to_promise(left, right, choice, held_back, key_bits, tables, rules.recall)
    return Plan(costs, drawn, rules.recall, measured)


def search_by(
    plan: Plan, left: Words, right: Words, limits: NDArray[np.int64], *, threads: int | None = None
) -> Iterator[Pairs]:
    """Do the planned search."""
    if plan.tables is None:
        return search_exact(left, right, limits, threads=threads)
    return search_lsh.search(left, right, limits, plan.tables, threads=threads)


def _sample_pairs(left: Words, right: Words, limits: NDArray[np.int64], threads: int | None) -> tuple[Pairs, Pairs]:
    """The exact search of a sample of the left rows: half of the rows to plan by, half to hold the plan to.

    The rows given are those of the whole left side.
    """
    rows = max(_FEWEST_ROWS, min(_SAMPLE_ROWS, int(_SAMPLE_SHARE * left.shape[0])))
    chosen = np.linspace(0, left.shape[0] - 1, min(rows, left.shape[0])).astype(np.int64)
    found = Pairs.join(list(search_exact(np.ascontiguousarray(left[chosen]), right, limits, threads=threads)))
    seen = found.left % 2 == 0
    whole = Pairs(chosen[found.left].astype(np.int32), found.right, found.distance)
    return Pairs(*(column[seen] for column in whole)), Pairs(*(column[~seen] for column in whole))


def _at_the_limit(left: Words, right: Words, limits: NDArray[np.int64]) -> NDArray[np.int64]:
    """The worst case: every pair as far apart as it may be."""
    typical = int(popcounts(left[:1_000]).mean() + popcounts(right[:1_000]).mean())
    return np.array([max(0, limits[typical])], dtype=np.int64)


def _differing(left: Words, right: Words, pairs: Pairs, choice: NDArray[np.int64]) -> NDArray[np.int64]:
    """In how many of the chosen bits each pair differs: what decides whether it meets in a table."""
    mask = Tables.draw(choice, left.shape[1], choice.size, 1).masks[0]
    return popcounts((left[pairs.left] ^ right[pairs.right]) & mask)


def _cheapest(
    left: Words, right: Words, choice: NDArray[np.int64], differing: NDArray[np.int64], recall: float
) -> tuple[int, int, float]:
    """Key bits, tables and modelled cost in seconds of one core. Half of what may be missed is kept in hand."""
    aim = 1.0 - (1.0 - recall) / 2.0
    best = (SHORTEST_KEY, MOST_TABLES + 1, np.inf)
    rows = left.shape[0] + right.shape[0]
    few_left, few_right = (side[:: max(1, side.shape[0] // _RATE_ROWS)] for side in (left, right))
    for key_bits in range(SHORTEST_KEY, min(LONGEST_KEY, choice.size) + 1, 2):
        tables = tables_needed(choice.size, differing, key_bits, aim)
        if tables > MOST_TABLES:
            break
        trial = Tables.draw(choice, left.shape[1], key_bits, 4).positions
        rate = max(float(np.mean([collision_rate(few_left, few_right, row) for row in trial])), 0.5**key_bits)
        cost = tables * (
            rows * (LSH_ROW + key_bits * LSH_ROW_BIT)
            + (1 << key_bits) * LSH_BUCKET
            + left.shape[0] * right.shape[0] * rate * LSH_PAIR
        )
        if cost < best[2]:
            best = (key_bits, tables, cost)
    return best


def _held_to_promise(
    left: Words, right: Words, choice: NDArray[np.int64], sample: Pairs, key_bits: int, tables: int, recall: float
) -> tuple[Tables, float]:
    """Tables that find at least the promised share of a sample that did not plan them: as many more as that takes."""
    differences = left[sample.left] ^ right[sample.right]
    while True:
        drawn = Tables.draw(choice, left.shape[1], key_bits, tables)
        measured = float(drawn.find(differences).mean()) if sample.left.size else 1.0
        if measured >= recall or tables >= MOST_TABLES:
            return drawn, measured
        tables = min(MOST_TABLES, tables + tables // 4 + 1)
