"""Made-up people in families, with names as unevenly frequent as real ones, and encoders for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest

from agencies.attack.bits import Clks, Ints
from agencies.attack.people import Scheme, numbered
from agencies.encoding.harden import Hardening
from agencies.encoding.schema import EncodingSchema, load_schema, shipped_schema
from agencies.standardise.person import StandardPerson

SYLLABLES = "an be cor da el fen gra hol is jo kel lu mar nor o pe qui ros sta tel ur vin wes yor za bri cla dun eth far".split()
STREETS = "mill church station high park green queen victoria school chapel orchard meadow".split()


@dataclass(frozen=True)
class Families:
    """People, the group of each, and group numbers."""

    people: list[StandardPerson]
    households: list[str]

    @property
    def groups(self) -> Ints:
        return numbered(self.households)

    def __len__(self) -> int:
        return len(self.people)


def _names(count: int, rng: np.random.Generator) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choice(SYLLABLES, int(rng.integers(2, 4))))] = None
    return list(found)


@lru_cache(maxsize=4)
def make_families(count: int, seed: int = 7) -> Families:
    """`count` people in families of one to six who share address and mostly surname."""
    rng = np.random.default_rng(seed)
    given, family = _names(250, rng), _names(900, rng)
    weights = [1 / (np.arange(len(names)) + 4) for names in (given, family)]
    given_share, family_share = (each / each.sum() for each in weights)
    people: list[StandardPerson] = []
    households: list[str] = []
    while len(people) < count:
        size = int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.25, 0.25, 0.22, 0.18, 0.07, 0.03]))
        surname = family[rng.choice(len(family), p=family_share)]
        address = f"{rng.integers(1, 200)} {rng.choice(STREETS)} {rng.choice(['rd', 'st', 'ave', 'cl'])}"
        postcode = f"SG99{rng.integers(1, 10)}{rng.choice(list('ABCDEFGH'))}{rng.choice(list('ABCDEFGH'))}"
        for member in range(size):
            year = rng.integers(1960, 2000) if member < 2 else rng.integers(2008, 2026)
            people.append(
                StandardPerson(
                    given_name=given[rng.choice(len(given), p=given_share)],
                    middle_name=given[rng.choice(len(given))] if rng.random() < 0.7 else "",
                    family_name=surname if rng.random() < 0.85 else family[rng.choice(len(family), p=family_share)],
                    date_of_birth=f"{year}{rng.integers(1, 13):02}{rng.integers(1, 29):02}",
                    sex=str(rng.choice(["m", "f"])),
                    address=address,
                    postcode=postcode,
                )
            )
            households.append(f"family-{len(set(households)) if member == 0 else households[-1][7:]}")
    return Families(people[:count], households[:count])


@pytest.fixture(scope="session")
def families() -> Callable[[int], Families]:
    return make_families


@pytest.fixture(scope="session")
def schema() -> EncodingSchema:
    return shipped_schema("person")


@pytest.fixture(scope="session")
def scheme(schema: EncodingSchema) -> Callable[..., Scheme]:
    """A scheme of a profile: `scheme("compat")`, `scheme("standard", t=5)`."""

    def make(profile: str, t: int = 5) -> Scheme:
        return Scheme(((schema, Hardening(profile, t=t, length=schema.length)),))

    return make


@pytest.fixture(scope="session")
def surname_only(schema: EncodingSchema) -> Scheme:
    """What must never be sent: a filter of one field."""
    document = json.loads(json.dumps(schema.document))
    document["features"] = [each for each in document["features"] if each["identifier"] == "family_name"]
    alone = load_schema(json.dumps(document).encode())
    return Scheme(((alone, replace(Hardening(), profile="compat")),))


@pytest.fixture(scope="session")
def secret() -> bytes:
    return np.random.default_rng(20).bytes(32)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(99)


@pytest.fixture(scope="session")
def random_clks() -> Clks:
    """Bits without any information: what no attack may find anything in."""
    return np.random.default_rng(5).integers(0, 256, (1000, 128), dtype=np.uint8)
