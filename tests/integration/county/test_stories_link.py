"""Encoder and matcher over the whole county, without a server: the stories' links have the grades that the stories need."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from agencies.encoders import check_encoder, protocol_encodings
from agencies.extract import Extract
from agencies.mapping import load_mapping
from agencies.reading import Reading
from agencies.records import Record
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Member
from protocols.load import load_protocol

CONFIG = Path(__file__).parents[3] / "config"
DATA = CONFIG / "county" / "data"
PARTNERS = ("police", "probation", "recovery", "mental_health", "health")
SECRET = bytes(range(32))


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def encoded(agency: str) -> EncodedRecords:
    protocol = load_protocol(CONFIG / "protocols" / "hertfordshire.yaml")
    mapping = load_mapping(DATA / agency / "mapping.yaml", agency, protocol)
    reading = Reading(Extract(DATA / agency / "extract.csv", mapping), mapping, protocol, agency)
    records = [each for each in reading.records() if isinstance(each, Record)]
    people = [person for record in records for person in record.people]
    owner = [place for place, record in enumerate(records) for _ in record.people]
    encoder = protocol_encodings(protocol)[0].encoder(SECRET)
    return EncodedRecords(
        agency,
        tuple(record.local for record in records),
        encoder.encode(people),
        np.array(owner, dtype=np.int32),
        tuple(record.groups for record in records),
        tuple(str(record.kind) for record in records),
        checks=check_encoder(protocol, SECRET).for_matching(people),
    )


@pytest.fixture(scope="module")
def grades() -> dict[tuple[str, str, str], str]:
    """(agency, social care's reference, the agency's reference) to the grade of their link."""
    members: dict[str, list[Member]] = defaultdict(list)
    for row in table("social_care/members.csv"):
        name = f"{row['family_ref']}/{row['member_ref']}"
        members[row["family_ref"]].append(Member(name, row["member_ref"], row["kind"], row["role"]))
    families = [Family(ref, tuple(own)) for ref, own in members.items()]
    rules = load_protocol(CONFIG / "protocols" / "hertfordshire.yaml").document.matching
    found = link(encoded("social_care"), families, [encoded(agency) for agency in PARTNERS], rules)
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
