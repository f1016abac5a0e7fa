"""The approximate search: locality-sensitive hashing by bit sampling, with a promised recall that is also measured.

A table is a sample of bit positions (`linkage.search_tables`); two encodings meet in it when they agree on all of them, and pairs
that meet are compared. `linkage.plan` says which tables, from an exact search of a sample of rows, and holds them to their promise on it.

In a table the rows are sorted by their key. Most pairs that meet are in large buckets, so a bucket's rows are copied together and
compared as the exact search compares: some rows against a tile. A pair is given in the first table in which it meets.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linkage.bits import Words, compiled, popcount, popcounts, prefetch
from linkage.columns import Columns
from linkage.lanes import LANES, ROWS, near
from linkage.search_exact import Pairs
from linkage.search_tables import Tables, first_table

AHEAD = 48  # rows that are asked for before their turn
LINE = 8  # words in a line of the cache
BLOCK_ROWS = 1_024
"""Rows of a bucket's left side that are copied together: 128 kB at 1,024 bits, so that they stay in the L2 cache."""
BLOCK_COLUMNS = 128
"""Rows of its right side that they are compared with at a time."""
BUFFER = 1 << 16
"""Pairs that are kept for one call of the kernel, beside those of one block."""
MOST_HELD = 1 << 20
"""Pairs (12 bytes each) after which a table hands on what it has, and goes on in its next turn."""


@dataclass(frozen=True)
class _Search:
    """What all tables share: both sides, the bits that are sampled, popcounts, limits, and for each popcount sum the highest up to it."""

    left: Words
    right: Words
    columns: tuple[Columns, Columns]
    ones: tuple[NDArray[np.int32], NDArray[np.int32]]
    limits: NDArray[np.int64]
    highest: NDArray[np.int64]
    tables: Tables


class _Sorted(NamedTuple):
    """Rows in the order of their keys on either side, and where those of each key that both sides have begin and end."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    left_first: NDArray[np.int32]
    left_last: NDArray[np.int32]
    right_first: NDArray[np.int32]
    right_last: NDArray[np.int32]


class _Part(NamedTuple):
    """What a table has found since its last turn, and the table and place where it goes on if it is not done."""

    pairs: list[Pairs]
    rest: tuple[int, _Sorted, tuple[int, int, int]] | None


def search(
    left: Words, right: Words, limits: NDArray[np.int64], tables: Tables, *, threads: int | None = None
) -> Iterator[Pairs]:
    """Stream every pair within `limits[popcount sum]` that meets in a table, each once, in an order that is always the same."""
    if left.shape[0] == 0 or right.shape[0] == 0:
        return
    ones = popcounts(left).astype(np.int32), popcounts(right).astype(np.int32)
    workers = threads or os.cpu_count() or 1
    todo = iter(range(tables.positions.shape[0]))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        columns = pool.map(Columns.of, (left, right), (tables.positions, tables.positions))
        whole = _Search(
            left, right, (next(columns), next(columns)), ones, limits, np.maximum.accumulate(limits), tables
        )
        waiting: deque[Future[_Part]] = deque(
            pool.submit(_search_table, whole, table) for table in islice(todo, workers + 1)
        )
        try:
            while waiting:
                part = waiting.popleft().result()
                if part.rest is None:
                    waiting.extend(pool.submit(_search_table, whole, table) for table in islice(todo, 1))
                else:
                    waiting.appendleft(pool.submit(_go_on, whole, *part.rest))
                yield from part.pairs
        finally:
            for future in waiting:
                future.cancel()


def _search_table(whole: _Search, table: int) -> _Part:
    positions = whole.tables.positions[table]
    left, left_starts = _sorted_by_key(whole.columns[0].keys(positions), positions.size)
    right, right_starts = _sorted_by_key(whole.columns[1].keys(positions), positions.size)
    both = np.flatnonzero((np.diff(left_starts) > 0) & (np.diff(right_starts) > 0))
    bounds = left_starts[both], left_starts[both + 1], right_starts[both], right_starts[both + 1]
    return _go_on(whole, table, _Sorted(left, right, *bounds), (0, 0, 0))


def _go_on(whole: _Search, table: int, rows: _Sorted, place: tuple[int, int, int]) -> _Part:
    found: list[Pairs] = []
    held = 0
    buffer = np.empty((3, BUFFER + BLOCK_ROWS * BLOCK_COLUMNS), dtype=np.int32)
    while place[0] < rows.left_first.size:
        if held >= MOST_HELD:
            return _Part(found, (table, rows, place))
        count, *at = _join(
            whole.left,
            whole.right,
            *whole.ones,
            whole.limits,
            whole.highest,
            whole.tables.masks,
            table,
            rows,
            BUFFER,
            buffer,
            *place,
        )
        place = (at[0], at[1], at[2])
        if count:
            found.append(Pairs(*buffer[:, :count].copy()))
            held += count
    return _Part(found, None)


@compiled
def _sorted_by_key(  # pragma: no cover - compiled
    found: NDArray[np.int32], key_bits: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Counting sort: rows in the order of their keys, and where each key's rows begin."""
    starts = np.zeros((1 << key_bits) + 1, dtype=np.int32)
    for key in found:
        starts[key + 1] += 1
    for key in range(1 << key_bits):
        starts[key + 1] += starts[key]
    order = np.empty(found.size, dtype=np.int32)
    filled = starts[:-1].copy()
    for row in range(found.size):
        order[filled[found[row]]] = row
        filled[found[row]] += 1
    return order, starts


