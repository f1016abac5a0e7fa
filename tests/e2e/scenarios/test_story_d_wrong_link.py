"""Story D: a reviewer takes a son's record for his father's; the son challenges it; everything that was seen is called back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from protocols.vocabulary import State

FAMILY = "WB-20650"
FATHER, SONS_RECORD = "2065002", "2065001"


@pytest.fixture(scope="module")
def story() -> dict[str, Any]:
    """What the steps of the story know of each other."""
    return {}


def marker(stage: Any) -> dict[str, str]:
    return {
        "member_ref": stage.ref("social_care", FATHER),
        "agency": "recovery",
        "record_ref": stage.ref("recovery", SONS_RECORD),
        "decision": "must",
    }


def test_father_and_son_go_to_review_and_twins_are_kept_apart(stage: Any) -> None:
    told = stage.ask(FAMILY, "social-worker")
    assert told.state("Mohammed", "recovery") is State.PENDING_REVIEW
    with stage.service.store.reading() as tx:
        pairs = {(item.member_ref, item.record_ref) for item in tx.links.active("health")}
    ava, eva = stage.ref("social_care", "2065003"), stage.ref("social_care", "2065004")
    assert (ava, stage.ref("health", "EN02065002")) not in pairs
    assert (eva, stage.ref("health", "EN02065001")) not in pairs


def test_a_reviewer_wrongly_accepts_it(stage: Any, story: dict[str, Any]) -> None:
    assert stage.call("social_care", "POST", "/v1/markers", json=marker(stage)).json() == {"placed": True}
    stage.link()
    told = stage.ask(FAMILY, "social-worker")
    assert told.values("Mohammed", "recovery")["recovery.substance_group"]
    value = told.answer("Mohammed", "recovery").values[0]
    story["decision"], story["profile"] = value.decision_id, value.decision_id.split(".")[0]
    with stage.service.store.reading() as tx:
        story["link"] = next(
            item.link for item in tx.links.active("recovery") if item.record_ref == marker(stage)["record_ref"]
        )


def test_challenges_that_name_nothing_or_come_from_nobody_are_refused(stage: Any, story: dict[str, Any]) -> None:
    two = {"reason": "NOT_THIS_PERSON", "record_ref": marker(stage)["record_ref"], "decision_id": story["decision"]}
    assert stage.call("recovery", "POST", "/v1/challenges", json=two).status_code == 422
    nameless = {"reason": "NOT_THIS_PERSON", "decision_id": story["decision"]}
    assert stage.call("workbook", "POST", "/v1/challenges", json=nameless).status_code == 422
    assert stage.ask(FAMILY, "social-worker").state("Mohammed", "recovery") is State.RELEASED


def test_the_son_challenges_through_his_agency_and_it_stops_at_once(stage: Any, story: dict[str, Any]) -> None:
    about = {"reason": "NOT_THIS_PERSON", "record_ref": marker(stage)["record_ref"]}
    opened = stage.call("recovery", "POST", "/v1/challenges", json=about)
    assert opened.status_code == 201, opened.text
    story["challenge"] = opened.json()["challenge_id"]
    assert stage.ask(FAMILY, "social-worker").state("Mohammed", "recovery") is State.NOTHING_TO_SHARE


def test_it_is_upheld_and_what_was_seen_is_recalled(stage: Any, story: dict[str, Any]) -> None:
    verdict = f"/v1/challenges/{story['challenge']}/verdict"
    assert stage.call("recovery", "POST", verdict, json={"verdict": "upheld"}).status_code == 403
    upheld = stage.call("social_care", "POST", verdict, json={"verdict": "upheld"})
    assert upheld.status_code == 200, upheld.text
    assert upheld.json()["state"] == "upheld"
    recalls = stage.call("workbook", "GET", "/v1/recalls").json()
    mine = next(item for item in recalls if story["profile"] in item["profiles"])
    assert (mine["family_ref"], mine["agency"]) == (FAMILY, "recovery")
    done = stage.call(
        "workbook", "POST", f"/v1/recalls/{mine['recall_id']}/acknowledgement", json={"outcome": "removed"}
    )
    assert done.json()["outcome"] == "removed"
    assert stage.call("workbook", "GET", "/v1/recalls").json() == []


def test_it_never_comes_back_with_the_next_weeks_submission(stage: Any) -> None:
    stage.later(days=7)
    stage.change("recovery", SONS_RECORD, LastReview=stage.clock().strftime("%d.%m.%Y"))
    stage.submit("recovery")
    stage.submit("social_care")
    stage.link()
    told = stage.ask(FAMILY, "social-worker")
    assert told.state("Mohammed", "recovery") is State.NOTHING_TO_SHARE
    again = stage.call("social_care", "POST", "/v1/markers", json=marker(stage))
    assert again.status_code == 422
    assert "never-link decision" in again.json()["detail"]
    stage.link()
    assert stage.ask(FAMILY, "social-worker").values("Mohammed", "recovery") == {}


def test_the_breach_pack_and_who_saw_him(stage: Any, story: dict[str, Any]) -> None:
    aware = stage.clock().isoformat()
    pack = stage.officer(f"links/{story['link']}/breach", params={"aware_at": aware}).json()
    assert pack["workers"] == ["w-20650-sw"]
    assert "recovery.substance_group" in pack["seen_by"][0]["attributes"]
    hours = datetime.fromisoformat(pack["notify_by"]) - datetime.fromisoformat(pack["aware_at"])
    assert hours == timedelta(hours=72)
    assert [item["outcome"] for item in pack["recalls"]] == ["removed"]
    assert [item["state"] for item in pack["challenges"]] == ["upheld"]
    path = f"records/recovery/{marker(stage)['record_ref']}"
    saw = stage.officer(path).json()["releases"]
    assert {item["worker"] for item in saw} == {"w-20650-sw"}
    assert stage.call("recovery", "GET", f"/v1/audit/{path}").status_code == 401
    why = stage.officer(f"decisions/{story['decision']}").json()
    assert "Granted by `recovery-" in why["why"][0]
