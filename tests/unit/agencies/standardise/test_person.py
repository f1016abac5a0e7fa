"""Standardising, case by case: what is one person's spelling and another's must come out the same, and nothing may fail."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson, explain, standardise
from protocols.errors import InputError

RULES = StandardiseRules()


def given_name(text: str) -> str:
    return standardise(RawPerson(given_name=text), RULES).given_name


def family_name(text: str) -> str:
    return standardise(RawPerson(family_name=text), RULES).family_name


def born(text: str, rules: StandardiseRules = RULES) -> str:
    return standardise(RawPerson(date_of_birth=text), rules).date_of_birth


@pytest.mark.parametrize(
    ("spellings", "standard"),
    [
        (["O'Neill", "O’NEILL", "O Neill", "Oneill", " o'neill "], "oneill"),
        (["Smith-Jones", "Smith Jones", "SMITH–JONES", "Smith/Jones"], "smithjones"),
        (["van der Berg", "Van Der Berg", "Vanderberg"], "vanderberg"),
        (["Mc Donald", "McDonald", "MCDONALD"], "mcdonald"),
        (["Müller", "MULLER", "Mu\u0308ller"], "muller"),
        (["Łukasz", "Lukasz"], "lukasz"),
        (["Ткаченко", "Tkachenko"], "tkachenko"),
        (["Smith (née Jones)", "Smith nee Jones", "Smith, aka Brown", "Smith [see 123]", "MIG_ERROR_Smith", "DUPLICATE_Smith"], "smith"),
        (["Mr Smith", "Smith Jr", "Dr. Smith", "Smith III"], "smith"),
        (["Nee", "Aka"], None),
        (["Jr", "Rev"], None),
        (["Husband", "Child", "Son", "Lady", "Na", "Boy"], None),
    ],
)  # fmt: skip
def test_family_names(spellings: list[str], standard: str | None) -> None:
    for text in spellings:
        assert family_name(text) == (text.lower() if standard is None else standard)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", ".", "N/A", "n / k", "Unknown", "NOT KNOWN", "Unborn", "unborn child", "Baby", "Baby 2", "BABY BOY", "Baby of Sarah",
     "B/O Sarah", "Baby Sarah", "Boy 2", "Twin 1", "twin of Kerry", "Infant", "Newborn Smith", "Lady of the house", "Man In The",
     "Xxx", "zzzz", "TBC", "null", "None", "123", "?", "No Name", "Male Child", "Not-known", "daughter of"],
)  # fmt: skip
def test_given_names_that_are_no_names(text: str) -> None:
    assert given_name(text) == ""


@pytest.mark.parametrize(
    "text",
    ["Al", "Babyface", "Childe", "Boyd", "Unborna", "Twinkle", "Na", "Sonny", "Aa", "Nona", "Testa", "Manon", "Theo"],
)
def test_given_names_that_only_look_like_placeholders(text: str) -> None:
    assert given_name(text) == text.lower()


@pytest.mark.parametrize("text", ["unknown", "Unborn", "NK", "n/a", "No name", "Lady of House", "surname", "xxxx"])
def test_family_names_that_are_no_names(text: str) -> None:
    assert family_name(text) == ""


@pytest.mark.parametrize(
    ("text", "standard"),
    [
        ("1990-04-12", "19900412"),
        ("12/04/1990", "19900412"),
        ("12.04.1990", "19900412"),
        ("12-04-1990", "19900412"),
        ("19900412", "19900412"),
        ("12 Apr 1990", "19900412"),
        ("12-Apr-1990", "19900412"),
        (" 1990-04-12 00:00:00 ", "19900412"),
        ("1990-04-12T00:00:00.000Z", "19900412"),
        ("2/4/1990", "19900402"),
        ("1990-13-04", "19900413"),
        ("04/13/1990", "19900413"),
        ("1990-02-31", "19900231"),
        ("31/02/1990", "19900231"),
        ("199O-o4-l2", "19900412"),
        ("1990-04-123", "19900412"),
        ("1990-04-X2", "199004X2"),
        ("1990", "1990"),
        ("1990-04", "199004"),
        ("2000-02-29", "20000229"),
        ("1990-01-01", "1990"),
        ("15/04/1990", "199004"),
        ("15/01/1990", "199001"),
        ("01/04/1990", "19900401"),
        ("1900-01-01", ""),
        ("1970-01-01", ""),
        ("9999-12-31", ""),
        ("0000-00-00", ""),
        ("", ""),
        ("unknown", ""),
        ("12th of April", ""),
        ("1990-04-12-1", ""),
        ("--", ""),
        ("90", ""),
    ],
)
def test_dates(text: str, standard: str) -> None:
    assert born(text) == standard


def test_weak_dates_follow_the_rules() -> None:
    none, every = (
        replace(RULES, weak_dates=()),
        replace(RULES, weak_dates=("first-of-january", "fifteenth-of-month", "first-of-month")),
    )
    assert [born(text, none) for text in ("1990-01-01", "1990-04-15", "1990-04-01")] == [
        "19900101",
        "19900415",
        "19900401",
    ]
    assert [born(text, every) for text in ("1990-01-01", "1990-04-15", "1990-04-01")] == ["1990", "199004", "199004"]


def test_a_sources_own_date_formats_come_first() -> None:
    american = replace(RULES, date_formats=("%m/%d/%Y", "%d/%m/%Y"))
    assert born("04/05/1990", american) == "19900405"
    assert born("04/05/1990") == "19900504"
    assert born("12/04/90", replace(RULES, date_formats=("%d/%m/%y",))) == "19900412"


@pytest.mark.parametrize(
    ("text", "standard"),
    [("M", "m"), ("male", "m"), (" Female ", "f"), ("F.", "f"), ("1", "m"), ("2", "f"), ("9", ""), ("U", ""), ("X", ""), ("", ""), ("Boy", "m")],
)  # fmt: skip
def test_sex(text: str, standard: str) -> None:
    assert standardise(RawPerson(sex=text), RULES).sex == standard


@pytest.mark.parametrize(
    ("spellings", "standard"),
    [
        (["14 Example Road", "14, EXAMPLE RD.", "No. 14 Example Rd", "14  Example\nRoad"], "14 example rd"),
        (["Flat 2, 10 St John's Street", "FLAT 2 10 Saint Johns St"], "flt 2 10 st johns st"),
        (["The Cottage, Mill Lane", "the cottage mill ln"], "the cott mill ln"),
        (["12 Rue de l'Église", "12 RUE DE L'EGLISE"], None),
        (["NFA", "No fixed abode", "N.F.A.", "No fixed abode (Stevenage)", "unknown", "Not Known", ""], ""),
    ],
)
def test_addresses(spellings: list[str], standard: str | None) -> None:
    found = {standardise(RawPerson(address=text), RULES).address for text in spellings}
    assert len(found) == 1
    assert standard is None or found == {standard}


@pytest.mark.parametrize(
    ("text", "standard"),
    [("sg99 1ab", "SG991AB"), ("SG991AB", "SG991AB"), (" Sg99-1aB", "SG991AB"), ("ZZ99 3VZ", ""), ("NF1 1NF", ""), ("", ""), ("E1 6AN", "E16AN")],
)  # fmt: skip
def test_postcodes(text: str, standard: str) -> None:
    assert standardise(RawPerson(postcode=text), RULES).postcode == standard


def test_nicknames_only_when_the_rules_say_so() -> None:
    assert given_name("Liz") == "liz"
    assert standardise(RawPerson(given_name="LIZ"), replace(RULES, nicknames=True)).given_name == "elizabeth"


def test_explain_names_each_step_and_ends_where_standardise_does() -> None:
    raw = RawPerson("Mr. Zoë (aka Zed)", "Ll", "O'Neill", "15/03/1990", "Female", "10 Saint John's Road", "sg99 1ab")
    changes = explain(raw, RULES)
    assert [(c.step, c.after) for c in changes if c.field == "given_name"] == [
        ("marks and comments out", "Mr. Zoë"),
        ("plain letters, lower case", "mr. zoe"),
        ("titles and generations out", "zoe"),
    ]
    last = {field.name: getattr(raw, field.name) for field in fields(RawPerson)}
    for change in changes:
        assert change.before == last[change.field]
        last[change.field] = change.after
    assert StandardPerson(**last) == standardise(raw, RULES)
    assert explain(RawPerson(**last | {"date_of_birth": "19900312"}), RULES) == []


def test_a_protocol_chooses_what_counts_as_weak() -> None:
    raw = RawPerson("Unknown", "", "Unborn", "1990-01-01", "", "NFA", "ZZ99 3VZ")
    every = [
        "placeholder-name",
        "placeholder-date",
        "first-of-january",
        "fifteenth-of-month",
        "placeholder-place",
        "shared-address",
    ]
    assert StandardiseRules.for_protocol("person-1", every) == RULES
    assert standardise(raw, RULES) == StandardPerson(date_of_birth="1990")
    keeps = StandardiseRules.for_protocol("person-1", ["shared-address"])
    assert standardise(raw, keeps) == StandardPerson("unknown", "", "unborn", "19900101", "", "nfa", "ZZ993VZ")
    assert StandardiseRules.for_protocol("person-1", [], ["%m/%d/%Y"]).date_formats[:2] == ("%m/%d/%Y", "%Y-%m-%d")
    for version, kinds, says in (("person-2", [], "person-2"), ("person-1", ["weather"], "weather")):
        with pytest.raises(InputError, match=says):
            StandardiseRules.for_protocol(version, kinds)
    with pytest.raises(InputError, match="tenth"):
        StandardiseRules(weak_dates=("tenth",))
    with pytest.raises(InputError, match="date format"):
        StandardiseRules(date_formats=())


ANYTHING = st.one_of(
    st.text(max_size=40), st.text(alphabet="aAbB oO'-/.0123456789()[]néeáß", max_size=40), st.dates().map(str)
)
PEOPLE = st.builds(RawPerson, *[ANYTHING] * 7)


@settings(max_examples=300, deadline=None)
@given(raw=PEOPLE, nicknames=st.booleans())
def test_any_text_gives_a_standard_person(raw: RawPerson, nicknames: bool) -> None:
    rules = replace(RULES, nicknames=nicknames)
    person = standardise(raw, rules)
    for name in (person.given_name, person.middle_name, person.family_name):
        assert name == "" or (name.isascii() and name.isalpha() and name.islower())
    assert len(person.date_of_birth) in (0, 4, 6, 8)
    assert person.date_of_birth.isascii()
    assert person.sex in ("", "m", "f")
    assert person.address == " ".join(person.address.split())
    assert person.postcode == "" or (person.postcode.isascii() and person.postcode.isalnum())
    last = {field.name: getattr(raw, field.name) for field in fields(RawPerson)}
    for change in explain(raw, rules):
        last[change.field] = change.after
    assert StandardPerson(**last) == person


@settings(max_examples=200, deadline=None)
@given(raw=PEOPLE)
def test_addresses_and_postcodes_do_not_change_when_standardised_again(raw: RawPerson) -> None:
    once = standardise(raw, RULES)
    again = standardise(RawPerson(address=once.address, postcode=once.postcode, sex=once.sex), RULES)
    assert (again.address, again.postcode, again.sex) == (once.address, once.postcode, once.sex)
