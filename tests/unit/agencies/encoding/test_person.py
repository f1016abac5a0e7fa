"""People to CLKs: schema, birth-year salt, hardening; key-check value; conformance."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clkhash.clk import generate_clks

from agencies.encoding.bloom import EntryRefused
from agencies.encoding.conformance import TEST_SECRET, make_vectors, run_conformance
from agencies.encoding.harden import Hardening, harden
from agencies.encoding.keycheck import key_check_value
from agencies.encoding.person import PersonEncoder
from agencies.encoding.schema import load_schema, shipped_schema
from agencies.encoding.subkeys import subkey
from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson
from protocols.errors import InputError, KeyProblem

SECRET = b"\x07" * 32
ADA = StandardPerson("ada", "maria", "okafor", "19900412", "f", "3 mill ln", "SG991AB")
BOB = StandardPerson("robert", "", "stone", "19580903", "m", "77 high st", "SG995XY")


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Simple matching on [-1, 1]."""
    return float(1 - 2 * np.unpackbits(a ^ b).mean())


def base(*people: StandardPerson, profile: str = "compat") -> np.ndarray:
    return PersonEncoder(shipped_schema(), Hardening(profile), SECRET).encode(people)


def test_compat_is_what_clkhash_makes_with_the_derived_secret() -> None:
    schema = shipped_schema()
    rows = [
        (
            p.given_name,
            p.middle_name[:1],
            p.family_name,
            p.date_of_birth[:4],
            p.date_of_birth[2:],
            p.sex,
            p.address,
            p.postcode,
        )
        for p in (ADA, BOB)
    ]
    theirs = generate_clks(rows, schema.reference(), subkey(SECRET, "clkhash/v1").hex(), max_workers=1)
    assert base(ADA, BOB).tobytes() == b"".join(clk.tobytes() for clk in theirs)


def test_standard_is_compat_then_diffusion() -> None:
    encoded = PersonEncoder(shipped_schema(), Hardening(), SECRET).encode([ADA, BOB])
    assert np.array_equal(encoded, harden(base(ADA, BOB), Hardening(), SECRET))
    assert similarity(encoded[0], encoded[1]) < 0.3
    assert abs(np.unpackbits(encoded).mean() - 0.5) < 0.05


def test_a_missing_field_sets_no_bit_and_no_one_is_all_zeros() -> None:
    assert not base(StandardPerson()).any()
    whole = base(ADA)[0]
    for name in ("given_name", "middle_name", "family_name", "date_of_birth", "sex", "address", "postcode"):
        without = base(replace(ADA, **{name: ""}))[0]
        assert not (without & ~whole).any(), "only bits of the missing field go"
        assert (without != whole).any()


def test_blocks_do_not_change_the_result() -> None:
    people = [replace(ADA, given_name=f"ada{'xyz'[i % 3]}") for i in range(10_050)]
    encoded = PersonEncoder(shipped_schema(), Hardening("compat"), SECRET).encode(people)
    assert len(encoded) == 10_050
    assert np.array_equal(encoded[10_001:10_004], base(*people[10_001:10_004]))


def salted(*people: StandardPerson) -> np.ndarray:
    """Base CLKs of the profile high: without the diffusion that would hide single bits."""
    encoder = PersonEncoder(shipped_schema(), Hardening("high"), SECRET)
    return encoder._base_clks(people, 1)


def test_high_agrees_on_names_only_within_a_birth_year() -> None:
    nameless = replace(ADA, given_name="", middle_name="", family_name="", date_of_birth="")
    names = replace(nameless, given_name="ada", family_name="okafor")

    def of(date: str) -> np.ndarray:
        return salted(replace(names, date_of_birth=date))[0] & ~salted(replace(nameless, date_of_birth=date))[0]

    def shared(one: str, two: str) -> float:
        return float(np.bitwise_count(of(one) & of(two)).sum() / np.bitwise_count(of(one)).sum())

    assert shared("19900412", "19901105") > 0.7, "the same year: the same name bits, but for those that the date covers"
    assert shared("19900412", "1990") > 0.7, "a date of which only the year is known salts alike"
    assert shared("19900412", "19910412") < 0.5
    assert shared("19900412", "") < 0.5, "no year is a year of its own"
    assert shared("", "") == 1


