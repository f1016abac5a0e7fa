"""What the service is, the sharing protocol in force, health and metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse

from api.guards import service_of
from api.problems import described
from api.store.migrate import check_schema
from protocols.errors import KinlinkError, Unavailable

router = APIRouter()


class ProtocolName(BaseModel):
    """A version of the sharing protocol by name."""

    id: str
    version: int
    digest: str


class ProtocolText(ProtocolName):
    """A version of the sharing protocol with its text."""

    text: str


class ServiceView(BaseModel):
    """What a party must know before it talks to the service. The card's fingerprints are compared by people, out of band."""

    api: str = "1"
    audience: str
    card: str
    log_key: str = Field(description="The key that the audit log's checkpoints are signed with, as a vkey.")
    protocol: ProtocolName | None


class Health(BaseModel):
    """Whether the service is well."""

    status: str


@router.get("/v1/service", responses=described(503))
def about(request: Request) -> ServiceView:
    """The service's card, and the sharing protocol in force."""
    service = service_of(request)
    with service.store.reading() as tx:
        live = tx.identity.live_protocol()
    name = ProtocolName(id=live.protocol, version=live.version, digest=live.digest) if live else None
    return ServiceView(
        audience=service.settings.audience, card=service.keys.card, log_key=service.log_key.text(), protocol=name
    )


@router.get("/v1/protocol", responses=described(401, 403, 429, 503))
def protocol(request: Request) -> ProtocolText:
    """The sharing protocol in force, as it was approved."""
    with service_of(request).store.reading() as tx:
        live = tx.identity.live_protocol()
    if live is None:
        raise Unavailable("No sharing protocol is in force.", next_step="Ask the service's operator.")
    return ProtocolText(id=live.protocol, version=live.version, digest=live.digest, text=live.text)


@router.get("/health/live")
def live() -> Health:
    """The process answers."""
    return Health(status="live")


@router.get("/health/ready", responses=described(503))
def ready(request: Request) -> Health:
    """The database answers and has this version's schema."""
    try:
        check_schema(service_of(request).store.engine)
    except KinlinkError as error:
        raise Unavailable(error.what, next_step=error.next_step) from error
    return Health(status="ready")


@router.get("/metrics", response_class=PlainTextResponse, responses=described(401, 503))
def metrics(request: Request) -> Response:
    """Counts and times for the operator."""
    service = service_of(request)
    with service.store.reading() as tx:
        service.metrics.log_size.set(tx.audit.size())
        service.metrics.jobs.set(tx.jobs.waiting())
    return PlainTextResponse(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
