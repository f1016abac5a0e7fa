"""Story B: a father consents and a mother refuses; he withdraws; a duty begins; it ends; she objects."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.errors import InputError
from protocols.vocabulary import State

FAMILY = "WB-20533"
BY_CONSENT = {"recovery.episode", "recovery.attendance_90d", "mh.open_referral", "mh.care_plan"}


def known(told: Any, name: str) -> set[str]:
    return {attribute for agency in ("recovery", "mental_health") for attribute in told.values(name, agency)}


def test_at_child_in_need_what_he_consented_to_is_told_and_nothing_of_hers(stage: Any) -> None:
    told = stage.ask(FAMILY, "social-worker")
    assert known(told, "Darren") == BY_CONSENT | {"recovery.key_worker"}
    assert known(told, "Amy") == {"recovery.key_worker"}


def test_nobody_consents_for_another_adult(stage: Any) -> None:
    darren, amy = "2053301", "2053302"
    path = stage.root / "social_care" / "consents.csv"
    good = path.read_bytes()
    stage.change("social_care", amy, "consents.csv", given_by_ref=darren, status="GIVEN")
    with pytest.raises(InputError, match="consents for themselves only"):
        stage.submit("social_care")
    path.write_bytes(good)
    assert known(stage.ask(FAMILY, "social-worker"), "Amy") == {"recovery.key_worker"}


def test_a_withdrawal_counts_at_the_next_question_and_says_what_stays(stage: Any) -> None:
    cursor = stage.call("workbook", "GET", "/v1/changes", params={"limit": 1000}).json()["cursor"]
    moment = stage.clock().isoformat(timespec="seconds")
    stage.change("social_care", "2053301", "consents.csv", status="WITHDRAWN", withdrawn_at=moment)
    stage.submit("social_care")
    told = stage.ask(FAMILY, "social-worker")
    assert known(told, "Darren") == {"recovery.key_worker"}
    stays = told.answer("Darren", "recovery").values[0]
    assert stays.attribute == "recovery.key_worker"
    assert "Children Act 2004" in stays.basis
    assert "consent" not in stays.basis.lower()
    changed = stage.call("workbook", "GET", "/v1/changes", params={"since": cursor}).json()["changes"]
    assert ("submission", "social_care") in {(item["kind"], item["about"]) for item in changed}
    with stage.service.store.reading() as tx:
        kept = {item.agency for item in tx.links.active() if item.member_ref == stage.ref("social_care", "2053301")}
    assert {"recovery", "mental_health"} <= kept  # a withdrawal unlinks nobody


def test_an_enquiry_makes_it_a_duty_for_both_and_shows_her_refusal(stage: Any) -> None:
    stage.later(days=3)
    stage.declare(FAMILY, at_stage(stage, "S47"))
    told = stage.ask(FAMILY, "social-worker")
    for name in ("Darren", "Amy"):
        assert {"recovery.episode", "mh.open_referral", "mh.crisis_contacts_6m"} <= known(told, name)
    shown = {*told.answer("Amy", "recovery").refused, *told.answer("Amy", "mental_health").refused}
    assert {"recovery.episode", "mh.open_referral"} <= shown
    assert not told.answer("Amy", "recovery").consent_needed
    assert not told.answer("Darren", "recovery").refused  # he withdrew, which is no refusal
    bases = {value.attribute: value.basis for value in told.answer("Amy", "recovery").values}
    assert "s.16LA" in bases["recovery.episode"]


def test_a_step_down_narrows_at_the_next_question(stage: Any) -> None:
    stage.declare(FAMILY, at_stage(stage, "CIN"))
    told = stage.ask(FAMILY, "social-worker")
    assert known(told, "Darren") == known(told, "Amy") == {"recovery.key_worker"}


def test_a_stage_that_nobody_confirms_releases_nothing(stage: Any) -> None:
    stage.clock.pass_(minutes=20)
    told = stage.ask(FAMILY, "social-worker")
    assert not any(values for _, values in told.everything().values())
    stage.confirm()
    assert known(stage.ask(FAMILY, "social-worker"), "Amy") == {"recovery.key_worker"}


def test_an_objection_restricts_until_it_is_decided(stage: Any) -> None:
    objection = {
        "reason": "SUBJECT_OBJECTS",
        "family_ref": FAMILY,
        "member_ref": stage.ref("social_care", "2053302"),
        "agency": "recovery",
    }
    wrong = stage.call("social_care", "POST", "/v1/challenges", json=objection | {"reason": "BECAUSE"})
    assert wrong.status_code == 422
    opened = stage.call("social_care", "POST", "/v1/challenges", json=objection)
    assert opened.status_code == 201, opened.text
    assert stage.ask(FAMILY, "social-worker").state("Amy", "recovery") is State.NOTHING_TO_SHARE
    assert known(stage.ask(FAMILY, "social-worker"), "Darren") == {"recovery.key_worker"}
    verdict = f"/v1/challenges/{opened.json()['challenge_id']}/verdict"
    assert stage.call("social_care", "POST", verdict, json={"verdict": "rejected"}).status_code == 200
    assert known(stage.ask(FAMILY, "social-worker"), "Amy") == {"recovery.key_worker"}
    assert len(stage.events("link:person:challenged")) == 1


def test_a_case_that_is_closed_releases_nothing_whatever_the_last_stage_was(stage: Any) -> None:
    stage.declare(FAMILY, at_stage(stage, "CP"))
    assert known(stage.ask(FAMILY, "social-worker"), "Darren") > {"recovery.key_worker"}
    today = stage.clock().date().isoformat()
    stage.declare(FAMILY, lambda declaration: declaration.update(closed=today))
    told = stage.ask(FAMILY, "social-worker")
    assert not any(values for _, values in told.everything().values())


def at_stage(stage: Any, name: str) -> Any:
    def change(declaration: dict[str, Any]) -> None:
        for member in declaration["members"]:
            if member["kind"] == "CHILD":
                member["stage"], member["stage_since"] = name, stage.clock().date().isoformat()

    return change
