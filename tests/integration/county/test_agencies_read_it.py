"""The agencies' own reader takes the whole county under the Hertfordshire sharing protocol, and loses nobody."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from agencies.declarations import Known, build_consents, build_families, read_declarations
from agencies.extract import Extract
from agencies.mapping import load_mapping
from agencies.quality.rules import Severity
from agencies.reading import Reading
from agencies.records import Record, Suppressed
from protocols.load import load_protocol

CONFIG = Path(__file__).parents[3] / "config"
DATA = CONFIG / "county" / "data"
AGENCIES = ("social_care", "police", "probation", "recovery", "mental_health", "health")


@pytest.fixture(scope="module")
def protocol():
    return load_protocol(CONFIG / "protocols" / "hertfordshire.yaml")


def read(agency: str, protocol) -> Reading:
    mapping = load_mapping(DATA / agency / "mapping.yaml", agency, protocol)
    return Reading(Extract(DATA / agency / "extract.csv", mapping), mapping, protocol, agency)


@pytest.mark.parametrize("agency", AGENCIES)
def test_every_record_is_read_and_every_value_accepted(agency: str, protocol) -> None:
    reading = read(agency, protocol)
    found = list(reading.records())
    with (DATA / "truth.csv").open(encoding="utf-8", newline="") as source:
        true = {row["record"] for row in csv.DictReader(source) if row["agency"] == agency}
    assert {each.local for each in found} == true
    assert len(found) == len(true)
    assert all(isinstance(each, Record | Suppressed) for each in found)
    assert reading.findings.count(Severity.ERROR) == 0
    assert not reading.findings.codes() & {"VALUE_REFUSED", "VALUE_PERSONAL", "FLAG_UNREADABLE", "KIND_UNREADABLE"}
    assert {"POSTCODE_MISSING", "NO_FIXED_ABODE", "DOB_FIRST_OF_JANUARY", "DOB_PLACEHOLDER"} <= reading.findings.codes()
    values = Counter(
        value.attribute.id for each in found if isinstance(each, Record) for value in each.values if value.value
    )
    assert set(values) == set(reading.mapping.attributes)


def test_every_declaration_and_consent_is_accepted(protocol) -> None:
    records = [each for each in read("social_care", protocol).records() if isinstance(each, Record)]
    known = {record.local: Known(record.kind, record.born) for record in records}
    declared = read_declarations(DATA / "social_care")
    families = build_families(declared, known, frozenset(), "ref_{}".format)
    assert len(families) == len(declared.families)
    assert sum(len(family.members) for family in families) == len(declared.members)
    attributes = frozenset(attribute.id for attribute in protocol.document.attributes)
    consents = build_consents(declared, known, frozenset(), "ref_{}".format, attributes)
    assert len(consents) == len(declared.consents) > 100
    notices = {notice.id for notice in protocol.document.consents.notices}
    assert {consent.notice_version for consent in consents} == notices
