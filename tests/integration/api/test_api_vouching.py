"""A worker whom the Workbook does not vouch for as it must is refused, on record, and nothing of what was said about them is kept."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from api.fsck import check_store
from protocols.identity import WORKER_HEADER, make_worker_assertion
from protocols.signing import SigningKey, decode_base64url
from protocols.vocabulary import Purpose, RoleFunction

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
FAMILY, FORGED = "WB-20003", "w-forged-0815"


def made(site, doubt):
    """A worker assertion about a made-up worker that does not hold, in this way."""
    own, now = site.parties["workbook"].signing, datetime.now(UTC)

    def said(key=own, client="workbook", signed_in=now, at=now):
        role = RoleFunction.SOCIAL_WORKER
        return make_worker_assertion(client, FORGED, role, Purpose.SAFEGUARDING, FAMILY, signed_in, "s-1", key, now=at)

    if doubt == "malformed":
        return "e30.e30.x"
    if doubt == "foreign-key":
        return said(key=SigningKey.generate())
    if doubt == "not-verified":
        head, claims, signature = said().split(".")
        other = json.loads(decode_base64url(claims)) | {"worker": "w-1"}
        return ".".join([head, own.sign(json.dumps(other).encode(), typ="JWT").split(".")[1], signature])
    if doubt == "out-of-date":
        return said(at=now - timedelta(minutes=5))
    return said(signed_in=now - timedelta(hours=13))


def ask(site, assertion, family=FAMILY):
    return site.call("workbook", "GET", f"/v1/families/{family}/profile", headers={WORKER_HEADER: assertion})


DOUBTS = ("malformed", "foreign-key", "not-verified", "out-of-date", "old-sign-in")


@BOTH
def test_each_doubt_is_on_record_and_children_s_social_care_is_told(linked, tools):
    for doubt in DOUBTS:
        assert ask(linked, made(linked, doubt)).status_code == 401
    found = tools.events(linked, "profile:worker:refused")
    assert [dict(entry.facts) for entry in found] == [{"asked": "profile", "reason": doubt} for doubt in DOUBTS]
    assert {entry.actor for entry in found} == {"workbook"}
    assert {tuple(entry.commitments) for entry in found} == {("family",)}
    alerts = linked.call("social_care", "GET", "/v1/alerts").json()
    assert sorted(item["about"] for item in alerts) == sorted(f"worker-not-vouched-for:{doubt}" for doubt in DOUBTS)
    with linked.service.store.reading() as tx:
        assert set(tx.audit.entries_about("family", FAMILY)) >= {entry.index for entry in found}
        kept = " ".join(str(row) for row in tx.audit.rows(tx.audit.size()))
        opened = tx.session.execute(text("SELECT value FROM audit_openings")).scalars().all()
        assert list(check_store(tx.session, tx, None)) == []
    assert FORGED not in kept
    assert FORGED not in opened
    seen = linked.officer().get(f"/v1/audit/families/{FAMILY}").json()["refusals"]
    assert [(item["reason"], item["worker"]) for item in seen] == [(doubt, "nobody vouched for") for doubt in DOUBTS]
    tools.verified(linked)


def test_every_one_has_its_entry_and_an_hour_one_alert(linked, tools):
    forged = made(linked, "foreign-key")
    for family in (FAMILY, "WB-20004", "WB-88888"):
        assert ask(linked, forged, family).status_code == 401
    assert len(tools.events(linked, "profile:worker:refused")) == 3
    assert len(tools.events(linked, "alert:access:raised")) == 1
    assert ask(linked, made(linked, "out-of-date")).status_code == 401
    assert len(tools.events(linked, "alert:access:raised")) == 2


def test_the_asker_learns_nothing_of_the_family(linked):
    def told(family):
        answer = ask(linked, made(linked, "foreign-key"), family)
        return answer.status_code, {k: v for k, v in answer.json().items() if k != "instance"}

    assert told(FAMILY) == told("WB-88888")


def test_emergencies_and_challenges_need_a_worker_who_is_vouched_for_too(linked, tools):
    headers = {WORKER_HEADER: made(linked, "foreign-key")}
    rules = linked.protocol.document.break_glass
    emergency = {
        "family_ref": FAMILY,
        "reason": rules.reasons[0],
        "explanation": "A child is at risk tonight.",
        "manager": "w-boss",
    }
    assert linked.call("workbook", "POST", "/v1/break-glass", json=emergency, headers=headers).status_code == 401
    challenge = {"decision_id": "prf-3f2a9c0177be0d54a1b2.00.01.000", "reason": "NOT_THIS_PERSON"}
    assert linked.call("workbook", "POST", "/v1/challenges", json=challenge, headers=headers).status_code == 401
    asked = [entry.facts["asked"] for entry in tools.events(linked, "profile:worker:refused")]
    assert asked == ["break-glass", "challenge"]


def test_a_doubt_that_cannot_be_put_on_record_is_told_of_the_next_time(linked, tools, monkeypatch):
    def broken(*_):
        raise RuntimeError("no room")

    with monkeypatch.context() as patch:
        patch.setattr("api.store.profiles.Profiles.keep_doubt", broken)
        assert ask(linked, made(linked, "foreign-key")).status_code == 500
    assert not tools.events(linked, "profile:worker:refused")
    assert ask(linked, made(linked, "foreign-key")).status_code == 401
    assert len(tools.events(linked, "alert:access:raised")) == 1
