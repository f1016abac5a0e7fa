"""The worker: takes jobs one after the other and does them. Any number of workers may run on PostgreSQL, one on SQLite.

A worker may be killed at any moment: the job it held is taken over, and goes on from its last finished step.
"""

from __future__ import annotations

import gc
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from api.jobs import LEASE, MOST_ATTEMPTS, Job, LostLease, NotYet
from api.kept_run import forget_deleted
from api.linking import run_linking
from api.logs import configure, log, place_of
from api.rehearsing import run_rehearsal
from api.retention import run_certificate, run_retention
from api.service import Service, open_service
from api.settings import load_settings
from api.store.store import Transaction
from api.watch import tick
from protocols.errors import Busy, KinlinkError, Unavailable

POLL_SECONDS = 0.3
TICK_SECONDS = 10.0
AGAIN = timedelta(seconds=1)


class Kind(NamedTuple):
    """A kind of job: what does it, and what notes that it was given up, if anyone is waiting for its end."""

    do: Callable[[Service, Job], None]
    give_up: Callable[[Transaction, str, datetime], None] = lambda tx, subject, at: None


KINDS = {
    "linking": Kind(run_linking, lambda tx, run, at: tx.links.give_up(run, at)),
    "retention": Kind(run_retention),
    "certificate": Kind(run_certificate),
    "rehearsal": Kind(run_rehearsal, lambda tx, rehearsal, at: tx.agreement.rehearsals.give_up(rehearsal, at)),
}


class Worker:
    """One worker. `alone` says that no other can be alive, so what is held by anyone is free."""

    def __init__(self, service: Service, alone: bool = False) -> None:
        self.service = service
        self.name = f"wrk-{secrets.token_hex(6)}"
        self.stopping = threading.Event()
        self._alone = alone

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
        now = self.service.now()
        with self.service.store.writing() as tx:
            job = tx.jobs.take(self.name, now, now + LEASE)
        if job is None:
            return False
        beat = _Heartbeat(self.service, job)
        try:
            self._do(job)
        except LostLease:
            log().warning("job taken over by another worker", job=job.job, kind=job.kind)
        finally:
            beat.stop()
        return True

    def _do(self, job: Job) -> None:
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
        with self.service.store.writing() as tx:
            if job.attempts >= MOST_ATTEMPTS:
                if job.kind in KINDS:
                    KINDS[job.kind].give_up(tx, job.subject, self.service.now())
                tx.jobs.finish(job, "failed")
            else:
                tx.jobs.release(job, self.service.now() + timedelta(seconds=2**job.attempts))


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


def _follow_parent() -> None:
    """End at once when the process that started this one is gone: what is half done is taken up again later."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os._exit(0)

    threading.Thread(target=watch, name="parent", daemon=True).start()


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
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _follow_parent()
        signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
        worker.run()


if __name__ == "__main__":
    try:
        work(Path(os.environ["KINLINK_DATA_DIR"]), follow=True)
    except KinlinkError as problem:
        log().error("worker refused", error=type(problem).__name__)
        sys.exit(problem.exit_code)
