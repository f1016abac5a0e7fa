"""Everything that is stored has its entry in the audit log, and what the log tells of is still there: both ways, from the stored rows.

Releases, refusals, views, reviews, approvals, emergency accesses, corrections, links, deletions. What was erased on schedule is known
by what the log says of the erasing: an entry that lost its openings without that is named.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from api.explain import SALT_BYTES
from api.store.tables import ClientKeyRow, ClientRow, ProtocolRow, SubmissionRow
from api.store.tables_agreement import ActRow, RehearsalRow, StopRow
from api.store.tables_people import PersonSessionRow
from api.store.tables_work import (
    AlertRow,
    BreakGlassRow,
    CertificateRow,
    ChallengeRow,
    LinkRow,
    MarkerRow,
    ProfileRow,
    RecallRow,
    RunRow,
    ViewRow,
)
from protocols.audit.entries import Entry, Opening
from protocols.audit.events.vocabulary import EventKind as Kind


@dataclass(slots=True)
class Told:
    """What the log tells, made easy to look up."""

    entries: dict[int, Entry] = field(default_factory=dict)
    openings: dict[tuple[int, str], Opening] = field(default_factory=dict)
    named: dict[tuple[Kind, str], dict[str, int]] = field(default_factory=dict)
    """Of a kind of event and one of its facts: each value, with the last entry that has it."""

    def add(self, entry: Entry, opened: tuple[Opening, ...]) -> None:
        """Take an entry in."""
        self.entries[entry.index] = entry
        self.openings.update({(entry.index, item.field): item for item in opened})
        for name, value in entry.facts.items():
            if isinstance(value, str):
                self.named.setdefault((entry.kind, name), {})[value] = entry.index

    def of(self, kind: Kind) -> Iterator[Entry]:
        """The entries of one kind."""
        return (entry for entry in self.entries.values() if entry.kind is kind)

    def is_opened(self, entry: Entry) -> bool:
        """Whether everything that an entry commits to is still there to open it."""
        return all((entry.index, name) in self.openings for name in entry.commitments)


class _Stored(NamedTuple):
    """What is stored under a name, the event that must have told of it by one of its facts, and what it is.

    `many`: it is never deleted, so told of in the log it must be stored; and this is what several of it are.
    """

    query: Select[Any]
    kind: Kind
    fact: str
    what: str
    many: str = ""


def _stored() -> list[_Stored]:
    return [
        _Stored(select(RecallRow.recall), Kind.RECALL_OPENED, "recall", "recall", "recalls"),
        _Stored(
            select(RecallRow.recall).where(RecallRow.acknowledged_at.is_not(None)),
            Kind.RECALL_ACKNOWLEDGED,
            "recall",
            "the answer to recall",
        ),
        _Stored(select(ChallengeRow.challenge), Kind.LINK_CHALLENGED, "challenge", "challenge", "challenges"),
        _Stored(
            select(ChallengeRow.challenge).where(ChallengeRow.state != "open"),
            Kind.CHALLENGE_DECIDED,
            "challenge",
            "the verdict on challenge",
        ),
        _Stored(select(MarkerRow.marker), Kind.MARKER_PLACED, "marker", "marker"),
        _Stored(select(BreakGlassRow.access), Kind.BREAK_GLASS_OPENED, "access", "emergency access"),
        _Stored(
            select(BreakGlassRow.access).where(BreakGlassRow.outcome.is_not(None)),
            Kind.BREAK_GLASS_REVIEWED,
            "access",
            "the review of emergency access",
        ),
        _Stored(select(RunRow.run), Kind.RUN_REQUESTED, "run", "run", "runs"),
        _Stored(select(RunRow.run).where(RunRow.state == "completed"), Kind.RUN_COMPLETED, "run", "the end of run"),
        _Stored(select(AlertRow.alert), Kind.ALERT_RAISED, "alert", "alert", "alerts"),
        _Stored(
            select(AlertRow.alert).where(AlertRow.seen_at.is_not(None)), Kind.ALERT_SEEN, "alert", "the sight of alert"
        ),
        _Stored(select(SubmissionRow.submission), Kind.SUBMISSION_RECEIVED, "submission", "submission", "submissions"),
        _Stored(
            select(SubmissionRow.submission).where(SubmissionRow.state == "purged"),
            Kind.SUBMISSION_PURGED,
            "submission",
            "the deletion of submission",
        ),
        _Stored(select(ProtocolRow.digest), Kind.PROTOCOL_LOADED, "digest", "version"),
        _Stored(
            select(ProtocolRow.digest).where(ProtocolRow.live_at.is_not(None)),
            Kind.PROTOCOL_ACTIVATED,
            "digest",
            "the putting in force of version",
        ),
        _Stored(select(ActRow.sha256), Kind.PROTOCOL_ACTED_ON, "act_sha256", "the signed act", "signed acts"),
        _Stored(
            select(RehearsalRow.report).where(RehearsalRow.report.is_not(None)),
            Kind.PROTOCOL_REHEARSED,
            "report",
            "the rehearsal",
        ),
        _Stored(select(StopRow.agency), Kind.RELEASES_STOPPED, "agency", "the stop of"),
        _Stored(select(ClientKeyRow.kid), Kind.CLIENT_REGISTERED, "signing_key", "key"),
        _Stored(
            select(ClientRow.client).where(ClientRow.revoked_at.is_not(None)),
            Kind.CLIENT_REVOKED,
            "client",
            "the shutting out of",
        ),
        _Stored(
            select(ClientRow.client).where(or_(ClientRow.controller.is_not(None), ClientRow.officer.is_not(None))),
            Kind.CONTACTS_SET,
            "client",
            "the contacts of",
        ),
        _Stored(select(PersonSessionRow.session), Kind.PERSON_SIGNED_IN, "session", "session"),
        _Stored(select(CertificateRow.day), Kind.CERTIFICATE_SIGNED, "day", "the certificate of", "certificates"),
    ]


def check_complete(session: Session, told: Told) -> Iterator[str]:
    """Everything that lacks its entry, and everything that is missing although the log tells of it, as sentences."""
    yield from _answers(session, told)
    for item in _stored():
        there, names = set(session.execute(item.query).scalars()), set(told.named.get((item.kind, item.fact), ()))
        for name in sorted(there - names):
            yield f"{item.what} `{name}` has no entry"
        if item.many and names - there:
            yield f"{len(names - there)} {item.many} are in the log and not in the store"
    yield from _emergencies(session, told)
    yield from _links(session, told)
    yield from _erased(told)


def _answers(session: Session, told: Told) -> Iterator[str]:
    """Each answer has its entry, which commits to its decisions and counts what it released; none that is on record is missing."""
    views = select(ViewRow.profile, func.sum(ViewRow.released)).group_by(ViewRow.profile)
    seen = {profile: int(released) for profile, released in session.execute(views)}
    kept = set()
    for row in session.execute(select(ProfileRow)).scalars():
        kept.add(row.profile)
        entry = told.entries.get(row.entry)
        if entry is None or entry.kind is not Kind.PROFILE_ANSWERED or entry.facts.get("profile") != row.profile:
            yield f"answer `{row.profile}` has no entry"
            continue
        if row.decisions and not _commits(row.decisions, told.openings.get((row.entry, "decisions"))):
            yield f"the decisions of answer `{row.profile}` are not the ones that entry {row.entry} commits to"
        if seen.get(row.profile, 0) != entry.facts["released"]:
            yield f"what answer `{row.profile}` is said to have shown is not what entry {row.entry} counts"
    lost = [
        entry
        for entry in told.of(Kind.PROFILE_ANSWERED)
        if entry.facts["profile"] not in kept and told.is_opened(entry)
    ]
    if lost:
        yield f"{len(lost)} answers are in the log and not in the store; the first is entry {lost[0].index}"


def _commits(decisions: bytes, opening: Opening | None) -> bool:
    if opening is None:
        return False
    salt, packed = decisions[:SALT_BYTES], decisions[SALT_BYTES:]
    try:
        return hashlib.sha256(salt + zlib.decompress(packed)).hexdigest() == opening.value
    except zlib.error:
        return False


def _emergencies(session: Session, told: Told) -> Iterator[str]:
    """Emergency accesses are deleted with the names in their entries, and not before."""
    kept = set(session.execute(select(BreakGlassRow.access)).scalars())
    for entry in told.of(Kind.BREAK_GLASS_OPENED):
        if entry.facts["access"] not in kept and told.is_opened(entry):
            yield f"the emergency access of entry {entry.index} is not in the store"


def _links(session: Session, told: Told) -> Iterator[str]:
    """Each run's list of what it changed is the one that its entry commits to, and each link is in the list of the run that made it."""
    made: dict[str, set[str]] = {}
    ends = told.named.get((Kind.RUN_COMPLETED, "run"), {})
    for row in session.execute(select(RunRow.run, RunRow.changes).where(RunRow.changes.is_not(None))):
        opening = told.openings.get((ends.get(row.run, -1), "changes"))
        if opening is not None and hashlib.sha256(row.changes.encode()).hexdigest() != opening.value:
            yield f"what run `{row.run}` is said to have changed is not what its entry commits to"
        made[row.run] = {link for what, link, _ in json.loads(row.changes) if what == "made"}
    for item in session.execute(select(LinkRow.link, LinkRow.first_run)):
        if item.link not in made.get(item.first_run or "", set()):
            yield f"link `{item.link}` was made by no run that is on record"


def _erased(told: Told) -> Iterator[str]:
    """As many commitments have lost what opened them as the log says were erased."""
    bare = [
        entry.index
        for entry in told.entries.values()
        for name in entry.commitments
        if (entry.index, name) not in told.openings
    ]
    recorded = sum(
        count for entry in told.of(Kind.PERSONAL_ERASED) if isinstance(count := entry.facts["openings"], int)
    )
    if len(bare) != recorded:
        first = f"; the first is entry {bare[0]}" if bare else ""
        yield f"{len(bare)} commitments have lost what opened them, {recorded} were erased on record{first}"
