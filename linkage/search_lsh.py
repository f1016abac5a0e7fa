"""The approximate search: locality-sensitive hashing by bit sampling, with a promised recall that is also measured.

A table is a sample of bit positions; two encodings meet in it when they agree on all of them. A pair that differs in d
of the b bits drawn from meets in a table of k positions with probability C(b-d, k) / C(b, k), so the number of tables follows from the
distances of the pairs that matter and the promised recall (Indyk and Motwani 1998; for record linkage Karapiperis and
Verykios 2015). The distances are taken from an exact search of a sample of rows, and on the same sample the tables are
then held to their promise: what share of its pairs do they really find?

Positions are drawn from the most balanced bits: a bit that is nearly always set sorts nothing (Franke et al. 2018).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from linkage.bits import CHUNK, Words, compiled, popcount, popcounts, prefetch
from linkage.search_exact import Pairs

MOST_TABLES = 4_096
LONGEST_KEY = 24
SHORTEST_KEY = 8
SEED = 20_240_229  # the tables are the same in every run: the same input gives the same output
AHEAD = 8  # buckets, and rows of each, that are asked for before their turn
LINE = 8  # words in a line of the cache
_BUFFER = 1 << 18
_ROOM = 1 << 10


@dataclass(frozen=True)
class Tables:
    """Bit positions of each table, (tables, key bits), and the same as masks over the words, (tables, words)."""

    positions: NDArray[np.int64]
    masks: Words

    @staticmethod
    def draw(choice: NDArray[np.int64], words: int, key_bits: int, tables: int) -> Tables:
        """Draw tables from some bits of encodings of this many words."""
        rng = np.random.default_rng(SEED)
        positions = np.stack(
            [np.sort(rng.choice(choice, min(key_bits, choice.size), replace=False)) for _ in range(tables)]
        ).astype(np.int64)
        masks = np.zeros((tables, words), dtype=np.uint64)
        for table, row in enumerate(positions):
            np.bitwise_or.at(masks[table], row // 64, np.uint64(1) << (row % 64).astype(np.uint64))
        return Tables(positions, masks)

    def find(self, differences: Words) -> NDArray[np.bool_]:
        """Which pairs, given as the XOR of their encodings, meet in at least one table."""
        return np.asarray(_first_tables(differences, self.masks) >= 0)


def meeting_chance(bits: int, distance: NDArray[np.integer], key_bits: int) -> NDArray[np.float64]:
    """Probability that a pair at each distance meets in one table."""
    chance = np.ones(distance.shape, dtype=np.float64)
    agreeing = bits - np.asarray(distance, dtype=np.float64)
    for drawn in range(key_bits):
        chance *= np.maximum(agreeing - drawn, 0.0) / (bits - drawn)
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


def search(
    left: Words, right: Words, limits: NDArray[np.int64], tables: Tables, *, threads: int | None = None
) -> Iterator[Pairs]:
    """Stream every pair within `limits[popcount sum]` that meets in a table, each once, in an order that is always the same."""
    if left.shape[0] == 0 or right.shape[0] == 0:
        return
    ones = popcounts(left), popcounts(right)
    workers = threads or os.cpu_count() or 1
    todo = iter(range(tables.positions.shape[0]))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting: deque[Future[list[Pairs]]] = deque()
        try:
            for table in islice(todo, workers + 1):
                waiting.append(pool.submit(_search_table, left, right, ones, limits, tables, table))
            while waiting:
                found = waiting.popleft().result()
                waiting.extend(
                    pool.submit(_search_table, left, right, ones, limits, tables, table) for table in islice(todo, 1)
                )
                yield from found
        finally:
            for future in waiting:
                future.cancel()


def collision_rate(left: Words, right: Words, positions: NDArray[np.int64]) -> float:
    """Share of all pairs of rows that agree on all positions."""
    keys, counts = np.unique(_keys(left, positions), return_counts=True)
    others, other_counts = np.unique(_keys(right, positions), return_counts=True)
    _, a, b = np.intersect1d(keys, others, assume_unique=True, return_indices=True)
    pairs = (counts[a].astype(np.float64) * other_counts[b]).sum()
    return float(pairs / (left.shape[0] * right.shape[0]))


def balanced(left: Words, right: Words, bits: int) -> NDArray[np.int64]:
    """The more balanced half of the bits of both sides: a bit that nearly everybody has sorts nothing."""
    rows = [side[:: max(1, side.shape[0] // 5_000)] for side in (left, right)]
    sample = np.concatenate(rows)
    shares = np.unpackbits(sample.view(np.uint8), axis=1, bitorder="little")[:, :bits].mean(axis=0)
    return np.sort(np.argsort(np.abs(shares - 0.5), kind="stable")[: max(SHORTEST_KEY, bits // 2)])


def _search_table(
    left: Words,
    right: Words,
    ones: tuple[NDArray[np.int64], NDArray[np.int64]],
    limits: NDArray[np.int64],
    tables: Tables,
    table: int,
) -> list[Pairs]:
    positions = tables.positions[table]
    left_order, left_starts = _sorted_by_key(_keys(left, positions), positions.size)
    right_order, right_starts = _sorted_by_key(_keys(right, positions), positions.size)
    left_first, left_last, right_first, right_last = _shared(left_starts, right_starts)
    in_order = ones[0][left_order], ones[1][right_order]
    found = []
    buffer = np.empty((3, _BUFFER + _ROOM), dtype=np.int32)
    bucket, place, within = 0, 0, 0
    while bucket < left_first.size:
        count, bucket, place, within = _join(
            left,
            right,
            *in_order,
            limits,
            tables.masks[: table + 1],
            left_order,
            right_order,
            (left_first, left_last, right_first, right_last),
            buffer,
            bucket,
            place,
            within,
        )
        if count:
            found.append(Pairs(*buffer[:, :count].copy()))
    return found


def _shared(
    left_starts: NDArray[np.int32], right_starts: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Where the rows of each key that both sides have begin and end, on either side."""
    both = np.flatnonzero((np.diff(left_starts) > 0) & (np.diff(right_starts) > 0))
    return left_starts[both], left_starts[both + 1], right_starts[both], right_starts[both + 1]


