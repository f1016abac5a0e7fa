"""Secret diffusion: every output bit is the XOR of t input bits at positions that only key-holders know.

Construction after Armknecht, Heng and Schnell, "Strengthening privacy-preserving record linkage using diffusion" (PoPETs 2023), with
balanced pools: the index table is t permutations side by side, so that every input bit is used exactly t times, and no output bit
uses an input bit twice (it would cancel out).
"""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

from agencies.encoding.subkeys import subkey

_BLOCK = 4096
_ROWS = 512  # the unpacked bits of a block stay in the processor's cache


def diffusion_indices(secret: bytes, length: int, t: int) -> NDArray[np.int64]:
    """The index table, shape (t, length): output bit j is the XOR of input bits table[0, j] … table[t-1, j].

    Row by row, a Fisher-Yates shuffle drawn from the stream; a row that would use a bit twice is thrown away whole and drawn again,
    so that every table without repeats is equally likely.
    """
    stream = _Stream(subkey(secret, f"diffusion/v1/length={length}/t={t}"))
    table = np.empty((t, length), dtype=np.int64)
    for row in range(t):
        while True:
            table[row] = _shuffled(length, stream)
            if not (table[:row] == table[row]).any():
                break
    return table


def diffuse(clks: NDArray[np.uint8], table: NDArray[np.int64]) -> NDArray[np.uint8]:
    """CLKs of shape (n, length / 8) to diffused CLKs of the same shape, by the index table of their length."""
    out = np.empty_like(clks)
    for start in range(0, len(clks), _ROWS):
        bits = np.unpackbits(clks[start : start + _ROWS], axis=1)
        mixed = np.take(bits, table[0], axis=1)
        for row in table[1:]:
            mixed ^= np.take(bits, row, axis=1)
        out[start : start + _ROWS] = np.packbits(mixed, axis=1)
    return out


class _Stream:
    """The ChaCha20 key stream under `key`, counter and nonce zero, as little-endian 32-bit words."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()
        self._ahead = np.empty(0, dtype=np.int64)

    def peek(self, count: int) -> NDArray[np.int64]:
        """The next `count` words, without taking them."""
        if self._ahead.size < count:
            fresh = self._cipher.update(bytes(_BLOCK * -(-4 * count // _BLOCK)))
            self._ahead = np.concatenate([self._ahead, np.frombuffer(fresh, dtype="<u4").astype(np.int64)])
        return self._ahead[:count]

    def take(self, count: int) -> None:
        """Take `count` words."""
        self._ahead = self._ahead[count:]


def _below(bounds: NDArray[np.int64], stream: _Stream) -> NDArray[np.int64]:
    """A uniform number in [0, bound) for each bound in turn: a word from the incomplete last multiple of its bound is skipped."""
    picks = np.empty_like(bounds)
    limits = (1 << 32) - (1 << 32) % bounds
    done = 0
    while done < bounds.size:
        words = stream.peek(bounds.size - done)
        skipped = np.flatnonzero(words >= limits[done:])
        used = int(skipped[0]) if skipped.size else words.size
        picks[done : done + used] = words[:used] % bounds[done : done + used]
        stream.take(used + (1 if skipped.size else 0))
        done += used
    return picks


def _shuffled(length: int, stream: _Stream) -> list[int]:
    """A uniform permutation of 0 … length-1 (Fisher-Yates, from the last place down)."""
    order = list(range(length))
    picks = _below(np.arange(length, 1, -1), stream).tolist()
    for last, pick in zip(range(length - 1, 0, -1), picks, strict=True):
        order[last], order[pick] = order[pick], order[last]
    return order