@compiled
def _ask_for(words: Words, order: NDArray[np.int32], at: int) -> None:  # pragma: no cover - compiled
    if at < order.size:
        for w in range(0, words.shape[1], LINE):
            prefetch(words, order[at], w)


@compiled
def _join(  # pragma: no cover - compiled
    left: Words,
    right: Words,
    left_ones: NDArray[np.int32],
    right_ones: NDArray[np.int32],
    limits: NDArray[np.int64],
    highest: NDArray[np.int64],
    masks: Words,
    table: int,
    rows: _Sorted,
    room: int,
    buffer: NDArray[np.int32],
    bucket: int,
    row: int,
    column: int,
) -> tuple[int, int, int, int]:
    """Fill `buffer` with (row, row, distance) of the pairs that first meet here, and say where to go on: bucket, row and column in it.

    Rows lie anywhere in memory: they are asked for some rows before their turn.
    """
    words = left.shape[1]
    most_rows = (buffer.shape[1] - room) // BLOCK_COLUMNS
    block = np.zeros((most_rows, words), dtype=np.uint64)
    tile = np.zeros((words, BLOCK_COLUMNS), dtype=np.uint64)
    block_ones = np.zeros(most_rows, dtype=np.int64)
    tile_ones = np.zeros(BLOCK_COLUMNS, dtype=np.int64)
    distance = np.empty((ROWS, LANES), dtype=np.int64)
    difference = np.empty((1, words), dtype=np.uint64)
    count = 0
    while bucket < rows.left_first.size:
        while rows.left_first[bucket] + row < rows.left_last[bucket]:
            first_row = rows.left_first[bucket] + row
            height = min(most_rows, rows.left_last[bucket] - first_row)
            for i in range(height):
                _ask_for(left, rows.left, first_row + i + AHEAD)
                block[i] = left[rows.left[first_row + i]]
                block_ones[i] = left_ones[rows.left[first_row + i]]
            while rows.right_first[bucket] + column < rows.right_last[bucket]:
                if count > room:
                    return count, bucket, row, column
                first_column = rows.right_first[bucket] + column
                width = min(BLOCK_COLUMNS, rows.right_last[bucket] - first_column)
                most = np.int64(0)
                for j in range(width):
                    _ask_for(right, rows.right, first_column + j + AHEAD)
                    line = rows.right[first_column + j]
                    for w in range(words):
                        tile[w, j] = right[line, w]
                    tile_ones[j] = right_ones[line]
                    most = max(most, tile_ones[j])
                for i in range(0, height, ROWS):
                    most_left = block_ones[i]
                    for r in range(i + 1, min(i + ROWS, height)):
                        most_left = max(most_left, block_ones[r])
                    bound = highest[most_left + most]
                    for j in range(0, width, LANES):
                        found = near(block, i, tile, j, words, words, bound, distance)
                        while found:
                            at = popcount((found & -found) - np.uint64(1))
                            found &= found - np.uint64(1)
                            r, c = i + at // LANES, j + at % LANES
                            if r >= height or c >= width:
                                continue
                            apart = distance[at // LANES, at % LANES]
                            if apart > limits[block_ones[r] + tile_ones[c]]:
                                continue
                            for w in range(words):
                                difference[0, w] = block[r, w] ^ tile[w, c]
                            if first_table(difference, masks, table) < 0:
                                buffer[0, count] = rows.left[first_row + r]
                                buffer[1, count] = rows.right[first_column + c]
                                buffer[2, count] = apart
                                count += 1
                column += width
            column = 0
            row += height
        row = 0
        bucket += 1
    return count, bucket, 0, 0
