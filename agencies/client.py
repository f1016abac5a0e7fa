"""The agency's side of the HTTP interface: credentials, problems, retries. What it sends is sealed and signed already."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from agencies.folder import AgencyFolder
from protocols.errors import (
    Busy,
    ExtractError,
    InputError,
    KeyProblem,
    KinlinkError,
    ProtocolError,
    Refusal,
    SubmissionError,
    Unavailable,
    VerificationError,
)
from protocols.identity import ASSERTION_TYPE, TOKEN_PATH, make_client_assertion
from protocols.signing import Card, open_card

_PROBLEM = "urn:kinlink:problem:"
_BY_SLUG: dict[str, type[KinlinkError]] = {
    kind.slug: kind
    for kind in (
        InputError,
        ExtractError,
        ProtocolError,
        KeyProblem,
        SubmissionError,
        Refusal,
        Unavailable,
        VerificationError,
        Busy,
    )
}
_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_RETRIES = 4
_FIRST_PAUSE = 0.5
_PASSING = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_TOKEN_MARGIN = 20.0
_LONGEST_TEXT = 600


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What the service says about itself, without a credential: its name in credentials, its card, its protocol."""

    audience: str
    card: Card
    signed_card: str
    protocol_id: str
    protocol_version: int
    protocol_digest: str


class ServiceClient:
    """Talks to the central service as one party. Every call raises `KinlinkError`s, those of the service among them."""

    def __init__(
        self,
        folder: AgencyFolder,
        *,
        transport: httpx2.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.folder = folder
        self._pause = pause
        self._tokens: dict[str, tuple[str, float]] = {}
        self._http = open_http(folder.settings.service, folder.path, folder.settings.certificate_authority, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def facts(self) -> ServiceFacts:
        """Ask the service who it is. The card is signed by the key in it, which proves nothing: compare its fingerprints."""
        return service_facts(self._answer("GET", "/v1/service"))

    def protocol(self) -> dict[str, Any]:
        """The live sharing protocol: `id`, `version`, `digest`, `text`."""
        return dict(self.json("GET", "/v1/protocol"))

    def json(
        self,
        method: str,
        path: str,
        *,
        scope: str | None = None,
        json: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Call with the party's credential and return the JSON of the answer."""
        return _json(self.call(method, path, scope=scope, json=json, params=params, headers=headers))

    def call(
        self,
        method: str,
        path: str,
        *,
        scope: str | None = None,
        json: object = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Call with the party's credential. A token that has run out is renewed once."""
        for attempt in (1, 2):
            sent = {**(headers or {}), "Authorization": f"Bearer {self._token(scope)}"}
            response = self._send(method, path, json=json, content=content, params=params, headers=sent)
            if response.status_code != HTTPStatus.UNAUTHORIZED or attempt == 2:
                break
            self._tokens.clear()
        raise_problem(response)
        return response

    def _token(self, scope: str | None) -> str:
        key = scope or ""
        held = self._tokens.get(key)
        if held and held[1] > time.monotonic():
            return held[0]
        settings = self.folder.settings
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": make_client_assertion(settings.party, settings.audience, self.folder.signing_key),
        }
        if scope:
            form["scope"] = scope
        answer = self._answer("POST", TOKEN_PATH, data=form, once=True)
        token, lifetime = str(answer["access_token"]), float(answer.get("expires_in", 300))
        self._tokens[key] = (token, time.monotonic() + max(0.0, lifetime - _TOKEN_MARGIN))
        return token

    def _answer(self, method: str, path: str, *, data: Mapping[str, str] | None = None, once: bool = False) -> Any:
        response = self._send(method, path, data=data, retries=0 if once else _RETRIES)
        raise_problem(response)
        return _json(response)

    def _send(self, method: str, path: str, *, retries: int = _RETRIES, **request: Any) -> httpx2.Response:
        """Send, and again after a pause if the line or the service failed for a moment: every call of ours is idempotent."""
        given = {name: value for name, value in request.items() if value is not None}
        for attempt in range(retries + 1):
            last = attempt == retries
            try:
                with _as_unavailable(self.folder.settings.service):
                    response = self._http.request(method, path, **given)
            except Unavailable:
                if last:
                    raise
            else:
                if response.status_code not in _PASSING or last:
                    return response
            self._pause(_FIRST_PAUSE * 2**attempt)
        raise AssertionError("unreachable")


def open_http(
    service: str, folder: Path, authority: str | None, transport: httpx2.BaseTransport | None = None
) -> httpx2.Client:
    """An HTTP client for the service's address; never follows a redirect, never takes a proxy for this machine."""
    verify: Any = True
    if authority:
        verify = httpx2.create_ssl_context(verify=str(folder / authority))
    return httpx2.Client(
        base_url=service,
        timeout=_TIMEOUT,
        transport=transport,
        verify=verify,
        follow_redirects=False,
        trust_env=not _is_loopback(service),
    )


def service_facts(answer: Any) -> ServiceFacts:
    """Read what `GET /v1/service` answers. Raises `VerificationError`."""
    try:
        protocol = answer["protocol"]
        return ServiceFacts(
            audience=str(answer["audience"]),
            card=open_card(str(answer["card"])),
            signed_card=str(answer["card"]),
            protocol_id=str(protocol["id"]),
            protocol_version=int(protocol["version"]),
            protocol_digest=str(protocol["digest"]),
        )
    except (KeyError, TypeError, ValueError):
        raise VerificationError(
            "What answers there does not describe itself as a Kinlink service.",
            next_step="Check `service` in agency.yaml.",
        ) from None


def raise_problem(response: httpx2.Response) -> None:
    """Turn a problem (RFC 9457) into the error that it stands for. Does nothing for a success."""
    if response.is_success:
        return
    try:
        body = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    slug = str(body.get("type", "")).removeprefix(_PROBLEM)
    kind = _BY_SLUG.get(slug) or _by_status(response.status_code)
    detail = (
        _plain(body.get("detail"))
        or _plain(body.get("title"))
        or f"The service answered with status {response.status_code}."
    )
    next_step = _plain(body.get("next_step"))
    request = _plain(body.get("instance"))
    if request and response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        next_step = f"{next_step} Quote request {request}.".strip()
    raise kind(detail, next_step=next_step or "Ask the operator of the service.")


def _by_status(status: int) -> type[KinlinkError]:
    if status == HTTPStatus.UNAUTHORIZED:
        return KeyProblem
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return Unavailable
    if status == HTTPStatus.CONFLICT:
        return Busy
    return Refusal


def _plain(value: object) -> str:
    """Text of the service for the screen: one line, printable, not too long."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value)[:_LONGEST_TEXT].strip()


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise Unavailable(
            "The service's answer is not JSON.", next_step="Check `service` in agency.yaml, or ask the operator."
        ) from None


@contextmanager
def _as_unavailable(service: str) -> Iterator[None]:
    try:
        yield
    except httpx2.TimeoutException:
        raise Unavailable(
            f"The service at `{service}` did not answer in time.", next_step="Try again; what was sent is kept."
        ) from None
    except (httpx2.TransportError, httpx2.InvalidURL):
        raise Unavailable(
            f"The service at `{service}` cannot be reached.",
            next_step="Check the address in agency.yaml, the network, and whether the service runs. Nothing is lost.",
        ) from None


def _is_loopback(service: str) -> bool:
    host = urlsplit(service).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
