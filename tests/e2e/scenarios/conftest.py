"""The stage of the five stories: real agency folders, real encodings of the county's extracts, the real service, one clock for all.

The service answers in this process, behind all of its layers. Time is moved by moving everybody's clock: a story plays over weeks.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from founding import PASSPHRASE, found, introduce, share_secret
from ruamel.yaml import YAML

import agencies.secret
import agencies.submission
import agencies.workbook
import protocols.identity
from agencies.client import ServiceClient
from agencies.folder import AgencyFolder
from agencies.reading import open_reading
from agencies.secret import create_secret
from agencies.submission import Options, make_submission
from agencies.submit import submit
from agencies.workbook import OpenedProfile, ask_profile
from api.admin import OPERATOR, init_service
from api.app import create_app
from api.cli_people import make_link
from api.operator_client import OPERATOR_KEY
from api.service import Service, open_service
from api.settings import load_settings
from api.soundness import judged_by
from api.watch import tick
from api.worker import Worker
from config.county import generate, writing
from config.resources import PROTOCOL_FILE
from protocols.acts import sign_act
from protocols.identity import ASSERTION_TYPE, WORKER_HEADER, make_client_assertion, make_worker_assertion
from protocols.lifecycle import Act
from protocols.signing import SigningKey
from protocols.vocabulary import Purpose, RoleFunction, State

AGENCIES = ("social_care", "police", "probation", "recovery", "mental_health", "health")
FAMILIES = 300


class Clock:
    """Everybody's time."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_(self, **time: float) -> None:
        self.ahead += timedelta(**time)


class _Wire(httpx2.BaseTransport):
    """What an agency sends reaches the service in this process."""

    def __init__(self, http: TestClient) -> None:
        self.http = http

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self.http.request(
            request.method,
            str(request.url.raw_path, "ascii"),
            headers=dict(request.headers),
            content=request.read(),
        )
        return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


@dataclass
class Told:
    """What one worker was told: by the member's first name and the agency."""

    profile: OpenedProfile
    raw: bytes

    def _at(self, name: str, agency: str) -> Any:
        (member,) = [each for each in self.profile.members if each.name.startswith(name)]
        (found,) = [each for each in member.agencies if each.answer.agency == agency]
        return found

    def state(self, name: str, agency: str) -> State:
        return State(self._at(name, agency).answer.state)

    def values(self, name: str, agency: str) -> dict[str, Any]:
        return {each.released.attribute: each.value for each in self._at(name, agency).values}

    def answer(self, name: str, agency: str) -> Any:
        return self._at(name, agency).answer

    def everything(self) -> dict[tuple[str, str], tuple[State, dict[str, Any]]]:
        return {
            (member.name, each.answer.agency): (
                State(each.answer.state),
                {value.released.attribute: value.value for value in each.values},
            )
            for member in self.profile.members
            for each in member.agencies
        }


