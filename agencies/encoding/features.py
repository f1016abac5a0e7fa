"""The bits of one feature's values: each distinct value is checked, cut into tokens and hashed once.

A Bloom filter is held as a Python integer of `length` bits, position 0 the most significant, so that OR, XOR and the serial form
are single operations at any length. The constructions are clkhash's: the same tokens, keys, hash streams and bit positions.
"""

from __future__ import annotations

import hashlib
import hmac
import operator
import struct
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CACHE_BYTES = 24 << 20
_ENTRY_OVERHEAD = 200
_SHORTS_PER_DIGEST = 32
_MANY_POSITIONS = 40


class RefusedValueError(Exception):
    """A value does not fit its feature. Holds what was expected, never the value."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


class FeatureEncoder(dict[str, int]):
    """Maps a value of one feature to its Bloom filter under one key. Fills itself; forgets when it is full."""

    def __init__(self, spec: Any, keys: Sequence[bytes], length: int) -> None:
        super().__init__()
        properties = spec.hashing_properties
        self._spec = spec
        self._limit = _limit(length)
        self._hash = _token_hash(properties, keys, length)
        self._strategy = properties.strategy
        self._comparator = properties.comparator
        self._tokens = _tokeniser(properties.comparator)
        self._by_k: dict[int, _TokenBits] = {}
        self._shares: dict[int, tuple[int, int]] = {}

    def __missing__(self, value: str) -> int:
        tokens = self._checked_tokens(value)
        bits = self._bits(tokens) if tokens else 0
        if len(self) >= self._limit:
            self.clear()
        self[value] = bits
        return bits

    def _checked_tokens(self, value: str) -> list[str]:
        # The reason is kept and raised outside the handlers: an exception's context would carry the value.
        try:
            self._spec.validate(value)
            tokens = self._tokens(self._spec.format_value(value))
        except Exception:
            tokens = None
        if tokens is None:
            raise RefusedValueError(expectation(self._spec))
        return tokens

    def _bits(self, tokens: list[str]) -> int:
        count = len(tokens)
        share = self._shares.get(count)
        if share is None:
            share = self._shares[count] = _share(self._strategy.bits_per_token(count))
        first, k = share
        try:
            bits = reduce(operator.or_, map(self._table(k).__getitem__, tokens[first:]), 0)
            if first:
                bits = reduce(operator.or_, map(self._table(k + 1).__getitem__, tokens[:first]), bits)
        except UnicodeEncodeError:
            bits = -1
        if bits < 0:
            raise RefusedValueError(expectation(self._spec))
        return bits

    def _table(self, k: int) -> _TokenBits:
        table = self._by_k.get(k)
        if table is None:
            table = self._by_k[k] = _TokenBits(self._hash, k, self._limit)
        return table


class _TokenBits(dict[str, int]):
    """Maps a token to its Bloom filter of k hash functions."""

    def __init__(self, token_hash: Callable[[str, int], int], k: int, limit: int) -> None:
        super().__init__()
        self._hash = token_hash
        self._k = k
        self._limit = limit

    def __missing__(self, token: str) -> int:
        bits = self._hash(token, self._k)
        if len(self) >= self._limit:
            self.clear()
        self[token] = bits
        return bits


def _limit(length: int) -> int:
    return max(256, _CACHE_BYTES // (length // 7 + _ENTRY_OVERHEAD))


def _share(ks: Sequence[int]) -> tuple[int, int]:
    """How many tokens get one bit more than the others, and what the others get: (first, k)."""
    k = ks[-1]
    first = sum(1 for each in ks if each != k)
    return first, k


def _tokeniser(comparator: Any) -> Callable[[str], list[str]]:
    n, positional = getattr(comparator, "n", 0), getattr(comparator, "positional", False)
    if n == 2 and not positional:
        return _bigrams
    return lambda text: list(comparator.tokenize(text))


def _bigrams(text: str) -> list[str]:
    if not text:
        return []
    return list(map(operator.add, " " + text, text + " "))


def _token_hash(properties: Any, keys: Sequence[bytes], length: int) -> Callable[[str, int], int]:
    encoding = properties.encoding
    if properties.hash_type == "blakeHash":
        return _blake(keys[0], length, encoding)
    return _double(keys, length, encoding, bool(properties.prevent_singularity))


def _blake(key: bytes, length: int, encoding: str) -> Callable[[str, int], int]:
    """Positions are consecutive 16-bit words of keyed BLAKE2b digests, reduced to the length (a power of two)."""
    collect = _collector(length)

    def bits(token: str, k: int) -> int:
        data = token.encode(encoding)
        digests = b"".join(
            hashlib.blake2b(data, key=key, salt=b"%d" % i).digest() for i in range(-(-k // _SHORTS_PER_DIGEST))
        )
        if k > _MANY_POSITIONS:
            return collect(np.frombuffer(digests, dtype="<u2")[:k] % length if length < 65536 else _wide(digests, k))
        return collect([short % length for short in struct.unpack_from(f"<{k}H", digests)])

    return bits


def _wide(digests: bytes, k: int) -> NDArray[np.int64]:
    return np.frombuffer(digests, dtype="<u2")[:k].astype(np.int64)


def _double(keys: Sequence[bytes], length: int, encoding: str, prevent_singularity: bool) -> Callable[[str, int], int]:
    """Schnell, Bachteler and Reiher's double hashing with HMAC-SHA1 and HMAC-MD5; positions a + i·b modulo the length."""
    key_sha1, key_md5 = keys[:2]
    collect = _collector(length)

    def bits(token: str, k: int) -> int:
        data = token.encode(encoding)
        start = int.from_bytes(hmac.digest(key_sha1, data, "sha1"), "big") % length
        step = int.from_bytes(hmac.digest(key_md5, data, "md5"), "big") % length
        attempt = 0
        while prevent_singularity and step == 0:
            step = int.from_bytes(hmac.digest(key_md5, data + chr(attempt).encode(), "md5"), "big") % length
            attempt += 1
        if k > _MANY_POSITIONS:
            return collect((start + step * np.arange(k, dtype=np.int64)) % length)
        return collect([(start + i * step) % length for i in range(k)])

    return bits


