"""What the benchmark calls the shipped recipe is the shipped schema."""

from __future__ import annotations

from agencies.encoding.harden import Hardening
from agencies.encoding.person import PersonEncoder
from agencies.encoding.schema import shipped_schema
from agencies.standardise.person import StandardPerson
from benchmarks.encode_recipes import SHIPPED, recipes, schema_of

ADA = StandardPerson("ada", "maria", "okafor", "19900412", "f", "3 mill ln", "SG991AB")


def test_the_shipped_recipe_is_the_shipped_schema() -> None:
    secret = b"\x05" * 32
    ours = PersonEncoder(schema_of(SHIPPED), Hardening(), secret).encode([ADA])
    assert ours.tobytes() == PersonEncoder(shipped_schema(), Hardening(), secret).encode([ADA]).tobytes()


def test_every_other_recipe_differs() -> None:
    encoded = [variant.encode([ADA], b"\x05" * 32).tobytes() for variant in recipes()]
    assert len(set(encoded)) == len(encoded) > 20
