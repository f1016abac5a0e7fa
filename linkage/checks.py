"""Keyed comparators: further evidence beside the encoding, of which only equality can be seen.

A check is a small number that the agency derives from a few fields under the linkage secret; -1 says that a field is
missing. A sharing protocol names its comparators in order, each saying more than the one before it. A pair stands at the
level of the highest comparator that agrees; distances are counted apart for each level, so that what an agreement is
worth is learnt and never stated.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from linkage.bits import Words, distances_of
from linkage.search_exact import tally

MOST_PAIRS = 1 << 28
BLOCK = 1 << 20  # about so many agreeing pairs are looked at together

Checks = NDArray[np.int32]
Levels = NDArray[np.int8]

ABSENT = 0  # no comparator can be compared
NONE_AGREES = 1  # level 1 + k: comparator k (from 1) is the highest that agrees


def levels_of(left: Checks, right: Checks) -> Levels:
    """The level of each pair of rows of checks, shape (n, comparators) each."""
    level = np.where(((left >= 0) & (right >= 0)).any(axis=1), NONE_AGREES, ABSENT).astype(np.int8)
    for number in range(left.shape[1]):
        agrees = (left[:, number] >= 0) & (left[:, number] == right[:, number])
        level[agrees] = NONE_AGREES + 1 + number
    return level


def count_levels(comparators: int) -> int:
    """How many levels there are."""
    return NONE_AGREES + 1 + comparators if comparators else 1


def tally_checked(
    left: Words, left_checks: Checks, right: Words, right_checks: Checks, bits: int, *, threads: int | None
) -> tuple[NDArray[np.int64], int]:
    """Pairs at each distance 0..bits by level, shape (levels, bits + 1), and k: only every k-th left row was counted.

    Agreeing pairs are few (one in 2^bits, and those that truly agree), so they are listed; all others are counted by the
    comparators that each side has.
    """
    every = max(1, -(-left.shape[0] * right.shape[0] // MOST_PAIRS))
    rows, own = left[::every], left_checks[::every]
    comparators = own.shape[1]
    counts = np.zeros((count_levels(comparators), bits + 1), dtype=np.int64)
    has, have = _present(own), _present(right_checks)
    for mine in np.unique(has).tolist():
        for theirs in np.unique(have).tolist():
            level = NONE_AGREES if mine & theirs else ABSENT
            counts[level] += tally(rows[has == mine], right[have == theirs], bits, threads=threads, most_pairs=1 << 62)[
                0
            ]
    for a, b in agreeing(own, right_checks):
        levels = levels_of(own[a], right_checks[b])
        found = count_pairs(distances_of(rows, right, a, b), levels, counts.shape[0], bits)
        counts += found
        counts[NONE_AGREES] -= found.sum(axis=0)
    return counts, every


def count_pairs(distance: NDArray[np.int32], level: Levels, levels: int, bits: int) -> NDArray[np.int64]:
    """Listed pairs at each distance 0..bits by level, shape (levels, bits + 1)."""
    flat = np.bincount(level.astype(np.int64) * (bits + 1) + distance, minlength=levels * (bits + 1))
    return flat.reshape(levels, bits + 1)


def _present(checks: Checks) -> NDArray[np.int64]:
    """Which comparators each row has, as the bits of a number."""
    return np.asarray((checks >= 0) @ (1 << np.arange(checks.shape[1], dtype=np.int64)), dtype=np.int64)


def agreeing(left: Checks, right: Checks) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of rows of which at least one comparator agrees, each once, in blocks."""
    for number in range(left.shape[1]):
        order = np.argsort(right[:, number], kind="stable")
        ordered = right[order, number]
        rows = np.flatnonzero(left[:, number] >= 0)
        first = np.searchsorted(ordered, left[rows, number], "left")
        count = np.searchsorted(ordered, left[rows, number], "right") - first
        for block in np.array_split(np.arange(rows.size), max(1, int(count.sum()) // BLOCK)):
            a = np.repeat(rows[block], count[block])
            within = np.arange(a.size) - np.repeat(np.cumsum(count[block]) - count[block], count[block])
            b = order[np.repeat(first[block], count[block]) + within]
            seen = (left[a, :number] >= 0) & (left[a, :number] == right[b, :number])
            new = ~seen.any(axis=1)
            yield a[new], b[new]
