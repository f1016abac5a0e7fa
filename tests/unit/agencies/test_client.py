"""The client against a real HTTP server: problems become errors, failures of a moment are tried again, tokens are renewed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from agencies.client import ServiceClient, service_facts
from agencies.folder import AgencyFolder
from protocols.errors import (
    Busy,
    InputError,
    KeyProblem,
    KinlinkError,
    Refusal,
    SubmissionError,
    Unavailable,
    VerificationError,
)
from protocols.identity import read_client_assertion

Answer = tuple[int, dict[str, str], bytes]


class Server:
    """Answers what it is told to, in order, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.tokens = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                if self.path == "/v1/token":
                    outer.tokens += 1
                    said = {"access_token": f"token-{outer.tokens}", "token_type": "Bearer", "expires_in": 300}
                    status, headers, data = 200, {}, json.dumps(said).encode()
                else:
                    status, headers, data = outer.answers.pop(0) if outer.answers else (200, {}, b"{}")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = _any  # noqa: N815 - the names that http.server calls

            def log_message(self, *args: object) -> None:
                """Be quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.http.server_address[1])

    def problem(self, slug: str, status: int, **more: str) -> None:
        said = {"type": f"urn:kinlink:problem:{slug}", "title": "T", "status": status, "detail": "D", **more}
        self.answers.append((status, {"Content-Type": "application/problem+json"}, json.dumps(said).encode()))

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def client(server: Server, make_agency: Callable[..., AgencyFolder]) -> Iterator[ServiceClient]:
    folder = make_agency("police")
    path = folder.path / "agency.yaml"
    path.write_text(path.read_text().replace("http://127.0.0.1:9", f"http://127.0.0.1:{server.port}"))
    pauses: list[float] = []
    with ServiceClient(AgencyFolder(folder.path, folder.passphrase), pause=pauses.append) as made:
        made.pauses = pauses  # type: ignore[attr-defined]
        yield made


@pytest.mark.parametrize(
    ("slug", "status", "error"),
    [
        ("input", 422, InputError),
        ("key", 401, KeyProblem),
        ("submission", 422, SubmissionError),
        ("refused", 403, Refusal),
        ("verification", 422, VerificationError),
        ("busy", 409, Busy),
        ("never-heard-of", 403, Refusal),
        ("never-heard-of", 500, Unavailable),
        ("never-heard-of", 409, Busy),
    ],
)
def test_a_problem_becomes_the_error_that_it_names(
    server: Server, client: ServiceClient, slug: str, status: int, error: type[KinlinkError]
) -> None:
    for _ in range(2):
        server.problem(slug, status, next_step="N")
    with pytest.raises(error, match=r"^D N") as raised:
        client.json("GET", "/v1/runs")
    assert type(raised.value) is error


def test_what_the_service_says_is_cut_to_one_plain_line(server: Server, client: ServiceClient) -> None:
    server.problem("refused", 403, detail="a\x1b[31m\nb" + "x" * 5000)
    with pytest.raises(Refusal) as raised:
        client.json("GET", "/v1/runs")
    assert raised.value.what.startswith("a [31m b")
    assert len(raised.value.what) <= 600


def test_an_answer_that_is_no_problem_and_no_json_is_told(server: Server, client: ServiceClient) -> None:
    server.answers.append((418, {}, b"<html>"))
    with pytest.raises(Refusal, match="status 418"):
        client.json("GET", "/v1/runs")
    server.answers.append((200, {}, b"<html>"))
    with pytest.raises(Unavailable, match="not JSON"):
        client.json("GET", "/v1/runs")


def test_a_redirect_is_not_followed(server: Server, client: ServiceClient) -> None:
    server.answers.append((307, {"Location": "http://127.0.0.1:1/elsewhere"}, b""))
    with pytest.raises(Refusal, match="status 307"):
        client.json("GET", "/v1/runs")


def test_a_failure_of_a_moment_is_tried_again_with_growing_pauses(server: Server, client: ServiceClient) -> None:
    for status in (503, 502, 429):
        server.answers.append((status, {}, b""))
    server.answers.append((200, {}, b'{"ok": true}'))
    assert client.json("GET", "/v1/runs") == {"ok": True}
    assert client.pauses == [0.5, 1.0, 2.0]  # type: ignore[attr-defined]


def test_a_failure_that_stays_is_told(server: Server, client: ServiceClient) -> None:
    for _ in range(5):
        server.problem("unavailable", 503, detail="Out of room.", instance="req-1")
    with pytest.raises(Unavailable, match=r"Out of room. Quote request req-1"):
        client.json("GET", "/v1/runs")


def test_a_token_is_used_again_and_renewed_once_when_it_is_refused(server: Server, client: ServiceClient) -> None:
    client.json("GET", "/v1/runs", scope="query")
    client.json("GET", "/v1/runs", scope="query")
    assert server.tokens == 1
    server.problem("key", 401)
    server.answers.append((200, {}, b"{}"))
    client.json("GET", "/v1/runs", scope="query")
    assert server.tokens == 2
    assert server.asked[-1][2]["Authorization"] == "Bearer token-2"


def test_the_credential_is_a_fresh_assertion_for_this_service(server: Server, client: ServiceClient) -> None:
    client.json("GET", "/v1/runs", scope="query")
    client._tokens.clear()
    client.json("GET", "/v1/runs", scope="query")
    forms = [parse_qs(body.decode()) for _, path, _, body in server.asked if path == "/v1/token"]
    key = client.folder.signing_key.public
    claims = [read_client_assertion(form["client_assertion"][0], key, "kinlink") for form in forms]
    assert claims[0].jti != claims[1].jti
    assert {claim.iss for claim in claims} == {"police"}
    assert forms[0]["scope"] == ["query"]


def test_a_thing_that_is_not_a_kinlink_service_is_told() -> None:
    for answer in ({}, [], {"audience": "x", "card": "x", "protocol": {}}, None):
        with pytest.raises(VerificationError):
            service_facts(answer)


def test_no_server_is_unavailable(make_agency: Callable[..., Any]) -> None:
    folder = make_agency("police")
    with (
        ServiceClient(folder, pause=lambda seconds: None) as client,
        pytest.raises(Unavailable, match="cannot be reached"),
    ):
        client.facts()
