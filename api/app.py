"""The HTTP application: every route behind its guard, every failure a problem, nothing personal in a log line."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute

from api import problems
from api.guards import enforce
from api.logs import log
from api.routes import about, audit, families, profiles, runs, submissions, token
from api.service import Service

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ROUTERS = (about, token, submissions, families, runs, profiles, audit)


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
        max_body_size=service.settings.most_body_bytes,
    )
    app.state.service = service
    problems.install(app)
    app.middleware("http")(_observe)
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
        return app.openapi()


async def _observe(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    """Name each request, time it, count it by its route's template, and set the same headers on every answer."""
    request.state.request_id = secrets.token_hex(8)
    started = time.perf_counter()
    response = await call(request)
    seconds = time.perf_counter() - started
    route = request.scope.get("route")
    template = route.path if isinstance(route, APIRoute) else "none"
    service: Service = request.app.state.service
    service.metrics.requests.labels(request.method, template, str(response.status_code)).inc()
    service.metrics.seconds.labels(template).observe(seconds)
    log().info(
        "request",
        method=request.method,
        route=template,
        status=response.status_code,
        duration_ms=round(1000 * seconds, 1),
        request=request.state.request_id,
    )
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
