"""Emergency access, and its review by somebody else."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import BaseModel, Field

from api.break_glass import open_access, open_to, review
from api.guards import caller, service_of
from api.picture import Question
from api.problems import described, leads_to
from api.profiles import Why, refusal, refused_events, why_refused
from api.routes.bodies import Shown
from api.routes.corrections import Given
from api.routes.once import Key, once
from api.routes.profiles import tell_of_fishing, too_many
from api.service import Service
from api.store.store import Transaction
from api.vouching import worker_of
from protocols.errors import InputError
from protocols.family import FAMILY_REF, WORKER
from protocols.identity import WORKER_HEADER, WorkerAssertion
from protocols.signing import PROSE

router = APIRouter()


class NewAccess(Given):
    """Why a worker needs more than the role and the stage allow, and which manager knows."""

    family_ref: str = Field(pattern=FAMILY_REF, examples=["WB-20701"])
    reason: str = Field(pattern=r"^[A-Z][A-Z_]{2,30}$", examples=["IMMINENT_HARM"])
    explanation: str = Field(
        min_length=10, max_length=1000, pattern=PROSE, examples=["Called out at night; a child is at immediate risk."]
    )
    manager: str = Field(pattern=WORKER, examples=["w-0042"])


class AccessView(Shown):
    """An emergency access that is open."""

    access_id: str = Field(validation_alias="access")
    opened_at: datetime
    expires_at: datetime
    review_due: datetime


class AccessToReview(AccessView):
    """An access that waits for its review."""

    family_ref: str
    worker: str
    role_function: str
    reason: str
    manager: str
    explanation: str


class NewReview(Given):
    """What somebody else thinks of an access."""

    outcome: Literal["justified", "not-justified"]
    reviewer: str = Field(pattern=WORKER)


class Reviewed(BaseModel):
    """An access that was judged."""

    access_id: str
    outcome: str | None


@router.post(
    "/v1/break-glass",
    status_code=201,
    response_model=AccessView,
    responses={
        **described(401, 403, 409, 422, 429, 503),
        201: {"description": "The access is open.", "links": leads_to("judge_access", "access_id", "access_id")},
    },
)
def open_glass(
    new: NewAccess,
    request: Request,
    response: Response,
    worker: Annotated[str, Header(alias=WORKER_HEADER, max_length=4096)],
    key: Key = None,
) -> AccessView | Response:
    """Open more than the role and the stage allow, for a stated reason and a limited time. The agencies are told."""
    service, client = service_of(request), caller(request).client
    claims = worker_of(service, worker, client, "break-glass", new.family_ref)
    if claims.case != new.family_ref:
        raise InputError("The worker assertion is about another case.", next_step="Make one about this family.")

    _refuse_strangers(service, new.family_ref, client, claims)

    def make(tx: Transaction) -> AccessView:
        family, protocol = tx.families.family(new.family_ref), service.protocols.live(tx.identity)
        assert family is not None  # noqa: S101 - families are never deleted
        given = (new.reason, new.explanation, new.manager)
        access = open_access(tx.desk, family, claims, client, protocol.document, given, service.now())
        return AccessView.model_validate(access)

    response.status_code = 201
    return once(request, response, key, new, make, claims.worker)


def _refuse_strangers(service: Service, ref: str, client: str, claims: WorkerAssertion) -> None:
    """Refuse whom it is not open to, an unknown family and the worker's own: on record, with an alert, and in one sentence.

    So nobody learns from a refusal whether there is such a family. Each attempt counts as one of the worker's questions.
    """
    with service.store.reading() as tx:
        question = Question(ref, client, claims, service.protocols.live(tx.identity), service.now())
        fishing = too_many(service, question)
        family = tx.families.family(ref)
        why = why_refused(question, family, tx.profiles, stands_in=True)
        if family is not None and not open_to(claims, family, question.protocol.document, question.today):
            why = why or Why.NO_EMERGENCY
    if fishing is not None:
        tell_of_fishing(service, question)
        raise fishing
    if why is not None:
        with service.store.writing() as tx:
            tx.profiles.keep_refusal(*refused_events(question, why), question.at)
        raise refusal()


@router.get("/v1/break-glass", responses=described(401, 403, 429, 503))
def waiting(request: Request) -> list[AccessToReview]:
    """Accesses that nobody has judged, the most urgent first."""
    with service_of(request).store.reading() as tx:
        return [AccessToReview.model_validate(item) for item in tx.desk.accesses_to_review()]


@router.post("/v1/break-glass/{access_id}/review", responses=described(401, 403, 404, 422, 429, 503))
def judge_access(
    access_id: Annotated[str, Path(pattern=r"^bgl-[0-9a-f]{16}$")], new: NewReview, request: Request
) -> Reviewed:
    """Judge an access afterwards; not by who opened it."""
    service = service_of(request)
    with service.store.writing() as tx:
        done = review(tx.desk, access_id, new.reviewer, new.outcome, caller(request).client, service.now())
    return Reviewed(access_id=done.access, outcome=done.outcome)
