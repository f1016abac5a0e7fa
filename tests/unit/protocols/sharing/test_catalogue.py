"""Attribute values: closed shapes, one length for each attribute, and no value in any error."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.resources import PROTOCOL_FILE
from protocols.catalogue import (
    CONTACT_FIELDS,
    MAX_COUNT,
    decode_dated_value,
    decode_value,
    encode_value,
    encoded_length,
    validate_value,
    value_from_texts,
)
from protocols.document_catalogue import Attribute, FieldType, ValueType, parse_field_type
from protocols.errors import InputError, VerificationError
from protocols.load import canonical_json, load_protocol, load_protocol_text

CATALOGUE = load_protocol(PROTOCOL_FILE).compiled.attributes
SECRET = "Zanzibar-Street-12"


def attribute(name: str) -> Attribute:
    """An attribute of the shipped catalogue."""
    return CATALOGUE[name]


def text_of(length: int) -> st.SearchStrategy[str]:
    """Text without what no field may hold, at most that many bytes long."""
    letters = st.characters(blacklist_categories=("C", "Z"), blacklist_characters='"\\')
    return st.text(letters, min_size=1).filter(lambda text: len(text.encode()) <= length)


def field_value(kind: FieldType) -> st.SearchStrategy[Any]:
    """A right value for a field."""
    days = st.dates(date(1900, 1, 1)).map(date.isoformat)
    contact = st.fixed_dictionaries(
        {"team": text_of(CONTACT_FIELDS["team"])},
        optional={"name": text_of(CONTACT_FIELDS["name"]), "phone": st.from_regex(r"0[0-9 ]{4,18}", fullmatch=True)},
    )
    by_type: dict[ValueType, st.SearchStrategy[Any]] = {
        ValueType.INT: st.integers(0, MAX_COUNT),
        ValueType.PERCENT: st.integers(0, 1000).map(lambda tenths: tenths / 10),
        ValueType.DATE: days,
        ValueType.YEAR_BAND: st.tuples(st.integers(1900, 1999), st.integers(2000, 2999)).map(
            lambda y: f"{y[0]}-{y[1]}"
        ),
        ValueType.FLAG: st.booleans(),
        ValueType.CONTACT: contact,
        ValueType.TEXT: text_of(kind.length or 1),
        ValueType.ODS: st.from_regex(r"[A-Z][A-Z0-9]{2,9}", fullmatch=True),
        ValueType.URN: st.from_regex(r"[1-9][0-9]{5}", fullmatch=True),
    }
    if kind.type is ValueType.CODE:
        return st.sampled_from(kind.codes)
    if kind.type is ValueType.CODES:
        return st.sets(st.sampled_from(kind.codes), min_size=1).map(lambda got: [c for c in kind.codes if c in got])
    return by_type[kind.type]


@st.composite
def attribute_and_value(draw: st.DrawFn) -> tuple[Attribute, dict[str, Any] | None]:
    """Any attribute of the catalogue with a right value for it, or none."""
    spec = CATALOGUE[draw(st.sampled_from(sorted(CATALOGUE)))]
    if draw(st.integers(0, 9)) == 0:
        return spec, None
    value = {}
    for name, kind in spec.types.items():
        if not kind.optional or draw(st.booleans()):
            value[name] = draw(field_value(kind))
    return spec, value


@settings(max_examples=400, deadline=None)
@given(attribute_and_value())
def test_every_value_comes_back_and_has_its_attributes_length(drawn: tuple[Attribute, dict[str, Any] | None]) -> None:
    spec, value = drawn
    data = encode_value(spec, value)
    assert len(data) == encoded_length(spec)
    assert decode_value(spec, data) == value
    dated = encode_value(spec, value, date(2026, 10, 30))
    assert len(dated) == encoded_length(spec)
    assert decode_dated_value(spec, dated) == (value, date(2026, 10, 30))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mh.care_plan", {"current": False, "last_review": "2026-11-03", "contact": {"name": "n" * 60, "team": "t" * 80, "phone": "+" + "1" * 19}}),
        ("health.gp_practice", {"ods": "A" + "1" * 9, "name": "é" * 20}),
        ("csc.assessment_factors", {"factors": ["1B", "2B", "3A", "3B", "3C", "4B"]}),
        ("edu.attendance_ytd", {"percent": 100.0, "unauthorised_sessions": MAX_COUNT}),
    ],
)  # fmt: skip
def test_the_longest_values_fit(name: str, value: dict[str, Any]) -> None:
    assert len(encode_value(attribute(name), value, date(2026, 10, 30))) == encoded_length(attribute(name))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=64), st.sampled_from(sorted(CATALOGUE)))
def test_nothing_else_decodes(noise: bytes, name: str) -> None:
    spec = CATALOGUE[name]
    for data in (noise, noise.ljust(encoded_length(spec), b"\0")):
        if data.rstrip(b"\0") != b"null":
            with pytest.raises(VerificationError):
                decode_value(spec, data)


def test_one_digest_has_one_encoding_in_whatever_order_a_document_names_the_fields() -> None:
    shipped = load_protocol(PROTOCOL_FILE)
    sorted_again = load_protocol_text(canonical_json(shipped.document).decode(), "canonical.json")
    assert sorted_again.digest == shipped.digest
    stage = {"stage": "CP", "since": "2026-07-02"}
    for one, other in ((shipped, sorted_again), (sorted_again, shipped)):
        name = "csc.case_stage"
        encoded = encode_value(one.compiled.attributes[name], stage)
        assert decode_value(other.compiled.attributes[name], encoded) == stage


def test_one_value_has_one_encoding() -> None:
    spec = attribute("police.da_incidents_12m")
    with pytest.raises(VerificationError):
        decode_value(spec, b'{"count": 4}'.ljust(encoded_length(spec), b"\0"))
    for day in (b"", b"20261030", b"2026-13-01", b"2026-10-30\n"):
        with pytest.raises(VerificationError):
            decode_dated_value(spec, (b'{"count":4}\n' + day).ljust(encoded_length(spec), b"\0"))


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("police.da_incidents_12m", {"count": -1}, "count", "a whole number from 0 to 99999"),
        ("police.da_incidents_12m", {"count": True}, "count", "a whole number"),
        ("police.da_incidents_12m", {"count": SECRET}, "count", "a whole number"),
        ("police.da_incidents_12m", {}, "count", "a whole number"),
        ("police.da_incidents_12m", {"count": 1, "where": SECRET}, "", "only the fields `count`"),
        ("police.da_incidents_12m", [SECRET], "", "an object of named fields or null"),
        ("police.dash_risk", {"risk": SECRET, "date": "2026-11-03"}, "risk", "one of STANDARD, MEDIUM, HIGH"),
        ("police.dash_risk", {"risk": "HIGH", "date": "03/11/2026"}, "date", "a date such as 2026-11-03"),
        ("police.dash_risk", {"risk": "HIGH", "date": "2026-02-30"}, "date", "a date such as"),
        ("csc.assessment_factors", {"factors": ["1B", "1B"]}, "factors", "any of 1B"),
        ("csc.assessment_factors", {"factors": [SECRET]}, "factors", "any of 1B"),
        ("csc.assessment_factors", {"factors": []}, "factors", "any of 1B"),
        ("edu.attendance_ytd", {"percent": 92.55, "unauthorised_sessions": 0}, "percent", "at most one decimal"),
        ("edu.attendance_ytd", {"percent": float("nan"), "unauthorised_sessions": 0}, "percent", "from 0 to 100"),
        ("police.relevant_conviction", {"class": "SEXUAL", "years": "2019-2015"}, "years", "a band of years"),
        ("csc.previous_child_removed", {"removed": 1}, "removed", "yes or no"),
        ("health.gp_practice", {"ods": SECRET, "name": "x"}, "ods", "an ODS code"),
        ("health.gp_practice", {"ods": "E82001", "name": SECRET * 3}, "name", "at most 40 bytes"),
        ("health.gp_practice", {"ods": "E82001", "name": 'a"b'}, "name", "without quotes"),
        ("health.gp_practice", {"ods": "E82001", "name": "a\nb"}, "name", "control characters"),
        ("health.gp_practice", {"ods": "E82001", "name": "  "}, "name", "text of at most"),
        ("recovery.key_worker", {"contact": {"name": SECRET, "home": SECRET}}, "contact", "`name` (60 bytes)"),
        ("recovery.key_worker", {"contact": {}}, "contact", "a worker's"),
        ("recovery.key_worker", {"contact": {"phone": SECRET}}, "contact", "a worker's"),
        ("edu.setting_dsl", {"urn": "012345", "contact": {"team": "DSL"}}, "urn", "six digits"),
    ],
)
def test_what_does_not_fit_is_named_without_its_value(name: str, value: Any, field: str, expected: str) -> None:
    with pytest.raises(InputError) as error:
        validate_value(attribute(name), value)
    said = str(error.value)
    assert f"`{name}`" in said
    assert expected in said
    assert not field or f"field `{field}`" in said
    assert SECRET not in said
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_cells_of_an_extract_become_a_value() -> None:
    spec = attribute("mh.care_plan")
    cells = {
        "current": " Y ",
        "last_review": "2026-10-01",
        "contact.name": "Jo Bloggs",
        "contact.team": "",
        "contact.phone": "",
    }
    assert value_from_texts(spec, cells) == {
        "current": True,
        "last_review": "2026-10-01",
        "contact": {"name": "Jo Bloggs"},
    }
    assert value_from_texts(spec, {"current": "", "last_review": "  "}) is None
    assert value_from_texts(attribute("csc.assessment_factors"), {"factors": "4B | 1B"}) == {"factors": ["1B", "4B"]}
    assert value_from_texts(attribute("edu.attendance_ytd"), {"percent": "92.5", "unauthorised_sessions": "3"}) == {
        "percent": 92.5,
        "unauthorised_sessions": 3,
    }


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("police.da_incidents_12m", {"count": "4.0"}),
        ("police.da_incidents_12m", {"count": "1_000"}),
        ("police.da_incidents_12m", {"count": "٤"}),
        ("police.da_incidents_12m", {"count": "4", "other": SECRET}),
        ("csc.previous_child_removed", {"removed": "maybe"}),
        ("mh.care_plan", {"contact.name": SECRET}),
        ("mh.care_plan", {"current": "Y", "contact.home": SECRET}),
    ],
)
def test_cells_that_do_not_fit(name: str, cells: dict[str, str]) -> None:
    with pytest.raises(InputError) as error:
        value_from_texts(attribute(name), cells)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "words", "int[1]", "code[]", "code[A,A]", "code[a b]", "text", "text[0]", "text[81]", "date??"]
)
def test_field_types_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_field_type(text)
