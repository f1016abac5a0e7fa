"""Keyed comparators: what agrees, what has nothing to compare, and that a number follows from the secret and the fields alone."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import numpy as np
import pytest

from agencies.encoders import protocol_comparators
from agencies.encoding.comparator import CheckEncoder, Comparator, unordered
from agencies.encoding.conformance import TEST_SECRET, make_vectors, run_conformance
from agencies.encoding.harden import Hardening
from agencies.encoding.schema import shipped_schema
from agencies.encoding.subkeys import subkey
from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson
from config.resources import PROTOCOL_FILE
from protocols.load import load_protocol
from protocols.submission import NO_CHECK

GIVEN = Comparator("given-and-birth", ("given_name", "date_of_birth"), 12)
FAMILY = Comparator("family-and-birth", ("family_name", "date_of_birth"), 12)
ADA = StandardPerson("ada", "", "okafor", "19900412", "f", "1 mill rd", "SG991AA")
ENCODER = CheckEncoder((FAMILY, GIVEN), TEST_SECRET)


def agree(one: StandardPerson, other: StandardPerson) -> list[bool]:
    """Whether each comparator agrees."""
    left, right = ENCODER.for_matching([one, other])
    return [bool(a == b and a >= 0) for a, b in zip(left, right, strict=True)]


def test_who_agrees() -> None:
    assert agree(ADA, replace(ADA, date_of_birth="19901204", address="", sex="")) == [True, True]  # exchanged, moved
    assert agree(ADA, replace(ADA, given_name="ida")) == [True, False]  # a twin
    assert agree(ADA, replace(ADA, family_name="price")) == [False, True]  # married
    assert agree(ADA, replace(ADA, date_of_birth="19650412")) == [False, False]  # a mother of one name and birthday


@pytest.mark.parametrize("date", ["", "1990", "19"])
def test_without_a_date_there_is_nothing_to_compare(date: str) -> None:
    assert ENCODER.numbers([replace(ADA, date_of_birth=date)]).tolist() == [[NO_CHECK, NO_CHECK]]
    assert agree(replace(ADA, date_of_birth=date), replace(ADA, date_of_birth=date)) == [False, False]


def test_a_missing_name_takes_only_its_own_comparator() -> None:
    family, given = ENCODER.numbers([replace(ADA, given_name="")])[0].tolist()
    assert given == NO_CHECK
    assert family < 1 << 12


def test_the_number_is_the_one_that_the_page_describes() -> None:
    key = subkey(TEST_SECRET, "comparator/v1/given-and-birth/fields=given_name+date_of_birth/bits=12")
    digest = hmac.digest(key, b"ada\x1f19900412", hashlib.sha256)
    assert ENCODER.numbers([ADA])[0, 1] == int.from_bytes(digest[:2], "big") >> 4
    assert ENCODER.encode([ADA]).tobytes() == ENCODER.numbers([ADA]).astype("<u2").tobytes()
    assert ENCODER.encode([]).shape == (0, 4)


def test_numbers_are_spread_evenly_and_change_with_the_secret() -> None:
    people = [replace(ADA, date_of_birth=f"{year}{month:02d}{day:02d}") for year in range(1950, 2020)
              for month in range(1, 13) for day in range(month, 28)]  # fmt: skip
    one, other = (CheckEncoder((GIVEN,), secret).numbers(people)[:, 0] for secret in (TEST_SECRET, bytes(32)))
    assert (one == other).mean() < 0.01
    counts = np.bincount(one >> 8, minlength=16)
    assert counts.min() > 0.85 * counts.mean()


def test_the_day_may_be_unknown_but_not_the_month() -> None:
    assert [unordered(date) for date in ("19900412", "19901204", "199004", "1990", "")] == [
        "19900412", "19900412", "199004", "", "",
    ]  # fmt: skip


def test_an_encoder_with_other_comparators_does_not_conform() -> None:
    schema = shipped_schema("person-4096")
    shipped = protocol_comparators(load_protocol(PROTOCOL_FILE))
    hardening = Hardening("standard", 5, 4096)
    assert run_conformance(schema, hardening, comparators=shipped).passed
    for other in (replace(shipped[0], bits=11), replace(shipped[0], name="another")):
        result = run_conformance(schema, hardening, comparators=(other,))
        assert [check.name for check in result.checks if not check.passed] == [f"keyed comparator {other.name}"]
    made = make_vectors([RawPerson("Ada")], [(schema, hardening)], StandardiseRules(), shipped)
    assert set(made["comparators"]) == {each.describe() for each in shipped}
