"""The gate, by HTTP: batches that look crafted are put aside and both officers told; overrides, passes, canaries, newest links."""

from datetime import timedelta

import numpy as np
import pytest

from api.batch_gate import MOST_A_DAY
from protocols.submission import AttackOverride

REASON = "Two agencies merged on 1 November; agreed with both officers."
BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def people(tools):
    return [tools.Person(f"POLREF{i:04d}", [tools.clk(i)], groups=[f"case-{i // 3}"]) for i in range(30)]


def alerts(site, party):
    return [item["about"] for item in site.call(party, "GET", "/v1/alerts").json()]


def flipped(clk, places):
    bits = np.unpackbits(clk)
    bits[places] ^= 1
    return np.packbits(bits)


def crafted(tools, people, places=(3,)):
    """The same batch with one person's encoding changed in a bit."""
    return [
        tools.Person(people[0].ref, [flipped(people[0].clks[0], list(places))], groups=people[0].groups),
        *people[1:],
    ]


@BOTH
def test_a_crafted_batch_is_put_aside_and_both_officers_are_told(site, people, tools):
    assert site.submit("police", site.submission("police", people)).status_code == 201
    answer = site.submit("police", site.submission("police", crafted(tools, people)))
    assert answer.status_code == 422
    assert "1 records differ from another record, or from themselves in the last batch" in answer.json()["detail"]
    (event,) = tools.events(site, "submission:file:quarantined")
    assert "POLREF" not in event.facts["problem"]
    for officer in ("police", "social_care", "operator"):
        assert alerts(site, officer) == [f"submission-quarantined:{event.facts['upload']}"]
    assert alerts(site, "health") == []
    assert [item["state"] for item in site.call("police", "GET", "/v1/submissions").json()] == ["received"]
    tools.verified(site)


def test_the_same_batch_again_and_an_honest_change_are_taken(site, people, tools):
    site.submit("police", site.submission("police", people))
    assert site.submit("police", site.submission("police", people)).status_code == 201
    moved = [tools.Person(p.ref, [tools.noisy(p.clks[0], 120, i)], groups=p.groups) for i, p in enumerate(people)]
    assert site.submit("police", site.submission("police", moved)).status_code == 201


def test_a_delta_is_held_against_the_whole_batch_before_it(linked, tools):
    base = linked.call("police", "GET", "/v1/submissions").json()[0]["id"]
    person = linked.county.police[0]
    probe = tools.Person("POLPROBE01", [flipped(person.clks[0], [7, 9])])
    answer = linked.submit("police", linked.submission("police", [probe], removed=[], base=base))
    assert answer.status_code == 422
    assert "differ from another record" in answer.json()["detail"]


def test_the_operator_lets_one_batch_through_and_no_second(site, people, tools):
    site.submit("police", site.submission("police", people))
    assert (
        site.call("police", "POST", "/v1/gate-passes", json={"agency": "police", "reason": REASON}).status_code == 403
    )
    given = {"agency": "police", "reason": REASON}
    assert site.call("operator", "POST", "/v1/gate-passes", json={"agency": "x_y", "reason": REASON}).status_code == 404
    assert site.call("operator", "POST", "/v1/gate-passes", json=given).status_code == 204
    assert "gate-pass:police" in alerts(site, "police")
    assert "gate-pass:police" in alerts(site, "social_care")
    changed = crafted(tools, people)
    assert site.submit("police", site.submission("police", changed)).status_code == 201
    assert len(tools.events(site, "submission:gate-pass:used")) == 1
    assert site.submit("police", site.submission("police", crafted(tools, changed, (400,)))).status_code == 422


def test_a_pass_expires(site, people):
    site.submit("police", site.submission("police", people))
    site.call("operator", "POST", "/v1/gate-passes", json={"agency": "police", "reason": REASON})
    with site.service.store.reading() as tx:
        assert tx.gate.passed("police", site.service.now())
        assert not tx.gate.passed("police", site.service.now() + timedelta(days=2))


def test_more_batches_a_day_than_anybody_needs_are_refused(site, people, tools, monkeypatch):
    monkeypatch.setattr("api.batch_gate.MOST_A_DAY", 2)
    for _ in range(2):
        assert site.submit("police", site.submission("police", people)).status_code == 201
    answer = site.submit("police", site.submission("police", people))
    assert answer.status_code == 409
    assert "2 submissions within a day" in answer.json()["detail"]
    assert MOST_A_DAY == 24


def test_a_submission_without_an_attack_report_is_refused(site, people):
    answer = site.submit("police", site.submission("police", people, attack_report=None))
    assert answer.status_code == 422
    assert "no attack report" in answer.json()["detail"]
    assert "kinlink agency attack" in answer.json()["next_step"]


