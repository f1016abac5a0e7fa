"""Consents in the form that other systems read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from protocols.consent_export import consent_record
from protocols.family import ConsentRecord
from protocols.load import LoadedProtocol
from protocols.vocabulary import Capacity, ConsentStatus, Purpose

NIGHT = datetime(2026, 11, 15, 2, 10, tzinfo=UTC)  # a Sunday


def withdrawn() -> ConsentRecord:
    """Darren's consent, withdrawn."""
    return ConsentRecord(
        subject_ref="father-0001",
        given_by_ref="father-0001",
        capacity=Capacity.ADULT,
        scope=("recovery.episode", "mh.care_plan"),
        purpose=Purpose.FAMILY_SUPPORT,
        notice_version="v3",
        method="online-form",
        status=ConsentStatus.WITHDRAWN,
        given_at=NIGHT - timedelta(days=30),
        expires_at=NIGHT + timedelta(days=300),
        withdrawn_at=NIGHT,
    )


def test_a_consent_record_has_the_fields_of_the_standard(loaded: LoadedProtocol) -> None:
    made = consent_record(withdrawn(), loaded.document)
    assert set(made) == {
        "schema_version",
        "record_id",
        "pii_principal_id",
        "pii_processing",
        "party_identification",
        "event",
    }
    purpose = made["pii_processing"]["purposes"][0]
    assert [item["pii_type"] for item in purpose["pii_information"]] == ["recovery.episode", "mh.care_plan"]
    assert purpose["pii_controllers"] == ["Hertfordshire Mental Health Trust", "Hertfordshire Recovery Service"]
    assert made["pii_processing"]["privacy_notice_title"] == "Working together for your family (third edition)"
    assert [event["event_state"] for event in made["event"]] == ["consent given", "consent withdrawn"]
    assert [party["party_id"] for party in made["party_identification"]] == ["recovery", "mental_health"]
    assert json.loads(json.dumps(made)) == made


def test_one_record_has_one_id(loaded: LoadedProtocol) -> None:
    one, two = withdrawn(), withdrawn().model_copy(update={"method": "spoken-recorded"})
    ids = [consent_record(item, loaded.document)["record_id"] for item in (one, one, two)]
    assert ids[0] == ids[1] != ids[2]


def test_a_refusal_is_one_event(loaded: LoadedProtocol) -> None:
    refused = withdrawn().model_copy(update={"status": ConsentStatus.REFUSED, "withdrawn_at": None, "scope": ("x.y",)})
    made = consent_record(refused, loaded.document)
    assert [event["event_state"] for event in made["event"]] == ["consent refused"]
    assert made["party_identification"] == []
