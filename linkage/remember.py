"""What a run remembers for the next one: which encodings it compared, and which pairs of them were close.

A distance depends on nothing but its two encodings. So where most encodings are those of the last run, only pairs with a
new one are compared, and the result is exactly that of comparing everything. Encodings are recognised by a digest of their
content: which record they belong to, and in which file they came, does not matter.

Whoever calls the matcher keeps this between runs. It is as confidential as the encodings, and is worth no more than them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.bits import Words
from linkage.search_exact import Pairs, search

Digests = NDArray[np.void]
DIGEST_BYTES = 16
MOST_REMEMBERED = 5_000_000
"""Pairs (12 bytes each) beyond which a search is not remembered, and is done in full next time."""


@dataclass(frozen=True, eq=False)
class Remembered:
    """Different encodings of both sides by their digests, sorted, and every pair of them within `reach`."""

    bits: int
    reach: int
    left: Digests
    right: Digests
    pairs: Pairs


@dataclass(frozen=True, eq=False)
class Recalled:
    """Every pair of rows within reach, what to remember, and how many encodings of each side were new."""

    pairs: Pairs
    remembered: Remembered | None
    new: tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Side:
    """One side by its different encodings: their digests, words and rows, and their places in what is remembered (or -1)."""

    digests: Digests
    words: Words
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    known: NDArray[np.int64]

    @staticmethod
    def of(words: Words, before: Digests | None) -> _Side:
        digests, first, number = np.unique(_digests(words), return_index=True, return_inverse=True)
        number = number.ravel()
        order = np.argsort(number, kind="stable")
        starts = np.searchsorted(number[order], np.arange(digests.size + 1))
        known = np.full(digests.size, -1, dtype=np.int64)
        if before is not None and before.size and digests.size:
            place = np.minimum(np.searchsorted(before, digests), before.size - 1)
            known = np.where(before[place] == digests, place, -1)
        return _Side(digests, np.ascontiguousarray(words[first]), order, starts, known)

    @property
    def new(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.known < 0)

    def places(self, size: int) -> NDArray[np.int64]:
        """For each remembered encoding its place among those of now, or -1."""
        places = np.full(size, -1, dtype=np.int64)
        there = np.flatnonzero(self.known >= 0)
        places[self.known[there]] = there
        return places


def recall(
    left: Words, right: Words, bits: int, reach: int, before: Remembered | None, *, threads: int | None = None
) -> Recalled:
    """Every pair of rows within `reach`, as an exact search would find them, comparing only what is new.

    `before` is used if it is of the same length and reaches as far; pairs come sorted by left row, then right row.
    """
    if before is not None and (before.bits != bits or before.reach < reach):
        before = None
    a = _Side.of(left, None if before is None else before.left)
    b = _Side.of(right, None if before is None else before.right)
    limits = np.full(2 * max(bits, 64 * left.shape[1]) + 1, reach, dtype=np.int64)
    old_left = np.flatnonzero(a.known >= 0)
    parts = [] if before is None else [_still_there(before, a, b, reach)]
    for rows, columns in ((a.new, np.arange(b.digests.size)), (old_left, b.new)):
        if rows.size and columns.size:
            found = Pairs.join(list(search(a.words[rows], b.words[columns], limits, threads=threads)))
            parts.append(Pairs(*_as_rows(rows[found.left], columns[found.right]), found.distance))
    pairs = _sorted(Pairs.join(parts))
    kept = Remembered(bits, reach, a.digests, b.digests, pairs) if pairs.left.size <= MOST_REMEMBERED else None
    return Recalled(_sorted(_spread(pairs, a, b)), kept, (a.new.size, b.new.size))


def _digests(words: Words) -> Digests:
    raw, size = words.tobytes(), 8 * words.shape[1]
    joined = b"".join(
        hashlib.blake2b(raw[at : at + size], digest_size=DIGEST_BYTES).digest() for at in range(0, len(raw), size)
    )
    return np.frombuffer(joined, dtype=f"V{DIGEST_BYTES}")


def _still_there(before: Remembered, a: _Side, b: _Side, reach: int) -> Pairs:
    """Remembered pairs of which both encodings are still there."""
    left = a.places(before.left.size)[before.pairs.left]
    right = b.places(before.right.size)[before.pairs.right]
    keep = (left >= 0) & (right >= 0) & (before.pairs.distance <= reach)
    return Pairs(*_as_rows(left[keep], right[keep]), before.pairs.distance[keep])


def _spread(pairs: Pairs, a: _Side, b: _Side) -> Pairs:
    """Pairs of different encodings as pairs of rows: equal encodings have equal pairs."""
    times_left, times_right = np.diff(a.starts)[pairs.left], np.diff(b.starts)[pairs.right]
    times = times_left * times_right
    at = np.repeat(np.arange(pairs.left.size), times)
    within = np.arange(at.size) - np.repeat(np.cumsum(times) - times, times)
    left = a.order[a.starts[pairs.left][at] + within // np.maximum(times_right[at], 1)]
    right = b.order[b.starts[pairs.right][at] + within % np.maximum(times_right[at], 1)]
    return Pairs(*_as_rows(left, right), pairs.distance[at])


def _sorted(pairs: Pairs) -> Pairs:
    order = np.lexsort((pairs.right, pairs.left))
    return Pairs(*(column[order] for column in pairs))


def _as_rows(left: NDArray[np.int64], right: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return left.astype(np.int32), right.astype(np.int32)
