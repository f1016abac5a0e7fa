"""The HTTP application: every route behind its guard, every failure a problem, nothing personal in a log line."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from api import problems
from api.examples import add_examples
from api.gate import Gate
from api.guards import enforce
from api.routes import (
    about,
    audit,
    break_glass,
    corrections,
    desk,
    families,
    gate,
    people,
    profiles,
    protocols,
    questions,
    rehearsals,
    runs,
    submissions,
    token,
)
from api.service import Service

ROUTERS = (
    about,
    token,
    people,
    submissions,
    families,
    runs,
    profiles,
    corrections,
    break_glass,
    desk,
    protocols,
    rehearsals,
    gate,
    questions,
    audit,
)


def create_app(service: Service) -> FastAPI:
    """The application of one service."""
    app = FastAPI(
        title="Kinlink central service",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"logs": False, "tracing": False, "metrics": False},
        dependencies=[Depends(enforce)],
        generate_unique_id_function=_name,
    )
    app.state.service = service
    problems.install(app)
    app.add_middleware(Gate, service=service)
    for module in ROUTERS:
        app.include_router(module.router)
    _describe(app)
    return app


def _name(route: APIRoute) -> str:
    return route.name


def _describe(app: FastAPI) -> None:
    """The API's description, as a route with a guard like any other."""

    @app.get("/v1/openapi.json", include_in_schema=False)
    def description() -> dict[str, object]:
        return add_examples(app.openapi())
