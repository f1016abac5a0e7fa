"""A wrong link is frozen within the request, ended for good, and what was seen through it is recalled."""

import pytest
from sqlalchemy import text

from protocols.profile import Profile
from protocols.vocabulary import State

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
FAMILY, MOTHER = "WB-20003", "SOCREF003M"


def at(site, member=MOTHER, agency="police", family=FAMILY):
    answer = site.ask(family)
    assert answer.status_code == 200, answer.text
    found = next(item for item in Profile.read(answer.content, "profile").members if item.record_ref == member)
    return next(item for item in found.agencies if item.agency == agency)


def challenge(site, decision, **headers):
    body = {"decision_id": decision, "reason": "NOT_THIS_PERSON"}
    return site.call("workbook", "POST", "/v1/challenges", json=body, headers=site.worker_header(FAMILY) | headers)


@BOTH
def test_a_challenge_freezes_at_once_and_upheld_it_ends_for_good(linked, tools):
    seen = at(linked)
    assert seen.state is State.RELEASED
    opened = challenge(linked, seen.values[0].decision_id)
    assert opened.status_code == 201, opened.text
    assert at(linked).state is State.NOTHING_TO_SHARE
    assert at(linked, "SOCREF003F").state is State.RELEASED
    ref = opened.json()["challenge_id"]
    judged = linked.call("social_care", "POST", f"/v1/challenges/{ref}/verdict", json={"verdict": "upheld"})
    assert judged.json()["state"] == "upheld"
    again = linked.call("social_care", "POST", f"/v1/challenges/{ref}/verdict", json={"verdict": "upheld"})
    assert again.json() == judged.json()
    other = linked.call("social_care", "POST", f"/v1/challenges/{ref}/verdict", json={"verdict": "rejected"})
    assert other.status_code == 422
    recalls = linked.call("workbook", "GET", "/v1/recalls").json()
    assert [(item["member_ref"], item["agency"], item["reason"]) for item in recalls] == [
        (MOTHER, "police", "challenge-upheld")
    ]
    assert len(recalls[0]["profiles"]) == 1
    assert tools.link(linked)["state"] == "completed"
    assert linked.submit("police", linked.submission("police", linked.county.police)).status_code == 201
    assert tools.link(linked)["state"] == "completed"
    assert at(linked).state is State.NOTHING_TO_SHARE
    tools.verified(linked)


@BOTH
def test_a_rejected_challenge_puts_the_link_back_unless_another_is_open(linked):
    decision = at(linked).values[0].decision_id
    first, second = (challenge(linked, decision).json()["challenge_id"] for _ in range(2))
    linked.call("social_care", "POST", f"/v1/challenges/{first}/verdict", json={"verdict": "rejected"})
    assert at(linked).state is State.NOTHING_TO_SHARE
    linked.call("social_care", "POST", f"/v1/challenges/{second}/verdict", json={"verdict": "rejected"})
    assert at(linked).state is State.RELEASED
    assert linked.call("workbook", "GET", "/v1/recalls").json() == []


def test_a_frozen_link_stays_frozen_through_a_run(linked, tools):
    challenge(linked, at(linked).values[0].decision_id)
    assert tools.link(linked)["state"] == "completed"
    assert at(linked).state is State.NOTHING_TO_SHARE


def test_an_agency_challenges_its_own_record_and_learns_nothing(linked, tools):
    at(linked)
    answers = [
        linked.call("police", "POST", "/v1/challenges", json={"record_ref": ref, "reason": "ACCURACY_DISPUTED"})
        for ref in ("POLREF0030", "POLXREF0001", "NOSUCHRECORD")
    ]
    assert {answer.status_code for answer in answers} == {201}
    assert {frozenset(answer.json()) for answer in answers} == {frozenset({"challenge_id", "state", "opened_at"})}
    assert at(linked).state is State.NOTHING_TO_SHARE
    links = [len(event.facts["links"]) for event in tools.events(linked, "link:person:challenged")]
    assert links == [1, 0, 0]
    theirs = linked.call("health", "POST", "/v1/challenges", json={"record_ref": "POLREF0040", "reason": "OTHER"})
    assert theirs.status_code == 201
    assert at(linked, "SOCREF004M", family="WB-20004").state is State.RELEASED


def test_social_care_challenges_a_member(linked):
    body = {"family_ref": FAMILY, "member_ref": MOTHER, "agency": "police", "reason": "ADOPTION"}
    assert linked.call("social_care", "POST", "/v1/challenges", json=body).status_code == 201
    assert at(linked).state is State.NOTHING_TO_SHARE


