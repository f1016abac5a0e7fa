"""The service and its worker are killed at random moments while files come in, runs link and families are asked about.

After every kill: the log verifies, what is stored fits it, and whatever the service had said yes to is there. With more kills:

    KINLINK_TEST_KILLS=200 pytest -m slow -s tests/e2e/api/test_api_kills.py
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from api_places import make_place
from sqlalchemy import select

from api.fsck import check_store
from api.service import open_service
from api.store.tables import SubmissionRow
from api.store.tables_agreement import RehearsalRow
from api.store.tables_work import LinkRow, ProfileRow, RunRow
from protocols.audit.entries import read_entry
from protocols.audit.verify import LogCheck
from protocols.load import canonical_json

pytestmark = pytest.mark.slow
ONCE = (
    "run:agency:linked",
    "run:linking:started",
    "run:linking:completed",
    "protocol:rehearsal:requested",
    "protocol:version:rehearsed",
)
KILLS = int(os.environ.get("KINLINK_TEST_KILLS", "6"))


@dataclass
class Ledger:
    """What the service said yes to."""

    submissions: set = field(default_factory=set)
    answers: list = field(default_factory=list)
    runs: set = field(default_factory=set)
    rehearsals: set = field(default_factory=set)
    done: Counter = field(default_factory=Counter)


class Server:
    """`kinlink serve` with its worker, which can be killed in the middle of anything."""

    def __init__(self, data, log, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KINLINK_")}
        self.data, self.log = data, log
        self.environment = kept | {"KINLINK_THREADS": "1", "KINLINK_CHECKPOINT_SECONDS": "0.5"} | more
        self.environment["KINLINK_JOB_DEATHS"] = "100000"  # they are this test's doing, not the jobs'
        # Whoever tries again asks for a token each time.
        self.environment["KINLINK_TOKENS_PER_ADDRESS_MINUTE"] = "100000"
        self.process = None

    def start(self):
        (self.data / "address").unlink(missing_ok=True)
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kinlink", "serve", "--data", str(self.data), "--port", "0"],
                stdout=sink,
                stderr=sink,
                env=self.environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + 90
        while not (self.data / "address").exists():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.02)

    def workers(self):
        told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(word) for word in told.stdout.split()]

    def kill(self, whom):
        """SIGKILL to the server, to its worker, or to both at once."""
        if whom == "worker":
            for pid in self.workers():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        if whom == "both":
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()

    def end(self):
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Client(threading.Thread):
    """Sends, links and asks without end; whatever fails is tried again, as the real clients do."""

    def __init__(self, site, data, county, draft, seed):
        super().__init__(daemon=True)
        self.site, self.data, self.county, self.draft = site, data, county, draft
        self.chance, self.ledger = random.Random(seed), Ledger()
        self.stopping, self.fault = threading.Event(), None

    def run(self):
        try:
            while not self.stopping.is_set():
                kind = self.chance.choices(["police", "social_care", "link", "rehearse", "ask"], [3, 1, 3, 1, 8])[0]
                self._until_done(kind)
        except BaseException as error:
            self.fault = error

    def _until_done(self, kind):
        path = None
        if kind in ("police", "social_care"):
            people = getattr(self.county, kind)
            path = self.site.submission(kind, people, self.county.declared if kind == "social_care" else ())
        while not self.stopping.is_set():
            try:
                with httpx2.Client(base_url=(self.data / "address").read_text(), timeout=20, trust_env=False) as http:
                    self.site.http = http
                    if self._once(kind, path):
                        self.ledger.done[kind] += 1
                        break
            except (httpx2.HTTPError, OSError, AssertionError):
                self.ledger.done["tried again"] += 1
            self.site.tokens.clear()
            time.sleep(0.05)
        if path is not None:
            path.unlink()

    def _once(self, kind, path):
        if path is not None:
            answer = self.site.submit(kind, path)
            if answer.status_code == 201:
                self.ledger.submissions.add(answer.json()["submission"])
        elif kind == "link":
            answer = self.site.call("operator", "POST", "/v1/runs")
            if answer.status_code == 202:
                self.ledger.runs.add(answer.json()["run_id"])
        elif kind == "rehearse":
            answer = self.site.call("operator", "POST", f"/v1/protocols/{self.draft}/rehearsal")
            if answer.status_code == 202:
                self.ledger.rehearsals.add(answer.json()["rehearsal_id"])
        else:
            answer = self.site.ask(self.chance.choice(self.county.declared).family_ref)
            if answer.status_code == 200:
                assert answer.json()["members"]
                self.ledger.answers.append(answer.headers["Kinlink-Profile"])
        if answer.status_code in (401, 409, 429, 503):
            return False
        if answer.status_code not in (200, 201, 202):
            raise RuntimeError(f"{kind}: {answer.status_code} {answer.text[:300]}")
        return True


def inspect(settings, ledger):
    """Everything that must hold at every moment, seen from another process; returns how long the log is."""
    submissions, answers = set(ledger.submissions), list(ledger.answers)
    runs, rehearsals = set(ledger.runs), set(ledger.rehearsals)
    service = open_service(settings)
    try:
        with service.store.reading() as tx:
            check = LogCheck()
            entries = []
            for row, openings in tx.audit.rows(tx.audit.size()):
                check.add(row, openings)
                entries.append(read_entry(row.body))
            report = check.finish(tx.audit.checkpoints(), service.log_key)
            report.raise_for_findings()
            assert list(check_store(tx.session, tx, service.folder.submissions)) == []
            stored = tx.session.execute(select(ProfileRow.profile, ProfileRow.entry)).all()
            assert submissions <= set(tx.session.execute(select(SubmissionRow.submission)).scalars())
            states = dict(tx.session.execute(select(RunRow.run, RunRow.state)).all())
            rehearsed = dict(tx.session.execute(select(RehearsalRow.rehearsal, RehearsalRow.state)).all())
            links = tx.session.execute(select(LinkRow.last_run, LinkRow.state)).all()
    finally:
        service.close()
    by_profile = {row.profile: row.entry for row in stored}
    assert len(answers) == len(set(answers)), "an answer was given twice under one entry"
    assert set(answers) <= set(by_profile), "something was released that is not on record"
    assert len(set(by_profile.values())) == len(by_profile)
    assert runs <= set(states)
    assert rehearsals <= set(rehearsed)
    once = Counter(
        (entry.kind, entry.facts.get("run") or entry.facts["rehearsal"], entry.facts.get("submission"))
        for entry in entries
        if entry.kind in ONCE
    )
    assert set(once.values()) <= {1}, "a step was done, or counted, twice"
    assert {states[run] for run, state in links if state != "closed"} <= {"completed"}
    if "completed" in states.values():
        assert any(state == "active" for _, state in links), "a run that was cut off left no links"
    return report.size


@pytest.fixture
def place(tmp_path, protocol, database):
    site = make_place(tmp_path, protocol, **database)
    more = {"KINLINK_DATABASE_URL": database["database_url"].get_secret_value()} if database else {}
    server = Server(site.settings.data_dir, tmp_path / "serve.log", **more)
    yield site.settings, server, site
    server.end()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_nothing_is_lost_however_often_it_is_killed(place, protocol, tools):
    settings, server, site = place
    seed = random.SystemRandom().randrange(10**6)
    chance, county = random.Random(seed), tools.County(families=20, strangers=30)
    server.start()
    with httpx2.Client(base_url=Path(settings.data_dir / "address").read_text(), timeout=30, trust_env=False) as http:
        site.http = http
        for name, people, declared in (
            ("social_care", county.social_care, county.declared),
            ("police", county.police, ()),
        ):
            assert site.submit(name, site.submission(name, people, declared)).status_code == 201
        first = site.call("operator", "POST", "/v1/runs").json()["run_id"]
        finish(site, "runs", [first])
        drafted = json.loads(canonical_json(protocol.document)) | {"version": 2}
        proposed = site.call("operator", "POST", "/v1/protocols", json={"text": json.dumps(drafted)}).json()
    site.tokens.clear()
    client = Client(site, settings.data_dir, county, proposed["digest"], seed)
    client.start()
    killed, taken = Counter(), set()
    for _ in range(KILLS):
        busy(client, chance)
        if chance.random() < 0.5:
            killed["with a job in hand"] += at_work(settings, taken)
            time.sleep(chance.uniform(0, 0.6))
        whom = chance.choice(["server", "both", "worker"])
        server.kill(whom)
        killed[whom] += 1
        size = inspect(settings, client.ledger)
        if whom != "worker":
            server.start()
        assert client.fault is None, client.fault
    client.stopping.set()
    client.join(60)
    assert client.fault is None, client.fault
    with httpx2.Client(base_url=Path(settings.data_dir / "address").read_text(), timeout=30, trust_env=False) as http:
        site.http = http
        site.tokens.clear()
        for kind, jobs in (("runs", client.ledger.runs), ("rehearsals", client.ledger.rehearsals)):
            assert not finish(site, kind, jobs)
    size = inspect(settings, client.ledger)
    done = dict(client.ledger.done)
    print(
        f"\nseed {seed}: killed {dict(killed)}; {done}; {len(client.ledger.runs)} runs, "
        f"{len(client.ledger.rehearsals)} rehearsals; {size} entries verified"
    )
    assert client.ledger.done["ask"]


def busy(client, chance):
    """Let a few things happen, then stop at any moment of the next: on a slow machine too, something happens between two kills."""
    done = client.ledger.done
    goal, deadline = done.total() - done["tried again"] + chance.randrange(4), time.monotonic() + 8
    while done.total() - done["tried again"] < goal and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.6))


def at_work(settings, taken):
    """Wait, not for ever, until a worker has taken a job that is not in `taken` yet: it takes seconds to start, and should be killed in the
    middle of its work too. Returns whether it has."""
    service, deadline = open_service(settings), time.monotonic() + 15
    try:
        while time.monotonic() < deadline:
            with service.store.reading() as tx:
                held = {(job.job, job.fence) for job in tx.jobs.jobs() if job.state == "held"}
            if held - taken:
                taken |= held
                return True
            time.sleep(0.02)
    finally:
        service.close()
    return False


def finish(site, kind, jobs):
    """Wait until these runs or rehearsals have ended; returns why those that failed did. A worker that was killed holds its job for a lease."""
    deadline, found = time.monotonic() + timedelta(minutes=3).total_seconds(), {}
    while time.monotonic() < deadline:
        found = {job: site.call("operator", "GET", f"/v1/{kind}/{job}").json() for job in jobs}
        if {item["state"] for item in found.values()} <= {"completed", "failed"}:
            return {job: item["problem"] for job, item in found.items() if item["state"] == "failed"}
        time.sleep(0.2)
    raise AssertionError(found)
