"""A rehearsal is a durable job: asked for once, watched, held to its end whatever is killed, kept as long as it is of use."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from api_killing import until_it_survives
from api_table import Table, draft
from sqlalchemy import text

from api.admin import register_card
from api.jobs import LostLease, enqueue
from api.kept_inputs import kept_inputs
from api.personas import PERSONAS_FILE
from api.rehearsing import Rehearsing, run_rehearsal
from api.soundness import judged_by
from api.worker import Worker
from config.resources import PROTOCOL_FILE
from protocols.load import canonical_json, load_protocol_text

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
FAMILY = "WB-20003"
SHIPPED_PERSONAS = PROTOCOL_FILE.with_name("personas.yaml")


@pytest.fixture
def version(linked):
    """The digest of a draft whose match rules differ, so that the matcher is asked too."""
    matching = json.loads(canonical_json(linked.protocol.document))["matching"]
    strict = matching | {"guards": {"closeness": 1.0}, "context": {"largest_group": 2}}
    drafted = draft(linked.protocol, matching=strict)
    answer = linked.call("operator", "POST", "/v1/protocols", json={"text": drafted})
    assert answer.status_code == 201, answer.text
    return load_protocol_text(drafted, "draft").digest


def asked(site, digest, party="operator"):
    answer = site.call(party, "POST", f"/v1/protocols/{digest}/rehearsal")
    assert answer.status_code == 202, answer.text
    return answer.json()["rehearsal_id"]


def shown(site, rehearsal, party="operator"):
    answer = site.call(party, "GET", f"/v1/rehearsals/{rehearsal}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def kinds(tools, site):
    return [entry.kind.value for entry in tools.events(site) if "rehears" in entry.kind]


def test_one_asks_once_until_something_has_changed(linked, version, tools):
    first = asked(linked, version)
    assert asked(linked, version, "police") == first
    waiting = shown(linked, first, "police")
    assert (waiting["state"], waiting["report"], waiting["passes"]) == ("queued", None, None)
    assert (waiting["stage"], waiting["progress"]) == (None, None)
    tools.verified(linked)
    tools.work(linked)
    tools.verified(linked)
    done = shown(linked, first)
    assert (done["state"], done["digest"], done["report"]["questions"]) == ("completed", version, 0)
    assert done["stage"] == {"number": 2, "of": 2, "name": done["stage"]["name"]}
    assert asked(linked, version) == first
    assert linked.ask(FAMILY).status_code == 200
    second = asked(linked, version)
    assert second != first
    tools.work(linked)
    assert shown(linked, second)["report"]["questions"] > 0
    personas = SHIPPED_PERSONAS.read_text("utf-8") + "\n# another file\n"
    (linked.settings.folder.root / PERSONAS_FILE).write_text(personas)
    third = asked(linked, version)
    assert third not in (first, second)
    assert linked.call("social_care", "POST", "/v1/families/confirmation").status_code == 200
    assert asked(linked, version) == third, "while one is waiting, it is that one"
    tools.work(linked)
    assert kinds(tools, linked) == ["protocol:rehearsal:requested", "protocol:version:rehearsed"] * 3
    assert tools.events(linked, "protocol:version:rehearsed")[-1].facts["rehearsal"] == third


def test_only_the_operator_sees_what_one_record_more_would_change(linked, version, tools):
    assert linked.ask(FAMILY).status_code == 200
    rehearsal = asked(linked, version)
    tools.work(linked)
    exact = shown(linked, rehearsal)
    officer = linked.sign_in("anne", ["police:data-protection-officer"])
    operator = linked.sign_in("olga", ["operator"])
    path = f"/v1/me/rehearsals/{rehearsal}"
    assert operator.get(path).json() == exact
    assert exact["report"]["links"]["lost"] == 180
    for seen in (shown(linked, rehearsal, "police"), officer.get(path).json()):
        assert (seen["stage"], seen["progress"], seen["report"]["links"]) == (None, None, None)
        assert (
            seen["report"]["questions"] == -(-exact["report"]["questions"] // 10) * 10 != exact["report"]["questions"]
        )
        assert (seen["report_digest"], seen["passes"]) == (exact["report_digest"], exact["passes"])
        assert seen["report"]["salt"] == "", "whoever has the salt finds the exact counts by the digest"
    assert len(exact["report"]["salt"]) == 32


def test_an_unknown_version_and_an_unknown_rehearsal(linked):
    nowhere = linked.call("operator", "POST", f"/v1/protocols/{'0' * 64}/rehearsal")
    assert (nowhere.status_code, "no such version" in nowhere.json()["detail"]) == (404, True)
    unknown = linked.call("operator", "GET", f"/v1/rehearsals/reh-{'0' * 16}")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "There is no such rehearsal.")
    assert linked.call("workbook", "GET", f"/v1/rehearsals/reh-{'0' * 16}").status_code == 403


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_who_ask_in_one_moment_ask_for_one(linked, version):
    linked.token("operator")
    barrier, found = threading.Barrier(4), []

    def ask():
        barrier.wait()
        found.append(asked(linked, version))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    with linked.service.store.reading() as tx:
        assert [job.kind for job in tx.jobs.jobs()].count("rehearsal") == 1


@BOTH
def test_a_rehearsal_that_is_killed_at_any_commit_is_held_once(linked, version, tools, monkeypatch):
    assert linked.ask(FAMILY).status_code == 200
    linked.service.settings = linked.settings.model_copy(update={"job_deaths": 10_000})
    counted = []
    monkeypatch.setattr("api.rehearsing.kept_inputs", lambda *given: counted.append(1) or kept_inputs(*given))
    rehearsal = asked(linked, version)

    def work():
        with linked.service.store.writing() as tx:
            tx.jobs.free_all()
        worker = Worker(linked.service)
        while worker.one():
            pass

    kills = until_it_survives(linked.service, work)
    assert kills >= 8
    found = shown(linked, rehearsal)
    assert found["state"] == "completed"
    assert found["report"]["links"]["lost"] == 180
    assert len(counted) < kills, "what was counted is not counted again"
    assert kinds(tools, linked) == ["protocol:rehearsal:requested", "protocol:version:rehearsed"]
    with linked.service.store.reading() as tx:
        assert {job.state for job in tx.jobs.jobs() if job.kind == "rehearsal"} == {"done"}
    tools.verified(linked)


@BOTH
def test_a_worker_that_was_overtaken_cannot_write(linked, version, tools):
    asked(linked, version)
    store, now = linked.service.store, linked.service.now()
    with store.writing() as tx:
        slow = tx.jobs.take("slow", now, now)
    with store.writing() as tx:
        quick = tx.jobs.take("quick", linked.service.now(), linked.service.now() + timedelta(seconds=9))
    assert quick.fence == slow.fence + 1
    with pytest.raises(LostLease):
        Rehearsing(linked.service, slow).go()
    assert kinds(tools, linked) == ["protocol:rehearsal:requested"]
    run_rehearsal(linked.service, quick)
    assert kinds(tools, linked) == ["protocol:rehearsal:requested", "protocol:version:rehearsed"]


def test_personas_that_cannot_be_read_fail_the_rehearsal_and_it_can_be_asked_for_again(linked, version, tools):
    own = linked.settings.folder.root / PERSONAS_FILE
    own.write_text("nothing: [that, is, a, persona]\n")
    first = asked(linked, version)
    tools.work(linked)
    failed = shown(linked, first)
    assert (failed["state"], failed["report"]) == ("failed", None)
    assert failed["problem"]
    assert tools.events(linked, "protocol:rehearsal:failed")[0].facts["problem"] == failed["problem"]
    own.unlink()
    second = asked(linked, version)
    assert second != first
    tools.work(linked)
    assert shown(linked, second)["state"] == "completed"


def test_a_rehearsal_that_always_fails_is_given_up(linked, version, monkeypatch):
    rehearsal = asked(linked, version)
    monkeypatch.setattr(Rehearsing, "go", lambda self: 1 / 0)
    worker = Worker(linked.service, alone=True)
    for _ in range(5):
        with linked.service.store.engine.begin() as connection:
            connection.execute(text("UPDATE jobs SET not_before = '2020-01-01 00:00:00' WHERE kind = 'rehearsal'"))
        assert worker.one()
    found = shown(linked, rehearsal)
    assert (found["state"], "fault of the service" in found["problem"]) == ("failed", True)


def test_how_far_it_is_can_be_seen(linked, version, tools, monkeypatch):
    for number in (3, 4, 5):
        assert linked.ask(f"WB-2000{number}").status_code == 200
    rehearsal = asked(linked, version)
    monkeypatch.setattr("api.rehearsing.SHOW_SECONDS", 0)
    seen, real = [], Rehearsing._show

    def show(self, *given):
        real(self, *given)
        found = shown(linked, rehearsal)
        seen.append((found["state"], found["stage"]["number"], found["progress"]["done"], found["progress"]["total"]))

    monkeypatch.setattr(Rehearsing, "_show", show)
    tools.work(linked)
    assert seen[:4] == [("running", 1, 0, 3), ("running", 1, 0, 3), ("running", 1, 1, 3), ("running", 1, 2, 3)]
    assert {line[:2] for line in seen[4:]} == {("running", 2)}


@BOTH
def test_old_rehearsals_go_and_what_a_version_was_scheduled_by_stays(linked, tools, monkeypatch):
    judged_by(lambda loaded: ())
    for party in linked.protocol.document.parties:
        if party.id not in linked.parties:
            linked.parties[party.id] = tools.Party(party.id)
            register_card(linked.service, linked.parties[party.id].card)
    table = Table(linked, draft(linked.protocol))
    table.advised()
    table.approved()
    first = table.rehearsed()
    assert linked.ask(FAMILY).status_code == 200
    second = table.rehearsed()
    assert first["rehearsal_id"] != second["rehearsal_id"]
    assert table.scheduled(second["report_digest"], days=1).status_code == 201
    judged_by(None)
    later = datetime.now(UTC) + timedelta(days=linked.protocol.document.retention.decision_inputs_days + 1)
    with linked.service.store.writing() as tx:
        enqueue(tx.jobs, "retention", "early", linked.service.now(), "retention:early")
    tools.work(linked)
    with linked.service.store.reading() as tx:
        assert tx.agreement.rehearsals.rehearsal(first["rehearsal_id"]) is not None
    monkeypatch.setattr(linked.service.store, "clock", lambda: later)
    with linked.service.store.writing() as tx:
        enqueue(tx.jobs, "retention", "late", later, "retention:late")
    tools.work(linked)
    with linked.service.store.reading() as tx:
        assert tx.agreement.rehearsals.rehearsal(first["rehearsal_id"]) is None
        assert tx.agreement.rehearsals.rehearsal(second["rehearsal_id"]) is not None
        assert tx.agreement.rehearsal(second["report_digest"]) is not None
    purges = [entry.facts["deleted"] for entry in tools.events(linked, "retention:purge:completed")]
    assert {"rehearsals": 1} in purges
    tools.verified(linked)
