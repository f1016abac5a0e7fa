"""The committed county: made again byte for byte, well formed, made-up throughout, and spread as it says."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.county.generate import county
from config.county.numbers import check_digit
from config.county.writing import files

HERE = Path(__file__).parent
DATA = HERE.parents[2] / "config" / "county" / "data"
CATALOGUE: dict[str, dict[str, Any]] = YAML(typ="safe").load((HERE / "catalogue.yaml").read_text(encoding="utf-8"))
TYPES = {
    "int": r"\d{1,3}",
    "year_band": r"(20\d0-20\d4|20\d5-20\d9)",
    "flag": r"[YN]",
    "text": r"[^|;]{3,40}",
    "ods": r"[A-Z]\d{5}",
}


def test_the_generator_makes_the_committed_data_byte_for_byte() -> None:
    made = files(county())
    kept = {str(path.relative_to(DATA)): path.read_bytes() for path in DATA.rglob("*") if path.is_file()}
    assert sorted(made) == sorted(kept)
    assert [name for name in made if made[name] != kept[name]] == []


def test_another_seed_makes_another_county() -> None:
    one, other = files(county(1, families=60)), files(county(2, families=60))
    assert one["health/extract.csv"] != other["health/extract.csv"]
    assert one["health/mapping.yaml"] == other["health/mapping.yaml"]


def test_the_data_stays_small() -> None:
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 5_000_000


def test_six_systems_in_six_forms(folder) -> None:
    forms = {
        (extract.mapping["file"]["delimiter"], extract.mapping["file"]["encoding"])
        for extract in folder.extracts.values()
    }
    assert len(forms) == 6
    assert {";", "\t", "|", ","} == {delimiter for delimiter, _ in forms}
    assert {"windows-1252", "utf-8-sig", "utf-8"} == {encoding for _, encoding in forms}
    assert len({extract.mapping["dates"][0] for extract in folder.extracts.values()}) == 6
    police = folder.extracts["police"].path("extract.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        police.decode("utf-8")
    assert folder.extracts["social_care"].path("extract.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_every_mapped_column_is_there_and_used(extract) -> None:
    mapping = extract.mapping
    columns = [mapping["record"], *mapping.get("groups", {}).get("columns", [])]
    for mapped in mapping["identifiers"].values():
        columns += mapped if isinstance(mapped, list) else [mapped]
    for part in [*mapping.get("aliases", []), *mapping["attributes"].values()]:
        columns += part.values()
    for former in mapping.get("former", []):
        columns += [*former["address"], former["postcode"]]
    columns += [flag["column"] for flag in mapping["flags"].values()]
    columns += [mapping[name]["column"] for name in ("kind", "hold") if name in mapping]
    missing = set(columns) - set(extract.rows[0])
    assert not missing
    rarely = (
        {"cinp_cin_plan_end_date"}
        | {mapping["hold"]["column"]}
        | {flag["column"] for flag in mapping["flags"].values()}
    )
    assert {column for column in columns if not any(row[column] for row in extract.rows)} <= rarely


def test_every_value_is_one_of_the_catalogue_and_about_the_right_kind_of_person(extract, folder) -> None:
    wrong = []
    for attribute in extract.mapping["attributes"]:
        fields = {name.rstrip("?"): kind for name, kind in CATALOGUE[attribute].items() if name != "about"}
        needed = {name for name in CATALOGUE[attribute] if not name.endswith("?")} - {"about"}
        assert set(extract.mapping["attributes"][attribute]) == set(fields)
        seen = 0
        for row in extract.rows:
            value = extract.value(row, attribute)
            if not value:
                continue
            seen += 1
            kind = folder.true_kind(extract.agency, row[extract.mapping["record"]])
            if CATALOGUE[attribute]["about"] not in ("any", kind):
                wrong.append((attribute, "about", kind))
            if not needed <= set(value):
                wrong.append((attribute, "missing", sorted(needed - set(value))))
            wrong += [(attribute, name, text) for name, text in value.items() if not _fits(extract, fields[name], text)]
        assert seen, f"nobody has a value of {attribute}"
    assert wrong == []


def test_every_code_of_a_mapping_is_a_code_of_the_catalogue(extract) -> None:
    for path, codes in extract.mapping.get("codes", {}).items():
        attribute, field = path.rsplit(".", 1)
        allowed = CATALOGUE[attribute].get(field) or CATALOGUE[attribute][f"{field}?"]
        assert set(codes.values()) == set(allowed)


def test_nhs_numbers_are_valid_and_of_the_range_that_is_never_issued(folder) -> None:
    held = 0
    for agency in ("social_care", "mental_health", "health"):
        extract = folder.extracts[agency]
        for row in extract.rows:
            if number := row[extract.column("nhs_number")]:
                held += 1
                assert re.fullmatch(r"999\d{7}", number)
                assert check_digit(number[:9]) == int(number[9])
    assert held > 5000


def test_postcodes_are_of_the_district_that_does_not_exist(extract) -> None:
    columns = [extract.column("postcode"), *(former["postcode"] for former in extract.mapping.get("former", []))]
    found = {row[column] for row in extract.rows for column in columns} - {""}
    assert len(found) > 50
    assert all(re.fullmatch(r"SG99 \d[A-Z]{2}", postcode) for postcode in found)


def test_telephone_numbers_are_those_kept_for_drama() -> None:
    for path in DATA.rglob("extract.csv"):
        text = path.read_bytes().decode("latin-1")
        numbers = re.findall(r"\b0\d{3,4} \d{6}\b", text)
        assert all(re.fullmatch(r"01632 960\d{3}", number) for number in numbers)


def test_truth_names_every_record_once_and_nobody_else(folder) -> None:
    truth = [(row["agency"], row["record"]) for row in folder.truth]
    assert len(set(truth)) == len(truth)
    held = {
        (agency, row[extract.mapping["record"]]) for agency, extract in folder.extracts.items() for row in extract.rows
    }
    assert set(truth) == held
    assert all(row["person_id"] for row in folder.truth)


def test_only_aliases_share_a_reference(folder) -> None:
    for agency, extract in folder.extracts.items():
        refs = [row[extract.mapping["record"]] for row in extract.rows]
        assert (len(set(refs)) < len(refs)) == (agency == "police")


def test_truth_gives_the_families_that_are_declared(folder) -> None:
    declared: dict[str, set[str]] = {}
    for member in folder.members:
        declared.setdefault(folder.person_of("social_care", member["member_ref"]), set()).add(member["family_ref"])
    told = {row["person_id"]: set(row["family_ref"].split("|")) for row in folder.truth if row["family_ref"]}
    assert told == declared


def test_the_county_has_the_size_it_says() -> None:
    made = county()
    assert 11_500 <= len(made.people) <= 12_500
    assert sum(made.counts().values()) > 12_000


def test_agencies_hold_believable_shares(folder) -> None:
    adults = {person.id for person in county().people.values() if not person.is_child}
    open_families = {row["family_ref"] for row in folder.table("social_care/families.csv") if not row["closed"]}
    assert 400 <= len(open_families) <= 600
    in_case = {
        folder.person_of("social_care", row["member_ref"])
        for row in folder.members
        if row["family_ref"] in open_families
    }
    for agency, low, high in (
        ("police", 0.22, 0.28),
        ("probation", 0.03, 0.05),
        ("recovery", 0.03, 0.05),
        ("mental_health", 0.08, 0.12),
        ("health", 0.5, 0.65),
    ):
        held = {row["person_id"] for row in folder.truth if row["agency"] == agency}
        share = len(held & adults) / len(adults)
        share_in_cases = len(held & adults & in_case) / len(adults & in_case)
        assert low <= share <= high, agency
        assert share_in_cases > 1.2 * share, agency
        assert len(held & in_case) < len(in_case), agency


def _fits(extract, kind: Any, text: str) -> bool:
    if isinstance(kind, list):
        return text in kind
    if isinstance(kind, dict):
        return set(text.split("|")) <= set(kind["many"])
    if kind == "date":
        return date(2000, 1, 1) <= extract.day(text) <= date(2030, 1, 1)
    return re.fullmatch(TYPES[kind], text) is not None
