"""CLKs for the speed benchmarks: made-up people with skewed names, encoded by the shipped schema, and worse copies of them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from agencies.encoders import protocol_encodings
from agencies.encoding.harden import Hardening
from agencies.encoding.person import PersonEncoder
from agencies.encoding.schema import shipped_schema
from agencies.standardise.person import StandardPerson
from benchmarks.noise import typo
from config.resources import PROTOCOL_FILE
from protocols.load import load_protocol

SHIPPED = "shipped"
Clks = NDArray[np.uint8]
_SYLLABLES = "an be ca da el fi ga ha is jo ka li ma na ol pa ra sa ta va we mo ri lo th er on in al es".split()
_STREETS = "rd st ln cl ave dr".split()


class _Names:
    """Words of syllables, the n-th used in proportion to 1 / (n + 5): as skewed as real names are."""

    def __init__(self, count: int, syllables: tuple[int, int], seed: int) -> None:
        rng = random.Random(seed)
        words: dict[str, None] = {}
        while len(words) < count:
            words["".join(rng.choices(_SYLLABLES, k=rng.randint(*syllables)))] = None
        self.words = list(words)
        self.weights = list(accumulate(1.0 / (n + 5) for n in range(count)))

    def draw(self, rng: random.Random, count: int) -> list[str]:
        return rng.choices(self.words, cum_weights=self.weights, k=count)


def people(count: int, seed: int) -> Iterator[StandardPerson]:
    """Made-up standardised people."""
    rng = random.Random(seed)
    given, family = _Names(2_000, (2, 4), 1), _Names(60_000, (2, 5), 2)
    streets = _Names(20_000, (3, 5), 3).words
    for first, last in zip(given.draw(rng, count), family.draw(rng, count), strict=True):
        yield StandardPerson(
            given_name=first,
            middle_name=rng.choice("abcdefghijklmnprst"),
            family_name=last,
            date_of_birth=f"{rng.randint(1930, 2025)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}",
            sex=rng.choice("mf"),
            address=f"{rng.randint(1, 300)} {rng.choice(streets)} {rng.choice(_STREETS)}",
            postcode=f"SG{rng.randint(10, 99)}{rng.randint(1, 9)}{rng.choice('ABDEFGH')}{rng.choice('JLNPQRS')}",
        )


def _worn(person: StandardPerson, rng: random.Random) -> StandardPerson:
    """A copy with the slips of another register: none for half of the people."""
    fields = {name: getattr(person, name) for name in StandardPerson.__dataclass_fields__}
    if rng.random() < 0.25:
        fields["given_name"] = typo(fields["given_name"], rng)
    if rng.random() < 0.15:
        fields["address"] = typo(fields["address"], rng)
    if rng.random() < 0.10:
        fields["middle_name"] = ""
    if rng.random() < 0.05:
        fields["family_name"] = typo(fields["family_name"], rng)
    return StandardPerson(**fields)


def two_sides(left: int, right: int, profile: str, shared: float = 0.5) -> tuple[Clks, Clks]:
    """`left` and `right` CLKs; a share of the smaller side is on both, as worn copies.

    `profile` is a hardening profile over the schema of 1,024 bits, or `SHIPPED`: what the shipped protocol encodes, of 4,096 bits.
    """
    secret = hashlib.sha256(b"benchmark").digest()
    encoder = (
        protocol_encodings(load_protocol(PROTOCOL_FILE))[0].encoder(secret)
        if profile == SHIPPED
        else PersonEncoder(shipped_schema("person"), Hardening(profile), secret)
    )
    rng = random.Random(4)
    here = list(people(left, seed=5))
    both = int(shared * min(left, right))
    there = [_worn(person, rng) for person in here[:both]] + list(people(right - both, seed=6))
    return encoder.encode(here), encoder.encode(there)
