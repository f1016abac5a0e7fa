"""Rehearsals of versions of the sharing protocol: what a rehearsal is, and the storage that it needs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from api.jobs import JobStore, enqueue
from protocols.audit.events.agreement import ProtocolRehearsed, RehearsalFailed, RehearsalRequested
from protocols.rehearsal import RehearsalReport, ReleaseCount

KIND = "rehearsal"
UNDER_WAY = ("queued", "running")
TENS = 10


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A rehearsal of one version. `as_of` names what it was held on; `replayed` is its report without the matcher's part."""

    rehearsal: str
    digest: str
    state: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    as_of: str | None = None
    stage: tuple[int, int, str] = (0, 0, "")
    done: int = 0
    total: int = 0
    replayed: RehearsalReport | None = None
    report: RehearsalReport | None = None
    problem: str | None = None


class RehearsalStore(Protocol):
    """The storage that rehearsals need."""

    def add(self, rehearsal: Rehearsal, event: RehearsalRequested) -> None:
        """Keep a request."""

    def newest(self, digest: str) -> Rehearsal | None:
        """The rehearsal of a version that was asked for last."""

    def start(self, rehearsal: str, as_of: str, at: datetime) -> None:
        """Keep what a rehearsal is held on."""

    def keep_replayed(self, rehearsal: str, replayed: RehearsalReport) -> None:
        """Keep what was counted: it is not counted again."""

    def complete(self, rehearsal: str, report: RehearsalReport, at: datetime, event: ProtocolRehearsed) -> None:
        """Keep the report."""

    def fail(self, rehearsal: str, at: datetime, event: RehearsalFailed) -> None:
        """End a rehearsal without a report."""


def ask(store: RehearsalStore, jobs: JobStore, digest: str, as_of: str, actor: str, now: datetime) -> str:
    """Ask for a rehearsal and return its id.

    While one of this version is waiting, it is that one; so it is if one began or ended on the very same inputs (`as_of`). The caller
    holds the log's head, so that two who ask in one moment ask for one.
    """
    last = store.newest(digest)
    if last is not None and (last.state == "queued" or (last.state != "failed" and last.as_of == as_of)):
        return last.rehearsal
    new = Rehearsal(f"reh-{secrets.token_hex(8)}", digest, "queued", actor, now)
    store.add(new, RehearsalRequested(actor=actor, rehearsal=new.rehearsal, digest=digest))
    enqueue(jobs, KIND, new.rehearsal, now)
    return new.rehearsal


def rounded(report: RehearsalReport) -> RehearsalReport:
    """The report for those who advise and approve: counts rounded up to tens, and nothing of what the matcher would do.

    An agency submits records and might watch a count for the one that its record adds. People outside any open case are counted
    exactly: there must be none.
    """

    def all_of(counts: tuple[ReleaseCount, ...]) -> tuple[ReleaseCount, ...]:
        return tuple(item.model_copy(update={"count": _up(item.count)}) for item in counts)

    counted = ("questions", "unchanged", "adults", "children")
    return report.model_copy(
        update={name: _up(getattr(report, name)) for name in counted}
        | {"added": all_of(report.added), "removed": all_of(report.removed), "links": None, "salt": ""}
    )


def _up(count: int) -> int:
    return -(-count // TENS) * TENS
