"""Which consents that ran out may be deleted: only those without which nobody would be decided about otherwise.

The last word of each person counts, and two holders of parental responsibility must both have said yes. So an expired consent still
speaks while an older one, or another holder's, goes on: were it gone, that other one would release what the last word had ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from api.identity import DECLARING_AGENCY
from api.store.tables import ConsentRow, SubmissionRow
from api.store.tables_work import LinkRow
from protocols.family import ConsentRecord
from protocols.vocabulary import ConsentStatus

MOST = 1_000
_Person = tuple[str, str]


class _Expired(NamedTuple):
    """A consent that ran out: its row, whose it is at which agency, what it says."""

    number: int
    of: _Person
    consent: ConsentRecord


def spent(session: Session, before: datetime) -> list[int]:
    """The rows of consents that ran out before a moment and about whose subject no other consent to the same still lasts; so many at most."""
    found: list[int] = []
    known: dict[_Person, list[ConsentRecord]] = {}
    for item in _expired(session, before):
        if item.of not in known:
            known[item.of] = _lasting(session, _same_person(session, item.of), before)
        if not any(_about_the_same(item.consent, it) for it in known[item.of]):
            found.append(item.number)
            if len(found) == MOST:
                break
    return found


def _expired(session: Session, before: datetime) -> Iterator[_Expired]:
    """Every consent that ran out before a moment, the oldest first."""
    query = (
        select(ConsentRow.number, ConsentRow.expires_at, SubmissionRow.agency, ConsentRow.subject_ref, ConsentRow.body)
        .join(SubmissionRow, SubmissionRow.submission == ConsentRow.submission)
        .where(ConsentRow.expires_at < before)
        .order_by(ConsentRow.expires_at, ConsentRow.number)
        .limit(MOST)
    )
    page = session.execute(query).all()
    while page:
        for row in page:
            yield _Expired(row.number, (row.agency, row.subject_ref), ConsentRecord.model_validate_json(row.body))
        last = page[-1]
        later = or_(
            ConsentRow.expires_at > last.expires_at,
            and_(ConsentRow.expires_at == last.expires_at, ConsentRow.number > last.number),
        )
        page = session.execute(query.where(later)).all()


def _same_person(session: Session, of: _Person) -> list[_Person]:
    """Every record that is the same person as this one, by the links that there are."""
    agency, ref = of
    links = select(LinkRow.agency, LinkRow.record_ref, LinkRow.member_ref).where(LinkRow.state != "closed")
    here = session.execute(links.where(LinkRow.agency == agency, LinkRow.record_ref == ref)).all()
    members = {row.member_ref for row in here} | ({ref} if agency == DECLARING_AGENCY else set())
    found = {of, *((DECLARING_AGENCY, member) for member in members)}
    for row in session.execute(links.where(LinkRow.member_ref.in_(sorted(members)))):
        found.add((row.agency, row.record_ref))
    return sorted(found)


def _lasting(session: Session, people: list[_Person], before: datetime) -> list[ConsentRecord]:
    """The consents about these records that were given and have not run out."""
    rows = session.execute(
        select(ConsentRow.body)
        .join(SubmissionRow, SubmissionRow.submission == ConsentRow.submission)
        .where(
            SubmissionRow.state.in_(("received", "current")),
            tuple_(SubmissionRow.agency, ConsentRow.subject_ref).in_(people),
            ConsentRow.expires_at.is_(None) | (ConsentRow.expires_at >= before),
        )
    ).scalars()
    found = [ConsentRecord.model_validate_json(body) for body in rows]
    return [item for item in found if item.status in (ConsentStatus.GIVEN, ConsentStatus.WITHDRAWN)]


def _about_the_same(one: ConsentRecord, other: ConsentRecord) -> bool:
    """Whatever they were for: one signature may cover several purposes, and then the last word over all of them counts."""
    return bool(set(one.scope) & set(other.scope))
