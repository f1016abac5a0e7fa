"""The exact search: every pair within a Hamming limit, nothing lost, at the speed of the hardware.

One contract serves both similarities. A pair is emitted when its Hamming distance is at most `limits[s]`, with s the sum
of its two popcounts: for Dice the limit grows with s, for simple matching it is one number. Pruning loses nothing: whole
tiles are skipped by popcount (Hamming distance is at least the difference of the popcounts), and a group of pairs is
dropped when its first words put every pair of it beyond the limit; how many words to look at, a sample says.

Results stream: tiles are shared out to threads, and a thread that has found `MOST_HELD` pairs hands them on and waits for
its next turn, so memory does not depend on the number of results. They come in the same order whatever the number of threads.
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

from linkage.bits import Words, compiled, popcount, popcounts, tiled
from linkage.lanes import LANES, ROWS, near

BLOCK_ROWS = 2_048
"""Rows of the left side in one task."""
BLOCK_TILES = 64
"""Tiles of the right side in one task: 1 MB, so that they stay in the L2 cache."""
LOOK = 1.0
"""What looking whether a group of pairs can be dropped costs, in words."""
BUFFER = 1 << 16
"""Pairs that one call of the kernel may find."""
MOST_HELD = 1 << 20
"""Pairs (12 bytes each) after which a task hands on what it has, and goes on in its next turn."""


class Pairs(NamedTuple):
    """Pairs found: rows of the left and right side and their Hamming distance."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    distance: NDArray[np.int32]

    @staticmethod
    def join(parts: list[Pairs]) -> Pairs:
        """All parts as one."""
        if not parts:
            none = np.empty(0, dtype=np.int32)
            return Pairs(none, none, none)
        return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@dataclass(frozen=True)
class Side:
    """One side of a search, sorted by popcount and laid out in tiles."""

    words: Words
    ones: NDArray[np.int64]
    order: NDArray[np.int32]
    tiles: Words

    @staticmethod
    def of(words: Words) -> Side:
        """Lay out packed encodings."""
        ones = popcounts(words)
        order = np.argsort(ones, kind="stable").astype(np.int32)
        ordered = np.ascontiguousarray(words[order])
        return Side(ordered, ones[order], order, tiled(ordered))


def dice_limits(bits: int, threshold: float) -> NDArray[np.int64]:
    """For each popcount sum 0..2·bits, the largest Hamming distance at which Dice is at least `threshold`; -1: never.

    Dice = (s - h) / s in double precision, the division that a reference implementation would make. Two empty encodings
    agree on nothing: their Dice is 0.
    """
    sums = np.arange(2 * bits + 1, dtype=np.int64)
    divisor = np.maximum(sums, 1)
    guess = np.floor((1.0 - threshold) * sums).astype(np.int64) + 2
    for _ in range(4):
        guess = np.where((guess > 0) & ((sums - guess) / divisor < threshold), guess - 1, guess)
    limits = np.where((sums - guess) / divisor >= threshold, np.minimum(guess, sums), -1)
    limits[0] = 0 if threshold <= 0.0 else -1
    return limits


def search(left: Words, right: Words, limits: NDArray[np.int64], *, threads: int | None = None) -> Iterator[Pairs]:
    """Stream every pair of rows whose Hamming distance is at most `limits[popcount sum]`."""
    if left.shape[0] == 0 or right.shape[0] == 0:
        return
    a, b = Side.of(left), Side.of(right)
    tasks = (
        (row, tile)
        for row in range(0, a.words.shape[0], BLOCK_ROWS)
        for tile in range(0, b.tiles.shape[0], BLOCK_TILES)
    )
    first_check = best_look(a, b, limits).after
    workers = threads or os.cpu_count() or 1
    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting: deque[Future[_Part]] = deque()

        def go(row: int, tile: int, start: tuple[int, int] = (0, 0)) -> Future[_Part]:
            return pool.submit(_search_block, a, b, limits, first_check, row, tile, start)

        try:
            waiting.extend(go(*task) for task in islice(tasks, 2 * workers))
            while waiting:
                part = waiting.popleft().result()
                if part.rest is None:
                    waiting.extend(go(*task) for task in islice(tasks, 1))
                else:
                    waiting.appendleft(go(*part.rest))
                yield from part.pairs
        finally:
            for future in waiting:
                future.cancel()


