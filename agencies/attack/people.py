"""What is attacked: a sample of an agency's people with their groups, and the list that an attacker compares it with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from agencies.attack.bits import Clks, Ints
from agencies.attack.checks import Checks
from agencies.encoding.comparator import CheckEncoder, Comparator
from agencies.encoding.harden import Hardening
from agencies.encoding.person import FEATURES, PersonEncoder
from agencies.encoding.schema import EncodingSchema
from agencies.standardise.person import StandardPerson

People = Sequence[StandardPerson]


@dataclass(frozen=True, slots=True)
class Scheme:
    """How people are encoded: everything that is public. Whoever attacks knows it; only the secret is missing.

    `comparators` are the keyed comparators beside them. `parts` are the CLKs that a record has, each a schema and a hardening; several are attacked side by side, as the matcher sees
    them. `encode` makes what is sent; `encode_base` the same without the hardening stage (under the birth-year salt, where there is
    one).
    """

    parts: tuple[tuple[EncodingSchema, Hardening], ...]
    comparators: tuple[Comparator, ...] = ()

    def checks(self, secret: bytes, people: People, listed: People) -> Checks | None:
        """The comparators' numbers of people, and the values of listed people; None for a scheme without comparators."""
        if not self.comparators:
            return None
        seen = CheckEncoder(self.comparators, secret).for_matching(people).astype(np.int64)
        values = np.empty((len(listed), len(self.comparators)), dtype=np.int64)
        for column, comparator in enumerate(self.comparators):
            numbers: dict[str, int] = {}
            for row, person in enumerate(listed):
                held = [str(getattr(person, name)) for name in comparator.fields]
                values[row, column] = numbers.setdefault("\x1f".join(held), len(numbers)) if all(held) else -1
        return Checks(seen, values, tuple(each.bits for each in self.comparators))

    def encode(self, secret: bytes, people: People) -> Clks:
        """People to what is sent of them, shape (n, bytes)."""
        return _side_by_side([PersonEncoder(*part, secret).encode(people) for part in self.parts])

    def encode_base(self, secret: bytes, people: People) -> Clks:
        """People to their filters before hardening."""
        return _side_by_side([PersonEncoder(schema, _before(h), secret).encode(people) for schema, h in self.parts])

    def tokens(self, person: StandardPerson) -> list[str]:
        """What a person's filters are made of: every token of every feature, marked with the feature's number."""
        found, number = [], 0
        for schema, _ in self.parts:
            for name, spec in zip(schema.feature_names, schema.fields, strict=True):
                number += 1
                if spec.hashing_properties is not None:
                    tokens = spec.hashing_properties.comparator.tokenize(spec.format_value(FEATURES[name](person)))
                    found += [f"{number}:{token}" for token in tokens]
        return found


def _before(hardening: Hardening) -> Hardening:
    # With t = 1 diffusion only moves bits to other places: similarities stay those of the salted filters.
    return replace(hardening, t=1) if hardening.salts_names else replace(hardening, profile="compat")


def _side_by_side(clks: list[Clks]) -> Clks:
    return clks[0] if len(clks) == 1 else np.concatenate(clks, axis=1)


def is_complete(schema: EncodingSchema, person: StandardPerson) -> bool:
    """Whether no feature of the schema is empty (a middle name may be)."""
    return all(FEATURES[name](person) for name in schema.feature_names if not name.startswith("middle"))


def numbered(groups: Iterable[str]) -> Ints:
    """Group references to numbers from 0; an empty reference is a group of one."""
    numbers: dict[str, int] = {}
    return np.array(
        [numbers.setdefault(group or f"\0{row}", len(numbers)) for row, group in enumerate(groups)], dtype=np.int64
    )


def by_group(groups: Ints, rng: np.random.Generator) -> Ints:
    """All rows, the members of a group side by side, groups in random order."""
    order = rng.permutation(int(groups.max()) + 1)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return np.argsort(rank[groups], kind="stable")


def whole_groups(groups: Ints, size: int, rng: np.random.Generator) -> Ints:
    """Rows of randomly chosen whole groups, until `size` rows are reached."""
    rows = by_group(groups, rng)
    return rows[: end_of_group(groups[rows], size)]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Which rows are on the victim's side and which on the attacker's; `truth[i]` is the place of victim i in the list, or -1."""

    victims: Ints
    listed: Ints
    truth: Ints


def overlapping(groups: Ints, share: float, rng: np.random.Generator) -> Overlap:
    """Split the rows so that both sides are equally large and hold `share` of their people in common, by whole groups."""
    if share >= 1:
        everyone = np.arange(len(groups))
        return Overlap(everyone, everyone, everyone.copy())
    order = by_group(groups, rng)
    side = int(len(groups) / (2 - share))
    common, only = int(side * share), side - int(side * share)
    cut1, cut2 = end_of_group(groups[order], common), end_of_group(groups[order], common + only)
    shared, left, right = order[:cut1], order[cut1:cut2], order[cut2:]
    victims, listed = np.concatenate([shared, left]), rng.permutation(np.concatenate([shared, right]))
    place = np.full(len(groups), -1, dtype=np.int64)
    place[listed] = np.arange(len(listed))
    return Overlap(victims, listed, place[victims])


def end_of_group(groups: Ints, end: int) -> int:
    """The first place from `end` on where a group ends, in rows whose groups stand together."""
    while 0 < end < len(groups) and groups[end] == groups[end - 1]:
        end += 1
    return end


def corrupted(people: People, rng: np.random.Generator) -> list[StandardPerson]:
    """The same people as a list with errors has them: the dirty list of the attack suite.

    Rates are heavier than what registers show: each name mistyped in 4 %, a digit of the date wrong in 4 %, sex wrong in 1 %, a
    move (another person's address and postcode) in 15 %, middle name, date or address missing in 5 % each.
    """
    return [_corrupt(person, people, rng) for person in people]


def _corrupt(person: StandardPerson, people: People, rng: np.random.Generator) -> StandardPerson:
    new = {field.name: getattr(person, field.name) for field in fields(StandardPerson)}
    for name in ("given_name", "family_name"):
        if rng.random() < 0.04:
            new[name] = _mistyped(new[name], "abcdefghijklmnopqrstuvwxyz", rng)
    if rng.random() < 0.04:
        new["date_of_birth"] = _mistyped(new["date_of_birth"], "0123456789", rng)
    if rng.random() < 0.15:
        other = people[int(rng.integers(len(people)))]
        new["address"], new["postcode"] = other.address, other.postcode
    if rng.random() < 0.01:
        new["sex"] = {"m": "f", "f": "m"}.get(new["sex"], "")
    for name in ("middle_name", "date_of_birth", "address"):
        if rng.random() < 0.05:
            new[name] = ""
    return StandardPerson(**new)


def _mistyped(text: str, alphabet: str, rng: np.random.Generator) -> str:
    """One character replaced, so that the length stays (a date stays eight digits)."""
    if not text:
        return text
    at = int(rng.integers(len(text)))
    return text[:at] + alphabet[int(rng.integers(len(alphabet)))] + text[at + 1 :]
