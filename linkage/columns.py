"""Some bits of many encodings, each bit's column packed by itself, so that the keys of a table are read from a few megabytes.

Read from the encodings themselves, a key of 16 bits costs as much memory traffic as the whole encoding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.bits import Words, compiled

_WORD = 64


@dataclass(frozen=True)
class Columns:
    """The columns of some bit positions, (positions, words): bit r % 64 of word r // 64 is that of row r."""

    rows: int
    positions: NDArray[np.int64]
    packed: Words

    @staticmethod
    def of(words: Words, positions: NDArray[np.int64]) -> Columns:
        """Take the columns of these positions from packed encodings."""
        which = np.unique(positions)
        return Columns(words.shape[0], which, _columns(words, which))

    def keys(self, positions: NDArray[np.int64]) -> NDArray[np.int32]:
        """Each row's bits at these positions (at most 31, all among those taken), as a number."""
        return np.asarray(_keys(self.packed, np.searchsorted(self.positions, positions), self.rows))


@compiled
def _columns(words: Words, positions: NDArray[np.int64]) -> Words:  # pragma: no cover - compiled
    place = np.full(_WORD * words.shape[1], -1, dtype=np.int64)
    for at in range(positions.size):
        place[positions[at]] = at
    rows = words.shape[0]
    columns = np.zeros((positions.size, (rows + _WORD - 1) // _WORD), dtype=np.uint64)
    square = np.zeros(_WORD, dtype=np.uint64)
    for block in range(columns.shape[1]):
        first = _WORD * block
        for w in range(words.shape[1]):
            for r in range(min(_WORD, rows - first)):
                square[r] = words[first + r, w]
            _transpose(square)
            for b in range(_WORD):
                if place[_WORD * w + b] >= 0:
                    columns[place[_WORD * w + b], block] = square[b]
    if rows % _WORD:  # what the last block's square still held of the block before
        for at in range(positions.size):
            columns[at, -1] &= (np.uint64(1) << np.uint64(rows % _WORD)) - np.uint64(1)
    return columns


@compiled
def _transpose(square: NDArray[np.uint64]) -> None:  # pragma: no cover - compiled
    """Bit c of word r becomes bit r of word c: quarters, then quarters of quarters, change places."""
    width = _WORD // 2
    mask = np.uint64(0x00000000FFFFFFFF)
    while width:
        shift = np.uint64(width)
        for pair in range(0, _WORD, 2 * width):
            for r in range(pair, pair + width):
                swap = ((square[r] >> shift) ^ square[r + width]) & mask
                square[r] ^= swap << shift
                square[r + width] ^= swap
        width >>= 1
        mask ^= mask << np.uint64(width)


@compiled
def _keys(columns: Words, which: NDArray[np.int64], rows: int) -> NDArray[np.int32]:  # pragma: no cover - compiled
    found = np.zeros(_WORD * columns.shape[1], dtype=np.int32)
    for block in range(columns.shape[1]):
        part = found[_WORD * block : _WORD * (block + 1)]
        for at in which:
            column = columns[at, block]
            for r in range(_WORD):
                part[r] = (part[r] << 1) | np.int32((column >> np.uint64(r)) & np.uint64(1))
    return found[:rows]