class _Part(NamedTuple):
    """What a task has found so far, and where it goes on if it is not done."""

    pairs: list[Pairs]
    rest: tuple[int, int, tuple[int, int]] | None


def _search_block(
    a: Side, b: Side, limits: NDArray[np.int64], first_check: int, row: int, tile: int, start: tuple[int, int]
) -> _Part:
    last_row = min(row + BLOCK_ROWS, a.words.shape[0])
    last_tile = min(tile + BLOCK_TILES, b.tiles.shape[0])
    left = _whole_groups(a.words[row:last_row])
    found: list[Pairs] = []
    held = 0
    width = b.tiles.shape[2]
    buffer = np.empty((3, BUFFER + ROWS * width), dtype=np.int32)
    while True:
        count, group, at = _emit(
            left,
            a.ones[row:last_row],
            b.tiles[tile:last_tile],
            b.ones,
            tile * width,
            limits,
            first_check,
            buffer,
            *start,
        )
        if count:
            rows, columns, distance = buffer[:, :count]
            found.append(Pairs(a.order[rows + row], b.order[columns], distance.copy()))
            held += count
        if at < 0:
            return _Part(found, None)
        start = (group, at)
        if held >= MOST_HELD:
            return _Part(found, (row, tile, start))


class Look(NamedTuple):
    """After how many words it is best to look whether a group of pairs can be dropped, and the words then read for a pair, on average."""

    after: int
    words: float


def best_look(a: Side, b: Side, limits: NDArray[np.int64]) -> Look:
    """Where a sample says that looking saves most.

    A look costs about as much as `LOOK` words; `after` the number of words itself means not to look before the end.
    """
    words = a.words.shape[1]
    rows = np.linspace(0, max(0, a.words.shape[0] - ROWS), 24).astype(np.int64)
    columns = np.linspace(0, max(0, b.words.shape[0] - LANES), 64).astype(np.int64)
    dropped, skipped = np.zeros(words), 0
    for row in rows:
        left, left_ones = a.words[row : row + ROWS], a.ones[row : row + ROWS]
        for column in columns:
            right, right_ones = b.words[column : column + LANES], b.ones[column : column + LANES]
            limit = limits[left_ones.min() + right_ones.min() : left_ones.max() + right_ones.max() + 1].max()
            if max(right_ones.min() - left_ones.max(), left_ones.min() - right_ones.max()) > limit:
                skipped += 1
                continue
            ones = np.bitwise_count(left[:, None, :] ^ right[None, :, :])
            dropped += ones.cumsum(axis=2, dtype=np.int64).min(axis=(0, 1)) > limit
    compared = max(1, rows.size * columns.size - skipped)
    share = dropped / compared
    cost = [after + LOOK + (1.0 - share[after - 1]) * (words - after) for after in range(1, words)]
    after = int(np.argmin(cost)) + 1 if cost and min(cost) < words else words
    least = min([*cost, float(words)])
    return Look(after, least * compared / (rows.size * columns.size))


def _whole_groups(words: Words) -> Words:
    """Rows padded with zero rows to a multiple of `ROWS`."""
    missing = -words.shape[0] % ROWS
    return np.vstack([words, np.zeros((missing, words.shape[1]), dtype=np.uint64)]) if missing else words


