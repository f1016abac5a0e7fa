"""Story E: silence and suppression, an emergency at night, a changed rule, the kill switch."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from agencies.folder import init_folder
from api.admin import register_card
from protocols.decision_inputs import FLAGS
from protocols.errors import KinlinkError, Refusal
from protocols.lifecycle import Deed, Office, Verdict, required_approvals
from protocols.load import canonical_json, load_protocol_text
from protocols.vocabulary import State

FAMILY, EDT = "WB-20701", "w-edt"
OFFICER, OWNER = Office.DATA_PROTECTION_OFFICER, Office.SENIOR_RISK_OWNER


def emergency(**changed: str) -> dict[str, str]:
    return {
        "family_ref": FAMILY,
        "reason": "IMMINENT_HARM",
        "explanation": "Called out at night; a child is at immediate risk.",
        "manager": "w-20701-tm",
    } | changed


def open_it(stage: Any, worker: str = EDT, **changed: str) -> Any:
    header = stage.worker_header(FAMILY, "emergency-duty", worker)
    return stage.call("workbook", "POST", "/v1/break-glass", json=emergency(**changed), headers=header)


def about(stage: Any, name: str) -> list[str]:
    return [item["about"].split(":")[0] for item in stage.call(name, "GET", "/v1/alerts").json()]


def test_who_is_protected_never_left_the_police(stage: Any) -> None:
    with stage.service.store.engine.connect() as connection:
        refs = {row[0] for row in connection.exec_driver_sql("SELECT record_ref FROM records")}
    suppressed = []
    stage.rows("police", lambda rows: suppressed.extend(row["NOMINAL_NO"] for row in rows if row["PROT_PERSON"]))
    assert suppressed
    assert not {stage.ref("police", local) for local in suppressed} & refs
    assert stage.ref("police", "41/N2070101") in refs  # her silent record links, and is never told


def test_at_night_the_duty_worker_asks_only_under_an_emergency(stage: Any) -> None:
    now = stage.clock()
    night = (now + timedelta(days=(6 - now.weekday()) % 7 or 7)).replace(hour=2, minute=10)
    stage.later(seconds=(night - now).total_seconds())
    assert stage.clock().strftime("%A %H:%M") == "Sunday 02:10"
    with pytest.raises(Refusal):
        stage.ask(FAMILY, "emergency-duty", worker="w-other")
    plain = stage.ask(FAMILY, "emergency-duty")
    assert plain.values("Nicola", "mental_health") == {}
    assert open_it(stage, reason="CURIOSITY").status_code == 422
    assert open_it(stage, manager=EDT).status_code == 422
    assert open_it(stage, explanation="short").status_code == 422
    assert open_it(stage).status_code == 201


def test_the_crisis_is_shown_and_the_police_part_is_as_if_there_were_nothing(stage: Any) -> None:
    told = stage.ask(FAMILY, "emergency-duty")
    crisis = told.values("Nicola", "mental_health")
    assert crisis["mh.crisis_contacts_6m"]["count"] == 2
    assert crisis["mh.mha_status"]["status"] == "INFORMAL"
    assert all(
        value.break_glass for value in told.answer("Nicola", "mental_health").values if value.attribute in crisis
    )
    silent = told.answer("Nicola", "police").model_dump(exclude={"decision_id"})
    nobody = told.answer("Margaret", "police").model_dump(exclude={"decision_id"})
    assert silent == nobody
    assert silent["state"] is State.NOTHING_TO_SHARE
    assert len(told.answer("Nicola", "police").decision_id) == len(told.answer("Margaret", "police").decision_id)


def test_everybody_who_must_know_is_told(stage: Any) -> None:
    stage.work()
    assert "silent-record-asked" in about(stage, "police")
    assert "break-glass-release" in about(stage, "mental_health")
    assert "break-glass" in about(stage, "social_care")
    assert about(stage, "recovery") == []


def test_it_ends_after_a_day_and_somebody_else_judges_it(stage: Any) -> None:
    stage.later(hours=24, minutes=1)
    assert stage.ask(FAMILY, "emergency-duty").values("Nicola", "mental_health") == {}
    (waiting,) = stage.call("social_care", "GET", "/v1/break-glass").json()
    review = f"/v1/break-glass/{waiting['access_id']}/review"
    own = stage.call("social_care", "POST", review, json={"outcome": "justified", "reviewer": EDT})
    assert own.status_code == 422
    stage.later(days=3)
    stage.work()
    assert "break-glass-review-late" in about(stage, "social_care")
    done = stage.call("social_care", "POST", review, json={"outcome": "justified", "reviewer": "dpo-1"})
    assert done.json()["outcome"] == "justified"


@pytest.fixture(scope="module")
def second(stage: Any) -> Any:
    """The next version: family support workers see how often a child was at an emergency department, from family help on."""
    for name in ("education", "camhs"):
        folder = init_folder(
            stage.root / name,
            name,
            service="http://127.0.0.1:1",
            protocol=stage.folder("police").path / stage.folder("police").settings.protocol,
            passphrase=stage.folder("police").passphrase,
            scrypt_n=1 << 8,
        )
        register_card(stage.service, folder.signed_card())
    document = json.loads(canonical_json(stage.folder("police").protocol.document))
    (rule,) = [grant for grant in document["grants"] if grant["id"] == "health-emergency-child"]
    rule["to"] = [*rule["to"], "family-support-worker"]
    text = json.dumps(document | {"version": 2})
    return load_protocol_text(text, "draft")


def test_the_change_is_rehearsed_on_what_was_really_asked(stage: Any, second: Any) -> None:
    stage.submit("health")
    for family, name in (("WB-20588", "Yara"), ("WB-20650", "Ava"), ("WB-20417", "Tia")):
        assert "health.ed_child" not in stage.ask(family, "family-support-worker").values(name, "health")
    made = stage.call("operator", "POST", "/v1/protocols", json={"text": second.text})
    assert made.status_code == 201, made.text
    report = stage.rehearsed(second.digest)
    assert report["passes"], report["report"]["failed_personas"]
    added = report["report"]["added"]
    assert {(item["agency"], item["what"], item["function"]) for item in added} == {
        ("health", "health.ed_child", "family-support-worker")
    }
    assert sum(item["count"] for item in added) >= report["report"]["children"] > 0
    assert (report["report"]["adults"], report["report"]["outside"], report["report"]["removed"]) == (0, 0, [])


def test_it_is_advised_on_approved_and_goes_live(stage: Any, second: Any) -> None:
    early = stage.act("police", deed=Deed.APPROVE, digest=second.digest, office=OWNER, person="siro-police")
    assert early.status_code == 403
    for party in second.document.parties:
        advice = Verdict.SUPPORT_WITH_CONDITIONS if party.id == "health" else Verdict.SUPPORT
        given = {"deed": Deed.ADVISE, "digest": second.digest, "office": OFFICER, "person": f"dpo-{party.id}"}
        answer = stage.act(party.id, **given, verdict=advice, reasons="Only what the worker needs.")
        assert answer.status_code == 201, answer.text
    for agency, office in sorted(required_approvals(second.document)):
        given = {"deed": Deed.APPROVE, "digest": second.digest, "office": office}
        answer = stage.act(agency, **given, person=f"{office}-{agency}")
        assert answer.status_code == 201, answer.text
    report = stage.rehearsed(second.digest)
    given = {"digest": second.digest, "office": Office.OPERATOR, "person": "operator"}
    scheduled = stage.act(
        "operator", **given, deed=Deed.SCHEDULE, day=stage.clock().date(), rehearsal=report["report_digest"]
    )
    assert scheduled.status_code == 201, scheduled.text
    assert stage.act("operator", **given, deed=Deed.GO_LIVE).json()["status"] == "live"
    told = stage.ask("WB-20650", "family-support-worker")
    assert told.values("Ava", "health")["health.ed_child"]["count"] == 1
    assert told.profile.answer.protocol_version == 2


def test_whoever_still_has_the_version_before_is_refused(stage: Any) -> None:
    with pytest.raises(KinlinkError, match="version 2"):
        stage.submit("health")


def test_the_kill_switch(stage: Any, second: Any) -> None:
    given = {"digest": second.digest, "office": OFFICER, "person": "dpo-health"}
    assert stage.act("health", **given, deed=Deed.STOP_OWN).status_code == 403  # it needs its reasons
    foreign = stage.act("police", **given, deed=Deed.START_OWN)
    assert foreign.status_code == 403
    stopped = stage.act("health", **given, deed=Deed.STOP_OWN, reasons="The wrong values were shown.")
    assert stopped.json()["stopped"] == ["health"]
    told = stage.ask("WB-20650", "family-support-worker")
    assert told.state("Ava", "health") is State.AGENCY_NOT_PARTICIPATING
    assert told.values("Ava", "health") == {}
    assert told.state("Ava", "social_care") is State.RELEASED


def test_every_decision_of_the_story_can_be_made_again(stage: Any) -> None:
    told = stage.ask(FAMILY, "social-worker")
    answer = told.answer("Nicola", "police")
    found = stage.officer(f"decisions/{answer.decision_id}").json()
    assert any("silent" in inputs["flags"] for inputs in found["inputs"])
    assert set(found["inputs"][0]["flags"]) <= set(FLAGS)
    assert any("Refused." in why for why in found["why"])
