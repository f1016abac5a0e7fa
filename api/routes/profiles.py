"""The Workbook asks about a family, and reads what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel

from api.break_glass import opened_for, stands_in
from api.guards import Credential, caller, credential, service_of
from api.picture import Question
from api.problems import TooMany, described
from api.profiles import (
    MOST_TRIES,
    Answer,
    Why,
    busy,
    decide,
    emergency_alert,
    refusal,
    refused_events,
    why_refused,
)
from api.routes.families import FamilyRef
from api.service import Service
from api.store.store import Transaction
from api.vouching import doubts_on_record, vouched
from protocols.audit.events.answers import ChangesRead
from protocols.errors import InputError
from protocols.identity import WORKER_HEADER
from protocols.profile import Profile
from protocols.vocabulary import Purpose

router = APIRouter()


class Change(BaseModel):
    """Something that the Workbook should ask about again."""

    cursor: int
    at: datetime
    kind: str
    family_ref: str | None
    about: str | None


class Changes(BaseModel):
    """What changed after a cursor, oldest first; ask again from `cursor`."""

    changes: list[Change]
    cursor: int
    more: bool


@router.get(
    "/v1/families/{family_ref}/profile",
    response_class=Response,
    responses={200: {"model": Profile}, **described(401, 403, 409, 422, 429, 503)},
)
async def profile(
    family_ref: FamilyRef,
    request: Request,
    worker: Annotated[str, Header(alias=WORKER_HEADER, max_length=4096)],
    purpose: Purpose | None = None,
) -> Response:
    """What one worker may be told about each member of a family at each agency, sealed values included."""
    service = service_of(request)
    asked = _Asked(family_ref, credential(request), worker, purpose)
    answer = await run_sync(_ask_on_record, service, asked, limiter=service.answering)
    if answer is None:
        service.metrics.questions.labels("refused").inc()
        raise refusal()
    service.metrics.questions.labels("answered").inc()
    return Response(
        answer.body,
        media_type="application/json",
        headers={"Cache-Control": "no-store", "Kinlink-Profile": answer.stored.profile},
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as it came: about which family, with which credential, for which worker, what for if that was said."""

    ref: str
    credential: Credential
    worker: str
    purpose: Purpose | None


def _ask_on_record(service: Service, asked: _Asked) -> Answer | None:
    with doubts_on_record(service, "profile", asked.ref):
        return _ask(service, asked)


def _ask(service: Service, asked: _Asked) -> Answer | None:
    """Read, decide, write: again from the start if something that decides has changed in between."""
    for attempt in range(MOST_TRIES):
        with service.store.reading() as tx:
            client = asked.credential.admit(tx).client
            question = _question(service, tx, asked, client)
            fishing = None if attempt else too_many(service, question)
            why, answer = _decided(tx, question) if fishing is None else (None, None)
        if fishing is not None:
            tell_of_fishing(service, question)
            raise fishing
        with service.store.writing() as tx:
            if why is not None:
                tx.profiles.keep_refusal(*refused_events(question, why), question.at)
                return None
            assert answer is not None  # noqa: S101 - the other outcome
            if tx.profiles.generation() == answer.generation:
                tx.profiles.keep_answer(answer.stored, answer.event)
                for agency in sorted(answer.by_emergency):
                    about = f"break-glass-release:{answer.stored.profile}"
                    tx.profiles.raise_alert(emergency_alert(question, about, agency), question.at)
                return answer
            tx.roll_back()
    raise busy()


def too_many(service: Service, question: Question) -> TooMany | None:
    """Count the worker's question; the refusal if there are too many."""
    most = question.protocol.document.limits.queries_per_worker_per_hour
    try:
        service.limiter.question(question.assertion.worker, most)
    except TooMany as refused:
        return refused
    return None


def tell_of_fishing(service: Service, question: Question) -> None:
    """A worker who asks too much is on record and children's social care alerted, once an hour: that is what the limit is for."""
    with service.limiter.once_an_hour("excess", question.assertion.worker) as first:
        if first:
            with service.store.writing() as tx:
                tx.profiles.keep_refusal(*refused_events(question, Why.TOO_MANY), question.at)


def _question(service: Service, tx: Transaction, asked: _Asked, client: str) -> Question:
    """The question with who vouches for it and what is agreed, read in the view of the database that it is decided in."""
    claims = vouched(service, tx, asked.worker, client)
    if asked.purpose is not None and asked.purpose is not claims.purpose:
        raise InputError("The purpose differs from the one that is vouched for.", next_step="Ask for that purpose.")
    protocol = service.protocols.live(tx.identity)
    return Question(asked.ref, client, claims, protocol, service.now())


def _decided(tx: Transaction, question: Question) -> tuple[Why | None, Answer | None]:
    family, protocol = tx.families.family(question.ref), question.protocol.document
    access = None if family is None else opened_for(tx.desk, question.assertion, family, question.at)
    rota = stands_in(access, protocol, question.assertion.role_function)
    why = why_refused(question, family, tx.profiles, rota)
    if why is not None or family is None:
        return why, None
    picture = tx.profiles.picture(family, [party.id for party in protocol.parties])
    return None, decide(question, family, picture, tx.profiles, access is not None)


@router.get("/v1/changes", responses=described(401, 403, 422, 429, 503))
def changes(
    request: Request,
    since: Annotated[int, Query(ge=0, le=(1 << 53) - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Changes:
    """What changed after a cursor: families to ask about again, recalls to act on. It names families, never people or values."""
    service = service_of(request)
    with service.store.writing() as tx:
        rows = tx.profiles.changes(since, limit + 1)
        page = rows[:limit]
        last = page[-1][0] if page else since
        tx.audit.append(ChangesRead(actor=caller(request).client, since=since, until=last))
    return Changes(
        changes=[
            Change(cursor=n, at=at, kind=kind, family_ref=family, about=about) for n, at, kind, family, about in page
        ],
        cursor=last,
        more=len(rows) > limit,
    )