@compiled
def _keys(words: Words, positions: NDArray[np.int64]) -> NDArray[np.int64]:  # pragma: no cover - compiled
    keys = np.zeros(words.shape[0], dtype=np.int64)
    for row in range(words.shape[0]):
        key = np.int64(0)
        for p in positions:
            key = (key << 1) | np.int64((words[row, p >> 6] >> np.uint64(p & 63)) & np.uint64(1))
        keys[row] = key
    return keys


@compiled
def _sorted_by_key(  # pragma: no cover - compiled
    keys: NDArray[np.int64], key_bits: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Counting sort: rows in the order of their keys, and where each key's rows begin."""
    starts = np.zeros((1 << key_bits) + 1, dtype=np.int32)
    for key in keys:
        starts[key + 1] += 1
    for key in range(1 << key_bits):
        starts[key + 1] += starts[key]
    order = np.empty(keys.size, dtype=np.int32)
    filled = starts[:-1].copy()
    for row in range(keys.size):
        order[filled[keys[row]]] = row
        filled[keys[row]] += 1
    return order, starts


@compiled
def _join(  # pragma: no cover - compiled
    left: Words,
    right: Words,
    left_ones: NDArray[np.int64],
    right_ones: NDArray[np.int64],
    limits: NDArray[np.int64],
    masks: Words,
    left_order: NDArray[np.int32],
    right_order: NDArray[np.int32],
    buckets: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    buffer: NDArray[np.int32],
    bucket: int,
    place: int,
    within: int,
) -> tuple[int, int, int, int]:
    """Compare the rows that share a key; a pair that met in an earlier table is not given again.

    The popcounts are in the order of the rows. `place` and `within` are how many of the bucket's rows are done. Rows lie
    anywhere in memory: those of later buckets are asked for while this one's are compared.
    """
    left_first, left_last, right_first, right_last = buckets
    words = left.shape[1]
    count = 0
    while bucket < left_first.size:
        ahead = bucket + AHEAD
        if ahead < left_first.size:
            for at in range(left_first[ahead], min(left_last[ahead], left_first[ahead] + AHEAD)):
                for w in range(0, words, LINE):
                    prefetch(left, left_order[at], w)
            for at in range(right_first[ahead], min(right_last[ahead], right_first[ahead] + AHEAD)):
                for w in range(0, words, LINE):
                    prefetch(right, right_order[at], w)
        first, last = right_first[bucket], right_last[bucket]
        for row in range(left_first[bucket] + place, left_last[bucket]):
            i = left_order[row]
            for at in range(first + within, last):
                j = right_order[at]
                limit = limits[left_ones[row] + right_ones[at]]
                distance = np.int64(0)
                for w in range(0, words, CHUNK):
                    distance += popcount(left[i, w] ^ right[j, w]) + popcount(left[i, w + 1] ^ right[j, w + 1])
                    distance += popcount(left[i, w + 2] ^ right[j, w + 2]) + popcount(left[i, w + 3] ^ right[j, w + 3])
                    if distance > limit:
                        break
                if distance <= limit and not _met_before(left, right, i, j, masks):
                    buffer[0, count] = i
                    buffer[1, count] = j
                    buffer[2, count] = distance
                    count += 1
                    if count == buffer.shape[1]:
                        return count, bucket, row - left_first[bucket], at + 1 - first
            within = 0
        place = 0
        bucket += 1
    return count, bucket, 0, 0


@compiled
def _met_before(left: Words, right: Words, i: int, j: int, masks: Words) -> bool:  # pragma: no cover - compiled
    for table in range(masks.shape[0] - 1):
        same = True
        for w in range(masks.shape[1]):
            if (left[i, w] ^ right[j, w]) & masks[table, w]:
                same = False
                break
        if same:
            return True
    return False


@compiled
def _first_tables(differences: Words, masks: Words) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """The first table in which each pair meets, or -1."""
    first = np.full(differences.shape[0], -1, dtype=np.int64)
    for pair in range(differences.shape[0]):
        for table in range(masks.shape[0]):
            same = True
            for w in range(masks.shape[1]):
                if differences[pair, w] & masks[table, w]:
                    same = False
                    break
            if same:
                first[pair] = table
                break
    return first
