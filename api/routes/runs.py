"""Linking runs: asked for, watched, never answered with anything about a person."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from api.guards import Caller, caller, service_of
from api.jobs import enqueue
from api.problems import NotFound, described, leads_to
from api.runs import RUN_ID, Run, new_run
from protocols.audit.events.linking import RunRequested

router = APIRouter()


class Stage(BaseModel):
    """Which of its stages a run is at."""

    number: int
    of: int
    name: str


class Progress(BaseModel):
    """How far the stage is."""

    done: int
    total: int


class RunView(BaseModel):
    """A linking run. `totals` counts links by agency and grade.

    Only the operator sees how far it is, what it found and why it failed: to an agency that declares families and submits records,
    a count of another agency's links or pairs would answer whether somebody is known there.
    """

    run_id: str
    state: str
    stage: Stage | None = None
    progress: Progress | None = None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    totals: dict[str, dict[str, int]] | None = None
    problem: str | None = None


class Asked(BaseModel):
    """A run that was asked for."""

    run_id: str


@router.post(
    "/v1/runs",
    status_code=202,
    responses={
        **described(401, 403, 429, 503),
        202: {"description": "The run is asked for.", "links": leads_to("one", "run_id", "run_id")},
    },
)
def ask(request: Request) -> Asked:
    """Ask for a linking run. While one is waiting, it is that one."""
    service = service_of(request)
    with service.store.writing() as tx:
        under_way = tx.links.unfinished_run()
        if under_way is not None and under_way.state == "queued":
            return Asked(run_id=under_way.run)
        run = new_run(caller(request).client, service.now())
        tx.links.add_run(run, RunRequested(actor=run.requested_by, run=run.run))
        enqueue(tx.jobs, "linking", run.run, service.now())
    return Asked(run_id=run.run)


@router.get("/v1/runs", responses=described(401, 403, 429, 503))
def newest(request: Request) -> list[RunView]:
    """The newest runs."""
    with service_of(request).store.reading() as tx:
        return [_view(run, caller(request)) for run in tx.links.runs(20)]


@router.get("/v1/runs/{run_id}", responses=described(401, 403, 404, 422, 429, 503))
def one(run_id: Annotated[str, Path(pattern=RUN_ID)], request: Request) -> RunView:
    """How far a run is."""
    with service_of(request).store.reading() as tx:
        run = tx.links.run(run_id)
    if run is None:
        raise NotFound("There is no such run.", next_step="List the runs.")
    return _view(run, caller(request))


def _view(run: Run, to: Caller) -> RunView:
    shown = RunView(
        run_id=run.run,
        state=run.state,
        requested_at=run.requested_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )
    if "operate" not in to.scopes:
        return shown
    number, of, name = run.stage
    return shown.model_copy(
        update={
            "stage": Stage(number=number, of=of, name=name),
            "progress": Progress(done=run.done, total=run.total),
            "totals": run.totals,
            "problem": run.problem,
        }
    )