def test_challenges_that_name_what_the_caller_may_not_are_refused(linked):
    decision = at(linked).values[0].decision_id
    member = {"family_ref": FAMILY, "member_ref": MOTHER, "agency": "police"}
    for party, body, headers, status in [
        ("police", {"decision_id": decision}, {}, 404),
        ("police", member, {}, 422),
        ("workbook", {"record_ref": "POLREF0030"}, linked.worker_header(FAMILY), 422),
        ("workbook", member, linked.worker_header(FAMILY), 422),
        ("workbook", {"decision_id": decision}, {}, 422),
        ("workbook", {"decision_id": "prf-" + "0" * 20 + ".00.00.000"}, linked.worker_header(FAMILY), 404),
        ("workbook", {"decision_id": decision[:-9] + "99.00.000"}, linked.worker_header(FAMILY), 404),
        ("social_care", {"decision_id": decision, **member}, {}, 422),
        ("social_care", {}, {}, 422),
    ]:
        answer = linked.call(party, "POST", "/v1/challenges", json={"reason": "OTHER", **body}, headers=headers)
        assert answer.status_code == status, (party, body, answer.text)
    assert at(linked).state is State.RELEASED


def test_a_challenge_sent_twice_with_one_key_is_one(linked, tools):
    decision = at(linked).values[0].decision_id
    key = {"Idempotency-Key": "key-00000001"}
    first, second = challenge(linked, decision, **key), challenge(linked, decision, **key)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len(tools.events(linked, "link:person:challenged")) == 1
    other = linked.call(
        "workbook",
        "POST",
        "/v1/challenges",
        json={"decision_id": decision, "reason": "OTHER"},
        headers=linked.worker_header(FAMILY) | key,
    )
    assert other.status_code == 422
    assert "used for another request" in other.json()["detail"]


@BOTH
def test_a_key_that_two_parties_chose_gives_neither_what_the_other_was_answered(linked):
    """An agency could try other parties' keys, and read from an answer that they did something."""
    body = {"record_ref": "POLREF0030", "reason": "NOT_THIS_PERSON"}
    headers = {"Idempotency-Key": "2026-11-23-first"}
    answers = [
        linked.call(party, "POST", "/v1/challenges", json=body, headers=headers) for party in ("police", "health")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["challenge_id"] != answers[1].json()["challenge_id"]


def test_a_never_link_ends_a_link_at_once_and_a_must_link_holds_from_the_next_run(linked, tools):
    at(linked)
    never = {"member_ref": MOTHER, "agency": "police", "record_ref": "POLREF0030", "decision": "never"}
    assert linked.call("social_care", "POST", "/v1/markers", json=never).json() == {"placed": True}
    assert linked.call("social_care", "POST", "/v1/markers", json=never).json() == {"placed": False}
    assert at(linked).state is State.NOTHING_TO_SHARE
    must = {"member_ref": MOTHER, "agency": "police", "record_ref": "POLXREF0001", "decision": "must"}
    assert linked.call("social_care", "POST", "/v1/markers", json=must).json() == {"placed": True}
    opposite = linked.call("social_care", "POST", "/v1/markers", json=must | {"decision": "never"})
    assert opposite.status_code == 422
    tools.link(linked)
    with linked.service.store.engine.connect() as connection:
        refs = connection.execute(
            text("SELECT record_ref FROM links WHERE member_ref = :m AND agency = 'police' AND state = 'active'"),
            {"m": MOTHER},
        ).scalars()
        assert list(refs) == ["POLXREF0001"]
    assert len(linked.call("workbook", "GET", "/v1/recalls").json()) == 1


def test_the_opposite_decision_takes_the_place_of_one_only_when_it_is_said(linked):
    """Two people decided otherwise: nothing is overwritten unseen, and a mistake can be put right."""
    must = {"member_ref": MOTHER, "agency": "police", "record_ref": "POLREF0030", "decision": "must"}
    never = must | {"decision": "never"}
    assert linked.call("social_care", "POST", "/v1/markers", json=must).json() == {"placed": True}
    refused = linked.call("social_care", "POST", "/v1/markers", json=never)
    assert refused.status_code == 422
    assert "`overrule`" in refused.json()["next_step"]
    assert at(linked).state is State.RELEASED
    done = linked.call("social_care", "POST", "/v1/markers", json=never | {"overrule": True})
    assert (done.status_code, done.json()) == (201, {"placed": True})
    assert at(linked).state is not State.RELEASED


def test_recalls_are_acknowledged(linked, tools):
    decision = at(linked).values[0].decision_id
    ref = challenge(linked, decision).json()["challenge_id"]
    linked.call("social_care", "POST", f"/v1/challenges/{ref}/verdict", json={"verdict": "upheld"})
    recall = linked.call("workbook", "GET", "/v1/recalls").json()[0]["recall_id"]
    done = linked.call("workbook", "POST", f"/v1/recalls/{recall}/acknowledgement", json={"outcome": "retained"})
    assert done.json()["outcome"] == "retained"
    assert linked.call("workbook", "GET", "/v1/recalls").json() == []
    assert len(linked.call("workbook", "GET", "/v1/recalls", params={"all": True}).json()) == 1
    assert tools.events(linked, "link:recall:acknowledged")[0].facts == {"recall": recall, "outcome": "retained"}
    unknown = linked.call(
        "workbook", "POST", "/v1/recalls/rcl-" + "0" * 16 + "/acknowledgement", json={"outcome": "removed"}
    )
    assert unknown.status_code == 404
