"""Secret diffusion: every output bit is the XOR of t input bits at positions that only key-holders know.

Construction after Armknecht, Heng and Schnell, "Strengthening privacy-preserving record linkage using diffusion" (PoPETs 2023), with
balanced pools: the index table is t permutations side by side, so that every input bit is used exactly t times, and no output bit
uses an input bit twice (it would cancel out).
"""

from __future__ import annotations

from collections.abc import Iterator

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
    words = _words(subkey(secret, f"diffusion/v1/length={length}/t={t}"))
    table = np.empty((t, length), dtype=np.int64)
    for row in range(t):
        while True:
            table[row] = _shuffled(length, words)
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


def _words(key: bytes) -> Iterator[int]:
    """Little-endian 32-bit words of the ChaCha20 key stream under `key`, counter and nonce zero."""
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()
    while True:
        yield from np.frombuffer(stream.update(bytes(_BLOCK)), dtype="<u4").tolist()


def _below(bound: int, words: Iterator[int]) -> int:
    """A uniform number in [0, bound): words from the incomplete last multiple of the bound are skipped."""
    limit = (1 << 32) - (1 << 32) % bound
    while True:
        word = next(words)
        if word < limit:
            return word % bound


def _shuffled(length: int, words: Iterator[int]) -> list[int]:
    """A uniform permutation of 0 … length-1 (Fisher-Yates, from the last place down)."""
    order = list(range(length))
    for last in range(length - 1, 0, -1):
        pick = _below(last + 1, words)
        order[last], order[pick] = order[pick], order[last]
    return order
