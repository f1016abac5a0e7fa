"""Story A, the other ending: the pregnancy ends, and the record closes quietly."""

from __future__ import annotations

from typing import Any

FAMILY = "WB-20417"


def test_a_loss_closes_quietly(stage: Any) -> None:
    before = {name: alerts(stage, name) for name in ("social_care", "health", "recovery", "workbook")}
    last = changes(stage)[-1]["cursor"]
    today = stage.clock().date().isoformat()

    def lost(declaration: dict[str, Any]) -> None:
        for member in declaration["members"]:
            if member["kind"] == "UNBORN":
                member["left"] = today

    stage.declare(FAMILY, lost)
    told = stage.ask(FAMILY, "social-worker")
    assert "Unborn" not in "".join(each.name for each in told.profile.members)
    assert len(told.profile.members) == 3
    assert "health.maternity" not in told.values("Maya", "health")
    stage.work()
    assert {name: alerts(stage, name) for name in before} == before
    assert {item["kind"] for item in changes(stage, last)} == {"family"}
    assert stage.call("workbook", "GET", "/v1/recalls").json() == []


def alerts(stage: Any, name: str) -> list[str]:
    return [item["alert_id"] for item in stage.call(name, "GET", "/v1/alerts").json()]


def changes(stage: Any, since: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = stage.call("workbook", "GET", "/v1/changes", params={"since": since, "limit": 1000}).json()
        found += page["changes"]
        if not page["more"]:
            return found
        since = page["cursor"]
