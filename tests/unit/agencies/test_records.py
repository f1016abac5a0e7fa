"""From rows to records: one person once, every spelling an encoding, the safe side where a cell is unclear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from agencies.reading import Reading
from agencies.records import LeftOut, Record, Suppressed
from protocols.vocabulary import HoldReason, Kind

Row = dict[str, str]


@pytest.fixture
def read(world: Any, write_extract: Callable[..., Path]) -> Callable[..., list[Record | Suppressed | LeftOut]]:
    def read_rows(*rows: Row) -> list[Record | Suppressed | LeftOut]:
        reading: Reading = world.reading(write_extract(rows))
        return list(reading.records())

    return read_rows


@pytest.fixture
def one(read: Callable[..., list[Any]]) -> Callable[..., Record]:
    def read_one(*rows: Row) -> Record:
        (record,) = read(*({"REF": "A1", **row} for row in rows))
        assert isinstance(record, Record), record
        return record

    return read_one


def names(record: Record) -> list[tuple[str, str]]:
    return [(person.given_name, person.family_name) for person in record.people]


def test_a_row_is_a_record_with_one_encoding(one: Callable[..., Record]) -> None:
    record = one({"GROUPS": "H2|H1|H2", "NHS": "9990102481"})
    assert record.kind is Kind.ADULT
    assert record.groups == ("H1", "H2")
    assert record.rows == (2,)
    assert record.born == date(1988, 2, 14)
    (person,) = record.people
    assert (person.given_name, person.family_name, person.date_of_birth, person.sex) == (
        "joanna",
        "whitlock",
        "19880214",
        "f",
    )
    assert person.address == "3 foundry st hartmere"
    assert person.postcode == "SG995TH"


def test_alias_and_former_address_columns_are_extra_encodings(one: Callable[..., Record]) -> None:
    record = one({"MAIDEN": "Okafor", "AKA_FORE": "Jo", "OLD_ADDR": "9 Old Lane", "OLD_PC": "SG99 9ZZ"})
    assert names(record) == [("joanna", "whitlock"), ("joanna", "okafor"), ("jo", "whitlock"), ("joanna", "whitlock")]
    assert [person.postcode for person in record.people] == ["SG995TH", "SG995TH", "SG995TH", "SG999ZZ"]
    assert record.people[3].address == "9 old ln"


def test_a_former_address_without_a_postcode_does_not_borrow_the_new_one(one: Callable[..., Record]) -> None:
    record = one({"OLD_ADDR": "9 Old Lane"})
    assert (record.people[1].address, record.people[1].postcode) == ("9 old ln", "")


def test_rows_of_one_reference_are_one_record_even_far_apart(read: Callable[..., list[Any]]) -> None:
    found = read(
        {"REF": "A1"},
        {"REF": "B1", "FORE": "Brenda"},
        {"REF": "A1", "SUR": "Okafor", "ADDR1": "", "ADDR2": "", "PC": "", "DOB": ""},
        {"REF": "C1", "FORE": "Carys"},
        {"REF": "A1", "ADDR1": "7 New Road"},
    )
    by_ref = {record.local: record for record in found}
    assert set(by_ref) == {"A1", "B1", "C1"}
    assert by_ref["A1"].rows == (2, 4, 6)
    assert names(by_ref["A1"]) == [("joanna", "whitlock"), ("joanna", "okafor"), ("joanna", "whitlock")]
    # What a later row leaves blank is as in the first.
    assert by_ref["A1"].people[1].date_of_birth == "19880214"
    assert by_ref["A1"].people[1].postcode == "SG995TH"


def test_the_same_spelling_twice_is_one_encoding(one: Callable[..., Record]) -> None:
    assert len(one({"MAIDEN": "WHITLOCK "}, {"FORE": "joanna"}).people) == 1


def test_two_people_under_one_reference_are_left_out(read: Callable[..., list[Any]]) -> None:
    (found,) = read({"REF": "A1"}, {"REF": "A1", "FORE": "Quentin", "SUR": "Zeller", "DOB": "03/03/1951"})
    assert isinstance(found, LeftOut)
    assert found.rows == (2, 3)


def test_a_suppressed_person_is_removed_whichever_row_says_so(read: Callable[..., list[Any]]) -> None:
    found = read({"REF": "A1"}, {"REF": "A1", "PROTECTED": "y"}, {"REF": "B1", "FORE": "Brenda"})
    assert [type(each) for each in found] == [Suppressed, Record]


@pytest.mark.parametrize("typed", ["YES", "1", "true", "X", "?", "protected"])
def test_an_unclear_flag_is_a_yes(read: Callable[..., list[Any]], typed: str) -> None:
    """Fail closed: the mapping knows `Y` only, and what is not a plain no is taken as yes."""
    (found,) = read({"REF": "A1", "PROTECTED": typed})
    assert isinstance(found, Suppressed)


@pytest.mark.parametrize("typed", ["", " ", "N", "no", "0", "False", "f"])
def test_a_plain_no_is_a_no(one: Callable[..., Record], typed: str) -> None:
    assert one({"PROTECTED": typed, "SILENT": typed}).silent is False


def test_flags_and_holds(one: Callable[..., Record]) -> None:
    record = one({"SILENT": "Y", "SHIELDED": "y", "DEAD": "Y", "HOLD": "court_order"})
    assert (record.silent, record.shielded, record.deceased, record.hold) == (True, True, True, HoldReason.COURT_ORDER)
    assert one({"HOLD": "because"}).hold is HoldReason.OTHER
    assert one({}, {"HOLD": "OBJECTION", "MAIDEN": "x"}).hold is HoldReason.OBJECTION


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"DOB": "03/04/2015", "KIND": ""}, Kind.CHILD),
        ({"DOB": "10/11/2008", "KIND": ""}, Kind.ADULT),
        ({"DOB": "11/11/2008", "KIND": ""}, Kind.CHILD),
        ({"DOB": "03/04/2015", "KIND": "A"}, Kind.CHILD),
        ({"DOB": "03/04/1990", "KIND": "C"}, Kind.ADULT),
        ({"DOB": "", "KIND": ""}, Kind.UNKNOWN),
        ({"DOB": "", "KIND": "C"}, Kind.CHILD),
        ({"DOB": "", "KIND": "U"}, Kind.UNBORN),
        ({"DOB": "", "KIND": "", "EDD": "20/01/2027"}, Kind.UNBORN),
        ({"DOB": "", "KIND": "C", "FORE": "Unborn"}, Kind.UNBORN),
        ({"DOB": "01/01/1900", "KIND": ""}, Kind.UNKNOWN),
    ],
)
def test_a_persons_kind_follows_from_the_date_of_birth_first(one: Callable[..., Record], row: Row, kind: Kind) -> None:
    assert one(row).kind is kind


def test_an_unborn_child_is_not_encoded(one: Callable[..., Record]) -> None:
    assert one({"KIND": "U", "DOB": "", "FORE": "", "SUR": ""}).people == ()


@pytest.mark.parametrize("dob", ["20/11/2026", "03/04/1890", "01/01/1900", "nonsense"])
def test_a_date_of_birth_that_cannot_be_is_not_encoded(one: Callable[..., Record], dob: str) -> None:
    assert one({"DOB": dob, "KIND": "A"}).people[0].date_of_birth == ""


def test_no_fixed_abode_is_no_address(one: Callable[..., Record]) -> None:
    assert one({"ADDR1": "NFA c/o day centre"}).people[0].address == ""


def test_an_address_of_many_families_is_not_encoded_and_one_of_a_large_family_is(
    read: Callable[..., list[Any]],
) -> None:
    letters = "abcdefghijkl"
    hostel = [
        {"REF": f"H{at}", "SUR": f"Fam{at}{letters[at]}", "FORE": f"Given{letters[at]}", "ADDR1": "1 Refuge Row"}
        for at in range(12)
    ]
    home = [{"REF": f"F{at}", "FORE": f"Given{letters[at]}", "ADDR1": "2 Full House"} for at in range(12)]
    found = read(*hostel, *home)
    assert {person.address for record in found[:12] for person in record.people} == {""}
    assert {person.postcode for record in found[:12] for person in record.people} == {""}
    assert {person.address for record in found[12:] for person in record.people} == {"2 full hse hartmere"}


def test_values_are_typed_translated_and_dated(one: Callable[..., Record]) -> None:
    record = one({"DA_12M": "3.0", "DA_LAST": "03/11/2026", "DA_ROLE": "vic", "DA_SEEN": "04/11/2026"})
    values = {each.attribute.id: (each.as_at, each.value) for each in record.values}
    assert values["police.da_incidents_12m"] == (date(2026, 11, 10), {"count": 3})
    assert values["police.da_last_incident"] == (date(2026, 11, 4), {"date": "2026-11-03", "subject_role": "VICTIM"})


def test_there_is_a_value_for_every_attribute_about_the_kind_and_none_else(
    one: Callable[..., Record], world: Any
) -> None:
    police = [each for each in world.agency.protocol.document.attributes if each.agency == "police"]
    for row, kind in (({}, Kind.ADULT), ({"DOB": "03/04/2015"}, Kind.CHILD), ({"DOB": "", "KIND": ""}, Kind.UNKNOWN)):
        record = one(row)
        expected = [each.id for each in police if kind is Kind.UNKNOWN or kind in each.about.kinds]
        assert [each.attribute.id for each in record.values] == expected
        assert all(each.value is None for each in record.values)
        assert {each.as_at for each in record.values} == {None}
        assert record.as_at == date(2026, 11, 10)


def test_the_newest_value_of_several_rows_counts_and_a_contradiction_none(one: Callable[..., Record]) -> None:
    older, newer = {"DA_12M": "1", "AS_AT": "01/11/2026"}, {"DA_12M": "2", "AS_AT": "08/11/2026"}
    value = next(each for each in one(newer, older).values if each.attribute.id == "police.da_incidents_12m")
    assert (value.as_at, value.value) == (date(2026, 11, 8), {"count": 2})
    clash = next(
        each for each in one(newer, {**newer, "DA_12M": "5"}).values if each.attribute.id == "police.da_incidents_12m"
    )
    assert clash.value is None


def test_rows_may_be_true_for_the_day_of_the_extract(world: Any, write_extract: Callable[..., Path]) -> None:
    mapping = world.agency.path / "mapping.yaml"
    mapping.write_text(mapping.read_text().replace("as_at: AS_AT", "as_at: today"))
    path = write_extract([{"REF": "1", "DA_12M": "4", "AS_AT": ""}])
    for given, day in ((date(2026, 11, 12), date(2026, 11, 12)), (None, datetime.now(UTC).date())):
        (record,) = world.reading(path, extract_date=given).records()
        assert record.as_at == day
        assert [each.as_at for each in record.values if each.value] == [day]


def test_the_records_date_is_that_of_its_newest_row_and_of_no_value(one: Callable[..., Record]) -> None:
    older = {"AS_AT": "01/11/2026", "DA_LAST": "28/10/2026", "DA_ROLE": "VIC", "DA_SEEN": "30/10/2026"}
    record = one(older, {"AS_AT": "08/11/2026"})
    assert record.as_at == date(2026, 11, 8)
    (value,) = [each for each in record.values if each.value]
    assert (value.as_at, value.own_date) == (date(2026, 10, 30), True)


@pytest.mark.parametrize(
    "row", [{"DA_12M": "many"}, {"DA_12M": "1", "AS_AT": ""}, {"DA_12M": "1", "AS_AT": "11/12/2026"}]
)
def test_a_value_that_cannot_be_used_is_none_and_the_record_stays(one: Callable[..., Record], row: Row) -> None:
    value = next(each for each in one(row).values if each.attribute.id == "police.da_incidents_12m")
    assert value.value is None


def test_a_record_does_not_show_itself(one: Callable[..., Record]) -> None:
    assert "joanna" not in repr(one({})).lower()
