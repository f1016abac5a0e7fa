"""Encoder and matcher over the whole county, without a server: the stories' links have the grades that the stories need."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from agencies.encoders import check_encoder, protocol_encodings
from kinlink.county import ANCHOR, county_families, county_records
from linkage.matcher import link
from protocols.load import load_protocol

CONFIG = Path(__file__).parents[3] / "config"
DATA = CONFIG / "county" / "data"
PARTNERS = ("police", "probation", "recovery", "mental_health", "health")
SECRET = bytes(range(32))


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


@pytest.fixture(scope="module")
def grades() -> dict[tuple[str, str, str], str]:
    """(agency, social care's reference, the agency's reference) to the grade of their link."""
    protocol = load_protocol(CONFIG / "protocols" / "hertfordshire.yaml")
    encoder, checks = protocol_encodings(protocol)[0].encoder(SECRET), check_encoder(protocol, SECRET)
    anchor, *others = (county_records(agency, protocol, encoder, checks)[0] for agency in (ANCHOR, *PARTNERS))
    found = link(anchor, county_families(), others, protocol.document.matching)
    return {(each.agency, each.member_id.split("/")[1], each.record_ref): each.grade for each in found.links}


@pytest.mark.parametrize(
    ("agency", "member", "record"),
    [
        ("recovery", "2041701", "2041701"),  # Maya under the name before marriage
        ("police", "2041701", "41/N2041701"),  # Maya under an alias
        ("health", "2041701", "EN02041701"),
        ("recovery", "2053301", "2053301"),  # Darren and Amy
        ("recovery", "2053302", "2053302"),
        ("mental_health", "2053301", "RIO2053301"),
        ("mental_health", "2053302", "RIO2053302"),
        ("police", "2058801", "41/N2058801"),  # Samira, whose date of birth is a placeholder
        ("health", "2058801", "EN02058801"),
        ("probation", "2058802", "X2058801"),  # Karim
        ("health", "1992202", "EN01992201"),  # Ellie
        ("mental_health", "2070101", "RIO2070101"),  # Nicola
        ("police", "2070101", "41/N2070101"),  # her silent record links; what it says is never released
    ],
)
def test_the_stories_people_are_found(grades, agency: str, member: str, record: str) -> None:
    assert grades.get((agency, member, record)) == "certain"


def test_a_conventional_day_of_birth_goes_to_review(grades) -> None:
    assert grades.get(("recovery", "2041702", "2041702")) == "probable"


def test_a_sons_record_is_never_certain_for_his_father(grades) -> None:
    assert grades.get(("recovery", "2065002", "2065001")) != "certain"


def test_twins_and_residents_of_one_refuge_are_kept_apart(grades) -> None:
    ava, eva, samira = "2065003", "2065004", "2058801"
    for member, record in ((ava, "EN02065002"), (eva, "EN02065001"), (samira, "EN02058804")):
        assert ("health", member, record) not in grades
    assert ("police", ava, "41/N2065001") not in grades
    assert ("police", samira, "41/N2058804") not in grades


def test_certain_links_are_right(grades) -> None:
    person = {(row["agency"], row["record"]): row["person_id"] for row in table("truth.csv")}
    certain = [pair for pair, grade in grades.items() if grade == "certain"]
    right = [pair for pair in certain if person["social_care", pair[1]] == person[pair[0], pair[2]]]
    assert len(certain) > 2000
    assert len(right) / len(certain) >= 0.995
