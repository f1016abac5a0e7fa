"""The outermost layer of the application: bounds each request's body in length and time, names and counts each request.

Every answer, a fault's too, gets the same headers; a log line has a route's template, never an address with a reference in it.
"""

from __future__ import annotations

import asyncio
import secrets
import time

from fastapi.routing import APIRoute
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import log
from api.problems import fault, refuse
from api.service import Service

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
PARTS = "/parts/"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Gate:
    """ASGI middleware. A body that is too long is refused as soon as that is known; one that does not come is given up."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        scope.setdefault("state", {})["request_id"] = secrets.token_hex(8)
        started, status = time.perf_counter(), [0]

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            if sum(len(name) + len(value) for name, value in scope["headers"]) > self._service.settings.header_bytes:
                await refuse(Request(scope), 431)(scope, receive, answer)
                return
            await self._app(scope, self._bounded(scope, receive), answer)
        except Exception as error:
            if status[0]:
                raise
            await fault(Request(scope), error)(scope, receive, answer)
        finally:
            self._count(scope, status[0], time.perf_counter() - started)

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """The same body, but not longer and not slower than it may be. A part of a file has a bound of its own."""
        settings = self._service.settings
        most = None if PARTS in scope["path"] and scope["method"] == "PUT" else settings.most_body_bytes
        until = time.monotonic() + settings.body_seconds
        taken, complete = 0, False

        async def bounded() -> Message:
            nonlocal taken, complete
            if complete:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.01, until - time.monotonic()))
            except TimeoutError:
                raise HTTPException(408) from None
            taken += len(message.get("body", b""))
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            if most is not None and taken > most:
                raise HTTPException(413)
            return message

        return bounded

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        template = route.path if isinstance(route, APIRoute) else "none"
        # A caller may send any word as its method: what is not one of these is neither counted apart nor logged.
        method = scope["method"] if scope["method"] in METHODS else "other"
        metrics = self._service.metrics
        metrics.requests.labels(method, template, str(status)).inc()
        metrics.seconds.labels(template).observe(seconds)
        log().info(
            "request",
            method=method,
            route=template,
            status=status,
            duration_ms=round(1000 * seconds, 1),
            request=scope["state"]["request_id"],
        )
