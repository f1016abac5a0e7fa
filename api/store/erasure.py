"""Erasing one reference from the log, in the database: what opens the entries, and the rows that say the same beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from api.erasures import COMPANIONS, Erased, Of, Subject
from api.explain import unpack
from api.identity import DECLARING_AGENCY
from api.store.log import AuditLog
from api.store.retention import Retention
from api.store.tables import FamilyRow, MemberRow, RecordRow, SubmissionRow
from api.store.tables_work import (
    KEPT,
    BreakGlassRow,
    ChallengeLinkRow,
    ChallengeRow,
    ChangeRow,
    LinkRow,
    MarkerRow,
    OpeningRow,
    ProfileRow,
    RecallRow,
)
from protocols.audit.entries import Entry, read_entry
from protocols.audit.events.keeping import PersonalErased
from protocols.audit.events.vocabulary import EventKind

_IN_USE = ("received", "current")
_PART = 500


class Erasure:
    """What the log says about one family, person or record."""

    def __init__(self, session: Session, audit: AuditLog, retention: Retention) -> None:
        self._session = session
        self._audit = audit
        self._retention = retention

    def last_signed_in(self, person: str) -> Entry | None:
        """The entry of somebody's last sign-in."""
        entries = [self._entry(index) for index in self._audit.entries_about("person", person)]
        return next((item for item in reversed(entries) if item.kind is EventKind.PERSON_SIGNED_IN), None)

    def _entry(self, index: int) -> Entry:
        return read_entry(self._audit.body(index) or b"")

    def _count(self, query: Any) -> int:
        return int(self._session.execute(select(func.count()).select_from(query.subquery())).scalar_one())

    def obstacles(self, subject: Subject, closed_before: date) -> list[str]:
        """Why nothing about the subject may be erased now, as parts of a sentence."""
        ours = _ours(subject)
        links = select(LinkRow.link).where(ours)
        going_on = select(FamilyRow.family_ref).where(
            or_(FamilyRow.closed.is_(None), FamilyRow.closed >= closed_before), _declared(subject)
        )
        found = {
            "{} cases are open, or were closed too short a time ago": going_on,
            "{} links are in force": select(LinkRow.link).where(ours, LinkRow.state != "closed"),
            "{} challenges are not decided": select(ChallengeRow.challenge)
            .join(ChallengeLinkRow, ChallengeLinkRow.challenge == ChallengeRow.challenge)
            .where(ChallengeRow.state == "open", ChallengeLinkRow.link.in_(links))
            .distinct(),
            "{} recalls are not acknowledged": select(RecallRow.recall).where(
                RecallRow.acknowledged_at.is_(None), RecallRow.link.in_(links)
            ),
            "{} emergency accesses are not reviewed": select(BreakGlassRow.access).where(
                BreakGlassRow.reviewed_at.is_(None), BreakGlassRow.family_ref.in_(self._families(subject))
            ),
            "{} records are under an agency's hold": self._held(subject),
        }
        counted = ((words, self._count(query)) for words, query in found.items())
        return [words.format(count) for words, count in counted if count]

    def _families(self, subject: Subject) -> list[str]:
        """The families that the subject is, or was linked in."""
        if subject.of is Of.FAMILY:
            return list(subject.refs)
        return list(self._session.execute(select(LinkRow.family_ref).where(_ours(subject)).distinct()).scalars())

    def _held(self, subject: Subject) -> Any:
        linked = (
            select(LinkRow.link)
            .where(_ours(subject), LinkRow.agency == SubmissionRow.agency, LinkRow.record_ref == RecordRow.record_ref)
            .exists()
        )
        itself = (SubmissionRow.agency == subject.agency) & RecordRow.record_ref.in_(subject.refs)
        return (
            select(RecordRow.record_ref)
            .join(SubmissionRow, SubmissionRow.submission == RecordRow.submission)
            .where(SubmissionRow.state.in_(_IN_USE), RecordRow.hold.is_not(None), or_(linked, itself))
            .distinct()
        )

    def erase(self, subject: Subject, ground: str, approver: str, at: datetime) -> Erased | None:
        """Erase everything about the subject in the log, with the rows that repeat it; None if there is nothing. The entries stay."""
        about = self._about(subject)
        inputs = [] if subject.of is Of.FAMILY else self._answers_with(subject)
        pairs = sorted({*about, *((entry, "decisions") for _, entry in inputs)})
        there = self._still_open({entry for entry, _ in pairs})
        pairs = [pair for pair in pairs if pair in there]
        if not pairs:
            return None
        event = PersonalErased(
            actor="operator", openings=len(pairs), reason=ground, of=subject.of.value, approver=approver
        )
        entry = self._audit.forget_fields(pairs, event)
        answers, emergencies = self._drop_family(subject) if subject.of is Of.FAMILY else (0, 0)
        self._forget_inputs([profile for profile, _ in inputs])
        self._retention.tally(entry, at, {"erased-on-request": len(pairs)})
        touched = {index for index, _ in pairs}
        left = self._left(subject, [field for index, field in there - set(pairs) if index in touched])
        return Erased(entry, len(pairs), len(touched), answers, emergencies, len(inputs), tuple(left))

    def _about(self, subject: Subject) -> set[tuple[int, str]]:
        """The openings about the subject: entry and field."""
        fields = {Of.FAMILY: ("family",), Of.MEMBER: ("member", "record"), Of.RECORD: ("member", "record")}[subject.of]
        names = {*subject.refs, *(f"{subject.agency}/{ref}" for ref in subject.refs)}
        rows = self._session.execute(
            select(OpeningRow.entry, OpeningRow.field, OpeningRow.value)
            .where(OpeningRow.value.in_(sorted(names)), OpeningRow.field.in_((*fields, "about")))
            .order_by(OpeningRow.entry)
        ).all()
        found: set[tuple[int, str]] = set()
        for row in rows:
            entry = self._entry(row.entry)
            if row.field == "about" or self._is_about(subject, entry, row.field):
                found.add((row.entry, row.field))
                found |= {(row.entry, name) for name in COMPANIONS.get(entry.kind, ()) if row.field == "family"}
        return found

    def _is_about(self, subject: Subject, entry: Entry, field: str) -> bool:
        """Whether an entry's field is about the subject, and not about another agency's record of the same name or a decision in force."""
        if field == "family":
            return True
        whose = DECLARING_AGENCY if field == "member" else entry.facts.get("agency")
        marker = entry.facts.get("marker")
        return whose == subject.agency and (not isinstance(marker, str) or self._session.get(MarkerRow, marker) is None)

    def _answers_with(self, subject: Subject) -> list[tuple[str, int]]:
        """Answers, with their entry, whose kept decisions speak of the person or of the agency's record of them."""
        linked = self._session.execute(
            select(LinkRow.family_ref, LinkRow.member_ref).where(_ours(subject)).distinct()
        ).all()
        members: dict[str, set[str]] = {}
        for row in linked:
            members.setdefault(row.family_ref, set()).add(row.member_ref)
        found = []
        for answer in self._session.execute(
            select(ProfileRow.profile, ProfileRow.entry, ProfileRow.family_ref, ProfileRow.decisions).where(
                ProfileRow.family_ref.in_(sorted(members)), KEPT
            )
        ):
            lines = [line for line in unpack(answer.decisions) if line["member"] in members[answer.family_ref]]
            if any(subject.of is Of.MEMBER or line["agency"] == subject.agency for line in lines):
                found.append((answer.profile, answer.entry))
        return found

    def _still_open(self, entries: set[int]) -> set[tuple[int, str]]:
        """What is still there to open these entries."""
        listed, found = sorted(entries), set()
        for start in range(0, len(listed), _PART):
            part = OpeningRow.entry.in_(listed[start : start + _PART])
            found |= {
                (row.entry, row.field)
                for row in self._session.execute(select(OpeningRow.entry, OpeningRow.field).where(part))
            }
        return found

    def _drop_family(self, subject: Subject) -> tuple[int, int]:
        """Delete the answers about a family, its emergencies and what the Workbook was to look at again; how many of the first two."""
        counts = []
        for table in (ProfileRow, BreakGlassRow):
            counts.append(self._count(select(table.family_ref).where(table.family_ref.in_(subject.refs))))
            self._session.execute(delete(table).where(table.family_ref.in_(subject.refs)))
        self._session.execute(delete(ChangeRow).where(ChangeRow.family_ref.in_(subject.refs)))
        return counts[0], counts[1]

    def _forget_inputs(self, profiles: Sequence[str]) -> None:
        for start in range(0, len(profiles), _PART):
            part = ProfileRow.profile.in_(profiles[start : start + _PART])
            self._session.execute(update(ProfileRow).where(part).values(decisions=b""))

    def _left(self, subject: Subject, kept: list[str]) -> list[str]:
        """What still speaks of the subject, or of somebody else in the same entries."""
        fields = Counter(kept)
        said = [
            f"{count} times `{name}` of somebody else in the same entries" for name, count in sorted(fields.items())
        ]
        refs = subject.refs
        markers = MarkerRow.member_ref.in_(refs) if subject.of is not Of.RECORD else MarkerRow.record_ref.in_(refs)
        for words, query in (
            (
                "{} ended links, which tell who must be told if one was wrong",
                select(LinkRow.link).where(_ours(subject)),
            ),
            (
                "{} must-link or never-link decisions in force, with their entries",
                select(MarkerRow.marker).where(markers, _marked(subject)),
            ),
            (
                "{} closed cases as children's social care declared them",
                select(FamilyRow.family_ref).where(_declared(subject)),
            ),
            (
                "{} records in submissions in use: they go when the agency submits without them",
                select(RecordRow.record_ref)
                .join(SubmissionRow, SubmissionRow.submission == RecordRow.submission)
                .where(
                    SubmissionRow.state.in_(_IN_USE),
                    SubmissionRow.agency == subject.agency,
                    RecordRow.record_ref.in_(refs),
                ),
            ),
        ):
            if count := self._count(query):
                said.append(words.format(count))
        return said


def _ours(subject: Subject) -> Any:
    """That a link is of the subject."""
    if subject.of is Of.FAMILY:
        return LinkRow.family_ref.in_(subject.refs)
    if subject.of is Of.MEMBER:
        return LinkRow.member_ref.in_(subject.refs)
    return (LinkRow.agency == subject.agency) & LinkRow.record_ref.in_(subject.refs)


def _marked(subject: Subject) -> Any:
    """That a marker is about the subject: a family has none."""
    if subject.of is Of.RECORD:
        return MarkerRow.agency == subject.agency
    return MarkerRow.marker.is_not(None) if subject.of is Of.MEMBER else MarkerRow.marker.is_(None)


def _declared(subject: Subject) -> Any:
    """That a family is the subject, or that the person is declared in it."""
    if subject.of is Of.FAMILY:
        return FamilyRow.family_ref.in_(subject.refs)
    declared = select(MemberRow.family_ref).where(MemberRow.record_ref.in_(subject.refs))
    whose = subject.of is Of.MEMBER or subject.agency == DECLARING_AGENCY
    return FamilyRow.family_ref.in_(declared) if whose else FamilyRow.family_ref.is_(None)
