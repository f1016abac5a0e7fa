"""Forms of extracts: aliases, encodings, dates and codes come out as the mapping says they do."""

from __future__ import annotations

from datetime import date

import pytest
from ruamel.yaml import YAML

from config.county.layouts import HEALTH, LAYOUTS, MENTAL_HEALTH, POLICE, RECOVERY, SOCIAL_CARE
from config.county.people import Name
from config.county.places import Address
from config.county.records import Record

HOME = Address("Flat 2", "14 Mill Road", "Hartmere", "SG99 1AB")
BEFORE = Address("", "3 Lime Close", "Wenbury", "SG99 2AB")


def record(*names: Name, **changes: object) -> Record:
    held = Record("R1", "P1", list(names), date(1990, 4, 9), "F", [HOME, BEFORE], "9990000018", "ADULT")
    for name, value in changes.items():
        setattr(held, name, value)
    return held


def test_further_names_are_rows_at_the_police_and_columns_elsewhere() -> None:
    names = Name("Elizabeth", "", "Hart"), Name("Liz", "", "Hart")
    rows = POLICE.rows(record(*names))
    assert [(row["FORENAME"], row["POSTCODE"]) for row in rows] == [
        ("Elizabeth", "SG99 1AB"),
        ("Liz", "SG99 1AB"),
        ("Elizabeth", "SG99 2AB"),
    ]
    assert {row["NOMINAL_NO"] for row in rows} == {"R1"}
    (row,) = RECOVERY.rows(record(*names))
    assert (row["AkaFirst"], row["AkaLast"]) == ("Liz", "Hart")


def test_a_name_goes_only_where_its_difference_fits() -> None:
    (row,) = SOCIAL_CARE.rows(
        record(Name("Elizabeth", "", "Hart"), Name("Liz", "", "Hart"), Name("Elizabeth", "", "Cole"))
    )
    assert (row["pers_known_as"], row["pers_former_surname"]) == ("Liz", "Cole")
    (row,) = HEALTH.rows(record(Name("Elizabeth", "", "Hart"), Name("Liz", "", "Hart")))
    assert row["PREV_SURNAME"] == ""


def test_addresses_are_spread_over_the_columns_there_are() -> None:
    (row,) = MENTAL_HEALTH.rows(record(Name("A", "", "B")))
    assert [row[f"Address_{line}"] for line in (1, 2, 3)] == ["Flat 2", "14 Mill Road", "Hartmere"]
    (row,) = HEALTH.rows(record(Name("A", "", "B")))
    assert (row["ADDR_LINE_1"], row["ADDR_LINE_2"]) == ("Flat 2 14 Mill Road", "Hartmere")


def test_an_encoding_without_a_letter_takes_the_letter_without_its_mark() -> None:
    held = record(Name("Małgorzata", "", "Gonçalves"))
    assert b"Malgorzata" in POLICE.csv_bytes([held])
    assert "Gonçalves".encode("windows-1252") in POLICE.csv_bytes([held])
    assert "Małgorzata".encode() in HEALTH.csv_bytes([held])


def test_values_are_written_in_local_codes_and_dates() -> None:
    values = {
        "police.da_last_incident": {"date": date(2026, 3, 2), "subject_role": "VICTIM"},
        "police.marac": {"status": "NONE"},
    }
    row = POLICE.rows(record(Name("A", "", "B"), values=values, flags={"silent"}, hold="OTHER"))[0]
    assert (row["DA_LAST"], row["DA_ROLE"], row["MARAC"], row["MARAC_DATE"]) == ("02/03/2026", "VIC", "NO", "")
    assert (row["LIVE_INV"], row["PROT_PERSON"], row["HOLD_REASON"]) == ("Y", "", "OTHER")


def test_a_legacy_row_keeps_the_old_form_of_its_date_of_birth() -> None:
    assert POLICE.rows(record(Name("A", "", "B"), legacy=True))[0]["DOB"] == "1990-04-09"
    assert POLICE.rows(record(Name("A", "", "B")))[0]["DOB"] == "09/04/1990"
    assert HEALTH.rows(record(Name("A", "", "B"), legacy=True))[0]["PAT_DOB"] == "19900409"


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.agency)
def test_a_mapping_is_plain_yaml_and_names_columns_once(layout) -> None:
    mapping = YAML(typ="safe").load(layout.mapping())
    assert mapping["agency"] == layout.agency
    assert isinstance(mapping["as_at"], str)
    columns = layout.columns()
    assert len(set(columns)) == len(columns)
    for codes in layout.codes.values():
        assert len(set(codes.values())) == len(codes)
