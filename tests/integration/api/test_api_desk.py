"""Emergency access is stated, limited, told and judged; nobody asks about their own family; alerts go to whom they concern."""

from datetime import UTC, datetime, timedelta

import pytest

from api.break_glass import after_working_days
from protocols.identity import WORKER_HEADER, make_worker_assertion
from protocols.profile import Profile
from protocols.vocabulary import Purpose, RoleFunction

FAMILY = "WB-20003"
EDT = RoleFunction.EMERGENCY_DUTY


def header(site, worker="w-edt", case=FAMILY, role=EDT):
    return site.worker_header(case, worker, role)


def reason(site):
    return site.protocol.document.break_glass.reasons[0]


def break_glass(site, headers=None, **changed):
    body = {
        "family_ref": FAMILY,
        "reason": reason(site),
        "explanation": "A child is at immediate risk tonight.",
        "manager": "w-boss",
    }
    return site.call("workbook", "POST", "/v1/break-glass", json=body | changed, headers=headers or header(site))


def released(site, **given):
    answer = site.ask(FAMILY, **given)
    assert answer.status_code == 200, answer.text
    return [
        value
        for member in Profile.read(answer.content, "profile").members
        for a in member.agencies
        for value in a.values
    ]


def test_a_function_on_a_rota_asks_only_under_a_stated_emergency(linked, tools, monkeypatch, logs):
    assert linked.ask(FAMILY, worker="w-edt", role=EDT).status_code == 403
    opened = break_glass(linked)
    assert opened.status_code == 201, opened.text
    assert break_glass(linked).json() == opened.json()
    assert released(linked, worker="w-edt", role=EDT)
    assert linked.ask(FAMILY, worker="w-other", role=EDT).status_code == 403
    assert linked.ask("WB-20004", worker="w-edt", role=EDT).status_code == 403
    assert "immediate risk" not in logs.getvalue()
    event = tools.events(linked, "profile:break-glass:opened")[0]
    assert "explanation" in event.commitments
    hours = linked.protocol.document.break_glass.hours
    later = datetime.now(UTC) + timedelta(hours=hours, minutes=1)
    monkeypatch.setattr(linked.service.store, "clock", lambda: later)
    linked.tokens.clear()
    expired = make_worker_assertion(
        "workbook",
        "w-edt",
        EDT,
        Purpose.SAFEGUARDING,
        FAMILY,
        later,
        "s",
        linked.parties["workbook"].signing,
        now=later,
    )
    from protocols.identity import make_client_assertion

    credential = make_client_assertion("workbook", "kinlink", linked.parties["workbook"].signing, now=later)
    token = linked.ask_token("workbook", assertion=credential).json()["access_token"]
    answer = linked.http.get(
        f"/v1/families/{FAMILY}/profile", headers={WORKER_HEADER: expired, "Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 403


def test_one_workers_key_gives_another_worker_nothing(linked):
    """An idempotency key that two workers' requests share would answer the second with the first one's access."""
    for worker, status in (("w-edt", 201), ("w-edt", 201), ("w-edt2", 422)):
        answer = break_glass(linked, headers=header(linked, worker=worker) | {"Idempotency-Key": "night-of-the-23rd"})
        assert answer.status_code == status, answer.text


def test_agencies_are_told_when_an_emergency_releases_something_of_theirs(linked):
    break_glass(linked)
    values = released(linked, worker="w-edt", role=EDT)
    by_emergency = {value.attribute.split(".")[0] for value in values if value.break_glass}
    about = {
        party: [a["about"] for a in linked.call(party, "GET", "/v1/alerts").json()] for party in ("police", "health")
    }
    assert by_emergency
    assert ("police" in by_emergency) == any(item.startswith("break-glass-release:") for item in about["police"])
    assert about["health"] == []
    opened = linked.call("social_care", "GET", "/v1/alerts").json()
    assert any(item["about"].startswith("break-glass:bgl-") for item in opened)
    assert FAMILY not in str(about) + str(opened)


def test_emergency_access_is_refused_to_whom_it_is_not_open(linked, tools):
    for given, status in [
        ({"reason": "CURIOSITY"}, 422),
        ({"manager": "w-edt"}, 422),
        ({"explanation": "short"}, 422),
        ({"family_ref": "WB-20004"}, 422),
        ({"headers": header(linked, role=RoleFunction.ADMINISTRATOR)}, 403),
        ({"headers": header(linked, role=RoleFunction.SOCIAL_WORKER)}, 403),
        ({"family_ref": "WB-99999", "headers": header(linked, case="WB-99999")}, 403),
    ]:
        assert break_glass(linked, **given).status_code == status, given
    assert not tools.events(linked, "profile:break-glass:opened")
    refused = [event.facts["reason"] for event in tools.events(linked, "profile:family:refused")]
    assert refused == ["no-emergency-access", "no-emergency-access", "unknown-family"]


def test_a_refused_emergency_tells_nobody_whether_there_is_such_a_family(linked, tools):
    """A worker who is not on the case, with a reason that is agreed and with one that is not, at a family that is and one that is not."""
    said = set()
    for family in (FAMILY, "WB-99999"):
        for why in (reason(linked), "CURIOSITY"):
            headers = header(linked, worker="w-stranger", role=RoleFunction.SOCIAL_WORKER, case=family)
            answer = break_glass(linked, headers=headers, family_ref=family, reason=why)
            problem = answer.json()
            problem.pop("instance")
            said.add((answer.status_code, str(problem)))
    assert len(said) == 1
    alerts = [item["about"] for item in linked.call("social_care", "GET", "/v1/alerts").json()]
    assert alerts.count("question-refused:no-emergency-access") == alerts.count("question-refused:unknown-family") == 2


def test_no_alert_is_pushed_out_of_sight_by_those_after_it(linked):
    """Somebody who wants an alert unread could raise hundreds after it."""
    for _ in range(5):
        linked.ask(FAMILY, worker="w-stranger")
    pages, before = [], {}
    while page := linked.call("social_care", "GET", "/v1/alerts", params={"limit": 2, **before}).json():
        pages.append([item["alert_id"] for item in page])
        before = {"before": page[-1]["cursor"]}
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({alert for page in pages for alert in page}) == 5
    assert linked.call("social_care", "POST", f"/v1/alerts/{pages[0][0]}/seen").status_code == 204
    unseen = linked.call("social_care", "GET", "/v1/alerts", params={"unseen": True}).json()
    assert [item["alert_id"] for item in unseen] == [alert for page in pages for alert in page][1:]


def test_an_access_is_judged_by_somebody_else(linked, tools):
    ref = break_glass(linked).json()["access_id"]
    waiting = linked.call("social_care", "GET", "/v1/break-glass").json()
    assert [(item["access_id"], item["worker"]) for item in waiting] == [(ref, "w-edt")]

    def judge(reviewer, outcome):
        body = {"outcome": outcome, "reviewer": reviewer}
        return linked.call("social_care", "POST", f"/v1/break-glass/{ref}/review", json=body)

    assert judge("w-edt", "justified").status_code == 422
    assert judge("w-boss", "justified").status_code == 422
    assert judge("w-dpo", "justified").json() == {"access_id": ref, "outcome": "justified"}
    assert judge("w-dpo", "justified").status_code == 200
    assert judge("w-dpo", "not-justified").status_code == 422
    assert linked.call("social_care", "GET", "/v1/break-glass").json() == []
    assert len(tools.events(linked, "profile:break-glass:reviewed")) == 1


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        ("2026-11-20T10:00", 2, "2026-11-24T17:00"),
        ("2026-11-22T02:10", 2, "2026-11-24T17:00"),
        ("2026-11-23T09:00", 1, "2026-11-24T17:00"),
    ],
)
def test_working_days(start, days, end):
    assert after_working_days(datetime.fromisoformat(start), days) == datetime.fromisoformat(end)


