"""What a run remembers of its search for the next one: which pairs of encodings were close.

A distance depends on nothing but its two encodings. So where most encodings are those of the last run, only pairs with a
new one are compared, and the result is exactly that of comparing everything.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from linkage.bits import Words, compiled, pack, popcount
from linkage.order import Places, new_rows
from linkage.search_exact import Pairs, search

MOST_REMEMBERED = 5_000_000
"""Pairs (12 bytes each) beyond which a search is not remembered, and is done in full next time."""
FEW = 32
"""New encodings on one side below which the other side is read as it lies, and not laid out for a large search first."""
_BLOCK = 1 << 14

Encodings = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Owned:
    """Encodings of one side in the order of what they belong to: `owner[k]` owns encoding k, `starts[i]` is owner i's first."""

    clks: NDArray[np.uint8]
    owner: NDArray[np.int32]
    starts: NDArray[np.int64]

    @cached_property
    def plain(self) -> bool:
        """Whether every owner has one encoding."""
        return self.owner.size == self.starts.size - 1 and bool((np.diff(self.starts) == 1).all())


@dataclass(frozen=True, eq=False)
class Remembered:
    """Every pair of encodings within `reach`, by owner on each side and place among the owner's encodings.

    Where every owner of a side has one encoding, there are no places.
    """

    reach: int
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    distance: NDArray[np.int32]
    left_place: NDArray[np.int32] | None = None
    right_place: NDArray[np.int32] | None = None


@dataclass(frozen=True, eq=False)
class Before:
    """A remembered search, and where the owners of both sides are now: -1 for those whose encodings are not the same."""

    search: Remembered
    left: Places
    right: Places


@dataclass(frozen=True, eq=False)
class Recalled:
    """Every pair of encodings within reach, what to remember, and how many owners of each side had new encodings."""

    pairs: Pairs
    remembered: Remembered | None
    new: tuple[int, int]


def recall(left: Owned, right: Owned, reach: int, before: Before | None, *, threads: int | None = None) -> Recalled:
    """Every pair of encodings within `reach`, as an exact search would find them, comparing only what is new.

    `before` is used if it reaches as far; pairs come sorted by left encoding, then right.
    """
    if before is not None and before.search.reach < reach:
        before = None
    nowhere = np.empty(0, dtype=np.int32)
    new_left = new_rows(nowhere if before is None else before.left, left.starts.size - 1)
    new_right = new_rows(nowhere if before is None else before.right, right.starts.size - 1)
    parts = [] if before is None else [_still_there(before, left, right, reach)]
    fresh, old = np.flatnonzero(new_left[left.owner]), np.flatnonzero(~new_left[left.owner])
    parts.append(_compared(left.clks, fresh, right.clks, None, reach, threads))
    parts.append(_compared(left.clks, old, right.clks, np.flatnonzero(new_right[right.owner]), reach, threads))
    pairs = _sorted(Pairs.join(parts), right.owner.size)
    kept = _kept(pairs, left, right, reach) if pairs.left.size <= MOST_REMEMBERED else None
    return Recalled(pairs, kept, (int(new_left.sum()), int(new_right.sum())))


def _still_there(before: Before, left: Owned, right: Owned, reach: int) -> Pairs:
    """Remembered pairs of which both encodings are still there."""
    was = before.search
    a, b = before.left[was.left], before.right[was.right]
    keep = (a >= 0) & (b >= 0)
    if was.reach > reach:
        keep &= was.distance <= reach
    if keep.all():
        return Pairs(_first(left, a, was.left_place), _first(right, b, was.right_place), was.distance)
    a, b = a[keep], b[keep]
    places = (place if place is None else place[keep] for place in (was.left_place, was.right_place))
    return Pairs(_first(left, a, next(places)), _first(right, b, next(places)), was.distance[keep])


def _first(side: Owned, owner: NDArray[np.int32], place: NDArray[np.int32] | None) -> NDArray[np.int32]:
    """The encodings of owners at their places."""
    if side.plain and place is None:
        return owner
    first = side.starts[owner]
    return np.asarray(first if place is None else first + place, dtype=np.int32)


def _kept(pairs: Pairs, left: Owned, right: Owned, reach: int) -> Remembered:
    (a, place), (b, place_right) = _owners(left, pairs.left), _owners(right, pairs.right)
    return Remembered(reach, a, b, pairs.distance, place, place_right)


def _owners(side: Owned, encoding: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32] | None]:
    if side.plain:
        return encoding, None
    owner = side.owner[encoding]
    return owner, (encoding - side.starts[owner]).astype(np.int32)


def _compared(
    left: NDArray[np.uint8],
    rows: Encodings,
    right: NDArray[np.uint8],
    columns: Encodings | None,
    reach: int,
    threads: int | None,
) -> Pairs:
    """The near pairs of some left encodings and some right ones (or all of them)."""
    if rows.size == 0 or right.shape[0] == 0 or (columns is not None and columns.size == 0):
        return Pairs.join([])
    if columns is None and rows.size <= FEW:
        return _few(pack(left[rows]), rows, right, reach, threads)
    words = pack(left[rows]), pack(right if columns is None else right[columns])
    limits = np.full(2 * 64 * words[0].shape[1] + 1, reach, dtype=np.int64)
    found = Pairs.join(list(search(*words, limits, threads=threads)))
    return _as_pairs(rows[found.left], found.right if columns is None else columns[found.right], found.distance)


def _few(left: Words, rows: Encodings, right: NDArray[np.uint8], reach: int, threads: int | None) -> Pairs:
    """The near pairs of a few encodings and all of the other side, read once and as it lies where it can be."""
    plain = right.shape[1] % 8 == 0 and right.flags.c_contiguous and right.flags.writeable and right.flags.aligned
    words = right.view(np.uint64) if plain else pack(right)
    left = np.ascontiguousarray(left[:, : words.shape[1]])

    def block(first: int) -> Pairs:
        part = words[first : first + _BLOCK]
        buffer = np.empty((3, left.shape[0] * part.shape[0]), dtype=np.int32)
        count = _near(left, part, reach, buffer)
        return _as_pairs(rows[buffer[0, :count]], buffer[1, :count] + first, buffer[2, :count].copy())

    with ThreadPoolExecutor(max_workers=threads or os.cpu_count() or 1) as pool:
        return Pairs.join(list(pool.map(block, range(0, words.shape[0], _BLOCK))))


@compiled
def _near(  # pragma: no cover - compiled
    left: Words, right: Words, reach: int, buffer: NDArray[np.int32]
) -> int:
    """Fill `buffer` with (row, column, distance) of the pairs within `reach`; how many there are."""
    count = 0
    for column in range(right.shape[0]):
        for row in range(left.shape[0]):
            distance = np.int64(0)
            for w in range(right.shape[1]):
                distance += popcount(left[row, w] ^ right[column, w])
            if distance <= reach:
                buffer[0, count] = row
                buffer[1, count] = column
                buffer[2, count] = distance
                count += 1
    return count


def _sorted(pairs: Pairs, columns: int) -> Pairs:
    """By left encoding, then right. What is remembered lies in this order already, so sorting is merging."""
    key = pairs.left.astype(np.int64) * max(1, columns) + pairs.right
    if (key[1:] > key[:-1]).all():
        return pairs
    order = np.argsort(key, kind="stable")
    return Pairs(*(column[order] for column in pairs))


def _as_pairs(left: NDArray[np.integer], right: NDArray[np.integer], distance: NDArray[np.int32]) -> Pairs:
    return Pairs(left.astype(np.int32), right.astype(np.int32), distance)
