"""Workers as processes of their own: one that its job kills, and one that is told to stop in the middle of a job."""

import os
import signal
import subprocess
import sys
import time

import pytest

from api.jobs import enqueue

KILLS = "lambda service, job: os.kill(os.getpid(), signal.SIGKILL)"
LASTS = "lambda service, job: time.sleep(600)"
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from api import worker
worker.KINDS["test"] = worker.Kind({do})
worker.work(Path(sys.argv[1]), follow={follow})
"""


@pytest.fixture
def start(site, tmp_path):
    """Start a worker with a kind of job of our own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINLINK_")}
    more = {"KINLINK_THREADS": "1", "KINLINK_JOB_DEATHS": "1", "KINLINK_STOP_SECONDS": "1"}
    started = []
    with (tmp_path / "worker.log").open("wb") as log:

        def begin(do, follow=False):
            words = [sys.executable, "-c", PROGRAM.format(do=do, follow=follow), str(site.settings.data_dir)]
            started.append(subprocess.Popen(words, env=kept | more, stdin=subprocess.PIPE, stdout=log, stderr=log))
            return started[-1]

        yield begin
        for process in started:
            process.kill()
            process.wait()
            process.stdin.close()


def ask(site):
    with site.service.store.writing() as tx:
        enqueue(tx.jobs, "test", "x", site.service.now())


def until(site, state):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with site.service.store.reading() as tx:
            job = next(item for item in tx.jobs.jobs() if item.subject == "x")
        if job.state == state:
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def test_a_job_that_kills_each_worker_process_is_given_up(site, start, tools):
    ask(site)
    assert start(KILLS).wait(60) == -signal.SIGKILL
    start(KILLS)
    assert until(site, "failed").deaths == 1
    assert len(tools.events(site, "service:job:given-up")) == 1


@pytest.mark.parametrize("how", ["told", "parent"])
def test_a_worker_that_is_told_to_stop_gives_its_job_back(site, start, how):
    ask(site)
    worker = start(LASTS, follow=how == "parent")
    until(site, "held")
    if how == "parent":
        worker.stdin.close()
    else:
        worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    job = until(site, "waiting")
    assert (job.deaths, job.attempts) == (0, 0)
