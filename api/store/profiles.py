"""What a question depends on, and the answers that were given, in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, insert, select
from sqlalchemy.orm import Session

from api.families import StoredFamily
from api.identity import DECLARING_AGENCY
from api.profiles import LinkedRecord, Picture, SealedCell, StoredAnswer
from api.store.families import ROLES, STAGES
from api.store.log import AuditLog
from api.store.tables import CellRow, ConflictRow, ConsentRow, FeedRow, RecordRow, SubmissionRow
from api.store.tables_agreement import StopRow
from api.store.tables_work import AlertRow, ChangeRow, LinkRow, ProfileRow, ViewRow
from protocols.audit.events.answers import AlertRaised, ProfileAnswered, ProfileRefused
from protocols.family import ConsentRecord
from protocols.profile import AgencyStatus, DataKey, RecordAtAgency
from protocols.vocabulary import Grade

# Made once: putting a statement together takes longer than running it.
_IN_USE = (
    select(SubmissionRow.agency, SubmissionRow.submission, SubmissionRow.state, SubmissionRow.extract_date)
    .where(SubmissionRow.state.in_(("received", "current")))
    .order_by(SubmissionRow.number)
)
_FEEDS = select(FeedRow.feed, FeedRow.confirmed_at)
_STOPPED = select(StopRow.agency)
_SUBMISSIONS: BindParameter[list[str]] = bindparam("submissions", expanding=True)
_REFS: BindParameter[list[str]] = bindparam("refs", expanding=True)
_LINKS = (
    select(LinkRow.link, LinkRow.member_ref, LinkRow.agency, LinkRow.record_ref, LinkRow.grade, LinkRow.state)
    .where(LinkRow.family_ref == bindparam("family"), LinkRow.state != "closed")
    .order_by(LinkRow.link)
)
_FLAGS = select(
    RecordRow.submission,
    RecordRow.record_ref,
    RecordRow.shielded,
    RecordRow.silent,
    RecordRow.deceased,
    RecordRow.hold,
).where(RecordRow.submission.in_(_SUBMISSIONS), RecordRow.record_ref.in_(_REFS))
_CELLS = select(
    CellRow.submission, CellRow.record_ref, CellRow.attribute, CellRow.source, CellRow.as_at, CellRow.sealed
).where(CellRow.submission.in_(_SUBMISSIONS), CellRow.record_ref.in_(_REFS))
_CONSENTS = (
    select(ConsentRow.submission, ConsentRow.subject_ref, ConsentRow.body)
    .where(ConsentRow.submission.in_(_SUBMISSIONS), ConsentRow.subject_ref.in_(_REFS))
    .order_by(ConsentRow.number)
)
_KEYS = (
    select(
        SubmissionRow.submission,
        SubmissionRow.agency,
        SubmissionRow.protocol_digest,
        SubmissionRow.epoch,
        SubmissionRow.workbook_key,
        SubmissionRow.workbook_box,
    )
    .where(SubmissionRow.submission.in_(_SUBMISSIONS))
    .order_by(SubmissionRow.submission)
)


def _both(wanted: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The parameters that look for pairs of submission and record; which pairs were meant is checked on the way out."""
    pairs = list(wanted)
    return {
        "submissions": sorted({submission for submission, _ in pairs}),
        "refs": sorted({ref for _, ref in pairs}),
    }


