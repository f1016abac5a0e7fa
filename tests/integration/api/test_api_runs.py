"""A run puts its links in force all at once; ids stay; what is gone is recalled; a run that dies or fails changes nothing."""

import pytest
from sqlalchemy import text

from api.jobs import LEASE, LostLease, NotYet
from api.linking import Linking
from api.worker import Worker
from protocols.profile import Profile
from protocols.vocabulary import State

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


def links(site, state="active"):
    with site.service.store.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT link, family_ref, member_ref, agency, record_ref, grade FROM links WHERE state = :s ORDER BY link"
            ),
            {"s": state},
        )
        return [tuple(row) for row in rows]


@BOTH
def test_a_run_links_declared_members_only_and_counts_by_grade(site, county, tools):
    run = county.run(site)
    assert run["state"] == "completed"
    assert run["totals"]["social_care"] == {"certain": 180}
    assert run["totals"]["police"].get("certain", 0) >= 175
    assert not [row for row in links(site) if row[4].startswith("POLX")]
    states = [item["state"] for item in site.call("police", "GET", "/v1/submissions").json()]
    assert states == ["current"]
    completed = tools.events(site, "run:linking:completed")[0]
    assert completed.facts["made"] == len(links(site))
    tools.verified(site)


@BOTH
def test_the_same_submissions_give_the_same_links_under_the_same_ids(linked, tools):
    before = links(linked)
    run = tools.link(linked)
    assert run["state"] == "completed"
    assert links(linked) == before
    facts = tools.events(linked, "run:linking:completed")[-1].facts
    assert (facts["made"], facts["kept"], facts["closed"]) == (0, len(before), 0)


@BOTH
def test_a_new_submission_replaces_the_last_and_what_was_seen_is_recalled(linked, tools):
    lost = next(row[0] for row in links(linked) if row[4] == "POLREF0030")
    assert linked.ask("WB-20003").status_code == 200
    people = [person for person in linked.county.police if person.ref not in ("POLREF0030", "POLREF0040")]
    assert linked.submit("police", linked.submission("police", people)).status_code == 201
    states = [item["state"] for item in linked.call("police", "GET", "/v1/submissions").json()]
    assert states == ["received", "current"]
    assert tools.link(linked)["state"] == "completed"
    states = [item["state"] for item in linked.call("police", "GET", "/v1/submissions").json()]
    assert states == ["current", "purged"]
    assert lost in [row[0] for row in links(linked, "closed")]
    recalls = tools.events(linked, "link:recall:opened")
    assert [event.facts["link"] for event in recalls] == [lost]
    assert recalls[0].facts["views"] == 1
    changes = linked.call("workbook", "GET", "/v1/changes", params={"limit": 1000}).json()["changes"]
    assert [item["family_ref"] for item in changes if item["kind"] == "recall"] == ["WB-20003"]
    purged = tools.events(linked, "submission:file:purged")
    assert [event.facts["reason"] for event in purged] == ["superseded"]
    assert len(list(linked.settings.folder.submissions.iterdir())) == 2


def test_values_of_people_who_are_not_linked_never_reach_the_database(linked):
    with linked.service.store.engine.connect() as connection:
        refs = set(connection.execute(text("SELECT DISTINCT record_ref FROM cells")).scalars())
        linked_refs = set(connection.execute(text("SELECT record_ref FROM links WHERE state = 'active'")).scalars())
    assert refs == linked_refs
    assert not [ref for ref in refs if ref.startswith("POLX")]


def test_a_run_without_social_care_fails_and_says_why(site, tools):
    people = [tools.Person(f"POLREF{i:04d}", [tools.clk(i)]) for i in range(3)]
    site.submit("police", site.submission("police", people))
    run = tools.link(site)
    assert run["state"] == "failed"
    assert "Children's social care has no submission with encodings" in run["problem"]
    assert tools.events(site, "run:linking:failed")[0].facts["problem"] == run["problem"]


@BOTH
def test_a_run_that_is_killed_goes_on_where_it_stopped(site, county, tools, monkeypatch):
    """Every step is cut off once, before and after it is written; each is done, and counted, once."""
    site.service.settings = site.settings.model_copy(update={"job_deaths": 100})
    for name in ("social_care", "police"):
        people = getattr(county, name)
        families = county.declared if name == "social_care" else ()
        site.submit(name, site.submission(name, people, families))
    run = site.call("operator", "POST", "/v1/runs").json()["run_id"]

    class Killed(BaseException):
        pass

    def killed_once(name, after):
        real, done = getattr(Linking, name), []

        def step(self, *given):
            if done:
                return real(self, *given)
            done.append(True)
            if after:
                real(self, *given)
            raise Killed

        return step

    for name in ("_started", "_link", "_cells", "_publish"):
        for after in (False, True):
            if (name, after) == ("_publish", True):
                continue
            with monkeypatch.context() as patch:
                patch.setattr(Linking, name, killed_once(name, after))
                worker = Worker(site.service, alone=True)
                with pytest.raises(Killed):
                    worker.run()
            state = site.call("operator", "GET", f"/v1/runs/{run}").json()["state"]
            assert state in ("queued", "running")
            assert not links(site)
    with site.service.store.writing() as tx:
        tx.jobs.free_all()
    tools.work(site)
    assert site.call("operator", "GET", f"/v1/runs/{run}").json()["state"] == "completed"
    kinds = [entry.kind.value for entry in tools.events(site) if entry.kind.startswith("run:")]
    assert kinds == [
        "run:linking:requested",
        "run:linking:started",
        "run:agency:linked",
        "run:agency:linked",
        "run:linking:completed",
    ]
    tools.verified(site)


