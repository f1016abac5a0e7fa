"""Keyed comparators: a few bits of a keyed hash of a name together with the date of birth, of which only equality can be seen.

Hardly two people share a given name *and* a date of birth, so to know one person's bits says nothing about anybody else's. A
comparator of the date alone would not do: where a part of a register is known to an attacker, every date's bits are soon known.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agencies.encoding.subkeys import subkey
from agencies.standardise.person import StandardPerson
from protocols.submission import NO_CHECK

_MONTH_DIGITS, _WHOLE = 6, 8


@dataclass(frozen=True, slots=True)
class Comparator:
    """Which fields of a person are hashed together, and how many bits of the hash are sent."""

    name: str
    fields: tuple[str, ...]
    bits: int

    def describe(self) -> str:
        """What two agencies must have the same: the label of its key."""
        return f"comparator/v1/{self.name}/fields={'+'.join(self.fields)}/bits={self.bits}"


class CheckEncoder:
    """The checks of people under some comparators and a 32-byte linkage secret."""

    def __init__(self, comparators: Sequence[Comparator], secret: bytes) -> None:
        self._comparators = [(each, subkey(secret, each.describe())) for each in comparators]

    def numbers(self, people: Sequence[StandardPerson]) -> NDArray[np.uint16]:
        """Shape (n, comparators); `NO_CHECK` where a field is missing or says too little."""
        rows = [[_check(person, each, key) for each, key in self._comparators] for person in people]
        return np.array(rows, dtype=np.uint16).reshape(len(people), len(self._comparators))

    def for_matching(self, people: Sequence[StandardPerson]) -> NDArray[np.int32]:
        """The same as the matcher holds them: -1 where there is nothing to compare."""
        numbers = self.numbers(people).astype(np.int32)
        return np.where(numbers == NO_CHECK, np.int32(-1), numbers)

    def encode(self, people: Sequence[StandardPerson]) -> NDArray[np.uint8]:
        """The same as bytes, shape (n, 2 × comparators), each number little-endian."""
        return self.numbers(people).astype("<u2").view(np.uint8).reshape(len(people), 2 * len(self._comparators))


def _check(person: StandardPerson, comparator: Comparator, key: bytes) -> int:
    parts = [
        unordered(person.date_of_birth) if field == "date_of_birth" else str(getattr(person, field))
        for field in comparator.fields
    ]
    if not all(parts):
        return NO_CHECK
    digest = hmac.digest(key, "\x1f".join(parts).encode(), hashlib.sha256)
    return int.from_bytes(digest[:4], "big") >> (32 - comparator.bits)


def unordered(date: str) -> str:
    """A date whose day and month may be exchanged: the year, then the smaller of the two. A year alone is no evidence: ''."""
    if len(date) == _WHOLE:
        return date[:4] + "".join(sorted((date[4:6], date[6:])))
    return date if len(date) == _MONTH_DIGITS else ""
