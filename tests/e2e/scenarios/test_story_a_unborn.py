"""Story A: an unborn child, a mother under three names, a partner to be reviewed; then the birth."""

from __future__ import annotations

from typing import Any

from protocols.vocabulary import Kind, Stage, State

FAMILY, SW = "WB-20417", "w-20417-sw"
MAYA, LIAM, TIA, UNBORN = "Maya", "Liam", "Tia", "Unborn"


def test_maya_is_found_under_her_names_and_liam_waits_for_review(stage: Any) -> None:
    told = stage.ask(FAMILY, "social-worker")
    assert told.values(MAYA, "recovery")["recovery.episode"]["status"] == "IN_TREATMENT"  # Maya Whitlock there
    assert told.values(MAYA, "police")["police.da_incidents_12m"] == {"count": 4}  # Mia Okafor there
    assert told.values(MAYA, "police")["police.da_last_incident"]["subject_role"] == "CHILD_PRESENT"
    liam = told.answer(LIAM, "recovery")
    assert (liam.state, liam.known, liam.values) == (State.PENDING_REVIEW, False, ())
    unborn = next(each for each in told.profile.members if each.name.startswith(UNBORN))
    assert (unborn.answer.kind, unborn.answer.stage) == (Kind.UNBORN, Stage.PLO)
    assert told.values(UNBORN, "social_care")["csc.unborn"]["edd"] == "2027-01-20"


def test_medicine_at_home_is_for_two_functions_and_maternity_for_the_case_holders(stage: Any) -> None:
    seen = {}
    for role in ("social-worker", "health-visitor", "team-manager", "family-support-worker", "recovery-worker"):
        told = stage.ask(FAMILY, role)
        seen[role] = {*told.values(MAYA, "recovery"), *told.values(MAYA, "health")}
    who = {
        attribute: {role for role, told in seen.items() if attribute in told}
        for attribute in set().union(*seen.values())
    }
    assert who["recovery.ost_at_home"] == {"social-worker", "health-visitor"}
    assert who["health.maternity"] == {"social-worker", "team-manager"}
    box = stage.ask(FAMILY, "health-visitor").values(MAYA, "recovery")["recovery.ost_at_home"]
    assert box == {"ost": True, "take_home": True, "locked_box": False}


def test_wrong_markers_are_refused_and_nothing_changes(stage: Any) -> None:
    marker = {"member_ref": stage.ref("social_care", "2041702"), "agency": "recovery", "decision": "must"}
    marker["record_ref"] = stage.ref("recovery", "2041702")
    assert stage.call("police", "POST", "/v1/markers", json=marker).status_code == 403
    assert stage.call("social_care", "POST", "/v1/markers", json=marker | {"decision": "perhaps"}).status_code == 422
    assert stage.call("social_care", "POST", "/v1/markers", json=marker | {"record_ref": "x"}).status_code == 422
    assert stage.ask(FAMILY, "social-worker").state(LIAM, "recovery") is State.PENDING_REVIEW


def test_a_person_confirms_liam(stage: Any) -> None:
    marker = {
        "member_ref": stage.ref("social_care", "2041702"),
        "agency": "recovery",
        "record_ref": stage.ref("recovery", "2041702"),
        "decision": "must",
    }
    assert stage.call("social_care", "POST", "/v1/markers", json=marker).json() == {"placed": True}
    stage.link()
    told = stage.ask(FAMILY, "social-worker")
    assert told.state(LIAM, "recovery") is State.RELEASED
    assert told.values(LIAM, "recovery")["recovery.episode"]["status"] == "REFERRED"


def test_the_baby_is_born(stage: Any) -> None:
    before = stage.call("social_care", "GET", f"/v1/families/{FAMILY}").json()
    maya = links_of(stage, "2041701")
    stage.clock.pass_(days=50)
    born = stage.clock().date().isoformat()
    stage.change(
        "social_care",
        "2041704",
        pers_subject="C",
        pers_forename="Baby",
        pers_dob=born,
        pers_common_child_id="9995104230",
        pers_expected_dob="",
        pre_birth_plan="",
        case_stage="CP",
        case_stage_date=born,
    )
    child = {
        "role": "CHILD",
        "kind": "CHILD",
        "stage": "CP",
        "stage_since": born,
        "expected_date": "",
        "mother_ref": "",
    }
    stage.change("social_care", "2041704", "members.csv", **child)
    stage.rows("social_care", lambda rows: rows.append(parent("2041701", "2041704")), "relationships.csv")
    stage.rows("health", lambda rows: rows.append(newborn(rows, born)))
    for agency in ("social_care", "health", "police", "recovery"):
        stage.submit(agency)
    stage.link()
    told = stage.ask(FAMILY, "social-worker")
    names = sorted(each.name for each in told.profile.members)
    assert names == ["Baby Okafor", "Liam Price", "Maya Okafor", "Tia Whitlock"]
    baby = next(each for each in told.profile.members if each.name == "Baby Okafor")
    assert (baby.answer.kind, baby.answer.stage) == (Kind.CHILD, Stage.CP)
    assert baby.answer.record_ref == stage.ref("social_care", "2041704")
    assert told.values("Baby", "health")["health.gp_practice"] == {"ods": "Z99002", "name": "Mill Lane Surgery"}
    after = stage.call("social_care", "GET", f"/v1/families/{FAMILY}").json()
    assert after["version"] == before["version"] + 1
    assert maya <= links_of(stage, "2041701")
    assert stage.call("workbook", "GET", "/v1/recalls").json() == []


def parent(adult: str, child: str) -> dict[str, str]:
    return {
        "family_ref": FAMILY,
        "adult_ref": adult,
        "child_ref": child,
        "relationship": "PARENT",
        "contact": "LIVES_WITH",
    }


def newborn(rows: list[dict[str, str]], born: str) -> dict[str, str]:
    mother = next(row for row in rows if row["MRN"] == "EN02041701")
    place = {name: mother[name] for name in ("ADDR_LINE_1", "ADDR_LINE_2", "POST_CODE", "ADDR_KEY")}
    return (
        dict.fromkeys(rows[0], "")
        | place
        | {
            "MRN": "EN02041704",
            "NHS_NO": "9995104230",
            "PAT_SURNAME": "Okafor",
            "PAT_FORENAME": "Baby",
            "PAT_DOB": born.replace("-", ""),
            "PAT_SEX": "2",
            "GP_ODS": "Z99002",
            "GP_NAME": "Mill Lane Surgery",
        }
    )


def links_of(stage: Any, local: str) -> set[tuple[str, str]]:
    with stage.service.store.reading() as tx:
        ref = stage.ref("social_care", local)
        return {(item.agency, item.link) for item in tx.links.active() if item.member_ref == ref}
