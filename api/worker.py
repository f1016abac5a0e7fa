"""The worker: takes jobs one after the other and does them. Any number of workers may run on PostgreSQL, one on SQLite.

A worker may be killed at any moment: the job it held is taken over, and goes on from its last finished step. One in which workers die
again and again is given up, so that others get their turn.
"""

from __future__ import annotations

import gc
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from api.batch_gate import OPERATOR, tell
from api.jobs import LEASE, MOST_ATTEMPTS, Job, LostLease, NotYet
from api.kept_run import forget_deleted
from api.linking import run_linking
from api.logs import configure, log, place_of
from api.rehearsing import run_rehearsal
from api.retention import run_certificate, run_retention
from api.service import Service, open_service
from api.settings import load_settings
from api.stopping import stop_on_signal, stop_with_parent
from api.store.store import Transaction
from api.watch import tick
from protocols.audit.events.linking import JobGivenUp
from protocols.errors import Busy, KinlinkError, Unavailable

POLL_SECONDS = 0.3
TICK_SECONDS = 10.0
AGAIN = timedelta(seconds=1)
EMBEDDED_GRACE = 0.5
GIVEN_UP = {
    "faults": "failed by a fault of the service, again and again ({times} times).",
    "deaths": "was given up: {times} workers died in it, one after the other. It may need more memory than there is.",
}


class Kind(NamedTuple):
    """A kind of job: what does it, and what notes that it was given up and why, if anyone is waiting for its end."""

    do: Callable[[Service, Job], None]
    give_up: Callable[[Transaction, str, datetime, str], None] = lambda tx, subject, at, why: None


KINDS = {
    "linking": Kind(run_linking, lambda tx, run, at, why: tx.links.give_up(run, at, why)),
    "retention": Kind(run_retention),
    "certificate": Kind(run_certificate),
    "rehearsal": Kind(
        run_rehearsal, lambda tx, rehearsal, at, why: tx.agreement.rehearsals.give_up(rehearsal, at, why)
    ),
}


class Worker:
    """One worker. `alone` says that no other can be alive, so what is held by anyone is free."""

    def __init__(self, service: Service, alone: bool = False) -> None:
        self.service = service
        self.name = f"wrk-{secrets.token_hex(6)}"
        self.stopping = threading.Event()
        self._alone = alone
        self._hand = threading.Lock()
        self._job: Job | None = None

    def run(self) -> None:
        """Take jobs until told to stop."""
        if self._alone:
            with self.service.store.writing() as tx:
                tx.jobs.free_all()
        last = 0.0
        while not self.stopping.is_set():
            try:
                if time.monotonic() - last > TICK_SECONDS:
                    tick(self.service)
                    forget_deleted(self.service)
                    last = time.monotonic()
                worked = self.one()
            except (Unavailable, Busy) as error:
                log().warning("database not available", error=type(error).__name__)
                worked = False
                self.stopping.wait(2)
            if not worked:
                self.stopping.wait(POLL_SECONDS)

    def one(self) -> bool:
        """Do the first job that is due; False if there is none."""
        self.hand_back()  # what was left when the database went away: that was no death
        job = self._take()
        if job is None:
            return False
        beat = _Heartbeat(self.service, job)
        try:
            self._do(job)
        except LostLease:
            log().warning("job taken over by another worker", job=job.job, kind=job.kind)
        finally:
            beat.stop()
        self._job = None
        return True

    def _take(self) -> Job | None:
        with self._hand:
            if self.stopping.is_set():
                return None
            now = self.service.now()
            with self.service.store.writing() as tx:
                self._job = tx.jobs.take(self.name, now, now + LEASE)
            return self._job

    def hand_back(self) -> None:
        """Give back the job in hand, which no attempt and no death is counted for.

        Called from another thread when this process is about to end: whatever the job's handler still writes is refused then.
        """
        with self._hand:
            if self._job is not None:
                with suppress(LostLease), self.service.store.writing() as tx:
                    tx.jobs.postpone(self._job, self.service.now())
                self._job = None

    def _do(self, job: Job) -> None:
        if job.deaths >= self.service.settings.job_deaths:
            self._give_up(job, "deaths", job.deaths)
            return
        try:
            if job.kind not in KINDS:
                raise KinlinkError(f"Nobody knows how to do `{job.kind}`.")
            KINDS[job.kind].do(self.service, job)
        except LostLease:
            raise
        except NotYet:
            with self.service.store.writing() as tx:
                tx.jobs.postpone(job, self.service.now() + AGAIN)
        except Exception as error:
            name, place = type(error).__name__, place_of(error)
            log().error("job failed", job=job.job, kind=job.kind, error=name, place=place, attempts=job.attempts)
            self._again(job)

    def _again(self, job: Job) -> None:
        """Give a job back that failed by a fault, later each time, and give it up in the end."""
        if job.failures >= MOST_ATTEMPTS:
            self._give_up(job, "faults", job.failures)
            return
        with self.service.store.writing() as tx:
            tx.jobs.release(job, self.service.now() + timedelta(seconds=2**job.failures))

    def _give_up(self, job: Job, why: str, times: int) -> None:
        """End a job that will not succeed: on record, whoever waits for it can see why, and the operator is told."""
        log().error("job given up", job=job.job, kind=job.kind, attempts=job.attempts)
        now = self.service.now()
        event = JobGivenUp(actor="service", job=job.job, work=job.kind, subject=job.subject, why=why, times=times)
        with self.service.store.writing() as tx:
            tx.jobs.give_up(job, event)
            if job.kind in KINDS:
                KINDS[job.kind].give_up(tx, job.subject, now, GIVEN_UP[why].format(times=times))
            tell(tx, OPERATOR, f"job-given-up:{job.job}", now)


class _Heartbeat:
    """Goes on holding a job while its handler is at work."""

    def __init__(self, service: Service, job: Job) -> None:
        self._service, self._job = service, job
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def _beat(self) -> None:
        while not self._stop.wait(LEASE.total_seconds() / 4):
            try:
                with self._service.store.writing() as tx:
                    tx.jobs.hold(self._job, self._service.now() + LEASE)
            except LostLease:
                return
            except KinlinkError as error:
                log().warning("lease not renewed", job=self._job.job, error=type(error).__name__)

    def stop(self) -> None:
        """Let go."""
        self._stop.set()
        self._thread.join()


def work(data_dir: Path, follow: bool = False) -> None:
    """Run a worker until it is told to stop. Raises `Busy` if a worker has this data folder on SQLite."""
    configure()
    settings = load_settings(data_dir)
    with ExitStack() as stack:
        alone = settings.url.startswith("sqlite")
        settings.folder.require()
        if alone:
            stack.enter_context(settings.folder.locked("worker"))
        service = open_service(settings)
        stack.callback(service.close)
        gc.freeze()  # what is loaded now stays: no reason to look through it in every collection
        worker = Worker(service, alone)
        if follow:
            stop_with_parent(worker)
        stop_on_signal(worker, EMBEDDED_GRACE if follow else settings.stop_seconds, interruptible=not follow)
        worker.run()


if __name__ == "__main__":
    try:
        work(Path(os.environ["KINLINK_DATA_DIR"]), follow=True)
    except KinlinkError as problem:
        log().error("worker refused", error=type(problem).__name__)
        sys.exit(problem.exit_code)
