"""The audit log's signed head, for every party: what lets each of them prove a rewritten history."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from api.audit_log import sign_checkpoint
from api.guards import service_of
from api.problems import described

router = APIRouter()


@router.get("/v1/audit/checkpoint", response_class=PlainTextResponse, responses=described(401, 403, 429, 503))
def checkpoint(request: Request) -> PlainTextResponse:
    """A signed checkpoint of the log as it is now (C2SP tlog-checkpoint)."""
    service = service_of(request)
    with service.store.writing() as tx:
        note = sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
    return PlainTextResponse(note)
