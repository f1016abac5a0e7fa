"""Linking runs: what a run is, and the storage that it needs."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from protocols.audit.events.linking import RunAgencyLinked, RunFailed, RunRequested, RunStarted
from protocols.vocabulary import Grade

RUN_ID = r"^run-[0-9a-f]{16}$"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run works on: chosen once, at its start, and the same after a crash."""

    protocol_digest: str
    submissions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Run:
    """A linking run."""

    run: str
    state: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    inputs: Inputs | None = None
    stage: tuple[int, int, str] = (0, 0, "")
    done: int = 0
    total: int = 0
    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link that a run found; `family_ref` and `member_ref` name the member."""

    family_ref: str
    member_ref: str
    agency: str
    record_ref: str
    grade: Grade
    link: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LostLink:
    """A link that a run did not find again, or not as certain: why, and whether that asks nobody to do anything."""

    link: str
    reason: str
    quiet: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a run found: over these families and agencies, these links and no others."""

    families: frozenset[str]
    links: tuple[FoundLink, ...]
    lost: tuple[LostLink, ...] = ()


@dataclass(frozen=True, slots=True)
class ActiveLink:
    """A link that is in force, or frozen while it is challenged."""

    link: str
    family_ref: str
    member_ref: str
    agency: str
    record_ref: str
    grade: Grade
    state: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """What putting a run's links in force changed."""

    made: int
    kept: int
    regraded: int
    closed: int
    recalls: int


class RunStore(Protocol):
    """The storage that runs need."""

    def add_run(self, run: Run, event: RunRequested) -> None:
        """Keep a request."""

    def run(self, run: str) -> Run | None:
        """A run by its id."""

    def runs(self, limit: int) -> list[Run]:
        """The newest runs."""

    def unfinished_run(self) -> Run | None:
        """The run that is waiting or under way."""

    def start_run(self, run: str, inputs: Inputs, at: datetime, event: RunStarted) -> None:
        """Keep what a run works on."""

    def step(self, run: str, step: str) -> bytes | None:
        """The result of a step that is done."""

    def finish_step(self, run: str, step: str, result: bytes, events: Sequence[RunAgencyLinked]) -> None:
        """Keep a step's result: the step is not done again."""

    def fail_run(self, run: str, problem: str, at: datetime, event: RunFailed) -> None:
        """End a run without effect."""


def new_run(requested_by: str, now: datetime) -> Run:
    """A request for a run."""
    return Run(f"run-{secrets.token_hex(8)}", "queued", requested_by, now)
