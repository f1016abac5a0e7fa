"""Errors of agencies: each kind is what it says, and none invents another person."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest

from config.county.chance import Chance
from config.county.errors import PLACEHOLDERS, Quality, as_held, typo
from config.county.people import Name, Person
from config.county.places import NO_FIXED_ABODE, Address

PERFECT = Quality(**{field.name: 0.0 for field in fields(Quality)})
HOME = Address("Flat 2", "14 Mill Road", "Hartmere", "SG99 1AB")
BEFORE = Address("", "3 Lime Close", "Hartmere", "SG99 2AB")


@pytest.fixture
def elizabeth() -> Person:
    return Person(
        "P1",
        "british",
        "F",
        date(1990, 4, 9),
        Name("Elizabeth", "Anne", "O'Neill"),
        HOME,
        "9990000018",
        "Clark",
        [BEFORE],
    )


def held(person: Person, **errors: float):
    return as_held(person, replace(PERFECT, **errors), Chance("errors", *errors))


def test_a_perfect_agency_holds_the_truth(elizabeth: Person) -> None:
    record = held(elizabeth, keeps_history=1.0, nhs=1.0, birth_name_too=1.0)
    assert record.names == [elizabeth.name, Name("Elizabeth", "Anne", "Clark")]
    assert (record.born, record.sex, record.nhs) == (elizabeth.born, "F", elizabeth.nhs)
    assert {address.postcode for address in record.addresses} == {"SG99 1AB", "SG99 2AB"}


def test_short_forms_and_names_before_marriage(elizabeth: Person) -> None:
    assert held(elizabeth, short_form=1.0).names[0].given in ("Liz", "Lizzie", "Beth", "Libby")
    assert held(elizabeth, birth_name_only=1.0).names[0].family == "Clark"
    swapped = held(elizabeth, names_swapped=1.0).names[0]
    assert (swapped.given, swapped.family) == ("O'Neill", "Elizabeth")
    assert held(elizabeth, punctuation=1.0).names[0].family == "ONeill"
    both = held(elizabeth, short_form=1.0, known_as_too=1.0).names
    assert both[0].given == "Elizabeth"
    assert both[1].given in ("Liz", "Lizzie", "Beth", "Libby")


def test_dates_of_birth(elizabeth: Person) -> None:
    assert held(elizabeth, day_month_swapped=1.0).born == date(1990, 9, 4)
    assert held(elizabeth, fifteenth=1.0).born == date(1990, 4, 15)
    assert held(elizabeth, first_january=1.0).born == date(1990, 1, 1)
    assert held(elizabeth, placeholder=1.0).born in PLACEHOLDERS
    assert held(elizabeth, no_birth_date=1.0).born is None
    slipped = held(elizabeth, date_digit=1.0).born
    assert slipped != elizabeth.born
    assert sum(getattr(slipped, part) != getattr(elizabeth.born, part) for part in ("day", "month", "year")) == 1


def test_a_child_gets_no_placeholder_and_no_birth_in_the_future(elizabeth: Person) -> None:
    child = replace(elizabeth, born=date(2026, 11, 2))
    for label in range(50):
        assert as_held(child, replace(PERFECT, placeholder=1.0), Chance(label)).born == child.born
        born = as_held(child, replace(PERFECT, date_digit=1.0), Chance(label)).born
        assert born <= date(2026, 11, 16)


def test_addresses(elizabeth: Person) -> None:
    assert held(elizabeth, former_address=1.0).addresses == [BEFORE]
    assert held(elizabeth, no_fixed_abode=1.0).addresses == [NO_FIXED_ABODE]
    assert held(elizabeth, no_postcode=1.0).addresses[0].postcode == ""
    assert held(elizabeth, no_address=1.0).addresses == [Address("", "", "", "")]


@pytest.mark.parametrize("text", ["Elizabeth", "14 Mill Road", "Ng", "李", "7", ""])
def test_a_slip_changes_little_and_never_the_first_letter(text: str) -> None:
    for label in range(40):
        slipped = typo(text, Chance(label))
        assert abs(len(slipped) - len(text)) <= 1
        assert slipped[:1] == text[:1]
