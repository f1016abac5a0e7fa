"""What a linking run gives back: links, recalls and a report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from linkage.memory import Memory
from linkage.records import GradeName


@dataclass(frozen=True)
class Link:
    """A member ↔ record link. `probability` is the matcher's own and never leaves it; the rest may."""

    member_id: str
    agency: str
    record_ref: str
    grade: GradeName
    rule: str
    evidence: tuple[str, ...]
    probability: float
    link_id: str


class Reason(StrEnum):
    """Why a link of the last run is gone, or is no longer certain."""

    NEVER_LINK = "never-link"  # a person decided it
    RECORD_GONE = "record-gone"  # the agency no longer submits the record
    MEMBER_GONE = "member-gone"  # the family no longer declares the member
    BORN = "born"  # an unborn record has given way to the child's own
    EVIDENCE_GONE = "evidence-gone"  # no longer likely enough
    NOW_PROBABLE = "now-probable"  # was certain, is for review now


@dataclass(frozen=True)
class Recall:
    """A link of the last run that went away or lost its grade. A quiet one asks nobody to do anything."""

    member_id: str
    agency: str
    record_ref: str
    grade: GradeName
    link_id: str
    reason: Reason
    quiet: bool


@dataclass(frozen=True)
class RuleReport:
    """How many links a rule made, and how many of them are expected to be false by their own probabilities."""

    links: int
    expected_false: float


@dataclass(frozen=True)
class SearchReport:
    """Which search found the candidates and why; for `lsh`, the promised and the measured share of what exact finds."""

    kind: str
    why: str
    promised_recall: float
    measured_recall: float


@dataclass(frozen=True)
class AgencyReport:
    """One agency in one run. `calibration` says whether it was learnt or kept, and why; `duplicates` are records of one
    agency that seem to be one person, each a group of refs.
    """

    agency: str
    records: int
    people: int
    candidates: int
    certain: int
    probable: int
    rules: Mapping[str, RuleReport]
    search: SearchReport
    calibration: str
    duplicates: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Report:
    """A run. `anchor_duplicates` are pairs of the declaring agency's records that seem to be one person."""

    agencies: tuple[AgencyReport, ...]
    anchor_duplicates: tuple[tuple[str, str], ...]
    waiting_markers: int


@dataclass(frozen=True)
class LinkResult:
    """Links sorted by member, agency and record; recalls of earlier links; the report; what to keep for the next run."""

    links: tuple[Link, ...]
    recalls: tuple[Recall, ...]
    report: Report
    memory: Memory | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Stage:
    """How far a run is: what it does, at which agency, and how many of its steps are done."""

    name: str
    agency: str
    done: int
    total: int


def link_id(member_id: str, agency: str, record_ref: str) -> str:
    """The id that a link has in every run: it depends on nothing but what it links."""
    text = "\x1f".join((member_id, agency, record_ref)).encode()
    return "lnk-" + hashlib.blake2b(text, digest_size=12, person=b"kinlink-link").hexdigest()