def test_high_leaves_other_features_alone_and_changes_the_names() -> None:
    place = StandardPerson(address="3 mill ln", postcode="SG991AB", sex="f", date_of_birth="19900412")
    assert np.array_equal(salted(place), base(place))
    assert not np.array_equal(salted(ADA), base(ADA))


def test_the_key_check_value_is_the_same_for_the_same_secret_and_epoch_only() -> None:
    assert key_check_value(SECRET, 1) == key_check_value(bytes(SECRET), 1)
    values = {key_check_value(SECRET, 1), key_check_value(SECRET, 2), key_check_value(b"\x08" * 32, 1)}
    assert len(values) == 3
    assert all(len(value) == 19 and set(value) <= set("0123456789abcdef-") for value in values)
    with pytest.raises(KeyProblem):
        key_check_value(SECRET, 0)
    with pytest.raises(KeyProblem):
        key_check_value(b"", 1)


def test_subkeys_of_different_purposes_differ() -> None:
    keys = {
        subkey(SECRET, purpose)
        for purpose in ("clkhash/v1", "diffusion/v1/length=1024/t=3", "birth-year/v1", "blip/v1")
    }
    assert len(keys) == 4
    assert SECRET not in keys


def test_a_schema_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="2048 bits and the hardening is for 1024"):
        PersonEncoder(shipped_schema("person-2048"), Hardening(), SECRET)
    document = json.loads(json.dumps(shipped_schema().document).replace("postcode", "shoe_size"))
    with pytest.raises(InputError, match="`shoe_size`"):
        PersonEncoder(load_schema(json.dumps(document).encode()), Hardening(), SECRET)
    with pytest.raises(KeyProblem):
        PersonEncoder(shipped_schema(), Hardening(), b"too short")


@pytest.mark.parametrize("profile", ["standard", "high"])
def test_a_refused_value_is_named_by_place(profile: str) -> None:
    document = shipped_schema().document
    document["features"][0]["format"] = {"type": "string", "maxLength": 3}
    encoder = PersonEncoder(load_schema(json.dumps(document).encode()), Hardening(profile), SECRET)
    with pytest.raises(EntryRefused, match=r"Row 2, column `given_name`: expected .* at most 3 characters") as refusal:
        encoder.encode([ADA, BOB])
    assert "robert" not in str(refusal.value)


def test_no_repr_shows_a_person() -> None:
    for person in (ADA, RawPerson("Ada", family_name="Okafor")):
        assert "ada" not in repr(person).lower()


def test_this_encoder_conforms() -> None:
    for name in ("person", "person-2048"):
        schema = shipped_schema(name)
        for hardening in (Hardening("standard", length=schema.length), Hardening("high", 4, schema.length)):
            result = run_conformance(schema, hardening)
            assert result.passed, [check for check in result.checks if not check.passed]


def test_conformance_fails_closed(tmp_path: Path) -> None:
    document = shipped_schema().document
    document["features"][0]["hashing"]["strategy"]["bitsPerFeature"] += 1
    other = load_schema(json.dumps(document).encode())
    assert not run_conformance(other, Hardening()).passed, "a schema that has no recorded vector"
    assert not run_conformance(shipped_schema(), Hardening(t=2)).passed, "a hardening that has none"
    assert not run_conformance(shipped_schema(), Hardening(), rules=StandardiseRules(weak_dates=())).passed
    vectors = make_vectors([RawPerson("Ada", "", "Okafor", "12/04/1990")], [(other, Hardening())], StandardiseRules())
    path = tmp_path / "own.json"
    path.write_text(json.dumps(vectors), "utf-8")
    assert run_conformance(other, Hardening(), vectors=path).passed
    path.write_text(json.dumps(vectors).replace(vectors["vectors"][0]["hardened"], "0" * 64), "utf-8")
    result = run_conformance(other, Hardening(), vectors=path)
    assert [check.name for check in result.checks if not check.passed] == ["hardened CLKs"]
    path.write_text("[]", "utf-8")
    with pytest.raises(InputError, match=r"`own\.json` cannot be read"):
        run_conformance(other, Hardening(), vectors=path)


def test_the_shipped_vectors_are_under_the_public_test_key() -> None:
    shipped = json.loads((Path(__file__).parents[4] / "config" / "schemas" / "person.vectors.json").read_text("utf-8"))
    assert bytes.fromhex(shipped["test_secret"]) == TEST_SECRET
    assert all(
        not person["postcode"] or person["postcode"].upper().startswith(("SG99", "ZZ99"))
        for person in shipped["people"]
    )