def _collector(length: int) -> Callable[[Sequence[int] | NDArray[Any]], int]:
    """From positions to the integer with these bits set."""
    top = length - 1
    spare = -length % 8

    def collect(positions: Sequence[int] | NDArray[Any]) -> int:
        if isinstance(positions, list):
            bits = 0
            for position in positions:
                bits |= 1 << (top - position)
            return bits
        flags = np.zeros(length, dtype=np.uint8)
        flags[positions] = 1
        return int.from_bytes(np.packbits(flags).tobytes(), "big") >> spare

    return collect


def expectation(spec: Any) -> str:
    """What a feature takes, in words, from its own description."""
    kind = type(spec).__name__
    parts = {"IntegerSpec": _integer, "DateSpec": _date, "EnumSpec": _enum}.get(kind, _string)(spec)
    properties = spec.hashing_properties
    if type(properties.comparator).__name__ == "NumericComparison" and kind not in ("IntegerSpec",):
        parts += ", and a number that can be compared"
    missing = properties.missing_value
    if missing is not None:
        parts += f", or `{missing.sentinel}` for a missing value"
        if missing.replace_with != missing.sentinel:
            parts += f" (its replacement `{missing.replace_with}` must be encodable too)"
    return parts


def _string(spec: Any) -> str:
    parts = [f"text that {spec.hashing_properties.encoding} can write"]
    if spec.regex_based:
        parts.append(f"of the pattern `{spec.regex.pattern}`")
    else:
        if spec.min_length:
            parts.append(f"of at least {spec.min_length} characters")
        if spec.max_length is not None:
            parts.append(f"of at most {spec.max_length} characters")
        if spec.case != "mixed":
            parts.append(f"in {spec.case} case")
    return ", ".join(parts)


def _integer(spec: Any) -> str:
    text = "a whole number"
    if spec.minimum is not None:
        text += f" of at least {spec.minimum}"
    if spec.maximum is not None:
        text += f"{' and' if spec.minimum is not None else ' of'} at most {spec.maximum}"
    return text


def _date(spec: Any) -> str:
    return f"a real date in the format `{spec.format}`"


def _enum(spec: Any) -> str:
    values = sorted(spec.values)
    if len(values) > 12:
        return f"one of the {len(values)} values that the schema lists"
    return "one of " + ", ".join(f"`{value}`" for value in values)
