"""The audit log's signed head, for every party: what lets each of them prove a rewritten history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from api.audit_log import sign_checkpoint
from api.cosigning import accept, follow
from api.guards import caller, service_of
from api.problems import NotFound, described
from api.retention import certificate_for
from api.routes.corrections import Given
from protocols.audit.note import MAX_NOTE_BYTES

router = APIRouter()


class Consistency(BaseModel):
    """The log's signed head, and the proof that the log which was seen before is its beginning (RFC 9162, 2.1.4)."""

    old: int
    proof: list[str]
    checkpoint: str


class Cosigned(Given):
    """A checkpoint of this log with the caller's own cosignature under it (C2SP tlog-cosignature)."""

    checkpoint: str = Field(max_length=MAX_NOTE_BYTES)


@router.get("/v1/audit/checkpoint", response_class=PlainTextResponse, responses=described(401, 403, 404, 422, 429, 503))
def checkpoint(request: Request, cosigned: bool = False) -> PlainTextResponse:
    """A signed checkpoint of the log as it is now (C2SP tlog-checkpoint), or the newest that an agency cosigned."""
    service = service_of(request)
    with service.store.writing() as tx:
        if not cosigned:
            return PlainTextResponse(sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing))
        size = tx.audit.cosigned()
        note = None if size is None else tx.audit.checkpoint(size)
    if note is None:
        raise NotFound("No agency has cosigned yet.", next_step="Run `kinlink agency watch-log` at an agency.")
    return PlainTextResponse(note)


@router.get("/v1/audit/consistency", responses=described(401, 403, 422, 429, 503))
def consistency(request: Request, old: Annotated[int, Query(ge=0, le=(1 << 53) - 1)] = 0) -> Consistency:
    """The log's signed head, with the proof that nothing before entry `old` was changed, added or removed."""
    service = service_of(request)
    with service.store.writing() as tx:
        note, proof = follow(tx.audit, old, service.settings.origin, service.keys.signing)
    return Consistency(old=old, proof=proof, checkpoint=note)


@router.post(
    "/v1/audit/cosignatures",
    response_class=PlainTextResponse,
    responses=described(401, 403, 413, 422, 429, 503),
)
def cosign(new: Cosigned, request: Request) -> PlainTextResponse:
    """Put the caller's cosignature under a checkpoint; the answer has those of the other agencies too."""
    service, client = service_of(request), caller(request).client
    with service.store.writing() as tx:
        note = accept(tx.audit, client, tx.identity.keys(client), service.log_key, new.checkpoint)
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
    """The deletion certificate of a day: the operator's is whole, a party's says what was deleted of that party."""
    service, who = service_of(request), caller(request)
    with service.store.reading() as tx:
        text = certificate_for(service, tx, day, None if "operate" in who.scopes else who.client)
    if text is None:
        raise NotFound("There is no certificate for this day.", next_step="List the days.")
    return Certificate(day=day, certificate=text)
