"""The audit log's signed head, for every party: what lets each of them prove a rewritten history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from api.audit_log import sign_checkpoint
from api.guards import service_of
from api.problems import NotFound, described

router = APIRouter()


@router.get("/v1/audit/checkpoint", response_class=PlainTextResponse, responses=described(401, 403, 429, 503))
def checkpoint(request: Request) -> PlainTextResponse:
    """A signed checkpoint of the log as it is now (C2SP tlog-checkpoint)."""
    service = service_of(request)
    with service.store.writing() as tx:
        note = sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
    return PlainTextResponse(note)


class Certificate(BaseModel):
    """What was deleted on one day, as a JWS of the service's signing key."""

    day: str
    certificate: str


@router.get("/v1/certificates", responses=described(401, 403, 429, 503))
def certificates(request: Request) -> list[str]:
    """The days that have a deletion certificate, newest first."""
    with service_of(request).store.reading() as tx:
        return tx.retention.certificates()


@router.get("/v1/certificates/{day}", responses=described(401, 403, 404, 422, 429, 503))
def certificate(day: Annotated[str, Path(pattern=r"^\d{4}-\d{2}-\d{2}$")], request: Request) -> Certificate:
    """The deletion certificate of a day."""
    with service_of(request).store.reading() as tx:
        text = tx.retention.certificate(day)
    if text is None:
        raise NotFound("There is no certificate for this day.", next_step="List the days.")
    return Certificate(day=day, certificate=text)
