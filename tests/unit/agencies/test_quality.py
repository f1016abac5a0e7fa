"""A file with seeded defects: every one of every class is found, in its row and column, and the clean half raises no alarm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agencies.check import Report, check_extract
from agencies.quality.findings import Finding, Findings
from agencies.quality.numbers import cro_defect, nhs_number_defect, upn_defect
from agencies.quality.places import building_and_unit, holds_personal_detail
from agencies.quality.rules import RULES, Severity

Row = dict[str, str]

# For each code: the column that is named, and rows that have the defect; rows in one list share what they say.
# A list inside the list is the rows of one reference. Every seed is its own person, so that nothing else is wrong with it.
SEEDS: dict[str, tuple[str | None, list[Row | list[Row]]]] = {
    "REF_MISSING": ("REF", [{"REF": ""}, {"REF": "  "}]),
    "REF_SCIENTIFIC": ("REF", [{"REF": "9.99E+09"}, {"REF": "1E+11"}]),
    "REF_CONFLICT": (
        "REF",
        [[{}, {"FORE": "Quentin", "SUR": "Zeller", "DOB": "03/03/1951"}]],
    ),
    "DOB_CONFLICT": ("DOB", [[{"DOB": "09/02/1980"}, {"DOB": "19/02/1980"}]]),
    "ROW_REPEATED": (None, [[{}, {}]]),
    "PERSON_TWICE": (
        None,
        [
            {"FORE": "Persis", "SUR": "Twicemet", "DOB": "08/08/1971"},
            {"FORE": "Persis", "SUR": "Twicemet", "DOB": "08/08/1971"},
        ],
    ),
    "ENCODINGS_MANY": (None, [[{"SUR": "Quill" + "abcdefghijklmnopqrs"[at]} for at in range(18)]]),
    "DOB_MISSING": ("DOB", [{"DOB": ""}, {"DOB": "  "}]),
    "DOB_UNREADABLE": ("DOB", [{"DOB": "31/02/1990"}, {"DOB": "1990/31"}, {"DOB": "last spring"}, {"DOB": "31-12-80"}]),
    "DOB_PLACEHOLDER": ("DOB", [{"DOB": "01/01/1900"}, {"DOB": "01/01/1970"}, {"DOB": "00/00/0000"}, {"DOB": "unknown"}]),
    "DOB_FUTURE": ("DOB", [{"DOB": "20/11/2026", "KIND": "C"}, {"DOB": "03/04/2085"}]),
    "DOB_WITH_EXPECTED_DATE": ("EDD", [{"DOB": "02/10/2026", "EDD": "05/10/2026", "KIND": "C"}]),
    "DOB_SWAPPED": ("DOB", [{"DOB": "02/28/1990"}, [{"DOB": "03/04/1980"}, {"DOB": "04/03/1980"}]]),
    "DOB_FIRST_OF_JANUARY": ("DOB", [{"DOB": "01/01/1985"}]),
    "DOB_FIFTEENTH": ("DOB", [{"DOB": "15/06/1995"}]),
    "DOB_FIRST_OF_MONTH": ("DOB", [{"DOB": "01/07/1995"}]),
    "AGE_OVER_110": ("DOB", [{"DOB": "03/04/1912"}, {"DOB": "03/04/1066"}]),
    "ADULT_UNDER_12": ("KIND", [{"DOB": "03/04/2019"}]),
    "ADULT_UNDER_18": ("KIND", [{"DOB": "03/04/2010"}]),
    "CHILD_OVER_18": ("KIND", [{"DOB": "03/04/1990", "KIND": "C"}]),
    "EXPECTED_DATE_UNREADABLE": ("EDD", [{"DOB": "", "KIND": "U", "EDD": "soon"}]),
    "EXPECTED_DATE_TOO_FAR": ("EDD", [{"DOB": "", "KIND": "U", "EDD": "03/10/2027"}]),
    "UNBORN_NOT_MARKED": (
        "KIND",
        [
            {"FORE": "Unborn", "DOB": "", "KIND": "C"},
            {"FORE": "Baby", "DOB": "", "KIND": "C"},
            {"FORE": "Infant of", "DOB": "", "KIND": ""},
            {"FORE": "Boy", "DOB": "", "KIND": "C"},
        ],
    ),
    "UNBORN_WITH_DOB": ("DOB", [{"DOB": "02/10/2026", "KIND": "U"}]),
    "KIND_UNREADABLE": ("KIND", [{"KIND": "Z"}, {"KIND": "adult"}]),
    "NAME_MISSING": ("SUR", [{"FORE": "", "SUR": ""}, {"FORE": "Unknown", "SUR": "Unknown"}, {"FORE": "-", "SUR": "."}]),
    "NAME_SINGLE": ("FORE", [{"FORE": "", "SUR": "Madonnari"}]),
    "NAME_PLACEHOLDER": ("FORE", [{"FORE": "Not known"}, {"FORE": "xxx"}, {"FORE": "TBC"}, {"FORE": "N/A"}, {"FORE": "?"}]),
    "NAME_PREFIX": (
        "SUR",
        [{"SUR": "MIG_ERROR_Ashdown"}, {"SUR": "NO_SHOW_Ashdene"}, {"SUR": "DUPLICATE_Ashmead"}, {"SUR": "DO NOT USE Ashley"}],
    ),
    "NAME_UNREADABLE": ("SUR", [{"SUR": "MÃ¼ller"}, {"SUR": "Ren�e"}, {"SUR": "O?Brien"}, {"SUR": "Dâ€™Arcy"}]),
    "NAME_DIGITS": ("FORE", [{"FORE": "Ann4"}]),
    "NAME_COMMENT": ("FORE", [{"FORE": "Jo (known as Jem)"}, {"FORE": "Mrs Isla"}, {"FORE": "Kit aka Kat"}, {"FORE": "Ash [dup]"}]),
    "NAME_IN_ONE_COLUMN": ("SUR", [{"SUR": "Ashworth, Peta"}]),
    "NAME_SWAPPED": ("FORE", [[{"FORE": "Scott", "SUR": "Lewis"}, {"FORE": "Lewis", "SUR": "Scott"}]]),
    "SEX_UNREADABLE": ("SEX", [{"SEX": "Q"}, {"SEX": "7"}]),
    "ADDRESS_MISSING": ("ADDR1", [{"ADDR1": "", "ADDR2": ""}]),
    "ADDRESS_PLACEHOLDER": ("ADDR1", [{"ADDR1": "Not known", "ADDR2": ""}, {"ADDR1": "--", "ADDR2": ""}]),
    "NO_FIXED_ABODE": ("ADDR1", [{"ADDR1": "NFA", "ADDR2": ""}, {"ADDR1": "No fixed abode"}, {"ADDR1": "N.F.A.", "ADDR2": ""}]),
    "ADDRESS_SHARED": (
        "ADDR1",
        [{"ADDR1": "1 Refuge Row", "PC": "SG99 1ZZ", "SUR": "Shared" + "abcdefghijkl"[at]} for at in range(12)],
    ),
    "POSTCODE_MISSING": ("PC", [{"PC": ""}]),
    "POSTCODE_INVALID": ("PC", [{"PC": "SG99"}, {"PC": "12345"}, {"PC": "SG99 5THH"}]),
    "POSTCODE_PLACEHOLDER": ("PC", [{"PC": "NF1 1NF"}, {"PC": "nf11fa"}, {"PC": "ZZ99 3VZ"}]),
    "NHS_NUMBER_FORMAT": ("NHS", [{"NHS": "999010248"}, {"NHS": "9.99E+09"}, {"NHS": "99901O2481"}]),
    "NHS_NUMBER_CHECK": ("NHS", [{"NHS": "9990102482"}, {"NHS": "999 010 2480"}]),
    "NHS_NUMBER_SHARED": ("NHS", [{"NHS": "999 010 2481"}, {"NHS": "9990102481"}]),
    "NHS_NUMBER_CONFLICT": ("NHS", [[{"NHS": "9990103437"}, {"NHS": "9990103453", "MAIDEN": "Other"}]]),
    "NHS_NUMBER_SUPERSEDED": ("TRACE", [{"TRACE": "SUPERSEDED", "NHS": "9990103461"}]),
    "NHS_NUMBER_NOT_FOUND": ("TRACE", [{"TRACE": "02"}, {"TRACE": "04"}]),
    "UPN_FORMAT": ("UPN", [{"UPN": "801200001001"}, {"UPN": "H80120000100"}, {"UPN": "H80120000100O"}]),
    "UPN_CHECK": ("UPN", [{"UPN": "A801200001001"}, {"UPN": "H801200001010"}]),
    "UPN_SHARED": ("UPN", [{"UPN": "H801200001001"}, {"UPN": "h80120000 1001"}]),
    "CRO_PLACEHOLDER": ("CRO", [{"CRO": "000000/00Z"}, {"CRO": "0/00Z"}]),
    "CRO_FORMAT": ("CRO", [{"CRO": "123456"}, {"CRO": "123456/2015A"}, {"CRO": "n/a"}]),
    "CRO_CHECK": ("CRO", [{"CRO": "123456/15Z"}]),
    "CRO_SHARED": ("CRO", [{"CRO": "265416/21G"}, {"CRO": "265416/21g"}]),
    "ADDRESS_FLAT_MISSING": (
        "ADDR1",
        [
            {"ADDR1": "Flat 1, 88 Tower Court", "PC": "SG99 3TC"},
            {"ADDR1": "Flat 2, 88 Tower Court", "PC": "SG99 3TC"},
            {"ADDR1": "88 Tower Court", "PC": "SG99 3TC"},
        ],
    ),
    "FLAG_UNREADABLE": ("SILENT", [{"SILENT": "Ja"}, {"SILENT": "?"}]),
    "HOLD_UNKNOWN": ("HOLD", [{"HOLD": "BECAUSE"}]),
    "DECEASED": (None, [{"DEAD": "Y"}]),
    "VALUE_REFUSED": ("DA_12M", [{"DA_12M": "many"}, {"DA_12M": "-1"}, {"DA_12M": "2.5"}, {"DA_12M": "100000"}]),
    "VALUE_AS_AT": ("AS_AT", [{"DA_12M": "1", "AS_AT": ""}, {"DA_12M": "1", "AS_AT": "yesterday"}]),
    "VALUE_FUTURE": ("DA_SEEN", [{"DA_LAST": "03/11/2026", "DA_ROLE": "VIC", "DA_SEEN": "03/12/2026"}]),
    "VALUE_CONFLICT": ("DA_12M", [[{"DA_12M": "1"}, {"DA_12M": "2", "MAIDEN": "Other"}]]),
}  # fmt: skip
ELSEWHERE = {"PARENT_TOO_YOUNG": "test_declarations.py", "VALUE_PERSONAL": "below, with social care's contacts"}


@pytest.fixture
def seeded(people: list[Row], world, write_extract) -> tuple[Report, dict[str, set[int]], set[int]]:  # type: ignore[no-untyped-def]
    """The report over a clean half and a seeded half; for each code the seeded rows; the rows of the clean half."""
    rows: list[Row] = [*people]
    clean = set(range(2, 2 + len(people)))
    expected: dict[str, set[int]] = {}
    number = 0
    for code, (_, seeds) in SEEDS.items():
        for seed in seeds:
            number += 1
            base = {
                "REF": f"S{number:05d}",
                "FORE": "Seeded" + _letters(number),
                "SUR": "Defect" + _letters(number),
                "ADDR1": f"{number} Seed Street",
                "ADDR2": "Hartmere",
            }
            several = seed if isinstance(seed, list) else [seed]
            for at, each in enumerate(several):
                rows.append({**base, **each})
                if at or len(several) == 1 or code in ("REF_CONFLICT",):
                    expected.setdefault(code, set()).add(len(rows) + 1)
    path = write_extract(rows)
    return check_extract(world.agency, world.reading(path)), expected, clean


def test_every_rule_is_seeded() -> None:
    assert set(SEEDS) | set(ELSEWHERE) == set(RULES)


def test_every_seeded_defect_is_found_in_its_row_and_column(
    seeded: tuple[Report, dict[str, set[int]], set[int]],
) -> None:
    report, expected, _ = seeded
    found: dict[tuple[str, str | None], set[int]] = {
        (each.rule.code, each.column): set(each.rows) for each in report.findings
    }
    for code, (column, _) in SEEDS.items():
        if code == "ENCODINGS_MANY":
            assert found[code, column]
        elif code == "ADDRESS_FLAT_MISSING":
            assert found[code, column] == {max(expected[code])}
        elif code in ("VALUE_CONFLICT", "NAME_SWAPPED", "DOB_CONFLICT", "ROW_REPEATED", "NHS_NUMBER_CONFLICT"):
            assert expected[code] <= found[code, column]
        else:
            assert expected[code] <= found.get((code, column), set()), code


def test_the_clean_half_raises_no_alarm(seeded: tuple[Report, dict[str, set[int]], set[int]]) -> None:
    report, _, clean = seeded
    assert [(each.rule.code, set(each.rows) & clean) for each in report.findings if set(each.rows) & clean] == []


def test_nothing_is_found_where_nothing_is_wrong(people: list[Row], world, write_extract) -> None:  # type: ignore[no-untyped-def]
    report = check_extract(world.agency, world.reading(write_extract(people)))
    assert report.findings == ()
    assert report.tally.records == len(people)


def test_errors_of_other_seeds_do_not_spread(seeded: tuple[Report, dict[str, set[int]], set[int]]) -> None:
    """An error is raised for the rows that were seeded with it and for no others (single-row seeds)."""
    report, expected, _ = seeded
    single = {code for code, (_, seeds) in SEEDS.items() if all(isinstance(seed, dict) for seed in seeds)}
    allowed = {"NHS_NUMBER_FORMAT", "VALUE_REFUSED"}
    for each in report.findings:
        code = each.rule.code
        if each.rule.severity is Severity.ERROR and code in single - allowed:
            extra = set(each.rows) - expected[code]
            assert not extra, (code, extra)


def test_free_text_with_a_place_or_a_number_is_refused_at_the_agency(
    make_world: Callable[..., object], write_extract: Callable[..., Path]
) -> None:
    world = make_world("social_care")
    shared = {"KIND": "C", "DOB": "03/04/2015", "DA_ROLE": "SOCIAL_WORKER"}
    rows = [
        {**shared, "REF": "1", "DA_12M": "Sam Iqbal", "DA_LAST": "Family Safeguarding, Oakhanger"},
        {**shared, "REF": "2", "DA_12M": "Sam Iqbal", "DA_LAST": "lives at SG99 4ZZ"},
        {**shared, "REF": "3", "DA_12M": "ring 01632 960 001", "DA_LAST": "x"},
        {**shared, "REF": "4", "DA_12M": "999 010 2481", "DA_LAST": "x"},
    ]
    report = check_extract(world.agency, world.reading(write_extract(rows)))  # type: ignore[attr-defined]
    found = {
        (each.rule.code, each.column): each.rows for each in report.findings if each.rule.severity is Severity.ERROR
    }
    assert found == {("VALUE_PERSONAL", "DA_LAST"): (3,), ("VALUE_PERSONAL", "DA_12M"): (4, 5)}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("999 010 2481", None),
        ("9990102481", None),
        ("999-010-2481", None),
        ("", None),
        ("9990102480", "NHS_NUMBER_CHECK"),
        ("0000000001", "NHS_NUMBER_CHECK"),
        ("99901024811", "NHS_NUMBER_FORMAT"),
        ("٩٩٩٠١٠٢٤٨١", "NHS_NUMBER_FORMAT"),
    ],
)
def test_an_nhs_number_is_checked_by_modulus_11(number: str, code: str | None) -> None:
    assert nhs_number_defect(number) == code


def test_every_right_check_digit_and_no_other_is_taken() -> None:
    for stem in range(999_000_000, 999_000_200):
        right = [digit for digit in range(10) if nhs_number_defect(f"{stem}{digit}") is None]
        assert len(right) <= 1
        weighted = sum(int(d) * w for d, w in zip(str(stem), range(10, 1, -1), strict=True))
        expected = (11 - weighted % 11) % 11
        assert right == ([] if expected == 10 else [expected])


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", None), ("H801200001001", None), ("h8012 00001001", None), ("A000000000000", None),
        ("H801200001002", "UPN_CHECK"), ("801200001001H", "UPN_FORMAT"), ("H80120000100S", "UPN_FORMAT"), ("H٨01200001001", "UPN_FORMAT"),
    ],
)  # fmt: skip
def test_a_unique_pupil_number_is_checked_by_its_letter(number: str, code: str | None) -> None:
    assert upn_defect(number) == code


def test_one_check_letter_is_right_for_a_pupil_number_also_for_a_temporary_one() -> None:
    for rest in ("801200001001", "80120000100A", "80120000100Z"):
        right = [letter for letter in "ABCDEFGHJKLMNPQRTUVWXYZ" if upn_defect(letter + rest) is None]
        assert len(right) == 1


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", None), ("265416/21G", None), ("065416/21Z", "CRO_CHECK"), ("SF39/12345A", None), ("SF39/A", "CRO_FORMAT"),
        ("000000/00Z", "CRO_PLACEHOLDER"), ("0/99Z", "CRO_PLACEHOLDER"), ("1234567/21G", "CRO_FORMAT"),
    ],
)  # fmt: skip
def test_a_criminal_records_number_is_checked_by_its_letter(number: str, code: str | None) -> None:
    assert cro_defect(number) == code


def test_numbers_are_looked_at_and_change_nothing(people: list[Row], world, write_extract) -> None:  # type: ignore[no-untyped-def]
    bare = list(world.reading(write_extract(people)).records())
    people[0].update({"NHS": "9990102481", "UPN": "H801200001001", "CRO": "265416/21G"})
    assert list(world.reading(write_extract(people)).records()) == bare


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("flt 3 14 foundry st", ("14 foundry st", "3")), ("14 foundry st flt 3a", ("14 foundry st", "3a")),
        ("apt 12 mill hse", ("mill hse", "12")), ("14 foundry st", ("14 foundry st", "")), ("unity st 4", ("unity st 4", "")),
    ],
)  # fmt: skip
def test_a_flat_is_told_from_its_building(address: str, expected: tuple[str, str]) -> None:
    assert building_and_unit(address) == expected


def test_a_row_counts_once_and_runs_are_shortened() -> None:
    findings = Findings()
    for row in (5, 3, 4, 3, 9, 11, 12):
        findings.add("DOB_MISSING", row, "DOB")
    (found,) = findings
    assert found.rows == (3, 4, 5, 9, 11, 12)
    assert found.places() == "3–5, 9, 11–12"
    assert found.places(2) == "3–5, 9 and 2 more"
    assert findings.count(Severity.WARNING) == 6
    with pytest.raises(KeyError):
        findings.add("NO_SUCH_RULE", 1)


def test_a_finding_has_no_place_for_a_value() -> None:
    assert set(Finding.__slots__) == {"rule", "column", "rows"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "personal"),
    [
        ("Jessica Nash", False),
        ("Team 4, Oakhanger", False),
        ("SG99 5TH", True),
        ("the flat at sg995th", True),
        ("01632 960 001", True),
        ("+44 1632", True),
        ("9990102481", True),
    ],
)
def test_places_and_long_numbers_are_seen_in_text(text: str, personal: bool) -> None:
    assert holds_personal_detail(text) is personal


def _letters(number: int) -> str:
    return chr(97 + number // 26 % 26) + chr(97 + number % 26)