@BOTH
def test_a_worker_that_was_overtaken_cannot_write(site, county, tools):
    for name, families in (("social_care", county.declared), ("police", ())):
        site.submit(name, site.submission(name, getattr(county, name), families))
    site.call("operator", "POST", "/v1/runs")
    store, now = site.service.store, site.service.now()
    with store.writing() as tx:
        slow = tx.jobs.take("slow", now, now)
    with store.writing() as tx:
        quick = tx.jobs.take("quick", site.service.now(), site.service.now() + (site.service.now() - now))
    assert (quick.job, quick.fence) == (slow.job, slow.fence + 1)
    with pytest.raises(LostLease):
        Linking(site.service, slow).go()
    assert not tools.events(site, "run:linking:started")
    tools.work(site)
    assert len(tools.events(site, "run:linking:completed")) == 1


@BOTH
def test_what_is_submitted_while_a_run_is_at_work_waits_for_the_next(linked, tools, monkeypatch):
    def states():
        return [item["state"] for item in linked.call("police", "GET", "/v1/submissions").json()]

    def police():
        profile = Profile.read(linked.ask("WB-20003").content, "profile")
        mother = next(item for item in profile.members if item.record_ref == "SOCREF003M")
        return next(item for item in mother.agencies if item.agency == "police").state

    def submit():
        assert linked.submit("police", linked.submission("police", linked.county.police)).status_code == 201

    submit()
    real = Linking._cells

    def cells(self, *given):
        submit()
        submit()
        assert states() == ["received", "superseded", "received", "current"]
        return real(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Linking, "_cells", cells)
        assert tools.link(linked)["state"] == "completed"
    assert states() == ["received", "purged", "current", "purged"]
    assert police() is State.RELEASED
    assert tools.link(linked)["state"] == "completed"
    assert states() == ["current", "purged", "purged", "purged"]
    assert police() is State.RELEASED


@BOTH
def test_a_run_waits_for_the_one_that_began_before_it(linked, tools):
    runs = []
    store = linked.service.store
    for _ in range(2):
        assert linked.submit("police", linked.submission("police", linked.county.police)).status_code == 201
        runs.append(linked.call("operator", "POST", "/v1/runs").json()["run_id"])
        with store.writing() as tx:
            job = tx.jobs.take("slow", linked.service.now(), linked.service.now() + LEASE)
        if len(runs) == 1:
            Linking(linked.service, job)._started()
    with pytest.raises(NotYet):
        Linking(linked.service, job).go()
    with store.writing() as tx:
        tx.jobs.postpone(job, linked.service.now())
        assert next(item.attempts for item in tx.jobs.jobs() if item.job == job.job) == 0
        tx.jobs.free_all()
    tools.work(linked)
    completed = [entry.facts["run"] for entry in tools.events(linked, "run:linking:completed")]
    assert completed[-2:] == runs
    states = [item["state"] for item in linked.call("police", "GET", "/v1/submissions").json()]
    assert states == ["current", "purged", "purged"]


@BOTH
def test_two_workers_never_take_one_job(site):
    now = site.service.now()
    with site.service.store.writing() as tx:
        for number in range(6):
            tx.jobs.add(f"job-{number}", f"key-{number}", "retention", "x", now)
    taken = []
    for name in ("one", "two", "one", "two", "one", "two", "one"):
        with site.service.store.writing() as tx:
            job = tx.jobs.take(name, site.service.now(), site.service.now() + LEASE)
        taken.append(job.job if job else None)
    assert taken == [f"job-{number}" for number in range(6)] + [None]


def test_a_handler_that_always_fails_is_given_up(site, county, tools, monkeypatch):
    site.submit("social_care", site.submission("social_care", county.social_care, county.declared))
    run = site.call("operator", "POST", "/v1/runs").json()["run_id"]
    monkeypatch.setattr(Linking, "go", lambda self: 1 / 0)
    worker = Worker(site.service, alone=True)
    for _ in range(5):
        with site.service.store.engine.begin() as connection:
            connection.execute(text("UPDATE jobs SET not_before = '2020-01-01 00:00:00'"))
        assert worker.one()
    assert not worker.one()
    found = site.call("operator", "GET", f"/v1/runs/{run}").json()
    assert found["state"] == "failed"
    assert "fault" in found["problem"]


def test_asking_twice_is_one_run(site):
    first, second = (site.call("operator", "POST", "/v1/runs").json()["run_id"] for _ in range(2))
    assert first == second


@BOTH
def test_a_member_who_leaves_the_family_loses_its_links_at_once(linked, tools):
    family = linked.county.declared[3]
    etag = linked.call("social_care", "GET", "/v1/families/WB-20003").headers["etag"]
    smaller = tools.declaration("WB-20003", "SOCREF003M", "SOCREF004F", "SOCREF003C")
    assert smaller.members[0] == family.members[0]
    put = linked.call(
        "social_care",
        "PUT",
        "/v1/families/WB-20003",
        content=smaller.model_dump_json(),
        headers={"Content-Type": "application/json", "If-Match": etag},
    )
    assert put.status_code == 200, put.text
    left = [row for row in links(linked) if row[1] == "WB-20003"]
    assert {row[2] for row in left} == {"SOCREF003M", "SOCREF003C"}
    declared = tools.events(linked, "family:declaration:replaced")[-1]
    assert declared.facts["links_closed"] == 2
