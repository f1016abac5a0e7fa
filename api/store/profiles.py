"""What a question depends on, and the answers that were given, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Insert,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    join,
    literal,
    null,
    or_,
    outerjoin,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import Session

from api.answers import StoredAnswer
from api.families import StoredFamily
from api.identity import DECLARING_AGENCY
from api.picture import LinkedRecord, Picture, SealedCell
from api.store.base import UtcDateTime, connection_of
from api.store.families import ROLES, STAGES
from api.store.log import AuditLog
from api.store.tables import CellRow, ConflictRow, ConsentRow, FeedRow, Id, MemberRow, RecordRow, SubmissionRow
from api.store.tables_agreement import StopRow
from api.store.tables_work import AlertRow, ChangeRow, HeadRow, LinkRow, ProfileRow, ViewRow
from protocols.audit.events.answers import AlertRaised, ProfileAnswered, ProfileRefused, WorkerRefused
from protocols.family import ConsentRecord
from protocols.profile import AgencyStatus, DataKey, RecordAtAgency
from protocols.vocabulary import Grade

# Made once: putting a statement together takes longer than running it.
_KEY_COLUMNS = (
    SubmissionRow.submission,
    SubmissionRow.agency,
    SubmissionRow.protocol_digest,
    SubmissionRow.epoch,
    SubmissionRow.workbook_key,
    SubmissionRow.workbook_box,
)
_IN_USE = (
    select(*_KEY_COLUMNS, SubmissionRow.state, SubmissionRow.extract_date)
    .where(or_(SubmissionRow.state == "received", SubmissionRow.state == "current"))
    .order_by(SubmissionRow.number)
)
# What every question depends on: when feeds were confirmed, which agencies stopped their releases, and the log's generation.
_COUNTY: CompoundSelect[Any] = union_all(
    select(literal("log"), cast(null(), Id), cast(null(), UtcDateTime), HeadRow.generation),
    select(literal("feed"), FeedRow.feed, FeedRow.confirmed_at, null()),
    select(literal("stop"), StopRow.agency, null(), null()),
)
_SUBMISSIONS: BindParameter[list[str]] = bindparam("submissions", expanding=True)
_CONFLICTS = (
    select(ConflictRow.worker)
    .join(MemberRow, MemberRow.record_ref == ConflictRow.record_ref)
    .where(ConflictRow.worker == bindparam("worker"), MemberRow.family_ref == bindparam("family"))
    .limit(1)
)
_KEYS = select(*_KEY_COLUMNS).where(SubmissionRow.submission.in_(_SUBMISSIONS))
_ADD_ANSWER = insert(ProfileRow)
_GRADES = {grade.value: grade for grade in Grade}


@lru_cache(maxsize=128)
def _links(agencies: int) -> Select[*tuple[Any, ...]]:
    """A family's links with what the records' flags are in one submission of each of so many agencies (`_chosen` names them)."""
    record = and_(RecordRow.submission == _submission_of(agencies), RecordRow.record_ref == LinkRow.record_ref)
    return (
        select(
            LinkRow.link,
            LinkRow.member_ref,
            LinkRow.agency,
            LinkRow.record_ref,
            LinkRow.grade,
            LinkRow.state,
            RecordRow.submission.is_not(None).label("there"),
            RecordRow.shielded,
            RecordRow.silent,
            RecordRow.deceased,
            RecordRow.hold,
        )
        .select_from(outerjoin(LinkRow, RecordRow, record))
        .where(LinkRow.family_ref == bindparam("family"), LinkRow.state != "closed")
        .order_by(LinkRow.link)
    )


@lru_cache(maxsize=128)
def _cells(agencies: int) -> Select[*tuple[Any, ...]]:
    """The cells of a family's certain, active links in one submission of each of so many agencies."""
    cell = and_(CellRow.submission == _submission_of(agencies), CellRow.record_ref == LinkRow.record_ref)
    return (
        select(LinkRow.agency, CellRow.record_ref, CellRow.attribute, CellRow.source, CellRow.as_at, CellRow.sealed)
        .select_from(join(LinkRow, CellRow, cell))
        .where(
            LinkRow.family_ref == bindparam("family"),
            LinkRow.grade == Grade.CERTAIN.value,
            LinkRow.state == "active",
        )
    )


@lru_cache(maxsize=128)
def _consents(agencies: int) -> CompoundSelect[*tuple[Any, ...]]:
    """The consents about a family's members, as children's social care has them, and about the records linked to them."""
    columns = (ConsentRow.number, ConsentRow.submission, ConsentRow.subject_ref, ConsentRow.body)
    linked = and_(ConsentRow.submission == _submission_of(agencies), ConsentRow.subject_ref == LinkRow.record_ref)
    own = and_(ConsentRow.submission == bindparam("own"), ConsentRow.subject_ref == MemberRow.record_ref)
    return union(
        select(*columns)
        .select_from(join(LinkRow, ConsentRow, linked))
        .where(LinkRow.family_ref == bindparam("family"), LinkRow.state != "closed"),
        select(*columns)
        .select_from(join(MemberRow, ConsentRow, own))
        .where(MemberRow.family_ref == bindparam("family")),
    ).order_by("number")


@lru_cache(maxsize=2)
def _add_views(dialect: str) -> Insert:
    """All links of an answer in one statement, from a JSON object of how much was released through each."""
    listed = func.json_each if dialect == "sqlite" else func.json_each_text
    each = listed(bindparam("views", type_=JSON)).table_valued("key", "value")
    row = select(bindparam("profile", type_=Id), each.c.key, cast(each.c.value, Integer))
    return insert(ViewRow).from_select(["profile", "link", "released"], row)


