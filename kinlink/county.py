"""The demo county as the matcher gets it, encoded in one process: for measuring and for tests. Nobody in it is real."""

from __future__ import annotations

import csv

import numpy as np

from agencies.encoding.comparator import CheckEncoder
from agencies.encoding.person import PersonEncoder
from agencies.extract import Extract
from agencies.mapping import load_mapping
from agencies.reading import Reading
from agencies.records import Record
from agencies.standardise.person import StandardPerson
from config.resources import COUNTY_DATA
from linkage.records import EncodedRecords, Family, Member
from protocols.load import LoadedProtocol

ANCHOR = "social_care"


def county_records(
    agency: str, protocol: LoadedProtocol, encoder: PersonEncoder, checks: CheckEncoder
) -> tuple[EncodedRecords, list[StandardPerson]]:
    """An agency's records, encoded as a submission would be, and the people behind the encodings."""
    mapping = load_mapping(COUNTY_DATA / agency / "mapping.yaml", agency, protocol)
    reading = Reading(Extract(COUNTY_DATA / agency / "extract.csv", mapping), mapping, protocol, agency)
    records = [each for each in reading.records() if isinstance(each, Record)]
    people = [person for record in records for person in record.people]
    owner = [place for place, record in enumerate(records) for _ in record.people]
    encoded = EncodedRecords(
        agency,
        tuple(record.local for record in records),
        encoder.encode(people),
        np.array(owner, dtype=np.int32),
        tuple(record.groups for record in records),
        tuple(str(record.kind) for record in records),
        checks=checks.for_matching(people),
    )
    return encoded, people


def county_families() -> list[Family]:
    """The families that children's social care declares."""
    members: dict[str, list[Member]] = {}
    with (COUNTY_DATA / ANCHOR / "members.csv").open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            name = f"{row['family_ref']}/{row['member_ref']}"
            members.setdefault(row["family_ref"], []).append(Member(name, row["member_ref"], row["kind"], row["role"]))
    return [Family(ref, tuple(own)) for ref, own in members.items()]
