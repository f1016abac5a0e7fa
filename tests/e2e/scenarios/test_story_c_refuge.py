"""Story C: a mother whose place is hidden, the father who must not find it, and his second family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocols.errors import Refusal
from protocols.vocabulary import Grade, State

FAMILY, SECOND = "WB-20588", "WB-19922"
SAMIRA, KARIM = "Samira", "Karim"
LOCATION = {"health.gp_practice", "edu.setting_dsl"}


def everything(told: Any) -> set[str]:
    return {attribute for _, values in told.everything().values() for attribute in values}


def test_the_officer_for_the_father_sees_him_and_nothing_that_leads_to_her(stage: Any) -> None:
    told = stage.ask(FAMILY, "da-perpetrator-officer")
    karim = told.values(KARIM, "probation")
    assert karim["probation.supervision"]["order"] == "LICENCE"
    assert karim["probation.requirements"]["requirement"] == "DA_PROGRAMME"
    assert not everything(told) & (LOCATION | {"police.marac"})
    for agency in ("police", "probation", "recovery", "mental_health", "health"):
        assert told.values(SAMIRA, agency) == {}
        assert told.state(SAMIRA, agency) in (State.NOTHING_TO_SHARE, State.NOT_FOR_YOUR_ROLE)
    assert b"shield" not in told.raw.lower()


def test_the_worker_for_the_mother_sees_the_risk_to_her(stage: Any) -> None:
    police = stage.ask(FAMILY, "da-victim-practitioner").values(SAMIRA, "police")
    assert police["police.dash_risk"]["risk"] == "HIGH"
    assert police["police.marac"]["status"] == "HEARD"
    assert police["police.protective_order"]["subject_role"] == "PROTECTED"


def test_her_practice_is_for_the_two_functions_that_are_named(stage: Any) -> None:
    seen = {
        role: everything(stage.ask(FAMILY, role)) for role in ("social-worker", "team-manager", "family-support-worker")
    }
    assert "health.gp_practice" not in seen["social-worker"] | seen["family-support-worker"]
    children = stage.ask(FAMILY, "social-worker")
    assert "health.gp_practice" not in children.values("Yara", "health")  # she lives with her mother


def test_the_second_family_learns_of_him_and_nothing_of_her(stage: Any) -> None:
    told = stage.ask(SECOND, "social-worker")
    assert sorted(each.name for each in told.profile.members) == ["Ellie Mercer", "Joanne Mercer", "Karim Haddad"]
    assert told.values(KARIM, "probation")["probation.supervision"]["order"] == "LICENCE"
    for local in ("2058801", "2058803", "2058804"):
        assert stage.ref("social_care", local).encode() not in told.raw
    assert b"WB-20588" not in told.raw


def test_workers_of_one_case_do_not_ask_about_the_other(stage: Any) -> None:
    before = len(stage.call("social_care", "GET", "/v1/alerts").json())
    with pytest.raises(Refusal):
        stage.ask(FAMILY, "social-worker", worker="w-19922-sw")
    with pytest.raises(Refusal):
        stage.ask(FAMILY, "social-worker", worker="w-20588-dap")  # on the case, in another function
    with pytest.raises(Refusal):
        stage.ask(SECOND, "social-worker", worker="w-20588-sw")
    alerts = stage.call("social_care", "GET", "/v1/alerts").json()
    assert len(alerts) == before + 3
    assert all(item["about"] == "question-refused:not-allocated" for item in alerts[:3])


def test_residents_of_one_refuge_are_not_linked(stage: Any) -> None:
    with stage.service.store.reading() as tx:
        linked = {item.record_ref: item for item in tx.links.active("health") if item.grade is Grade.CERTAIN}
        samira = stage.ref("social_care", "2058801")
        hers = {ref for ref, item in linked.items() if item.member_ref == samira}
    assert hers == {stage.ref("health", "EN02058801")}  # although her date of birth is a placeholder
    assert stage.ref("health", "EN02058804") not in linked  # another resident, born the same 1 January


def test_for_the_officer_the_answer_has_the_same_shape_if_nobody_is_hidden(stage: Any) -> None:
    hidden = stage.ask(FAMILY, "da-perpetrator-officer")
    for agency, column, mark in (
        ("police", "ADDR_WITHHELD", "N20588"),
        ("health", "SENSITIVE", "EN020588"),
        ("social_care", "pers_confidential_address", "20588"),
    ):
        stage.rows(agency, unhidden(column, mark))
    for agency in ("police", "health", "social_care"):
        stage.submit(agency)
    stage.link()
    plain = stage.ask(FAMILY, "da-perpetrator-officer")
    assert hidden.everything() == plain.everything()
    assert len(hidden.raw) % 16_384 == len(plain.raw) % 16_384 == 0
    assert len(hidden.raw) == len(plain.raw)
    assert "health.gp_practice" in everything(stage.ask(FAMILY, "social-worker"))


def unhidden(column: str, mark: str) -> Callable[[list[dict[str, str]]], None]:
    """Take the flag from every record of the family."""

    def change(rows: list[dict[str, str]]) -> None:
        for row in rows:
            if mark in row[next(iter(row))]:
                row[column] = ""

    return change
