"""The operator's way to the running service: over HTTP, with the credential that `kinlink service init` made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from api.admin import OPERATOR, OPERATOR_KEY
from api.settings import Settings
from protocols.errors import KeyProblem, KinlinkError, Refusal, Unavailable
from protocols.identity import ASSERTION_TYPE, TOKEN_PATH, make_client_assertion
from protocols.signing import SigningKey

_SECONDS = 30


class OperatorClient:
    """A session of the operator with one service. It may last longer than a token does."""

    def __init__(self, http: httpx2.Client, audience: str, key: SigningKey) -> None:
        self._http = http
        self._audience = audience
        self.key = key
        self._token = self._new_token()

    def _new_token(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": make_client_assertion(OPERATOR, self._audience, self.key),
        }
        return str(_answer(self._http, "POST", TOKEN_PATH, data=form)["access_token"])

    def start_run(self) -> str:
        """Ask for a linking run; returns its id."""
        return str(self.call("POST", "/v1/runs")["run_id"])

    def run(self, run: str) -> dict[str, Any]:
        """How far a run is."""
        found: dict[str, Any] = self.call("GET", f"/v1/runs/{run}")
        return found

    def runs(self) -> list[dict[str, Any]]:
        """The newest runs."""
        found: list[dict[str, Any]] = self.call("GET", "/v1/runs")
        return found

    def call(self, method: str, path: str, json: object = None) -> Any:
        """Call with the operator's credential; returns the JSON of the answer. A token that has run out is renewed once."""
        try:
            return self._call(method, path, json)
        except KeyProblem:
            self._token = self._new_token()
            return self._call(method, path, json)

    def _call(self, method: str, path: str, json: object) -> Any:
        return _answer(self._http, method, path, json=json, headers={"Authorization": f"Bearer {self._token}"})


def _answer(http: httpx2.Client, method: str, path: str, **given: Any) -> Any:
    try:
        response = http.request(method, path, **given)
    except httpx2.HTTPError as error:
        raise Unavailable("The service does not answer.", next_step="Check that `kinlink serve` runs.") from error
    if response.is_success:
        return response.json()
    try:
        problem = response.json()
        what, next_step = str(problem["detail"]), str(problem.get("next_step", ""))
    except (ValueError, KeyError, TypeError):
        raise Unavailable(
            f"The service answered with status {response.status_code}.", next_step="Look at its log."
        ) from None
    kind: type[KinlinkError] = KeyProblem if response.status_code == 401 else Refusal
    raise (Unavailable if response.status_code >= 500 else kind)(what, next_step=next_step)


@contextmanager
def operator(settings: Settings) -> Iterator[OperatorClient]:
    """A session with the service of a data folder."""
    try:
        key = SigningKey.from_dict(json.loads((settings.folder.operator / OPERATOR_KEY).read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise KeyProblem(
            "The operator's credential cannot be read.",
            next_step="Run this as the user who runs the service, on its data folder.",
        ) from error
    with httpx2.Client(base_url=settings.folder.running_at(), timeout=_SECONDS, trust_env=False) as http:
        yield OperatorClient(http, settings.audience, key)
