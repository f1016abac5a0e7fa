"""The bits of one feature's values: each distinct value is checked, cut into tokens and hashed once."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import reduce
from typing import Any

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
        self._checked = _checker(spec)
        self._tokens = _tokeniser(properties.comparator)
        hashed, bits_per_token = token_hash(properties, keys, length), properties.strategy.bits_per_token
        recurring = {"NgramComparison": _bits_of_recurring, "NumericComparison": _bits_of_neighbours}
        make = recurring.get(type(properties.comparator).__name__, _bits_of_rare)
        self._bits = make(hashed, bits_per_token, self._limit)

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


Lookup = Callable[[str], int]


def _bits_of_recurring(
    hashed: TokenHash, bits_per_token: Callable[[int], list[int]], limit: int
) -> Callable[[list[str]], int]:
    """For n-grams: each token's filter is kept, for every k that it was needed with."""
    tables: dict[int, Lookup] = {}
    plans: dict[int, tuple[int, Lookup, Lookup]] = {}

    def table(k: int) -> Lookup:
        if k not in tables:
            tables[k] = _TokenBits(hashed, k, limit).__getitem__
        return tables[k]

    def plan_for(count: int) -> tuple[int, Lookup, Lookup]:
        first, k = _shares(bits_per_token(count))
        plan = plans[count] = (first, table(k + 1), table(k))
        return plan

    def bits(tokens: list[str]) -> int:
        first, first_bits, rest_bits = plans.get(len(tokens)) or plan_for(len(tokens))
        if not first:
            return reduce(operator.or_, map(rest_bits, tokens))
        start = reduce(operator.or_, map(first_bits, tokens[:first]))
        return reduce(operator.or_, map(rest_bits, tokens[first:]), start)

    return bits


def _bits_of_neighbours(
    hashed: TokenHash, bits_per_token: Callable[[int], list[int]], limit: int
) -> Callable[[list[str]], int]:
    """For numbers: the tokens are a neighbourhood on a grid, known by its first one; different numbers often have the same."""
    kept: dict[str, int] = {}
    rare = _bits_of_rare(hashed, bits_per_token, limit)

    def bits(tokens: list[str]) -> int:
        found = kept.get(tokens[0])
        if found is None:
            if len(kept) >= limit:
                kept.clear()
            found = kept[tokens[0]] = rare(tokens)
        return found

    return bits


def _bits_of_rare(
    hashed: TokenHash, bits_per_token: Callable[[int], list[int]], limit: int
) -> Callable[[list[str]], int]:
    """For whole values: a new value's token does not recur, so it is hashed and not kept."""

    def bits(tokens: list[str]) -> int:
        first, k = _shares(bits_per_token(len(tokens)))
        return hashed.one(tokens[0], k) if len(tokens) == 1 else hashed.many(tokens, first, k)

    return bits


def _shares(ks: Sequence[int]) -> tuple[int, int]:
    """How many tokens come first and get one bit more than the rest, and what the rest get."""
    return sum(k != ks[-1] for k in ks), ks[-1]


class _TokenBits(dict[str, int]):
    """Maps a token to its Bloom filter of k hash functions."""

    def __init__(self, tokens: TokenHash, k: int, limit: int) -> None:
        super().__init__()
        self._hash = tokens
        self._k = k
        self._limit = limit

    def __missing__(self, token: str) -> int:
        bits = self._hash.again(token, self._k)
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
        if not value.isascii():
            value.encode(encoding)
        return value

    def thorough(value: str) -> str:
        spec.validate(value)
        return str(spec.format_value(value))

    if kind == "DateSpec":
        return _date_checker(spec, thorough)
    if missing is not None:
        return thorough
    unlimited = kind == "StringSpec" and not (
        spec.regex_based or spec.min_length or spec.max_length is not None or spec.case != "mixed"
    )
    return plain if unlimited else thorough


def _date_checker(spec: Any, thorough: Callable[[str], str]) -> Callable[[str], str]:
    """Dates written in full in the commonest formats are read without `strptime`; all others, and wrong ones, as clkhash does."""
    encoding, missing = spec.hashing_properties.encoding, spec.hashing_properties.missing_value
    sentinel = None if missing is None else missing.sentinel
    parts = re.split(r"(%[Ymd])", spec.format)
    plain = sorted(parts[1::2]) == ["%Y", "%d", "%m"] and not any("%" in part for part in parts[::2])
    groups = {"%Y": "(?P<y>[1-9][0-9]{3})", "%m": "(?P<m>[0-9]{2})", "%d": "(?P<d>[0-9]{2})"}
    whole = re.compile("".join(groups.get(part) or re.escape(part) for part in parts)) if plain else None

    def check(value: str) -> str:
        found = whole.fullmatch(value) if whole is not None and value != sentinel else None
        if found is None:
            return thorough(value)
        year, month, day = found["y"], found["m"], found["d"]
        value.encode(encoding)
        try:
            date(int(year), int(month), int(day))
        except ValueError:
            return thorough(value)
        return f"{year}{month}{day}"

    return check


def _tokeniser(comparator: Any) -> Callable[[str], list[str]]:
    """clkhash's own tokens; the commonest kinds without its generators."""
    n = getattr(comparator, "n", 0)
    if n < 1:
        return lambda text: list(comparator.tokenize(text))
    grams = _grams(n)
    if not comparator.positional:
        return grams
    places: list[str] = []

    def positional(text: str) -> list[str]:
        found = grams(text)
        if len(found) > len(places):
            places.extend(f"{i + 1} " for i in range(len(places), len(found)))
        return list(map(operator.add, places, found))

    return positional


def _grams(n: int) -> Callable[[str], list[str]]:
    """N-grams of a text with n - 1 blanks before and behind; none of an empty one."""
    if n == 1:
        return list
    if n == 2:
        return lambda text: list(map(operator.add, " " + text, text + " ")) if text else []
    blanks = " " * (n - 1)

    def grams(text: str) -> list[str]:
        if not text:
            return []
        whole = f"{blanks}{text}{blanks}"
        found: Iterable[str] = whole
        for start in range(1, n):
            found = map(operator.add, found, whole[start:])
        return list(found)

    return grams


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
