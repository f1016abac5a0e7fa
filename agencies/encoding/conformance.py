"""Does this encoder, on this machine, make the CLKs that every other agency makes?

The vectors are made-up people under a public test key, so they can be shown to anyone: they prove sameness, not secrecy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agencies.encoding.comparator import CheckEncoder, Comparator
from agencies.encoding.harden import Hardening
from agencies.encoding.keycheck import key_check_value
from agencies.encoding.person import PersonEncoder
from agencies.encoding.schema import EncodingSchema, clkhash
from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson, standardise
from config.resources import SCHEMAS
from protocols.errors import InputError

TEST_SECRET = hashlib.sha256(b"kinlink public test key, never for real people").digest()
_TEST_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: its name, the expected and the got digest (or a short text), both safe to show."""

    name: str
    expected: str
    got: str

    @property
    def passed(self) -> bool:
        """Whether both are the same."""
        return self.expected == self.got


@dataclass(frozen=True, slots=True)
class ConformanceResult:
    """All comparisons for one schema and hardening."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether there was at least one comparison and every one held."""
        return bool(self.checks) and all(check.passed for check in self.checks)


def run_conformance(
    schema: EncodingSchema,
    hardening: Hardening,
    *,
    rules: StandardiseRules | None = None,
    comparators: Sequence[Comparator] = (),
    vectors: str | Path | None = None,
) -> ConformanceResult:
    """Encode the test people and compare every stage with the recorded vectors, and the schema stage with clkhash itself.

    `vectors` is a file that `make_vectors` wrote; without it, the shipped one. A schema, hardening or set of rules that has no recorded
    vector fails: nobody can know that two agencies agree. Raises `InputError` for a vectors file that cannot be used.
    """
    document = _load(vectors)
    rules = rules or StandardiseRules()
    people = [RawPerson(**person) for person in document["people"]]
    standard = [standardise(person, rules) for person in people]
    recorded = _find(document, schema, hardening)
    encoder = PersonEncoder(schema, hardening, TEST_SECRET)
    base = PersonEncoder(schema, Hardening("compat", length=hardening.length), TEST_SECRET).encode(standard)
    return ConformanceResult(
        (
            Check("key-check value", document["key_check_value"], key_check_value(TEST_SECRET, _TEST_EPOCH)),
            Check(f"standardised people by {rules.version}", document["standardised"], _people_digest(standard)),
            Check("base CLKs as clkhash makes them", _clkhash_digest(schema, encoder, standard), clk_digest(base)),
            Check("base CLKs", recorded.get("base", "no vector recorded"), clk_digest(base)),
            Check(
                "hardened CLKs", recorded.get("hardened", "no vector recorded"), clk_digest(encoder.encode(standard))
            ),
            *(_comparator_check(each, document.get("comparators", {}), standard) for each in comparators),
        )
    )


def make_vectors(
    people: Iterable[RawPerson],
    stages: Iterable[tuple[EncodingSchema, Hardening]],
    rules: StandardiseRules,
    comparators: Iterable[Comparator] = (),
) -> dict[str, Any]:
    """The content of a vectors file for some made-up people, every named pair of schema and hardening, and comparators."""
    people = list(people)
    standard = [standardise(person, rules) for person in people]
    return {
        "about": "Made-up people under a public test key: an encoder that gives other digests must not submit.",
        "test_secret": TEST_SECRET.hex(),
        "key_check_value": key_check_value(TEST_SECRET, _TEST_EPOCH),
        "people": [asdict(person) for person in people],
        "standardised": _people_digest(standard),
        "vectors": [_vector(schema, hardening, standard) for schema, hardening in stages],
        "comparators": {each.describe(): _checks_digest(each, standard) for each in comparators},
    }


def clk_digest(clks: NDArray[np.uint8]) -> str:
    """The SHA-256 in hex of CLKs in row order."""
    return hashlib.sha256(clks.tobytes()).hexdigest()


def _comparator_check(comparator: Comparator, recorded: dict[str, str], people: list[StandardPerson]) -> Check:
    expected = recorded.get(comparator.describe(), "no vector recorded")
    return Check(f"keyed comparator {comparator.name}", expected, _checks_digest(comparator, people))


def _checks_digest(comparator: Comparator, people: list[StandardPerson]) -> str:
    return hashlib.sha256(CheckEncoder((comparator,), TEST_SECRET).encode(people).tobytes()).hexdigest()


def _vector(schema: EncodingSchema, hardening: Hardening, people: list[StandardPerson]) -> dict[str, Any]:
    plain = Hardening("compat", length=hardening.length)
    return {
        "schema": schema.digest,
        "hardening": hardening.describe(),
        "base": clk_digest(PersonEncoder(schema, plain, TEST_SECRET).encode(people)),
        "hardened": clk_digest(PersonEncoder(schema, hardening, TEST_SECRET).encode(people)),
    }


def _load(path: str | Path | None) -> dict[str, Any]:
    source = SCHEMAS / "person.vectors.json" if path is None else Path(path)
    try:
        document = json.loads(source.read_bytes())
        if {"people", "standardised", "vectors", "key_check_value"} <= document.keys():
            return dict(document)
    except (OSError, ValueError, AttributeError):
        pass
    raise InputError(
        f"The test vectors `{source.name}` cannot be read.",
        next_step="Install the encoder again, or give the file that came with the protocol.",
    )


def _find(document: dict[str, Any], schema: EncodingSchema, hardening: Hardening) -> dict[str, str]:
    for vector in document["vectors"]:
        if vector["schema"] == schema.digest and vector["hardening"] == hardening.describe():
            return dict(vector)
    return {}


def _people_digest(people: list[StandardPerson]) -> str:
    text = json.dumps([list(asdict(person).values()) for person in people], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _clkhash_digest(schema: EncodingSchema, encoder: PersonEncoder, people: list[StandardPerson]) -> str:
    clks = clkhash().clk.generate_clks(encoder.rows(people), schema.reference(), encoder.base_secret, max_workers=1)
    return hashlib.sha256(b"".join(clk.tobytes() for clk in clks)).hexdigest()
