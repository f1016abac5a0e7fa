"""A service with its parties, called over HTTP; what it did and what its log says."""

import base64
import hashlib
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

from api_submissions import PROTOCOL_FILE, Party, build
from fastapi.testclient import TestClient

from api.admin import init_service, register_card
from api.app import create_app
from api.audit_log import sign_checkpoint
from api.cli_people import make_link
from api.fsck import check_store
from api.service import open_service
from api.settings import load_settings
from api.worker import Worker
from protocols.audit.entries import read_entry
from protocols.audit.verify import LogCheck
from protocols.identity import ASSERTION_TYPE, WORKER_HEADER, make_client_assertion, make_worker_assertion
from protocols.signing import SigningKey
from protocols.vocabulary import Purpose, RoleFunction


class Site:
    """A service with its parties, called over HTTP in this process or at an address."""

    def __init__(self, settings, http, parties, card, protocol, service=None):
        self.settings, self.http, self.parties = settings, http, parties
        self.card, self.protocol, self.service = card, protocol, service
        self.tokens = {}

    def token(self, party):
        """A token that is used for all calls of a party."""
        if party not in self.tokens:
            self.tokens[party] = self.new_token(party)
        return self.tokens[party]

    def new_token(self, party, scope=None, http=None, key=None, client=None):
        answer = self.ask_token(party, scope, http, key, client)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def ask_token(self, party, scope=None, http=None, key=None, client=None, assertion=None):
        key = key or self.parties[party].signing
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or make_client_assertion(client or party, self.settings.audience, key),
        }
        if scope:
            form["scope"] = scope
        return (http or self.http).post("/v1/token", data=form)

    def call(self, party, method, path, **given):
        headers = {"Authorization": f"Bearer {self.token(party)}", **given.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **given)

    def sign_in(self, person, roles):
        """Somebody with these roles, signed in by a one-time link: an HTTP client with their session and this site's origin."""
        base = str(self.http.base_url).rstrip("/")
        self.settings.folder.address.write_text(base)
        link = make_link(self.service, person, roles)
        client = TestClient(self.http.app, base_url=base, raise_server_exceptions=False, headers={"Origin": base})
        answer = client.get(link.removeprefix(base), follow_redirects=False)
        assert answer.status_code == 303, answer.text
        return client

    def officer(self):
        """The council's data protection officer, signed in."""
        if "officer" not in self.tokens:
            self.tokens["officer"] = self.sign_in("dpo-council", ["social_care:data-protection-officer"])
        return self.tokens["officer"]

    def submission(self, party, people, families=(), consents=(), removed=None, **changed):
        path = Path(self.settings.data_dir).parent / f"{party}-{secrets.token_hex(4)}.kinlink"
        return build(
            path,
            self.parties[party],
            people,
            self.protocol,
            self.card,
            self.parties["workbook"],
            families,
            consents,
            removed,
            **changed,
        )

    def announce(self, party, path):
        data = path.read_bytes()
        body = {"file_sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        answer = self.call(party, "POST", "/v1/uploads", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def send_part(self, party, upload, path, number):
        size = upload["part_bytes"]
        part = path.read_bytes()[(number - 1) * size : number * size]
        return self.put_part(party, upload, number, part)

    def put_part(self, party, upload, number, part, digest=None):
        digest = base64.b64encode(digest or hashlib.sha256(part).digest()).decode()
        headers = {"Content-Type": "application/octet-stream", "Content-Digest": f"sha-256=:{digest}:"}
        return self.call(
            party, "PUT", f"/v1/uploads/{upload['upload_id']}/parts/{number}", content=part, headers=headers
        )

    def submit(self, party, path):
        """Send a file whole and complete it; returns the last answer."""
        upload = self.announce(party, path)
        for number in range(1, upload["parts"] + 1):
            answer = self.send_part(party, upload, path, number)
            assert answer.status_code == 204, answer.text
        return self.call(party, "POST", f"/v1/uploads/{upload['upload_id']}/complete")

    def worker_header(
        self, case, worker="w-1", role=RoleFunction.SOCIAL_WORKER, purpose=Purpose.SAFEGUARDING, key=None, at=None
    ):
        """What the Workbook says about a worker, who signed in at a moment."""
        key, at = key or self.parties["workbook"].signing, at or datetime.now(UTC)
        return {WORKER_HEADER: make_worker_assertion("workbook", worker, role, purpose, case, at, "session-1", key)}

    def ask(
        self,
        family,
        worker="w-1",
        role=RoleFunction.SOCIAL_WORKER,
        purpose=Purpose.SAFEGUARDING,
        case=None,
        key=None,
        **given,
    ):
        headers = self.worker_header(case or family, worker, role, purpose, key) | given.pop("headers", {})
        return self.call("workbook", "GET", f"/v1/families/{family}/profile", headers=headers, **given)


AGENCIES = ("social_care", "police", "probation", "recovery", "mental_health", "health")


def make_parties(settings):
    parties = {name: Party(name) for name in AGENCIES}
    parties["workbook"] = Party("workbook", "workbook")
    operator = SigningKey.from_dict(json.loads((settings.folder.operator / "signing.jwk").read_text()))
    parties["operator"] = Party("operator", "service", operator)
    return parties


def make_site(tmp_path, protocol, **given):
    """A service in this process, with every party registered."""
    settings = init_service(tmp_path / "data", PROTOCOL_FILE, **given)
    service = open_service(load_settings(tmp_path / "data", **given))
    parties = make_parties(settings)
    for name, party in parties.items():
        if name != "operator":
            register_card(service, party.card)
    client = TestClient(create_app(service), raise_server_exceptions=False)
    return Site(service.settings, client, parties, service.keys.card, protocol, service)


def link(site):
    """Ask for a run, do everything that is waiting, and return the run as it is shown."""
    run = site.call("operator", "POST", "/v1/runs").json()["run_id"]
    work(site)
    return site.call("operator", "GET", f"/v1/runs/{run}").json()


def rehearsal(site, digest, party="operator"):
    """Ask for a rehearsal, do everything that is waiting, and return the rehearsal as it is shown."""
    asked = site.call(party, "POST", f"/v1/protocols/{digest}/rehearsal")
    assert asked.status_code == 202, asked.text
    work(site)
    found = site.call(party, "GET", f"/v1/rehearsals/{asked.json()['rehearsal_id']}").json()
    assert found["state"] == "completed", found
    return found


def work(site):
    """Do every job that is due."""
    worker = Worker(site.service, alone=True)
    while worker.one():
        pass


def events(site, kind=None):
    """The audit log's entries, in order, or those of one kind."""
    with site.service.store.reading() as tx:
        found = [read_entry(row.body) for row, _ in tx.audit.rows(tx.audit.size())]
    return [entry for entry in found if kind is None or entry.kind == kind]


def verified(site):
    """Check the site's whole log as an outsider would, and that everything stored fits it; returns the report."""
    with site.service.store.writing() as tx:
        sign_checkpoint(tx.audit, site.settings.origin, site.service.keys.signing)
    check = LogCheck()
    with site.service.store.reading() as tx:
        for row, openings in tx.audit.rows(tx.audit.size()):
            check.add(row, openings)
        report = check.finish(tx.audit.checkpoints(), site.service.log_key)
        gaps = list(check_store(tx.session, tx, site.settings.folder.submissions))
    report.raise_for_findings()
    assert gaps == [], gaps
    return report
