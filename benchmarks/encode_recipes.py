"""Ways of encoding a person that are measured against each other: hardening profiles, and recipes of features and bits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agencies.encoding.harden import Hardening
from agencies.encoding.person import PersonEncoder
from agencies.encoding.schema import EncodingSchema, load_schema, shipped_schema
from agencies.standardise.person import StandardPerson

Clks = NDArray[np.uint8]


class Variant(NamedTuple):
    """A way of encoding: its name, and the schema and hardening of each CLK that a person gets."""

    name: str
    parts: tuple[tuple[EncodingSchema, Hardening], ...]

    def encode(self, people: Sequence[StandardPerson], secret: bytes) -> Clks:
        """People to what is sent of them, all CLKs of a person side by side, shape (n, bytes)."""
        return np.hstack([PersonEncoder(*part, secret).encode(people) for part in self.parts])


class Feature(NamedTuple):
    """One feature of a recipe: bits at length 1,024, n of the n-grams (0 for the whole value), and whether places count."""

    name: str
    bits: int
    n: int
    positional: bool = False


GIVEN, MIDDLE, FAMILY = Feature("given_name", 146, 2), Feature("middle_initial", 68, 1), Feature("family_name", 117, 2)
SEX, ADDRESS, POSTCODE = Feature("sex", 27, 1), Feature("address", 27, 2), Feature("postcode", 16, 1, True)
YEAR, BIRTHDAY = Feature("birth_year", 58, 4, True), Feature("birth_yymmdd", 70, 2, True)
SHIPPED = (GIVEN, MIDDLE, FAMILY, YEAR, BIRTHDAY, SEX, ADDRESS, POSTCODE)
WHOLE_DATE = Feature("date_of_birth", 190, 2, True)
IDENTITY = (
    Feature("given_name", 165, 2), Feature("middle_initial", 65, 1), Feature("family_name", 110, 2),
    Feature("birth_year", 65, 4, True), Feature("birth_yymmdd", 140, 2, True), Feature("sex", 35, 1),
)  # fmt: skip
HOUSEHOLD = (Feature("family_name", 120, 2), Feature("address", 300, 2), Feature("postcode", 130, 1, True))


def profiles() -> Iterator[Variant]:
    """The shipped schemas under every hardening profile, and two CLKs for each person instead of one."""
    for name in ("person", "person-2048", "person-4096"):
        schema = shipped_schema(name)
        length = schema.length
        yield Variant(f"{length} compat", ((schema, Hardening("compat", length=length)),))
        for t in (2, 3, 4, 5):
            yield Variant(f"{length} standard t={t}", ((schema, Hardening("standard", t, length)),))
        yield Variant(f"{length} high t=3", ((schema, Hardening("high", 3, length)),))
        yield Variant(f"{length} xor-fold to {length // 2}", ((schema, Hardening("xor-fold", length=length)),))
        yield Variant(f"{length} rule-90", ((schema, Hardening("rule-90", length=length)),))
        for epsilon in (3.0, 2.0):
            share = 100 / (1 + math.exp(epsilon))
            hardening = Hardening("blip", length=length, epsilon=epsilon)
            yield Variant(f"{length} blip epsilon={epsilon} ({share:.0f} % flips)", ((schema, hardening),))
    for profile in ("compat", "standard"):
        first, second = ((schema_of(features), Hardening(profile)) for features in (IDENTITY, HOUSEHOLD))
        yield Variant(f"two CLKs, {profile}: identity", (first,))
        yield Variant(f"two CLKs, {profile}: household", (second,))
        yield Variant(f"two CLKs, {profile}: both", (first, second))


def recipes() -> Iterator[Variant]:
    """The shipped recipe and what it was chosen over, all 1,024 bits under the profile standard."""
    variants: dict[str, Sequence[Feature]] = {
        "shipped": SHIPPED,
        "date whole, positional bigrams": _with(WHOLE_DATE, SHIPPED),
        "date whole, positional digits": _with(WHOLE_DATE._replace(n=1), SHIPPED),
        "date whole, positional trigrams": _with(WHOLE_DATE._replace(n=3), SHIPPED),
        "date without century, no year": _without(
            "birth_year", (*SHIPPED[:4], BIRTHDAY._replace(bits=190), *SHIPPED[5:])
        ),
        "year as one token": _change(SHIPPED, YEAR._replace(n=0)),
        "names as trigrams": _change(SHIPPED, GIVEN._replace(n=3), FAMILY._replace(n=3)),
        "address as trigrams": _change(SHIPPED, ADDRESS._replace(n=3)),
        "postcode as one token": _change(SHIPPED, POSTCODE._replace(n=0)),
        "postcode as positional bigrams": _change(SHIPPED, POSTCODE._replace(n=2)),
        "no sex": _without("sex", SHIPPED),
        "no middle initial": _without("middle_initial", SHIPPED),
        "no address, no postcode": _without("postcode", _without("address", SHIPPED)),
    }
    for feature in SHIPPED:
        for factor in (0.7, 1.3):
            changed = feature._replace(bits=round(feature.bits * factor))
            variants[f"{feature.name} {changed.bits} bits"] = _change(SHIPPED, changed)
    for factor in (0.75, 0.9, 1.15, 1.3):
        variants[f"all bits × {factor}"] = [f._replace(bits=round(f.bits * factor)) for f in SHIPPED]
    for name, features in variants.items():
        yield Variant(name, ((schema_of(features), Hardening()),))


def schema_of(features: Sequence[Feature]) -> EncodingSchema:
    """A linkage schema of 1,024 bits with the shipped keys and hashes and these features."""
    document = json.loads(json.dumps(shipped_schema().document))
    document["features"] = [
        {
            "identifier": feature.name,
            "format": {"type": "string"},
            "hashing": {
                "hash": {"type": "blakeHash"},
                "comparison": {"type": "ngram", "n": feature.n, "positional": feature.positional}
                if feature.n
                else {"type": "exact"},
                "strategy": {"bitsPerFeature": feature.bits},
            },
        }
        for feature in features
    ]
    return load_schema(json.dumps(document).encode())


def _change(features: Sequence[Feature], *changed: Feature) -> list[Feature]:
    named = {feature.name: feature for feature in changed}
    return [named.get(feature.name, feature) for feature in features]


def _without(name: str, features: Sequence[Feature]) -> list[Feature]:
    return [feature for feature in features if feature.name != name]


def _with(date: Feature, features: Sequence[Feature]) -> list[Feature]:
    """One feature for the date in the place of two."""
    return [date if feature is YEAR else feature for feature in features if feature is not BIRTHDAY]
