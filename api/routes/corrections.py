"""Challenges, decisions about them, markers, and recalls with their acknowledgement."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.corrections import (
    ChallengeReason,
    NewMarker,
    Outcome,
    Verdict,
    acknowledge,
    challenge,
    decide,
    new_marker_id,
    place_marker,
)
from api.explain import Place, place_of
from api.guards import Caller, caller, service_of
from api.problems import NotFound, described, leads_to
from api.routes.bodies import Shown
from api.routes.once import Key, once
from api.runs import ActiveLink
from api.store.store import Transaction
from api.vouching import worker_of
from protocols.errors import InputError
from protocols.family import FAMILY_REF, RECORD_REF
from protocols.identity import WORKER_HEADER

router = APIRouter()
AGENCY = r"^[a-z][a-z0-9_]{1,40}$"


class Given(BaseModel):
    """What a caller sends: nothing unknown in it."""

    model_config = ConfigDict(extra="forbid")


class NewChallenge(Given):
    """What is challenged. The Workbook names a decision that it was shown, an agency its own record, children's social care a member."""

    reason: ChallengeReason
    decision_id: str | None = Field(
        default=None,
        pattern=r"^prf-[0-9a-f]{20}\.[0-9]{2}\.[0-9]{2}\.[0-9]{3}$",
        examples=["prf-3f2a9c0177be0d54a1b2.00.01.000"],
    )
    record_ref: str | None = Field(default=None, pattern=RECORD_REF)
    family_ref: str | None = Field(default=None, pattern=FAMILY_REF, examples=["WB-20417"])
    member_ref: str | None = Field(default=None, pattern=RECORD_REF)
    agency: str | None = Field(default=None, pattern=AGENCY)

    @model_validator(mode="after")
    def _one_way_to_name_it(self) -> NewChallenge:
        member = (self.family_ref, self.member_ref, self.agency)
        ways = [self.decision_id is not None, self.record_ref is not None, all(member)]
        if sum(ways) != 1 or (any(member) and not all(member)):
            raise ValueError("name a decision, or a record, or a member with family and agency")
        return self


class ChallengeView(BaseModel):
    """A challenge. Whether it froze anything is not said to those who may not know."""

    challenge_id: str
    state: str
    opened_at: datetime


class NewVerdict(Given):
    """What came of a challenge."""

    verdict: Verdict


class NewMarkerBody(Given):
    """A person's decision that a member is, or is not, a record."""

    member_ref: str = Field(pattern=RECORD_REF)
    agency: str = Field(pattern=AGENCY)
    record_ref: str = Field(pattern=RECORD_REF)
    decision: Literal["must", "never"]
    worker: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    overrule: bool = Field(default=False, description="Whether it takes the place of the opposite decision.")


class MarkerView(BaseModel):
    """A decision that was kept."""

    placed: bool


class RecallView(Shown):
    """Something that was seen and turned out wrong: which answers it was in."""

    recall_id: str = Field(validation_alias="recall")
    family_ref: str
    member_ref: str
    agency: str
    reason: str
    opened_at: datetime
    acknowledged_at: datetime | None
    outcome: str | None
    profiles: list[str]


class NewOutcome(Given):
    """What the Workbook did with its copies."""

    outcome: Outcome


@router.post(
    "/v1/challenges",
    status_code=201,
    response_model=ChallengeView,
    responses={
        **described(401, 403, 404, 409, 422, 429, 503),
        201: {"description": "The links are frozen.", "links": leads_to("judge", "challenge_id", "challenge_id")},
    },
)
def open_challenge(
    new: NewChallenge,
    request: Request,
    response: Response,
    key: Key = None,
    worker: Annotated[str | None, Header(alias=WORKER_HEADER, max_length=4096)] = None,
) -> ChallengeView | Response:
    """Say that a link is wrong. What it released stops within this request, until somebody has decided."""
    service, who = service_of(request), caller(request)
    asking = worker_of(service, worker, who.client, "challenge", new.family_ref).worker if worker else None
    if "query" in who.scopes and asking is None:
        raise InputError(f"The Workbook says who challenges: `{WORKER_HEADER}`.", next_step="Send a worker assertion.")

    def make(tx: Transaction) -> ChallengeView:
        links = _challenged(tx, new, who)
        made = challenge(tx.corrections, links, new.reason, who.client, asking, service.now())
        return ChallengeView(challenge_id=made.challenge, state=made.state, opened_at=made.opened_at)

    response.status_code = 201
    return once(request, response, key, new, make, asking)


def _challenged(tx: Transaction, new: NewChallenge, who: Caller) -> list[ActiveLink]:
    """The links that a challenge is about, as far as this caller may name them."""
    if new.decision_id is not None:
        place = _place(tx, new.decision_id, who)
        return tx.corrections.links_of_member(place.family_ref, place.member_ref, place.agency)
    if new.record_ref is not None:
        if f"submit:{who.client}" not in who.scopes:
            raise InputError("Only an agency names its own record.", next_step="Name the decision or the member.")
        return tx.corrections.links_at(who.client, new.record_ref)
    if "declare" not in who.scopes:
        raise InputError("Only children's social care names a member.", next_step="Name the decision or the record.")
    return tx.corrections.links_of_member(new.family_ref or "", new.member_ref or "", new.agency or "")


def _place(tx: Transaction, decision_id: str, who: Caller) -> Place:
    place = place_of(tx.profiles, decision_id) if "query" in who.scopes else None
    if place is None:
        raise NotFound("There is no such decision.", next_step="Use an id from a profile.")
    return place


@router.post("/v1/challenges/{challenge_id}/verdict", responses=described(401, 403, 404, 409, 422, 429, 503))
def judge(
    challenge_id: Annotated[str, Path(pattern=r"^chl-[0-9a-f]{16}$")], new: NewVerdict, request: Request
) -> ChallengeView:
    """Decide a challenge. Upheld: its links end for good and what was seen is recalled. Rejected: they are in force again."""
    service = service_of(request)
    with service.store.writing() as tx:
        done = decide(tx.corrections, challenge_id, new.verdict, caller(request).client, service.now())
    return ChallengeView(challenge_id=done.challenge, state=done.state, opened_at=done.opened_at)


@router.post("/v1/markers", status_code=201, responses=described(401, 403, 409, 422, 429, 503))
def mark(new: NewMarkerBody, request: Request) -> MarkerView:
    """Keep a person's decision about a link. A never-link holds at once, a must-link from the next run on."""
    service, client = service_of(request), caller(request).client
    marker = NewMarker(new_marker_id(), new.member_ref, new.agency, new.record_ref, new.decision, client)
    with service.store.writing() as tx:
        return MarkerView(placed=place_marker(tx.corrections, marker, new.worker, service.now(), new.overrule))


@router.get("/v1/recalls", responses=described(401, 403, 422, 429, 503))
def recalls(request: Request, all: bool = False) -> list[RecallView]:
    """What was seen and turned out wrong, and waits for an acknowledgement."""
    with service_of(request).store.reading() as tx:
        return [RecallView.model_validate(item) for item in tx.corrections.recalls(pending=not all)]


@router.post("/v1/recalls/{recall_id}/acknowledgement", responses=described(401, 403, 404, 422, 429, 503))
def answer_recall(
    recall_id: Annotated[str, Path(pattern=r"^rcl-[0-9a-f]{16}$")], new: NewOutcome, request: Request
) -> RecallView:
    """Say what the Workbook did with its copies."""
    service = service_of(request)
    with service.store.writing() as tx:
        done = acknowledge(tx.corrections, recall_id, new.outcome, caller(request).client, service.now())
    return RecallView.model_validate(done)
