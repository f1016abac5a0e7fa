"""A job that kills its worker each time is given up, so that others get their turn; whatever else ends a worker is no death of the job's."""

import threading

import pytest
from api_killing import Killed
from sqlalchemy import text

from api.jobs import NotYet, enqueue
from api.linking import Linking
from api.worker import KINDS, Kind, Worker
from protocols.errors import Unavailable

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
BOUND = 3


def bounded(site):
    """A site where a job may kill a few workers."""
    site.service.settings = site.settings.model_copy(update={"job_deaths": BOUND})
    return site


def lapse(site):
    """Let the lease of whoever holds a job run out: nobody is there to renew it."""
    with site.service.store.engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET held_until = '2020-01-01 00:00:00' WHERE state = 'held'"))


def dies(*_):
    raise Killed


def stand(site, subject):
    with site.service.store.reading() as tx:
        return next(job for job in tx.jobs.jobs() if job.subject == subject)


def links(site):
    with site.service.store.reading() as tx:
        return tx.links.active()


@BOTH
def test_a_run_that_kills_every_worker_is_given_up_and_later_runs_go_on(linked, tools, monkeypatch):
    before = links(bounded(linked))
    people = [person for person in linked.county.police if person.ref != "POLREF0030"]
    assert linked.submit("police", linked.submission("police", people)).status_code == 201
    run = linked.call("operator", "POST", "/v1/runs").json()["run_id"]
    with monkeypatch.context() as patch:
        patch.setattr(Linking, "_link", dies)
        for _ in range(BOUND):
            with pytest.raises(Killed):
                Worker(linked.service).one()
            lapse(linked)
        assert Worker(linked.service).one()
    found = linked.call("operator", "GET", f"/v1/runs/{run}").json()
    assert (found["state"], links(linked)) == ("failed", before)
    assert f"{BOUND} workers died in it" in found["problem"]
    job = stand(linked, run)
    assert (job.state, job.deaths) == ("failed", BOUND)
    given_up = tools.events(linked, "service:job:given-up")
    assert [dict(entry.facts) for entry in given_up] == [
        {"job": job.job, "work": "linking", "subject": run, "why": "deaths", "times": BOUND}
    ]
    failed = tools.events(linked, "run:linking:failed")
    assert [entry.index for entry in failed] == [given_up[0].index + 1], "one transaction, one after the other"
    alerts = linked.call("operator", "GET", "/v1/alerts").json()
    assert [item["about"] for item in alerts] == [f"job-given-up:{job.job}"]
    assert tools.link(linked)["state"] == "completed"
    assert len(links(linked)) == len(before) - 1
    tools.verified(linked)


@BOTH
def test_a_worker_that_is_alone_counts_what_was_left_to_it_as_deaths(site, tools, monkeypatch):
    bounded(site)
    monkeypatch.setitem(KINDS, "test", Kind(dies))
    with site.service.store.writing() as tx:
        enqueue(tx.jobs, "test", "x", site.service.now())
    for _ in range(BOUND):
        with pytest.raises(Killed):
            Worker(site.service, alone=True).run()
    worker = Worker(site.service, alone=True)
    threading.Timer(1, worker.stopping.set).start()
    worker.run()
    assert stand(site, "x").state == "failed"
    assert [entry.facts["work"] for entry in tools.events(site, "service:job:given-up")] == ["test"]


@BOTH
def test_waiting_its_turn_a_lost_database_and_a_stop_are_no_deaths(site, monkeypatch):
    bounded(site)

    def raises(error):
        def do(*_):
            raise error

        return Kind(do)

    worker, store = Worker(site.service), site.service.store
    with store.writing() as tx:
        enqueue(tx.jobs, "test", "x", site.service.now())

    def again():
        with store.engine.begin() as connection:
            connection.execute(text("UPDATE jobs SET not_before = '2020-01-01 00:00:00' WHERE subject = 'x'"))
        return worker.one()

    monkeypatch.setitem(KINDS, "test", raises(NotYet("x")))
    for _ in range(2 * BOUND):
        assert again()
    monkeypatch.setitem(KINDS, "test", raises(Unavailable("gone")))
    for _ in range(2 * BOUND):
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "_again", lambda self, job: KINDS["test"].do(self, job))
            with pytest.raises(Unavailable):
                again()
        assert stand(site, "x").state == "held"

    def stopped(service, job):
        worker.hand_back()
        assert stand(site, "x").state == "waiting"
        with store.writing() as tx:
            tx.jobs.finish(job, "done")

    monkeypatch.setitem(KINDS, "test", Kind(stopped))
    for _ in range(2 * BOUND):
        assert again()
    job = stand(site, "x")
    assert (job.state, job.deaths, job.attempts) == ("waiting", 0, 0)
    worker.stopping.set()
    assert not again()


@BOTH
def test_deaths_do_not_use_up_the_attempts_that_may_fail(site, monkeypatch):
    bounded(site)
    with site.service.store.writing() as tx:
        enqueue(tx.jobs, "test", "x", site.service.now())
    monkeypatch.setitem(KINDS, "test", Kind(dies))
    for _ in range(BOUND - 1):
        with pytest.raises(Killed):
            Worker(site.service).one()
        lapse(site)
    monkeypatch.setitem(KINDS, "test", Kind(lambda *_: 1 / 0))
    tries = 0
    while Worker(site.service).one():
        tries += 1
        with site.service.store.engine.begin() as connection:
            connection.execute(text("UPDATE jobs SET not_before = '2020-01-01 00:00:00' WHERE subject = 'x'"))
    assert (tries, stand(site, "x").state) == (5, "failed")
