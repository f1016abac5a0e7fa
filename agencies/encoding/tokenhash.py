"""From tokens to bit positions: clkhash's two constructions, with each key's work done once.

A Bloom filter is a Python integer of `length` bits, position 0 the most significant, so that OR, XOR and the serial form are single
operations at any length.
"""

from __future__ import annotations

import hashlib
import operator
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from itertools import chain
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_SHORTS_PER_DIGEST = 32
_MANY_POSITIONS = 40
_MOST_SINGLE_BITS = 4096
_MOST_KEPT = 1 << 16
_UNPACK = [struct.Struct(f"<{k}H").unpack_from for k in range(_SHORTS_PER_DIGEST + 1)]


class TokenHash(Protocol):
    """A construction under one key, for filters of one length."""

    def one(self, token: str, k: int) -> int:
        """The filter of one token with k hash functions. Raises `UnicodeEncodeError` if the encoding cannot write it."""

    def again(self, token: str, k: int) -> int:
        """The same for a token that will come again with another k: what does not depend on k is kept."""

    def many(self, tokens: Sequence[str], first: int, k: int) -> int:
        """The filter of several tokens: k + 1 functions for the first ones, k for the rest."""


def token_hash(properties: Any, keys: Sequence[bytes], length: int) -> TokenHash:
    """The construction that clkhash's hashing properties name."""
    if properties.hash_type == "blakeHash":
        return _Blake(keys[0], length, properties.encoding)
    return _Double(keys, length, properties.encoding, bool(properties.prevent_singularity))


class _Blake:
    """Positions are consecutive 16-bit words of keyed BLAKE2b digests (salt 0, 1, …), modulo the length, a power of two."""

    def __init__(self, key: bytes, length: int, encoding: str) -> None:
        self._key, self._encoding = key, encoding
        self._bits, self._bits_of_array = _from_positions(length), _from_array(length)
        self._keyed: list[Any] = []
        self._kept: dict[str, bytes] = {}

    def again(self, token: str, k: int) -> int:
        if k > _SHORTS_PER_DIGEST:
            return self.one(token, k)
        words = self._kept.get(token)
        if words is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            words = self._kept[token] = self._words(token, _SHORTS_PER_DIGEST)
        return self._bits(_UNPACK[k](words))

    def one(self, token: str, k: int) -> int:
        words = self._words(token, k)
        if k > _MANY_POSITIONS:
            return self._bits_of_array(np.frombuffer(words, dtype="<u2"))
        return self._bits(struct.unpack(f"<{k}H", words))

    def many(self, tokens: Sequence[str], first: int, k: int) -> int:
        words = [self._words(token, k + (i < first)) for i, token in enumerate(tokens)]
        return self._bits_of_array(np.frombuffer(b"".join(words), dtype="<u2"))

    def _words(self, token: str, k: int) -> bytes:
        data = token.encode(self._encoding)
        needed = -(-k // _SHORTS_PER_DIGEST)
        while len(self._keyed) < needed:
            self._keyed.append(hashlib.blake2b(key=self._key, salt=b"%d" % len(self._keyed)))
        digests = b""
        for keyed in self._keyed[:needed]:
            hashed = keyed.copy()
            hashed.update(data)
            digests += hashed.digest()
        return digests[: 2 * k]


class _Double:
    """Positions a + i·b modulo the length, a and b by HMAC-SHA1 and HMAC-MD5 (Schnell, Bachteler and Reiher 2011).

    With `prevent_singularity`, a token of which b is 0 is hashed again until it is not, so that it never sets a single bit.
    """

    def __init__(self, keys: Sequence[bytes], length: int, encoding: str, prevent_singularity: bool) -> None:
        self._length, self._encoding, self._again = length, encoding, prevent_singularity
        self._start, self._step = _hmac(keys[0], hashlib.sha1), _hmac(keys[1], hashlib.md5)
        self._bits, self._bits_of_array = _from_positions(length), _from_array(length)
        self._kept: dict[str, tuple[int, int]] = {}

    def again(self, token: str, k: int) -> int:
        if k > _MANY_POSITIONS:
            return self.one(token, k)
        found = self._kept.get(token)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[token] = self._start_and_step(token)
        return self._bits(_walk(*found, k))

    def one(self, token: str, k: int) -> int:
        start, step = self._start_and_step(token)
        if k > _MANY_POSITIONS:
            return self._bits_of_array(start + step * np.arange(k, dtype=np.int64))
        return self._bits(_walk(start, step, k))

    def many(self, tokens: Sequence[str], first: int, k: int) -> int:
        walks = (_walk(*self._start_and_step(token), k + (i < first)) for i, token in enumerate(tokens))
        return self._bits_of_array(np.fromiter(chain.from_iterable(walks), dtype=np.int64))

    def _start_and_step(self, token: str) -> tuple[int, int]:
        data = token.encode(self._encoding)
        start, step = self._start(data) % self._length, self._step(data) % self._length
        attempt = 0
        while self._again and step == 0:
            step = self._step(data + chr(attempt).encode()) % self._length
            attempt += 1
        return start, step


def _walk(start: int, step: int, k: int) -> Iterable[int]:
    return range(start, start + k * step, step) if step else (start,)[:k]


def _hmac(key: bytes, algorithm: Callable[..., Any]) -> Callable[[bytes], int]:
    """HMAC (RFC 2104) as a number, its two keyed blocks computed once."""
    algorithm = partial(algorithm, usedforsecurity=False)  # clkhash's choice; the shipped schemas use BLAKE2b
    block = algorithm().block_size
    padded = (algorithm(key).digest() if len(key) > block else key).ljust(block, b"\0")
    inner, outer = algorithm(bytes(b ^ 0x36 for b in padded)), algorithm(bytes(b ^ 0x5C for b in padded))

    def digest(data: bytes) -> int:
        inside, outside = inner.copy(), outer.copy()
        inside.update(data)
        outside.update(inside.digest())
        return int.from_bytes(outside.digest(), "big")

    return digest


def _from_positions(length: int) -> Callable[[Iterable[int]], int]:
    """A few positions, not yet reduced to the length, to the filter with these bits set."""
    top = length - 1
    if length > _MOST_SINGLE_BITS:
        return lambda positions: reduce(operator.or_, [1 << (top - place % length) for place in positions], 0)
    single = [1 << (top - place) for place in range(length)]
    return lambda positions: reduce(operator.or_, [single[place % length] for place in positions], 0)


def _from_array(length: int) -> Callable[[NDArray[Any]], int]:
    """The same for many positions in an array."""
    spare = -length % 8

    def bits(positions: NDArray[Any]) -> int:
        flags = np.zeros(length, dtype=np.uint8)
        flags[positions.astype(np.int64) % length] = 1
        return int.from_bytes(np.packbits(flags).tobytes(), "big") >> spare

    return bits
