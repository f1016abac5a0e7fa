"""The bits of one feature's values: each distinct value is checked, cut into tokens and hashed once."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple

from agencies.encoding.tokenhash import TokenHash, token_hash

_CACHE_BYTES = 24 << 20
_ENTRY_OVERHEAD = 200


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
        self._hash = token_hash(properties, keys, length)
        self._bits_per_token = properties.strategy.bits_per_token
        self._tokens = _tokeniser(properties.comparator)
        self._tokens_recur = type(properties.comparator).__name__ == "NgramComparison"
        self._checked = _checker(spec)
        self._tables: dict[int, _TokenBits] = {}
        self._plans: dict[int, _Plan] = {}

    def __missing__(self, value: str) -> int:
        # A refusal is raised outside the handler: an exception's context would carry the value.
        try:
            tokens = self._tokens(self._checked(value))
            bits = self._bits(tokens) if tokens else 0
        except Exception:
            bits = -1
        if bits < 0:
            raise RefusedValueError(expectation(self._spec))
        if len(self) >= self._limit:
            self.clear()
        self[value] = bits
        return bits

    def _bits(self, tokens: list[str]) -> int:
        plan = self._plans.get(len(tokens)) or self._plan(len(tokens))
        if not self._tokens_recur:
            if len(tokens) == 1:
                return self._hash.one(tokens[0], plan.k)
            return self._hash.many(tokens, plan.first, plan.k)
        if not plan.first:
            return reduce(operator.or_, map(plan.rest_bits, tokens))
        bits = reduce(operator.or_, map(plan.first_bits, tokens[: plan.first]))
        return reduce(operator.or_, map(plan.rest_bits, tokens[plan.first :]), bits)

    def _plan(self, count: int) -> _Plan:
        ks = self._bits_per_token(count)
        k = ks[-1]
        first = sum(each != k for each in ks)
        plan = self._plans[count] = _Plan(first, k, self._table(k + 1).__getitem__, self._table(k).__getitem__)
        return plan

    def _table(self, k: int) -> _TokenBits:
        if k not in self._tables:
            self._tables[k] = _TokenBits(self._hash, k, self._limit)
        return self._tables[k]


class _Plan(NamedTuple):
    """For a number of tokens: the first ones get k + 1 bits and the rest k; and where the filters of both are looked up."""

    first: int
    k: int
    first_bits: Callable[[str], int]
    rest_bits: Callable[[str], int]


class _TokenBits(dict[str, int]):
    """Maps a token to its Bloom filter of k hash functions."""

    def __init__(self, tokens: TokenHash, k: int, limit: int) -> None:
        super().__init__()
        self._hash = tokens
        self._k = k
        self._limit = limit

    def __missing__(self, token: str) -> int:
        bits = self._hash.one(token, self._k)
        if len(self) >= self._limit:
            self.clear()
        self[token] = bits
        return bits


def _limit(length: int) -> int:
    return max(256, _CACHE_BYTES // (length // 7 + _ENTRY_OVERHEAD))


def _checker(spec: Any) -> Callable[[str], str]:
    """From a value to the text that is cut into tokens, as the spec's `validate` and `format_value` give it, without doing work twice."""
    kind, missing = type(spec).__name__, spec.hashing_properties.missing_value
    encoding = spec.hashing_properties.encoding

    def plain(value: str) -> str:
        value.encode(encoding)
        return value

    def parsed_once(value: str) -> str:
        value.encode(encoding)
        return str(spec.format_value(value))

    def thorough(value: str) -> str:
        spec.validate(value)
        return str(spec.format_value(value))

    if missing is not None:
        return thorough
    if kind == "DateSpec":
        return parsed_once
    unlimited = kind == "StringSpec" and not (
        spec.regex_based or spec.min_length or spec.max_length is not None or spec.case != "mixed"
    )
    return plain if unlimited else thorough


def _tokeniser(comparator: Any) -> Callable[[str], list[str]]:
    """clkhash's own tokens; the commonest kinds without its generators."""
    n = getattr(comparator, "n", 0)
    if n not in (1, 2):
        return lambda text: list(comparator.tokenize(text))
    grams = _bigrams if n == 2 else list
    if not comparator.positional:
        return grams
    places: list[str] = []

    def positional(text: str) -> list[str]:
        found = grams(text)
        if len(found) > len(places):
            places.extend(f"{i + 1} " for i in range(len(places), len(found)))
        return list(map(operator.add, places, found))

    return positional


def _bigrams(text: str) -> list[str]:
    return list(map(operator.add, " " + text, text + " ")) if text else []


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