@compiled
def _emit(  # pragma: no cover - compiled
    left: Words,
    left_ones: NDArray[np.int64],
    tiles: Words,
    right_ones: NDArray[np.int64],
    first_column: int,
    limits: NDArray[np.int64],
    first_check: int,
    buffer: NDArray[np.int32],
    group: int,
    tile: int,
) -> tuple[int, int, int]:
    """Fill `buffer` with (row, column, distance) from (group, tile) on; the place to go on from, or tile -1 at the end."""
    distance = np.empty((ROWS, LANES), dtype=np.int64)
    words, tile_size = tiles.shape[1:]
    rows, columns = left_ones.size, right_ones.size
    room = buffer.shape[1] - ROWS * tile_size
    count = 0
    for t in range(tile, tiles.shape[0]):  # a tile is read again and again: it is in the L1 cache
        column = first_column + t * tile_size
        width = min(tile_size, columns - column)
        fewest, most = right_ones[column], right_ones[column + width - 1]
        for row in range(group, rows, ROWS):
            if count > room:
                return count, row, t
            last = min(row + ROWS, rows)
            fewest_left, most_left = left_ones[row], left_ones[last - 1]
            limit = np.int64(-1)
            for s in range(fewest_left + fewest, most_left + most + 1):
                limit = max(limit, limits[s])
            if max(fewest - most_left, fewest_left - most) > limit:
                continue
            for first in range(0, width, LANES):
                found = near(left, row, tiles[t], first, first_check, words, limit, distance)
                while found:
                    at = popcount((found & -found) - np.uint64(1))
                    found &= found - np.uint64(1)
                    r, j = at // LANES, at % LANES
                    if row + r >= rows or first + j >= width:
                        continue
                    if distance[r, j] <= limits[left_ones[row + r] + right_ones[column + first + j]]:
                        buffer[0, count] = row + r
                        buffer[1, count] = column + first + j
                        buffer[2, count] = distance[r, j]
                        count += 1
        group = 0
    return count, rows, -1


def tally(
    left: Words, right: Words, bits: int, *, threads: int | None = None, most_pairs: int = 1 << 28
) -> tuple[NDArray[np.int64], int]:
    """How many pairs lie at each Hamming distance 0..bits, and k: only every k-th row of the left side was counted.

    k is 1 up to `most_pairs` pairs. The rows are in the caller's order, so the same input gives the same counts.
    """
    every = max(1, -(-left.shape[0] * right.shape[0] // most_pairs))
    rows = np.ascontiguousarray(left[::every])
    counts = np.zeros(bits + 1, dtype=np.int64)
    if rows.shape[0] == 0 or right.shape[0] == 0:
        return counts, 1
    tiles = tiled(right)
    with ThreadPoolExecutor(max_workers=threads or os.cpu_count() or 1) as pool:
        parts = pool.map(
            lambda row: _tally(
                _whole_groups(rows[row : row + BLOCK_ROWS]),
                min(BLOCK_ROWS, rows.shape[0] - row),
                tiles,
                right.shape[0],
                bits,
            ),
            range(0, rows.shape[0], BLOCK_ROWS),
        )
        for part in parts:
            counts += part
    return counts, every


@compiled
def _tally(left: Words, rows: int, tiles: Words, columns: int, bits: int) -> NDArray[np.int64]:  # pragma: no cover
    distance = np.empty((ROWS, LANES), dtype=np.int64)
    counts = np.zeros((ROWS, bits + 1), dtype=np.int64)  # one line for each row: neighbours do not wait for each other
    words, tile_size = tiles.shape[1:]
    for t in range(tiles.shape[0]):
        width = min(tile_size, columns - t * tile_size)
        for row in range(0, rows, ROWS):
            for first in range(0, width, LANES):
                near(left, row, tiles[t], first, words, words, np.int64(64 * words), distance)
                for j in range(min(LANES, width - first)):
                    for r in range(min(ROWS, rows - row)):
                        counts[r, distance[r, j]] += 1
    return np.asarray(counts.sum(axis=0))