class Profiles:
    """The facts of a question, and the record of its answer."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def generation(self) -> int:
        """How long the log was after the last event that can change a decision."""
        return self._audit.generation()

    def in_conflict(self, worker: str, refs: Sequence[str]) -> bool:
        """Whether the worker must not ask about one of these people."""
        query = select(ConflictRow.worker).where(ConflictRow.worker == worker, ConflictRow.record_ref.in_(refs))
        return self._session.execute(query.limit(1)).first() is not None

    def picture(self, family: StoredFamily, protocol_agencies: Sequence[str]) -> Picture:
        """Everything that a question about the family depends on."""
        generation = self._audit.generation()
        in_use = self._session.execute(_IN_USE).all()
        newest = {row.agency: row.submission for row in in_use}
        current = {row.agency: row.submission for row in in_use if row.state == "current"}
        submitted = {row.agency: row.extract_date for row in in_use if row.state == "current"}
        feeds = {row.feed: row.confirmed_at for row in self._session.execute(_FEEDS)}
        stopped = set(self._session.execute(_STOPPED).scalars())
        links = self._links(family.declaration.family_ref)
        consents = self._consents(
            {(newest.get(DECLARING_AGENCY, ""), member.record_ref) for member in family.declaration.members}
            | {(newest[link.agency], link.record_ref) for link in links if link.agency in newest}
        )
        return Picture(
            generation=generation,
            linked=self._linked(links, newest, current, consents),
            agencies={
                agency: AgencyStatus(submitted.get(agency), stopped=agency in stopped) for agency in protocol_agencies
            },
            consents=tuple(
                consent
                for member in family.declaration.members
                for consent in consents.get((newest.get(DECLARING_AGENCY, ""), member.record_ref), ())
            ),
            stages_confirmed=feeds.get(STAGES),
            roles_confirmed=feeds.get(ROLES),
        )

    def _links(self, family_ref: str) -> Sequence[Any]:
        return self._session.execute(_LINKS, {"family": family_ref}).all()

    def _linked(
        self,
        rows: Sequence[Any],
        newest: dict[str, str],
        current: dict[str, str],
        consents: dict[tuple[str, str], list[ConsentRecord]],
    ) -> tuple[LinkedRecord, ...]:
        """The linked records with their flags as of the newest submission and their values as of the one in force.

        A record that the newest submission does not have any more counts as held: the agency took it back.
        """
        wanted = [(newest[row.agency], row.record_ref) for row in rows if row.agency in newest]
        flags = {(row.submission, row.record_ref): row for row in self._session.execute(_FLAGS, _both(wanted))}
        cells = self._cells(
            {
                (current[row.agency], row.record_ref)
                for row in rows
                if row.grade == Grade.CERTAIN.value and row.state == "active" and row.agency in current
            }
        )
        linked = []
        for row in rows:
            flag = flags.get((newest.get(row.agency, ""), row.record_ref))
            held = row.state != "active" or flag is None or flag.hold is not None
            record = RecordAtAgency(
                grade=Grade(row.grade),
                cells=tuple(cells.get((current.get(row.agency, ""), row.record_ref), ())),
                consents=tuple(consents.get((newest.get(row.agency, ""), row.record_ref), ()))
                if row.agency != DECLARING_AGENCY
                else (),
                held=held,
                silent=flag is not None and flag.silent,
                shielded=flag is not None and flag.shielded,
                deceased=flag is not None and flag.deceased,
            )
            linked.append(LinkedRecord(row.link, row.member_ref, row.agency, row.record_ref, record))
        return tuple(linked)

    def _cells(self, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], list[SealedCell]]:
        found: dict[tuple[str, str], list[SealedCell]] = {}
        if not wanted:
            return found
        for submission, record, attribute, source, as_at, sealed in self._session.execute(_CELLS, _both(wanted)):
            key = (submission, record)
            if key in wanted:
                found.setdefault(key, []).append(SealedCell(attribute, as_at, record, source, sealed))
        return found

    def _consents(self, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], list[ConsentRecord]]:
        """The consents of (submission, subject) pairs."""
        rows = self._session.execute(_CONSENTS, _both(wanted))
        found: dict[tuple[str, str], list[ConsentRecord]] = {}
        for row in rows:
            if (row.submission, row.subject_ref) in wanted:
                consent = ConsentRecord.model_validate_json(row.body)
                found.setdefault((row.submission, row.subject_ref), []).append(consent)
        return found

    def data_keys(self, submissions: Sequence[str]) -> list[DataKey]:
        """The boxed data keys of submissions."""
        rows = self._session.execute(_KEYS, {"submissions": list(submissions)})
        return [
            DataKey(
                id=row.submission,
                agency=row.agency,
                protocol_digest=row.protocol_digest,
                epoch=row.epoch,
                recipient=row.workbook_key,
                box=row.workbook_box,
            )
            for row in rows
        ]

    def keep_answer(self, answer: StoredAnswer, event: ProfileAnswered) -> None:
        """Keep an answer."""
        entry = self._audit.append(event)
        self._session.execute(
            insert(ProfileRow).values(
                profile=answer.profile,
                at=answer.at,
                entry=entry,
                family_ref=answer.family_ref,
                worker=answer.worker,
                role_function=answer.role_function,
                purpose=answer.purpose,
                protocol_digest=answer.protocol_digest,
                decisions=answer.decisions,
            )
        )
        if answer.views:
            self._session.execute(
                insert(ViewRow),
                [{"profile": answer.profile, "link": link, "released": n} for link, n in answer.views.items()],
            )

    def decisions(self, profile: str) -> tuple[str, str, bytes] | None:
        """The family, the sharing protocol's digest and the decisions of an answer, as they are kept."""
        row = self._session.execute(
            select(ProfileRow.family_ref, ProfileRow.protocol_digest, ProfileRow.decisions).where(
                ProfileRow.profile == profile
            )
        ).one_or_none()
        return None if row is None else (row.family_ref, row.protocol_digest, row.decisions)

    def keep_refusal(self, event: ProfileRefused, alert: AlertRaised, at: datetime) -> None:
        """Record a refused question and alert the agency whose case it is."""
        self._audit.append(event)
        self.raise_alert(alert, at)

    def raise_alert(self, alert: AlertRaised, at: datetime) -> None:
        """Put something on a party's list of what to look at."""
        entry = self._audit.append(alert)
        self._session.execute(
            insert(AlertRow).values(alert=alert.alert, at=at, about=alert.about, recipient=alert.recipient, entry=entry)
        )

    def changes(self, since: int, limit: int) -> list[tuple[int, datetime, str, str | None, str | None]]:
        """What changed after a cursor: cursor, time, kind, family, and what else it is about."""
        rows = self._session.execute(
            select(ChangeRow.number, ChangeRow.at, ChangeRow.kind, ChangeRow.family_ref, ChangeRow.about)
            .where(ChangeRow.number > since)
            .order_by(ChangeRow.number)
            .limit(limit)
        )
        return [(row.number, row.at, row.kind, row.family_ref, row.about) for row in rows]
