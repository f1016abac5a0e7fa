"""Durable work: a job is held for a while by one worker, and taken over when that worker goes silent.

Each taking raises the job's fence. Whatever a worker writes for a job, it writes in a transaction that first checks its fence; so a
worker that was only slow can never write after another took over. A job's handler is made of steps that are done once: a step that
is on record is not repeated.

A job may fail a few times, and workers may die in it a few times; then it is given up, because one that takes too much memory would
be taken over for ever, and whatever waits behind it would never be done.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from protocols.audit.events.linking import JobGivenUp

LEASE = timedelta(seconds=30)
MOST_ATTEMPTS = 5


class LostLease(Exception):
    """Another worker has taken this job over: whatever is under way here must not be written."""


class NotYet(Exception):
    """This job has to wait for another: it is given back, which is no failure."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work, as its holder sees it: how often it was taken, and in how many of its holders' hands they died."""

    job: str
    kind: str
    subject: str
    fence: int
    attempts: int
    deaths: int

    @property
    def failures(self) -> int:
        """How often it fails if it fails this time too."""
        return self.attempts - self.deaths


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job stands; `fence` is how often it was ever taken."""

    job: str
    kind: str
    subject: str
    state: str
    fence: int
    attempts: int
    deaths: int


class JobStore(Protocol):
    """The storage that jobs need."""

    def add(self, job: str, key: str, kind: str, subject: str, not_before: datetime) -> None:
        """Ask for work; the same key is asked for once."""

    def take(self, holder: str, now: datetime, until: datetime) -> Job | None:
        """Take the first job that is due and free, or whose holder went silent: that is a death."""

    def hold(self, job: Job, until: datetime) -> None:
        """Go on holding a job. Raises `LostLease`."""

    def finish(self, job: Job, state: str) -> None:
        """End a job. Raises `LostLease`."""

    def give_up(self, job: Job, event: JobGivenUp) -> None:
        """End a job that nobody will try again. Raises `LostLease`."""

    def release(self, job: Job, not_before: datetime) -> None:
        """Give a job back for another attempt. Raises `LostLease`."""


def enqueue(store: JobStore, kind: str, subject: str, now: datetime, key: str | None = None) -> str:
    """Ask for work."""
    job = f"job-{secrets.token_hex(8)}"
    store.add(job, key or f"{kind}:{subject}", kind, subject, now)
    return job
