"""What the data protection officer asks of the database: who saw what, when, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.runs import ActiveLink
from api.store.links import active_link
from api.store.log import AuditLog
from api.store.tables import ConsentRow, FamilyAliasRow, FamilyRow, MemberRow, RecordRow, SubmissionRow
from api.store.tables_work import (
    AlertRow,
    BreakGlassRow,
    ChallengeLinkRow,
    ChallengeRow,
    LinkRow,
    OpeningRow,
    ProfileRow,
    RecallRow,
    ViewRow,
)
from api.store.views import views_of_links
from protocols.audit.events.keeping import AuditAsked
from protocols.family import ConsentRecord

FOUND_WRONG = ("challenge-upheld", "never-link")


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer that was given. `released` counts values through the link in question, or in all; `decisions` is as kept."""

    profile: str
    at: datetime
    entry: int
    family_ref: str
    worker: str
    role_function: str
    purpose: str
    protocol_digest: str
    released: int
    decisions: bytes


class Questions:
    """Questions about the past. Each is itself on record."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def asked(self, event: AuditAsked) -> None:
        """Record that somebody asked."""
        self._audit.append(event)

    def answers_about(self, family_ref: str) -> list[Seen]:
        """Every answer about a family, oldest first."""
        released = (
            select(func.coalesce(func.sum(ViewRow.released), 0))
            .where(ViewRow.profile == ProfileRow.profile)
            .scalar_subquery()
        )
        rows = self._session.execute(
            select(ProfileRow, released.label("released"))
            .where(ProfileRow.family_ref == family_ref)
            .order_by(ProfileRow.entry)
        )
        return [_seen(row.ProfileRow, row.released) for row in rows]

    def answers_through(self, links: list[str]) -> list[tuple[str, Seen]]:
        """Every answer that released something through one of these links, with the link, oldest first."""
        rows = self._session.execute(
            select(ProfileRow, ViewRow.link, ViewRow.released)
            .select_from(views_of_links())
            .where(LinkRow.link.in_(links))
            .order_by(ProfileRow.entry, ViewRow.link)
        )
        return [(row.link, _seen(row.ProfileRow, row.released)) for row in rows]

    def entries(self, field: str, value: str) -> list[bytes]:
        """The log's entries that commit to this value in this field, as far as it was not erased."""
        found = self._session.execute(
            select(OpeningRow.entry)
            .where(OpeningRow.value == value, OpeningRow.field == field)
            .order_by(OpeningRow.entry)
        ).scalars()
        bodies = [self._audit.body(entry) for entry in found]
        return [body for body in bodies if body is not None]

    def opened(self, entry: int, field: str) -> str | None:
        """What an entry commits to in a field; None once it was erased."""
        row = self._session.get(OpeningRow, (entry, field))
        return None if row is None else row.value

    def names_of(self, family_ref: str) -> list[str]:
        """Every reference of a family, this one first."""
        alias = select(FamilyAliasRow.family_ref).where(FamilyAliasRow.alias == family_ref)
        known = self._session.execute(alias).scalar_one_or_none() or family_ref
        others = select(FamilyAliasRow.alias).where(FamilyAliasRow.family_ref == known).order_by(FamilyAliasRow.alias)
        return list(dict.fromkeys([family_ref, known, *self._session.execute(others).scalars()]))

    def is_family(self, family_ref: str) -> bool:
        """Whether there is a family of this reference."""
        return self._session.get(FamilyRow, family_ref) is not None

    def holds(self, agency: str, record_ref: str) -> bool:
        """Whether an agency's submissions that are still there have this record."""
        query = (
            select(RecordRow.record_ref)
            .join(SubmissionRow, SubmissionRow.submission == RecordRow.submission)
            .where(SubmissionRow.agency == agency, RecordRow.record_ref == record_ref)
            .limit(1)
        )
        return self._session.execute(query).first() is not None

    def links(self, agency: str | None, record_ref: str) -> list[ActiveLink]:
        """Every link, ended ones too, that ends at an agency's record, or with no agency that begins at a member."""
        where = (
            (LinkRow.member_ref == record_ref,)
            if agency is None
            else (LinkRow.agency == agency, LinkRow.record_ref == record_ref)
        )
        rows = self._session.execute(select(LinkRow).where(*where).order_by(LinkRow.made_at, LinkRow.link)).scalars()
        return [active_link(row) for row in rows]

    def wrong(self, links: list[str]) -> set[str]:
        """Those of the links that a person found to be wrong: they end at somebody else's record."""
        ended = select(LinkRow.link).where(
            LinkRow.link.in_(links), LinkRow.state == "closed", LinkRow.ended_why.in_(FOUND_WRONG)
        )
        return set(self._session.execute(ended).scalars())

    def cautions(self, agency: str, refs: list[str]) -> list[str]:
        """Why an agency must be asked before anybody tells that it has these records."""
        rows = self._session.execute(
            select(RecordRow.silent, RecordRow.shielded, RecordRow.hold)
            .join(SubmissionRow, SubmissionRow.submission == RecordRow.submission)
            .where(
                SubmissionRow.agency == agency,
                SubmissionRow.state.in_(("received", "current")),
                RecordRow.record_ref.in_(refs),
            )
        ).all()
        found = {"keeps silent about a record" for row in rows if row.silent}
        found |= {"shields the person" for row in rows if row.shielded}
        return sorted(found | {f"holds a record ({row.hold})" for row in rows if row.hold})

    def families_of(self, member_ref: str) -> list[str]:
        """The families that a person is declared in."""
        query = select(MemberRow.family_ref).where(MemberRow.record_ref == member_ref)
        return list(self._session.execute(query.order_by(MemberRow.family_ref)).scalars())

    def consents_of(self, agency: str, record_ref: str) -> list[ConsentRecord]:
        """The consents about a record in the agency's submissions that are still there."""
        rows = self._session.execute(
            select(ConsentRow.body)
            .join(SubmissionRow, SubmissionRow.submission == ConsentRow.submission)
            .where(SubmissionRow.agency == agency, ConsentRow.subject_ref == record_ref)
            .order_by(ConsentRow.number)
        ).scalars()
        return [ConsentRecord.model_validate_json(body) for body in rows]

    def challenges_of(self, links: list[str]) -> list[tuple[str, str, str, datetime]]:
        """Challenges about links: link, reason, state, time."""
        rows = self._session.execute(
            select(ChallengeLinkRow.link, ChallengeRow.reason, ChallengeRow.state, ChallengeRow.opened_at)
            .join(ChallengeRow, ChallengeRow.challenge == ChallengeLinkRow.challenge)
            .where(ChallengeLinkRow.link.in_(links))
            .order_by(ChallengeRow.opened_at)
        )
        return [(row.link, row.reason, row.state, row.opened_at) for row in rows]

    def recalls_of(self, links: list[str]) -> list[tuple[str, str, datetime, str | None]]:
        """Recalls of links: link, reason, time, what the Workbook did."""
        rows = self._session.execute(
            select(RecallRow.link, RecallRow.reason, RecallRow.opened_at, RecallRow.outcome)
            .where(RecallRow.link.in_(links))
            .order_by(RecallRow.opened_at)
        )
        return [(row.link, row.reason, row.opened_at, row.outcome) for row in rows]

    def emergencies_of(self, family_ref: str) -> list[tuple[datetime, str, str, str | None]]:
        """Emergency accesses to a family: time, function, reason, what came of the review."""
        rows = self._session.execute(
            select(BreakGlassRow).where(BreakGlassRow.family_ref == family_ref).order_by(BreakGlassRow.opened_at)
        ).scalars()
        return [(row.opened_at, row.role_function, row.reason, row.outcome) for row in rows]

    def counts_of(self, agency: str) -> dict[str, int]:
        """How much of an agency is held: links by grade, answers that released something of it, alerts."""
        rows = self._session.execute(
            select(LinkRow.grade, func.count().label("n"))
            .where(LinkRow.agency == agency, LinkRow.state != "closed")
            .group_by(LinkRow.grade)
        )
        counts = {f"links {row.grade}": int(row.n) for row in rows}
        answers = (
            select(func.count(func.distinct(ViewRow.profile)))
            .select_from(views_of_links())
            .where(LinkRow.agency == agency)
        )
        counts["answers with its data"] = int(self._session.execute(answers).scalar_one())
        alerts = select(func.count()).select_from(AlertRow).where(AlertRow.recipient == agency)
        counts["alerts to it"] = int(self._session.execute(alerts).scalar_one())
        return counts


def _seen(row: ProfileRow, released: int) -> Seen:
    return Seen(
        profile=row.profile,
        at=row.at,
        entry=row.entry,
        family_ref=row.family_ref,
        worker=row.worker,
        role_function=row.role_function,
        purpose=row.purpose,
        protocol_digest=row.protocol_digest,
        released=int(released),
        decisions=row.decisions,
    )