@BOTH
def test_an_override_is_on_record_and_every_officer_sees_it(site, people, tools):
    override = AttackOverride(tests=("T8", "stale"), reason=REASON)
    answer = site.submit("police", site.submission("police", people, attack_override=override))
    assert answer.status_code == 201, answer.text
    submission = answer.json()["submission"]
    (event,) = tools.events(site, "submission:report:overridden")
    assert event.facts == {"submission": submission, "report": "a" * 64, "tests": ("T8", "stale")}
    for party in (*site.parties, "operator"):
        (shown,) = site.call(party, "GET", "/v1/attack-overrides").json()
        assert (shown["submission"], shown["agency"], shown["tests"]) == (submission, "police", ["T8", "stale"])
        assert (shown["reason"], shown["report"]) == (REASON, "a" * 64)
        assert f"attack-report-overridden:{submission}" in alerts(site, party)
    site.submit("health", site.submission("health", [tools.Person("HEAREF0001", [tools.clk(900)])]))
    assert len(site.call("police", "GET", "/v1/attack-overrides").json()) == 1
    tools.verified(site)


def test_an_override_of_a_missing_report_verifies_too(site, people, tools):
    override = AttackOverride(tests=("missing",), reason=REASON)
    answer = site.submit("police", site.submission("police", people, attack_report=None, attack_override=override))
    assert answer.status_code == 201, answer.text
    assert site.call("health", "GET", "/v1/attack-overrides").json()[0]["report"] is None
    tools.verified(site)


def plant(site, agency, *refs):
    answer = site.call("operator", "POST", "/v1/canaries", json={"agency": agency, "record_refs": list(refs)})
    assert answer.status_code == 201, answer.text
    return answer.json()["canaries"]


@BOTH
def test_an_agency_that_links_to_a_canary_family_raises_an_alert(linked, tools):
    """A family whom an auditor made up is declared; police, which cannot know it, has a record that links to it."""
    assert plant(linked, "social_care", "SOCREF003M", "SOCREF003F", "SOCREF003C") == {"social_care": 3}
    assert plant(linked, "social_care", "SOCREF003M") == {"social_care": 3}
    assert linked.call("operator", "GET", "/v1/canaries").json() == {"canaries": {"social_care": 3}}
    for party in ("social_care", "police"):
        assert linked.call(party, "GET", "/v1/canaries").status_code == 403
    run = tools.link(linked)
    (event,) = tools.events(linked, "canary:link:found")
    assert event.facts == {"run": run["run_id"], "agency": "police", "planted_at": "social_care", "links": 3}
    expected = f"canary-linked:{run['run_id']}:police"
    assert expected in alerts(linked, "operator")
    assert expected in alerts(linked, "social_care")
    assert not any(about.startswith("canary") for about in alerts(linked, "police"))
    tools.verified(linked)


def test_a_planted_record_that_is_declared_by_somebody_else_raises_one_too(linked, tools):
    plant(linked, "police", "POLREF0031")
    run = tools.link(linked)
    (event,) = tools.events(linked, "canary:link:found")
    assert event.facts["agency"] == "social_care"
    assert f"canary-linked:{run['run_id']}:social_care" in alerts(linked, "police")
    assert not any(about.startswith("canary") for about in alerts(linked, "social_care"))


def test_canaries_that_were_planted_on_both_sides_and_untouched_ones_are_silent(linked, tools):
    plant(linked, "social_care", "SOCREF003M")
    plant(linked, "police", "POLREF0030", "POLXREF0001")
    tools.link(linked)
    assert tools.events(linked, "canary:link:found") == []


def test_links_that_only_the_newest_batch_made_are_logged(linked, tools):
    county = linked.county
    assert tools.events(linked, "run:newest-batch:linked") == []
    without = [person for person in county.police if person.ref != "POLREF0031"]
    linked.submit("police", linked.submission("police", without))
    tools.link(linked)
    assert tools.events(linked, "run:newest-batch:linked") == []
    linked.submit("police", linked.submission("police", county.police))
    run = tools.link(linked)
    (event,) = tools.events(linked, "run:newest-batch:linked")
    assert (event.facts["run"], event.facts["agency"], len(event.facts["links"])) == (run["run_id"], "police", 1)
    newest = linked.call("police", "GET", "/v1/submissions").json()[0]["id"]
    assert event.facts["submission"] == newest
    # One new record, and it is linked: that is what probing for one person looks like.
    for officer in ("social_care", "operator"):
        assert f"few-new-records-linked:{run['run_id']}" in alerts(linked, officer)
    assert not any(about.startswith("few-new") for about in alerts(linked, "police"))
    tools.link(linked)
    assert len(tools.events(linked, "run:newest-batch:linked")) == 1


def test_many_new_records_are_logged_without_an_alert(linked, tools):
    county = linked.county
    linked.submit("police", linked.submission("police", county.police[20:]))
    tools.link(linked)
    linked.submit("police", linked.submission("police", county.police))
    tools.link(linked)
    (event,) = tools.events(linked, "run:newest-batch:linked")
    assert len(event.facts["links"]) > 10
    assert not any(about.startswith("few-new") for about in alerts(linked, "operator"))
