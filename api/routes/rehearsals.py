"""Rehearsals of versions of the sharing protocol: asked for, watched, and what they found in counts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from api.guards import caller, person, service_of
from api.personas import personas_mark
from api.problems import NotFound, described, leads_to
from api.rehearsals import Rehearsal, ask, rounded
from api.routes.protocols import Digest
from api.routes.runs import Progress, Stage
from api.service import Service
from protocols.lifecycle import Office
from protocols.rehearsal import RehearsalReport

router = APIRouter()
RehearsalId = Annotated[str, Path(pattern=r"^reh-[0-9a-f]{16}$")]


class AskedRehearsal(BaseModel):
    """A rehearsal that was asked for."""

    rehearsal_id: str


class RehearsalView(BaseModel):
    """A rehearsal: how far it is, and in the end its report. `report_digest` is what scheduling names.

    Only the operator sees exact counts, what the matcher would do, how far it is and why it failed: to an agency that submits records, one link more or
    less would answer whether somebody is known elsewhere. Everybody else's counts are rounded up to tens.
    """

    rehearsal_id: str
    digest: str
    state: str
    stage: Stage | None = None
    progress: Progress | None = None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    report: RehearsalReport | None
    exact: bool
    report_digest: str | None
    passes: bool | None
    problem: str | None = None


def _answers(operation: str) -> dict[int | str, dict[str, Any]]:
    links = leads_to(operation, "rehearsal_id", "rehearsal_id")
    return {
        **described(401, 403, 404, 422, 429, 503),
        202: {"description": "The rehearsal is asked for.", "links": links},
    }


@router.post("/v1/protocols/{digest}/rehearsal", status_code=202, responses=_answers("rehearsal"))
def rehearse(digest: Digest, request: Request) -> AskedRehearsal:
    """Have a version held against the one in force: kept decision inputs, golden personas, match rules.

    While a rehearsal of this version is waiting, it is that one; so it is if one began or ended and nothing that it is held on has
    changed since.
    """
    return _ask(service_of(request), digest, caller(request).client)


@router.post("/v1/me/protocols/{digest}/rehearsal", status_code=202, responses=_answers("rehearsal_in_person"))
def rehearse_in_person(digest: Digest, request: Request) -> AskedRehearsal:
    """The same, for somebody in an office."""
    agency, _ = min(person(request).offices)
    return _ask(service_of(request), digest, agency)


@router.get("/v1/rehearsals/{rehearsal_id}", responses=described(401, 403, 404, 422, 429, 503))
def rehearsal(rehearsal_id: RehearsalId, request: Request) -> RehearsalView:
    """How far a rehearsal is, and what it found: counts, nobody's name."""
    return _found(service_of(request), rehearsal_id, "operate" in caller(request).scopes)


@router.get("/v1/me/rehearsals/{rehearsal_id}", responses=described(401, 403, 404, 422, 429, 503))
def rehearsal_in_person(rehearsal_id: RehearsalId, request: Request) -> RehearsalView:
    """The same, for somebody in an office."""
    exact = any(office is Office.OPERATOR for _, office in person(request).offices)
    return _found(service_of(request), rehearsal_id, exact)


def _ask(service: Service, digest: str, actor: str) -> AskedRehearsal:
    mark = personas_mark(service)
    with service.store.writing() as tx:
        store = tx.agreement.rehearsals
        as_of = store.as_of(mark)  # locks the log's head: whoever else asks, waits
        service.protocols.version(tx.identity, digest)
        return AskedRehearsal(rehearsal_id=ask(store, tx.jobs, digest, as_of, actor, service.now()))


def _found(service: Service, rehearsal_id: str, exact: bool) -> RehearsalView:
    with service.store.reading() as tx:
        found = tx.agreement.rehearsals.rehearsal(rehearsal_id)
    if found is None:
        raise NotFound("There is no such rehearsal.", next_step="Ask for one; old ones are deleted.")
    return _view(found, exact)


def _view(item: Rehearsal, exact: bool) -> RehearsalView:
    report = item.report
    shown = RehearsalView(
        rehearsal_id=item.rehearsal,
        digest=item.digest,
        state=item.state,
        requested_at=item.requested_at,
        started_at=item.started_at,
        finished_at=item.finished_at,
        report=report if exact or report is None else rounded(report),
        exact=exact,
        report_digest=report.digest if report else None,
        passes=report.passes if report else None,
    )
    if not exact:
        return shown
    number, of, name = item.stage
    return shown.model_copy(
        update={
            "stage": Stage(number=number, of=of, name=name),
            "progress": Progress(done=item.done, total=item.total),
            "problem": item.problem,
        }
    )
