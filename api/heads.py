"""HTTP/1.1 connections that must say what they want in time: a request's head that trickles in is dropped.

uvicorn bounds how long a quiet connection is kept after an answer, but not how long the first head, or the next, may take.
"""

from __future__ import annotations

import asyncio
import json
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from api.problems import MEDIA_TYPE, TITLES


class PunctualProtocol(H11Protocol):
    """uvicorn's protocol with a deadline for each request's head. `head_seconds` is set on a subclass by `punctual`."""

    head_seconds = 10.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stop waiting once a whole head is in; begin again when the next one begins."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Say of what is no HTTP request, or has a head beyond all bounds, what is said of any other: a problem (RFC 9457)."""
        body = json.dumps(
            {
                "type": "urn:kinlink:problem:input",
                "title": TITLES[400],
                "status": 400,
                "detail": "This is no HTTP/1.1 request, or its head is far too large.",
                "next_step": "Send a request as RFC 9112 has it, with short headers.",
                "instance": "urn:kinlink:request:none",
            }
        ).encode()
        headers = [("content-type", MEDIA_TYPE), ("content-length", str(len(body))), ("connection", "close")]
        self.transport.write(self.conn.send(h11.Response(status_code=400, headers=headers)) or b"")
        self.transport.write(self.conn.send(h11.Data(data=body)) or b"")
        self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        self.transport.close()

    def _watch(self) -> None:
        if self._answering() or self.timeout_keep_alive_task is not None:
            self._stop()
        elif self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(self.head_seconds, self._drop)

    def _answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self) -> None:
        self._deadline = None
        if not self._answering() and not self.transport.is_closing():
            self.transport.close()


def punctual(head_seconds: float) -> type[H11Protocol]:
    """The protocol with this deadline."""
    return type("PunctualProtocol", (PunctualProtocol,), {"head_seconds": head_seconds})
