"""The tables of the approximate search: which bits they sample, how many of them are needed, and which pairs meet in one.

A pair that differs in d of the b bits drawn from meets in a table of k positions with probability C(b-d, k) / C(b, k), so the
number of tables follows from the distances of the pairs that matter and the promised recall (Indyk and Motwani 1998; for
record linkage Karapiperis and Verykios 2015).

Which bits to draw from decides how much a table costs. A bit that nearly everybody has sorts nothing (Franke et al. 2018); a
bit in which similar pairs often differ loses them. Both are seen in the data, and the best bits by both are taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.bits import Words, compiled
from linkage.columns import Columns
from linkage.lanes import LANES, agreeing

MOST_TABLES = 4_096
LONGEST_KEY = 24
SHORTEST_KEY = 8
SEED = 20_240_229  # the tables are the same in every run: the same input gives the same output
_SHARE_ROWS = 5_000
_MOST_DIFFERENCES = 20_000


@dataclass(frozen=True)
class Tables:
    """Bit positions of each table, (tables, key bits), and the same as masks: word w of all tables' masks side by side in line w.

    The lines are filled up with zeros to whole groups of `LANES`.
    """

    positions: NDArray[np.int64]
    masks: Words

    @staticmethod
    def draw(choice: NDArray[np.int64], words: int, key_bits: int, tables: int) -> Tables:
        """Draw tables from some bits of encodings of this many words. The first tables do not depend on how many follow."""
        rng = np.random.default_rng(SEED)
        positions = np.stack(
            [np.sort(rng.choice(choice, min(key_bits, choice.size), replace=False)) for _ in range(tables)]
        ).astype(np.int64)
        masks = np.zeros((words, -(-tables // LANES) * LANES), dtype=np.uint64)
        for table, row in enumerate(positions):
            np.bitwise_or.at(masks[:, table], row // 64, np.uint64(1) << (row % 64).astype(np.uint64))
        return Tables(positions, masks)

    def first(self, differences: Words) -> NDArray[np.int64]:
        """The first table in which each pair meets, given as the XOR of its encodings, or -1."""
        return np.asarray(_first_tables(np.ascontiguousarray(differences), self.masks, self.positions.shape[0]))


def meeting_chance(bits: int, distance: NDArray[np.integer], key_bits: int) -> NDArray[np.float64]:
    """Probability that a pair at each distance meets in one table."""
    chance = np.ones(distance.shape, dtype=np.float64)
    agreeing_bits = bits - np.asarray(distance, dtype=np.float64)
    for drawn in range(key_bits):
        chance *= np.maximum(agreeing_bits - drawn, 0.0) / (bits - drawn)
    return chance


def tables_needed(bits: int, distance: NDArray[np.integer], key_bits: int, recall: float) -> int:
    """The fewest tables in which, on average over pairs at these distances, a share `recall` meets; `MOST_TABLES` + 1 if none."""
    chance = meeting_chance(bits, distance, key_bits)
    missed = np.log1p(-np.minimum(chance, 1.0 - 1e-12))
    low, high = 1, MOST_TABLES + 1
    while low < high:
        middle = (low + high) // 2
        if 1.0 - np.exp(middle * missed).mean() >= recall:
            high = middle
        else:
            low = middle + 1
    return low


def telling_bits(left: Words, right: Words, differences: Words, bits: int) -> NDArray[np.int64]:
    """The half of the bits that parts strangers at the least loss of similar pairs, whose XORs are `differences`.

    For each bit: how much more likely a table is to lose a similar pair by it, to how much fewer strangers meet by it, both as
    logarithms. Without similar pairs to learn from, it is the more balanced half.
    """
    rows = [side[:: max(1, side.shape[0] // _SHARE_ROWS)] for side in (left, right)]
    share = _shares(np.concatenate(rows), bits)
    met = np.log(np.minimum(share**2 + (1.0 - share) ** 2, 1.0 - 1e-9))
    some = differences[:: max(1, differences.shape[0] // _MOST_DIFFERENCES)]
    count = some.shape[0]
    agree = 1.0 - (_shares(some, bits) * count + 1.0) / (count + 2.0) if count else np.full(bits, 0.5)
    loss = np.log(agree) / met
    return np.sort(np.argsort(loss, kind="stable")[: max(SHORTEST_KEY, bits // 2)])


def collision_rate(left: Columns, right: Columns, positions: NDArray[np.int64]) -> float:
    """Share of all pairs of rows that agree on all positions."""
    found, counts = np.unique(left.keys(positions), return_counts=True)
    others, other_counts = np.unique(right.keys(positions), return_counts=True)
    _, a, b = np.intersect1d(found, others, assume_unique=True, return_indices=True)
    pairs = (counts[a].astype(np.float64) * other_counts[b]).sum()
    return float(pairs / (left.rows * right.rows))


def _shares(words: Words, bits: int) -> NDArray[np.float64]:
    """For each bit, the share of rows that have it."""
    if words.shape[0] == 0:
        return np.zeros(bits)
    ones = np.zeros(bits, dtype=np.int64)
    for first in range(0, words.shape[0], 1_000):
        block = np.ascontiguousarray(words[first : first + 1_000]).view(np.uint8)
        ones += np.unpackbits(block, axis=1, bitorder="little")[:, :bits].sum(axis=0, dtype=np.int64)
    return np.asarray(ones / words.shape[0])


@compiled
def _first_tables(differences: Words, masks: Words, tables: int) -> NDArray[np.int64]:  # pragma: no cover - compiled
    first = np.full(differences.shape[0], -1, dtype=np.int64)
    for pair in range(differences.shape[0]):
        first[pair] = first_table(differences[pair : pair + 1], masks, tables)
    return first


@compiled
def first_table(difference: Words, masks: Words, tables: int) -> int:  # pragma: no cover - compiled
    """The first of so many tables in which a pair meets whose XOR is `difference`, (1, words), or -1."""
    for group in range(0, tables, LANES):
        met = np.int64(agreeing(difference, masks, group))
        for table in range(group, min(group + LANES, tables)):
            if met & 1:
                return table
            met >>= 1
    return -1
