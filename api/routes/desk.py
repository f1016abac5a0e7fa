"""Alerts for a party's own people, and whom a worker must not ask about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from api.guards import caller, service_of
from api.problems import NotFound, described
from api.routes.corrections import Given
from protocols.audit.events.linking import ConflictDeclared
from protocols.family import RECORD_REF, WORKER

router = APIRouter()


class AlertView(BaseModel):
    """Something that a person at the party should look at. It names no person. Those before it are asked for with its `cursor`."""

    alert_id: str
    cursor: int
    at: datetime
    about: str
    seen_at: datetime | None


class Conflicts(Given):
    """The people whom a worker must not ask about, by children's social care's own references."""

    record_refs: list[Annotated[str, Field(pattern=RECORD_REF)]] = Field(max_length=100)


class ConflictsView(BaseModel):
    """How many people a worker must not ask about."""

    people: int


@router.get("/v1/alerts", responses=described(401, 403, 422, 429, 503))
def alerts(
    request: Request,
    before: Annotated[int | None, Query(ge=0, le=(1 << 53) - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    unseen: bool = False,
) -> list[AlertView]:
    """The caller's own alerts, newest first; a page ends before the cursor of its last."""
    with service_of(request).store.reading() as tx:
        found = tx.desk.alerts(caller(request).client, before, limit, unseen)
    return [
        AlertView(alert_id=item.alert, cursor=item.cursor, at=item.at, about=item.about, seen_at=item.seen_at)
        for item in found
    ]


@router.post("/v1/alerts/{alert_id}/seen", status_code=204, responses=described(401, 403, 404, 422, 429, 503))
def see(alert_id: Annotated[str, Path(pattern=r"^alr-[0-9a-f]{16}$")], request: Request) -> None:
    """Say that somebody has looked at an alert."""
    service = service_of(request)
    with service.store.writing() as tx:
        if not tx.desk.see_alert(caller(request).client, alert_id, service.now()):
            raise NotFound("There is no such alert for this party.", next_step="List the alerts.")


@router.put("/v1/workers/{worker}/conflicts", responses=described(401, 403, 422, 429, 503))
def declare_conflicts(worker: Annotated[str, Path(pattern=WORKER)], new: Conflicts, request: Request) -> ConflictsView:
    """Say whom a worker must not ask about: themselves, their own family. It holds from the next question on."""
    with service_of(request).store.writing() as tx:
        event = ConflictDeclared(actor=caller(request).client, worker=worker, people=len(set(new.record_refs)))
        tx.desk.set_conflicts(worker, new.record_refs, event)
    return ConflictsView(people=len(set(new.record_refs)))
