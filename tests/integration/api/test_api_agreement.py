"""A version of the sharing protocol through its whole life in the real service, and the switch that stops an agency's releases."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from api_table import CALDICOTT, DPO, SIRO, Table, draft, without

from api.admin import register_card
from api.soundness import judged_by
from protocols.acts import sign_act
from protocols.decision_inputs import read_lines
from protocols.lifecycle import Act, Deed, Office, Status, replay
from protocols.load import canonical_json
from protocols.profile import Profile
from protocols.vocabulary import State

FAMILY = "WB-20003"


@pytest.fixture(autouse=True)
def judge():
    """Match rules are judged sound, as the shipped ones are; the real judge has tests of its own and takes seconds."""
    judged_by(lambda loaded: ())
    yield
    judged_by(None)


@pytest.fixture
def everybody(linked, tools):
    """A linked site where every party of the agreement is registered."""
    for party in linked.protocol.document.parties:
        if party.id not in linked.parties:
            linked.parties[party.id] = tools.Party(party.id)
            register_card(linked.service, linked.parties[party.id].card)
    return linked


@pytest.fixture
def table(everybody):
    return Table(everybody, draft(everybody.protocol))


def at(site, agency, member="SOCREF003M", **given):
    answer = site.ask(FAMILY, **given)
    assert answer.status_code == 200, answer.text
    profile = Profile.read(answer.content, "profile")
    found = next(item for item in profile.members if item.record_ref == member)
    return next(item for item in found.agencies if item.agency == agency)


def test_a_version_from_draft_to_retired(everybody, table, tools):
    assert everybody.ask(FAMILY).status_code == 200
    assert table.standing()["status"] == "draft"
    assert len(table.standing()["missing_advice"]) == 8
    assert table.act("police", "approve", SIRO).status_code == 403
    advised = table.advised(police="object", recovery="support-with-conditions")
    assert (advised["status"], advised["objections"], advised["missing_advice"]) == ("advised", ["police"], [])
    refused = table.act("police", "approve", SIRO)
    assert "officer of `police` objects" in refused.json()["detail"]
    almost = table.approved(but=["police"])
    assert almost["missing_approvals"] == [{"agency": "police", "office": "senior-risk-owner"}]
    assert table.act("police", "override", SIRO).json()["detail"].endswith("it needs its reasons.")
    noted = table.act("police", "override", SIRO, reasons="The risk is accepted until the review in May.")
    assert (noted.status_code, noted.json()["objections"]) == (201, [])
    assert table.scheduled().status_code == 403
    assert table.act("police", "approve", SIRO).json()["status"] == "approved"
    report = table.rehearsed()
    assert report["passes"]
    assert report["report"]["questions"] > 0
    assert report["report"]["links"] == {"gained": 0, "lost": 0, "review_before": 0, "review_after": 0}
    scheduled = table.scheduled(report["report_digest"], days=1)
    assert scheduled.json()["status"] == "scheduled"
    early = table.act("operator", "go live", Office.OPERATOR)
    assert "it is scheduled for" in early.json()["detail"]
    with everybody.service.store.reading() as tx:
        standing = replay(table.loaded.document, table.digest, tx.agreement.acts(table.digest))
    assert standing.status is Status.SCHEDULED
    assert tools.verified(everybody)
    acted = tools.events(everybody, "protocol:version:acted-on")
    assert len(acted) == len(standing.acts) == 8 + 12 + 1 + 1
    assert all("person" in entry.commitments and "dpo-" not in entry.canonical().decode() for entry in acted)


def test_what_is_live_is_what_was_approved_and_the_version_before_it_retires(everybody, table, tools):
    first = everybody.protocol.digest
    assert table.live()["status"] == "live"
    assert everybody.call("police", "GET", "/v1/protocol").json()["digest"] == table.digest
    states = {item["digest"]: item["status"] for item in everybody.call("police", "GET", "/v1/protocols").json()}
    assert states == {first: "retired", table.digest: "live"}
    assert at(everybody, "police").state is State.RELEASED
    answer = everybody.ask(FAMILY)
    assert answer.json()["protocol_digest"] == table.digest
    stale = everybody.submit("police", everybody.submission("police", everybody.county.police))
    assert stale.status_code == 422
    assert "expected hertfordshire version 2" in stale.json()["detail"]
    activated = tools.events(everybody, "protocol:version:activated")[-1]
    assert activated.facts["digest"] == table.digest
    assert activated.facts["reason"].startswith("go live: act ")


def test_an_approval_binds_one_digest_and_one_moment(everybody, table):
    table.advised()
    other = Table(everybody, draft(everybody.protocol, version=3))
    elsewhere = table.act("police", "approve", SIRO, digest=other.digest)
    assert "about another digest" in elsewhere.json()["detail"]
    old = table.act("police", "approve", SIRO, at=datetime.now(UTC) - timedelta(hours=1))
    assert (old.status_code, old.json()["type"]) == (422, "urn:kinlink:problem:verification")
    act = Act(
        deed=Deed.APPROVE, digest=table.digest, agency="police", office=SIRO, person="siro-police", at=datetime.now(UTC)
    )
    token = sign_act(act, everybody.parties["police"].signing)
    altered = token[:-20] + ("A" if token[-20] != "A" else "B") + token[-19:]
    assert table.send("police", altered).status_code == 422
    assert table.send("police", token).status_code == 201
    again = table.send("police", token)
    assert (again.status_code, again.json()["detail"]) == (403, "This act is on record already.")
    assert table.send("recovery", token).status_code == 401
    assert len(table.standing()["acts"]) == 8 + 1


@pytest.mark.parametrize(
    ("party", "deed", "office", "given", "why"),
    [
        ("police", "advise", SIRO, {"verdict": "support", "reasons": "x"}, "cannot; expected a data-protection"),
        ("police", "approve", CALDICOTT, {}, "needs no caldicott-guardian"),
        ("police", "approve", DPO, {}, "cannot; expected a senior-risk-owner"),
        ("police", "approve", SIRO, {"person": "dpo-police"}, "whoever advised cannot approve"),
        ("police", "approve", SIRO, {"agency": "recovery"}, "acts for itself only"),
        ("police", "schedule", Office.OPERATOR, {}, "has no operator"),
        ("operator", "approve", SIRO, {}, "has no senior-risk-owner"),
        ("operator", "go live", Office.OPERATOR, {}, "expected scheduled"),
        ("police", "stop own releases", DPO, {"reasons": "x"}, "expected live or suspended"),
    ],
)
def test_who_may_do_what(everybody, party, deed, office, given, why):
    table = Table(everybody, draft(everybody.protocol))
    table.advised()
    answer = table.act(party, deed, office, **given)
    assert answer.status_code == 403, answer.text
    assert why in answer.json()["detail"]
    assert table.standing()["status"] == "advised"


def test_the_workbook_and_a_foreign_key_vouch_for_nobody(everybody, table):
    assert table.act("workbook", "advise", DPO, verdict="support", reasons="x").status_code == 403
    foreign = table.act("police", "advise", DPO, signer="recovery", verdict="support", reasons="x")
    assert (foreign.status_code, foreign.json()["type"]) == (401, "urn:kinlink:problem:key")
    assert table.standing()["acts"] == []


def test_a_draft_that_fails_a_golden_persona_cannot_be_scheduled(everybody):
    assert everybody.ask(FAMILY).status_code == 200
    failing = draft(everybody.protocol, grants=without(everybody.protocol, "recovery-episode"))
    table = Table(everybody, failing)
    table.advised()
    table.approved()
    report = table.rehearsed("police")
    assert not report["passes"]
    assert any("`recovery.episode` to `social-worker`" in line for line in report["report"]["failed_personas"])
    refused = table.scheduled(report["report_digest"])
    assert refused.status_code == 403
    assert "personas are treated otherwise" in refused.json()["detail"]
    unknown = table.scheduled("0" * 64)
    assert "no such rehearsal" in unknown.json()["detail"]
    assert table.standing()["status"] == "approved"


def test_match_rules_that_are_certain_on_too_little_cannot_be_scheduled(table):
    table.advised()
    table.approved()
    report = table.rehearsed()
    judged_by(lambda loaded: ("only the name agrees",))
    refused = table.scheduled(report["report_digest"])
    assert (refused.status_code, "only the name agrees" in refused.json()["detail"]) == (403, True)
    judged_by(None)
    assert table.scheduled(report["report_digest"]).status_code == 403
    assert table.standing()["status"] == "approved"


def test_a_rehearsal_counts_what_a_draft_would_take_away_from_real_questions(everybody):
    for number in (3, 4, 5):
        assert everybody.ask(f"WB-2000{number}").status_code == 200
    grants = json.loads(canonical_json(everybody.protocol.document))["grants"]
    named = [g["id"] for g in grants if "police.da_incidents_12m" in g.get("attributes", ())]
    kept = [grant for grant in grants if grant["id"] not in named]
    table = Table(everybody, draft(everybody.protocol, grants=kept))
    report = table.rehearsed()["report"]
    removed = {(r["agency"], r["what"], r["function"], r["stage"]): r["count"] for r in report["removed"]}
    assert removed["police", "police.da_incidents_12m", "social-worker", "CP"] == 6, removed
    assert report["added"] == []
    assert (report["adults"], report["outside"]) == (6, 0)


def test_changed_match_rules_are_asked_of_the_matcher(everybody):
    matching = json.loads(canonical_json(everybody.protocol.document))["matching"]
    strict = {"guards": {"closeness": 1.0}, "context": {"largest_group": 2}}
    table = Table(everybody, draft(everybody.protocol, matching=matching | strict))
    links = table.rehearsed()["report"]["links"]
    assert (links["gained"], links["review_before"]) == (0, 0)
    assert links["lost"] == 180
    assert 0 < links["review_after"] <= 180
    encoding = json.loads(canonical_json(everybody.protocol.document))["encoding"]
    encoding["hardening"] = encoding.get("hardening", {}) | {"t": 5}
    other = Table(everybody, draft(everybody.protocol, version=3, encoding=encoding))
    assert other.rehearsed()["report"]["links"] is None


def test_the_kill_switch_stops_one_agency_at_the_next_question(everybody, table, tools):
    table.live()
    assert at(everybody, "police").state is State.RELEASED
    assert table.act("police", "stop own releases", DPO).status_code == 403
    stopped = table.act("police", "stop own releases", DPO, reasons="A release went wrong; nothing more until we know.")
    assert (stopped.status_code, stopped.json()["stopped"]) == (201, ["police"])
    after = at(everybody, "police")
    assert (after.state, after.values, after.known) == (State.AGENCY_NOT_PARTICIPATING, (), False)
    assert at(everybody, "social_care").state is State.RELEASED
    changes = everybody.call("workbook", "GET", "/v1/changes", params={"limit": 1000}).json()["changes"]
    assert (changes[-1]["kind"], changes[-1]["about"]) == ("releases", "police")
    told = everybody.call("social_care", "GET", "/v1/alerts").json()
    assert "releases-stopped:police" in [item["about"] for item in told]
    event = tools.events(everybody, "protocol:releases:stopped")[-1]
    assert (event.facts["agency"], event.actor) == ("police", "police")
    assert "stopped" in next(iter(why_of(everybody, after.decision_id)))
    assert table.act("police", "start own releases", DPO).status_code == 403
    assert table.act("recovery", "start own releases", SIRO).status_code == 403
    assert table.act("police", "start own releases", SIRO).json()["stopped"] == []
    assert at(everybody, "police").state is State.RELEASED
    tools.verified(everybody)


def why_of(site, decision_id):
    answer = site.officer().get(f"/v1/audit/decisions/{decision_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["why"]


def test_what_is_stopped_stays_stopped_under_the_next_version(everybody, table):
    table.live()
    assert table.act("police", "stop own releases", DPO, reasons="Under inquiry.").status_code == 201
    after = Table(everybody, draft(everybody.protocol, version=3))
    after.live()
    assert after.standing()["stopped"] == ["police"]
    assert at(everybody, "police").state is State.AGENCY_NOT_PARTICIPATING
    assert after.act("police", "start own releases", SIRO).status_code == 201
    assert at(everybody, "police").state is State.RELEASED


def test_a_suspended_agreement_releases_nothing_until_a_risk_owner_resumes_it(everybody, table):
    table.live()
    assert table.act("recovery", "suspend", CALDICOTT, reasons="Wrong values were shown.").status_code == 201
    nothing = everybody.ask(FAMILY)
    assert (nothing.status_code, nothing.json()["detail"]) == (503, "No sharing protocol is in force.")
    assert table.act("operator", "resume", Office.OPERATOR).status_code == 403
    assert table.act("police", "resume", SIRO).json()["status"] == "live"
    assert at(everybody, "police").state is State.RELEASED


def test_people_who_are_signed_in_act_in_their_offices(everybody, table, tools):
    path = f"/v1/me/protocols/{table.digest}"
    officer = everybody.sign_in("anne", ["police:data-protection-officer"])
    assert officer.get(f"/v1/protocols/{table.digest}").json()["status"] == "draft"
    assert officer.get(f"/v1/protocols/{table.digest}/text").json()["digest"] == table.digest
    advice = {
        "agency": "police",
        "office": DPO.value,
        "deed": "advise",
        "verdict": "support-with-conditions",
        "reasons": "If consent is asked for first.",
    }
    done = officer.post(f"{path}/acts", json=advice)
    assert done.status_code == 201, done.text
    assert done.json()["acts"][0]["person"] == "anne"
    assert officer.post(f"{path}/acts", json=advice | {"agency": "recovery"}).status_code == 403
    assert officer.post(f"{path}/acts", json=advice | {"office": SIRO.value}).status_code == 403
    assert officer.post(f"{path}/acts", json=advice | {"deed": "stop own releases"}).status_code == 422
    asked = officer.post(f"{path}/rehearsal").json()["rehearsal_id"]
    tools.work(everybody)
    assert officer.get(f"/v1/me/rehearsals/{asked}").json()["passes"]
    live = everybody.protocol.digest
    stop = {"agency": "police", "office": DPO.value, "deed": "stop own releases", "reasons": "Now."}
    assert officer.post(f"/v1/me/protocols/{live}/stop", json=stop).json()["stopped"] == ["police"]
    assert at(everybody, "police").state is State.AGENCY_NOT_PARTICIPATING
    signed = tools.events(everybody, "protocol:version:acted-on")
    assert [entry.facts["deed"] for entry in signed] == ["advise", "stop own releases"]


def test_a_draft_must_load_and_a_version_number_means_one_text(everybody, table):
    broken = everybody.call("operator", "POST", "/v1/protocols", json={"text": "id: x\n"})
    assert (broken.status_code, broken.json()["type"]) == (422, "urn:kinlink:problem:protocol")
    assert "draft:1:1" in broken.json()["detail"]
    other = draft(everybody.protocol, title="Something else")
    clash = everybody.call("operator", "POST", "/v1/protocols", json={"text": other})
    assert (clash.status_code, "version 2" in clash.json()["detail"]) == (422, True)
    assert everybody.call("police", "POST", "/v1/protocols", json={"text": other}).status_code == 403
    nowhere = everybody.call("police", "GET", f"/v1/protocols/{'0' * 64}")
    assert nowhere.status_code == 404


def test_kept_inputs_leave_the_service_without_names_and_give_the_same_decisions(everybody, tools):
    from protocols.decision import Granted, decide

    profile = Profile.read(everybody.ask(FAMILY).content, "profile")
    assert everybody.call("police", "GET", "/v1/audit/decision-inputs").status_code == 401
    answer = everybody.officer().get("/v1/audit/decision-inputs")
    assert answer.status_code == 200
    for secret in ("SOCREF", "POLREF", FAMILY, "w-1"):
        assert secret not in answer.text
    kept = list(read_lines(answer.text.splitlines()))
    again = everybody.officer().get("/v1/audit/decision-inputs").text
    assert {item.subject for item in kept}.isdisjoint({item.subject for item in read_lines(again.splitlines())})
    assert len({item.subject for item in kept}) == 3
    assert all(item.open_case for item in kept)
    granted = [
        item.request.attribute
        for item in kept
        if isinstance(decide(item.request, item.facts, everybody.protocol.compiled), Granted)
    ]
    released = [value.attribute for member in profile.members for a in member.agencies for value in a.values]
    assert sorted(name for name in granted if name) == sorted(released)
    event = tools.events(everybody, "audit:decision-inputs:exported")[0]
    assert (event.facts["answers"], event.facts["decisions"]) == (1, len(kept))
