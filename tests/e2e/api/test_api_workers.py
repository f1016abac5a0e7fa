"""Several workers in processes of their own, on PostgreSQL: each job is done once, also when one of them is killed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from api.jobs import enqueue
from api.service import open_service
from api.settings import load_settings

pytestmark = pytest.mark.slow
JOBS = 12


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_several_workers_share_the_work_and_take_over_from_one_that_died(linked, database, tools, tmp_path):
    settings, url = linked.settings, database["database_url"].get_secret_value()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KINLINK_")}
    environment |= {"KINLINK_DATABASE_URL": url, "KINLINK_THREADS": "1"}
    assert linked.submit("police", linked.submission("police", linked.county.police[:-1])).status_code == 201
    run = linked.call("operator", "POST", "/v1/runs").json()["run_id"]
    service = linked.service
    with service.store.writing() as tx:
        for number in range(JOBS):
            enqueue(tx.jobs, "retention", f"x{number}", service.now())
    log = (tmp_path / "workers.log").open("wb")
    words = [sys.executable, "-m", "kinlink", "worker", "--data", str(settings.data_dir)]
    workers = [subprocess.Popen(words, env=environment, stdout=log, stderr=log) for _ in range(3)]
    try:
        deadline = time.monotonic() + 60
        while not states(settings, database)["held"] and time.monotonic() < deadline:
            time.sleep(0.05)
        workers[0].send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 120
        while set(states(settings, database)) - {"done"} and time.monotonic() < deadline:
            time.sleep(0.3)
        assert set(states(settings, database)) == {"done"}
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        ended = [worker.wait(40) for worker in workers]
        log.close()
    assert ended[1:] == [0, 0]
    assert linked.call("operator", "GET", f"/v1/runs/{run}").json()["state"] == "completed"
    linked_once = [
        entry.facts["submission"] for entry in tools.events(linked, "run:agency:linked") if entry.facts["run"] == run
    ]
    assert max(Counter(linked_once).values()) == 1
    assert len([entry for entry in tools.events(linked, "run:linking:completed") if entry.facts["run"] == run]) == 1
    tools.verified(linked)


def states(settings, database):
    service = open_service(load_settings(settings.data_dir, **database))
    try:
        with service.store.reading() as tx:
            return Counter(job.state for job in tx.jobs.jobs(1000))
    finally:
        service.close()
