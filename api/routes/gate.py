"""The gate's routes: overrides that every data protection officer may read, canaries, and a pass for one batch."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.batch_gate import let_through as grant
from api.canaries import plant as planted
from api.guards import caller, service_of
from api.problems import described
from api.routes.corrections import AGENCY, Given
from protocols.family import RECORD_REF
from protocols.signing import PROSE

router = APIRouter()


class OverrideView(BaseModel):
    """A submission that its agency made although its attack report stood in the way, or was old or missing."""

    submission: str
    agency: str
    received_at: datetime
    report: str | None
    tests: list[str]
    reason: str


class Planted(Given):
    """Made-up people who are in an agency's extract from now on, by the references they have there."""

    agency: Annotated[str, Field(pattern=AGENCY)]
    record_refs: list[Annotated[str, Field(pattern=RECORD_REF)]] = Field(min_length=1, max_length=1000)


class CanariesView(BaseModel):
    """How many canaries each agency's extract has."""

    canaries: dict[str, int]


class Pass(Given):
    """Why the next batch of an agency may go through the gate."""

    agency: Annotated[str, Field(pattern=AGENCY)]
    reason: str = Field(min_length=20, max_length=500, pattern=PROSE)


@router.get("/v1/attack-overrides", responses=described(401, 403, 429, 503))
def overrides(request: Request) -> list[OverrideView]:
    """Submissions that were made past their attack report, with the reason: for every party's data protection officer."""
    with service_of(request).store.reading() as tx:
        found = tx.gate.overridden()
    return [
        OverrideView(
            submission=item.submission,
            agency=item.agency,
            received_at=item.received_at,
            report=item.report,
            tests=list(item.tests),
            reason=item.reason,
        )
        for item in found
    ]


@router.post("/v1/canaries", status_code=201, responses=described(401, 403, 404, 422, 429, 503))
def plant(new: Planted, request: Request) -> CanariesView:
    """Say which records are an auditor's made-up people. Whoever else links to one is probing, and an alert says so."""
    return CanariesView(canaries=planted(service_of(request), caller(request).client, new.agency, new.record_refs))


@router.get("/v1/canaries", responses=described(401, 403, 429, 503))
def canaries(request: Request) -> CanariesView:
    """How many canaries there are; which they are is told to nobody."""
    with service_of(request).store.reading() as tx:
        return CanariesView(canaries=tx.gate.counts())


@router.post("/v1/gate-passes", status_code=204, responses=described(401, 403, 404, 422, 429, 503))
def let_through(new: Pass, request: Request) -> None:
    """Let the next batch of an agency through the gate, within two days. Both data protection officers are told."""
    grant(service_of(request), caller(request).client, new.agency, new.reason)