def _submission_of(agencies: int) -> ColumnElement[Any]:
    """The submission that is chosen for a link's agency: one look-up for each link, not one for each link and submission."""
    if not agencies:
        return null()
    each = [
        (LinkRow.agency == bindparam(f"agency_{n}"), bindparam(f"submission_{n}", type_=Id)) for n in range(agencies)
    ]
    return case(*each)


def _chosen(submissions: Mapping[str, str]) -> dict[str, str]:
    """The parameters of `_submission_of` for submissions by their agencies."""
    return {
        name: text
        for n, (agency, submission) in enumerate(submissions.items())
        for name, text in ((f"agency_{n}", agency), (f"submission_{n}", submission))
    }


class Profiles:
    """The facts of a question, and the record of its answer."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def generation(self) -> int:
        """How long the log was after the last event that can change a decision."""
        return self._audit.generation()

    def in_conflict(self, worker: str, family: str) -> bool:
        """Whether the worker must not ask about somebody in the family."""
        found = connection_of(self._session).execute(_CONFLICTS, {"worker": worker, "family": family})
        return found.first() is not None

    def picture(self, family: StoredFamily, protocol_agencies: Sequence[str]) -> Picture:
        """Everything that a question about the family depends on."""
        db, ref = connection_of(self._session), family.declaration.family_ref
        in_use = db.execute(_IN_USE).all()
        newest = {row.agency: row.submission for row in in_use}
        current = {row.agency: row.submission for row in in_use if row.state == "current"}
        submitted = {row.agency: row.extract_date for row in in_use if row.state == "current"}
        county = db.execute(_COUNTY).all()
        feeds = {of: confirmed for fact, of, confirmed, _ in county if fact == "feed"}
        stopped = {of for fact, of, _, _ in county if fact == "stop"}
        links = db.execute(_links(len(newest)), {"family": ref, **_chosen(newest)}).all()
        cells = self._cells(ref, current)
        consents = self._consents(ref, newest)
        return Picture(
            generation=next(generation for fact, _, _, generation in county if fact == "log"),
            linked=tuple(
                _linked(row, cells, consents.get((newest.get(row.agency, ""), row.record_ref), ())) for row in links
            ),
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
            keys={row.submission: _data_key(*row[: len(_KEY_COLUMNS)]) for row in in_use if row.state == "current"},
        )

    def _cells(self, family: str, current: Mapping[str, str]) -> dict[tuple[str, str], list[SealedCell]]:
        """The values of the records that are linked for certain, as of the submissions in force, by agency and record."""
        found: dict[tuple[str, str], list[SealedCell]] = {}
        rows = connection_of(self._session).execute(_cells(len(current)), {"family": family, **_chosen(current)})
        for agency, record, attribute, source, as_at, sealed in rows.all():
            found.setdefault((agency, record), []).append(SealedCell(attribute, as_at, record, source, sealed))
        return found

    def _consents(self, family: str, newest: Mapping[str, str]) -> dict[tuple[str, str], list[ConsentRecord]]:
        """The consents that decide about a family, as of these submissions, by submission and subject."""
        found: dict[tuple[str, str], list[ConsentRecord]] = {}
        asked = {"family": family, "own": newest.get(DECLARING_AGENCY), **_chosen(newest)}
        for _, submission, subject, body in connection_of(self._session).execute(_consents(len(newest)), asked):
            found.setdefault((submission, subject), []).append(ConsentRecord.model_validate_json(body))
        return found

    def data_keys(self, submissions: Sequence[str]) -> list[DataKey]:
        """The boxed data keys of submissions."""
        rows = connection_of(self._session).execute(_KEYS, {"submissions": list(submissions)})
        return [_data_key(*row) for row in rows]

    def keep_answer(self, answer: StoredAnswer, event: ProfileAnswered) -> None:
        """Keep an answer."""
        entry, db = self._audit.append(event), connection_of(self._session)
        db.execute(
            _ADD_ANSWER,
            {
                "profile": answer.profile,
                "at": answer.at,
                "entry": entry,
                "family_ref": answer.family_ref,
                "worker": answer.worker,
                "role_function": answer.role_function,
                "purpose": answer.purpose,
                "protocol_digest": answer.protocol_digest,
                "decisions": answer.decisions,
            },
        )
        if answer.views:
            db.execute(_add_views(db.dialect.name), {"profile": answer.profile, "views": answer.views})

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

    def keep_doubt(self, event: WorkerRefused, alert: AlertRaised | None, at: datetime) -> None:
        """Record that a client vouched for a worker in a way that does not hold, and alert whoever is to know."""
        self._audit.append(event)
        if alert is not None:
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


def _linked(
    row: Any, cells: Mapping[tuple[str, str], Sequence[SealedCell]], consents: Sequence[ConsentRecord]
) -> LinkedRecord:
    """A linked record with its flags as of the newest submission and its values as of the one in force.

    A record that the newest submission does not have any more counts as held: the agency took it back.
    """
    link, member_ref, agency, record_ref, grade, state, there, shielded, silent, deceased, hold = row
    record = RecordAtAgency(
        grade=_GRADES[grade],
        cells=tuple(cells.get((agency, record_ref), ())),
        consents=tuple(consents) if agency != DECLARING_AGENCY else (),
        held=state != "active" or not there or hold is not None,
        silent=bool(silent),
        shielded=bool(shielded),
        deceased=bool(deceased),
    )
    return LinkedRecord(link, member_ref, agency, record_ref, record)


@lru_cache(maxsize=256)
def _data_key(submission: str, agency: str, digest: str, epoch: int, recipient: str, box: str) -> DataKey:
    """A boxed data key as it is stored: the same for as long as the submission is there."""
    return DataKey(id=submission, agency=agency, protocol_digest=digest, epoch=epoch, recipient=recipient, box=box)