@dataclass
class Stage:
    """Folders, the service, the clock."""

    root: Path
    clock: Clock
    service: Service
    http: TestClient
    edits: dict[str, int] = field(default_factory=dict)

    def folder(self, name: str) -> AgencyFolder:
        return AgencyFolder(self.root / name, PASSPHRASE.encode)

    def client(self, name: str) -> ServiceClient:
        return ServiceClient(self.folder(name), transport=_Wire(self.http))

    def call(self, name: str, method: str, path: str, **given: Any) -> Any:
        """Call as a party; returns the response, whatever its status."""
        return self.http.request(
            method, path, headers={"Authorization": f"Bearer {self._token(name)}", **given.pop("headers", {})}, **given
        )

    def officer(self, path: str, **given: Any) -> Any:
        """What the council's data protection officer, signed in by a one-time link, gets at an address of the audit log."""
        base = str(self.http.base_url).rstrip("/")
        self.service.folder.address.write_text(base)
        link = make_link(self.service, "dpo-1", ["social_care:data-protection-officer"])
        session = TestClient(self.http.app, base_url=base)
        session.get(link.removeprefix(base), follow_redirects=False)
        return session.get(f"/v1/audit/{path}", **given)

    def _key(self, name: str) -> SigningKey:
        if name != OPERATOR:
            return self.folder(name).signing_key
        text = (self.service.folder.operator / OPERATOR_KEY).read_text("utf-8")
        return SigningKey.from_dict(YAML(typ="safe").load(text))

    def _token(self, name: str) -> str:
        assertion = make_client_assertion(name, self.service.settings.audience, self._key(name), now=self.clock())
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        return str(self.http.post("/v1/token", data=form).json()["access_token"])

    def ask(self, family: str, role: str, worker: str | None = None, purpose: str = "safeguarding") -> Told:
        """Ask as the Workbook's connector does, and open what comes back."""
        folder = self.folder("workbook")
        with self.client("workbook") as client:
            found = ask_profile(
                folder, client, family, RoleFunction(role), worker=worker, purpose=Purpose(purpose), now=self.clock()
            )
        return Told(found, found.answer.model_dump_json().encode())

    def raw(self, family: str, role: str, worker: str, case: str | None = None) -> Any:
        """Ask over HTTP alone; returns the response, whatever its status."""
        headers = self.worker_header(case or family, role, worker)
        return self.call("workbook", "GET", f"/v1/families/{family}/profile", headers=headers)

    def worker_header(self, family: str, role: str, worker: str) -> dict[str, str]:
        token = make_worker_assertion(
            "workbook",
            worker,
            RoleFunction(role),
            Purpose.SAFEGUARDING,
            family,
            self.clock(),
            "session",
            self._key("workbook"),
            now=self.clock(),
        )
        return {WORKER_HEADER: token}

    def rows(self, agency: str, change: Callable[[list[dict[str, str]]], Any], table: str = "extract.csv") -> None:
        """Edit an agency's own table: `change` gets its rows and may change, add or remove some."""
        path = self.root / agency / table
        mapping = YAML(typ="safe").load((self.root / agency / "mapping.yaml").read_text("utf-8"))["file"]
        plain = table != "extract.csv"
        encoding, delimiter = ("utf-8", ",") if plain else (mapping["encoding"], mapping["delimiter"])
        text = path.read_bytes().decode(encoding)
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
        columns = list(rows[0])
        change(rows)
        out = io.StringIO()
        writer = csv.DictWriter(out, columns, delimiter=delimiter, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
        path.write_bytes(out.getvalue().encode(encoding))

    def submit(self, agency: str) -> None:
        """Check, encode and submit the agency's extract as it is now."""
        folder = self.folder(agency)
        reading = open_reading(folder, self.root / agency / "extract.csv", extract_date=self.clock().date())
        declarations = self.root / agency if agency == "social_care" else None
        options = Options(declarations=declarations, accept_difference=True, attack_report="a" * 64)
        made = make_submission(folder, reading, options)
        with self.client(agency) as client:
            submit(folder, made.path, client)

    def link(self) -> None:
        run = self.call(OPERATOR, "POST", "/v1/runs").json()["run_id"]
        self.work()
        state = self.call(OPERATOR, "GET", f"/v1/runs/{run}").json()
        assert state["state"] == "completed", state

    def rehearsed(self, digest: str) -> dict[str, Any]:
        asked = self.call(OPERATOR, "POST", f"/v1/protocols/{digest}/rehearsal").json()["rehearsal_id"]
        self.work()
        found: dict[str, Any] = self.call(OPERATOR, "GET", f"/v1/rehearsals/{asked}").json()
        assert found["state"] == "completed", found
        return found

    def work(self) -> None:
        """Everything that the service does by itself."""
        tick(self.service)
        worker = Worker(self.service, alone=True)
        while worker.one():
            pass

    def confirm(self) -> None:
        """Children's social care says that stages and allocations are as declared."""
        assert self.call("social_care", "POST", "/v1/families/confirmation").status_code == 200

    def later(self, **time: float) -> None:
        """Time passes, and the council's feed goes on confirming."""
        self.clock.pass_(**time)
        self.confirm()

    def declare(self, family: str, change: Callable[[dict[str, Any]], Any]) -> Any:
        """Declare a family anew over HTTP, as the Workbook's stage feed does within minutes."""
        there = self.call("social_care", "GET", f"/v1/families/{family}")
        body = there.json()
        declaration = body.get("declaration", body)
        change(declaration)
        answer = self.call(
            "social_care",
            "PUT",
            f"/v1/families/{family}",
            json=declaration,
            headers={"If-Match": there.headers["etag"]},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ref(self, agency: str, local: str) -> str:
        """The pseudonym under which an agency's record is known."""
        return self.folder(agency).references.record(local)

    def change(self, agency: str, local: str, table: str = "extract.csv", **cells: str) -> None:
        """Write cells of the rows of one record (or member) of an agency's own table."""

        def write(rows: list[dict[str, str]]) -> None:
            mine = [row for row in rows if local in (row[next(iter(row))], row.get("member_ref"))]
            assert mine, f"{agency} has no {local}"
            for row in mine:
                row.update(cells)

        self.rows(agency, write, table)

    def act(self, name: str, **given: Any) -> Any:
        """A signed act on a version; returns the response."""
        agency = "service" if name == OPERATOR else name
        act = Act(agency=agency, at=self.clock(), **given)
        body = {"act": sign_act(act, self._key(name))}
        return self.call(name, "POST", f"/v1/protocols/{act.digest}/acts", json=body)

    def events(self, kind: str) -> list[Any]:
        from protocols.audit.entries import read_entry

        with self.service.store.reading() as tx:
            found = [read_entry(row.body) for row, _ in tx.audit.rows(tx.audit.size())]
        return [entry for entry in found if entry.kind == kind]


def _shifted(clock: Clock) -> type[datetime]:
    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + clock.ahead

    return Shifted


def _opened(root: Path, clock: Clock) -> Stage:
    service = open_service(load_settings(root / "service"), clock)
    return Stage(root, clock, service, TestClient(create_app(service), raise_server_exceptions=False))


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The county encoded, submitted and linked, once. Every story plays on a copy."""
    root = tmp_path_factory.mktemp("stories")
    writing.write(generate.county(families=FAMILIES), root)
    folders = found(root, AGENCIES, "http://127.0.0.1:1", PROTOCOL_FILE)
    init_service(root / "service", PROTOCOL_FILE, mode="demo")
    stage = _opened(root, Clock())
    introduce(folders, stage.service, root / "service" / "service.card")
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # one secret for ever, so that the stories' grades do not hang on chance
        patch.setattr(agencies.secret, "os", SimpleNamespace(urandom=lambda length: bytes(range(length))))
        create_secret(folders["social_care"], 1)
    share_secret(folders, AGENCIES[1:])
    for name in AGENCIES:
        stage.submit(name)
    stage.link()
    stage.http.close()
    stage.service.close()
    return root


@pytest.fixture(scope="module")
def stage(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One story's own copy of the stage, with its own time."""
    root = tmp_path_factory.mktemp("story") / "county"
    shutil.copytree(county, root)
    settings = root / "workbook" / "agency.yaml"
    settings.write_text(settings.read_text().replace(str(county), str(root)))
    clock = Clock()
    made = _opened(root, clock)
    patch = pytest.MonkeyPatch()
    for module in (protocols.identity, agencies.submission, agencies.workbook):
        patch.setattr(module, "datetime", _shifted(clock))
    judged_by(lambda loaded: ())  # the shipped match rules; the real judge has its own tests
    made.confirm()
    yield made
    judged_by(None)
    patch.undo()
    made.http.close()
    made.service.close()