def test_nobody_asks_about_their_own_family(linked, tools):
    assert linked.ask(FAMILY).status_code == 200
    body = {"record_refs": ["SOCREF003F"]}
    assert linked.call("social_care", "PUT", "/v1/workers/w-1/conflicts", json=body).json() == {"people": 1}
    refused = linked.ask(FAMILY)
    assert refused.status_code == 403
    assert tools.events(linked, "profile:family:refused")[-1].facts["reason"] == "own-family"
    linked.call("social_care", "PUT", "/v1/workers/w-edt/conflicts", json=body)
    assert break_glass(linked).status_code == 403
    linked.call("social_care", "PUT", "/v1/workers/w-1/conflicts", json={"record_refs": []})
    assert linked.ask(FAMILY).status_code == 200


def test_alerts_are_seen_by_whom_they_concern(linked):
    linked.ask("WB-99999")
    alert = linked.call("social_care", "GET", "/v1/alerts").json()[0]
    assert alert["seen_at"] is None
    foreign = linked.call("police", "POST", f"/v1/alerts/{alert['alert_id']}/seen")
    assert foreign.status_code == 404
    assert linked.call("social_care", "POST", f"/v1/alerts/{alert['alert_id']}/seen").status_code == 204
    assert linked.call("social_care", "GET", "/v1/alerts").json()[0]["seen_at"]
