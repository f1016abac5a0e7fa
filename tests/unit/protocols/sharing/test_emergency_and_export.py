"""Emergency access on record, and consents in the form that other systems read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from protocols.break_glass import BrokenGlass, check_break_glass, is_open, judge_by
from protocols.consent_export import consent_record
from protocols.errors import Refusal
from protocols.family import ConsentRecord
from protocols.load import LoadedProtocol
from protocols.vocabulary import Capacity, ConsentStatus, Purpose, RoleFunction

NIGHT = datetime(2026, 11, 15, 2, 10, tzinfo=UTC)  # a Sunday


def broken(**changes: Any) -> BrokenGlass:
    """Nicola's night, as the emergency duty worker records it."""
    said: dict[str, Any] = {
        "family_ref": "WB-20701",
        "worker": "w-edt",
        "role_function": RoleFunction.EMERGENCY_DUTY,
        "reason": "IMMINENT_HARM",
        "text": "Ambulance called, child at home, mother's state unknown.",
        "manager": "w-edt-manager",
        "at": NIGHT,
    }
    return BrokenGlass.model_validate({**said, **changes})


def test_it_opens_for_its_hours(loaded: LoadedProtocol) -> None:
    rules = loaded.document.break_glass
    check_break_glass(broken(), rules)
    day = timedelta(hours=24)
    moments = (NIGHT - timedelta(seconds=1), NIGHT, NIGHT + day - timedelta(seconds=1), NIGHT + day)
    assert [is_open(broken(), rules, at) for at in moments] == [False, True, True, False]


@pytest.mark.parametrize(
    ("at", "holidays", "due"),
    [
        (NIGHT, frozenset(), date(2026, 11, 17)),
        (datetime(2026, 11, 13, 9, 0, tzinfo=UTC), frozenset(), date(2026, 11, 17)),
        (
            datetime(2026, 12, 24, 9, 0, tzinfo=UTC),
            frozenset({date(2026, 12, 25), date(2026, 12, 28)}),
            date(2026, 12, 30),
        ),
    ],
)
def test_somebody_judges_it_within_two_working_days(
    loaded: LoadedProtocol, at: datetime, holidays: frozenset[date], due: date
) -> None:
    assert judge_by(broken(at=at), loaded.document.break_glass, holidays) == due


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"role_function": RoleFunction.FAMILY_SUPPORT_WORKER}, "`family-support-worker` has no emergency access"),
        ({"reason": "CURIOSITY"}, "not one of the protocol's"),
    ],
)
def test_who_and_why_are_the_protocols(loaded: LoadedProtocol, change: dict[str, Any], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        check_break_glass(broken(**change), loaded.document.break_glass)


@pytest.mark.parametrize("change", [{"text": "help"}, {"manager": "w-edt"}, {"at": datetime(2026, 11, 15)}])
def test_it_needs_its_text_its_manager_and_its_time(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        broken(**change)


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
