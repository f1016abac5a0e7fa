"""Real submissions, made here with the wire formats alone: no agency code, no personal data, random encodings."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from api.admin import init_service, register_card
from api.app import create_app
from api.service import open_service
from api.settings import load_settings
from config import __file__ as config_file
from protocols.catalogue import encode_value
from protocols.identity import ASSERTION_TYPE, WORKER_HEADER, make_client_assertion, make_worker_assertion
from protocols.load import load_protocol
from protocols.sealing import SealingPrivateKey, new_data_key, seal_box, seal_cell, seal_stream
from protocols.signing import Card, SigningKey, open_card, sign_card
from protocols.submission import (
    CELLS,
    CONSENTS,
    FAMILIES,
    FORMAT,
    RECORDS,
    ClkPart,
    Counts,
    Manifest,
    Recipient,
    box_context,
    cell_context,
    clk_context,
    clk_part,
    part_of,
    write_submission,
)
from protocols.vocabulary import Kind, Purpose, RoleFunction

PROTOCOL_FILE = Path(config_file).parent / "protocols" / "hertfordshire.yaml"
TODAY = datetime.now(UTC).date()


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


def build(path, party, people, protocol, service_card, workbook, families=(), consents=(), **changed):
    """A whole submission file. `changed` replaces fields of the manifest, before it is signed."""
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
        "hardening": document.encoding.hardening.profile,
        "encoder": "test",
        "extract_date": TODAY,
        "created_at": datetime.now(UTC),
        "counts": Counts(
            records=len(people),
            encodings=encodings,
            cells=len(rows),
            families=len(families),
            consents=len(consents),
        ),
        "parts": {key: part_of(part) for key, part in parts.items()},
        "matcher": recipient("matcher", matcher_key, card.sealing_public_key),
        "workbook": recipient("workbook", workbook_key, workbook.sealing.public),
    }
    write_submission(path, Manifest(**(fields | changed)), party.signing, parts)
    return path


class Site:
    """A service with its parties, called over HTTP in this process or at an address."""

    def __init__(self, settings, http, parties, card, protocol, service=None):
        self.settings, self.http, self.parties = settings, http, parties
        self.card, self.protocol, self.service = card, protocol, service

    def token(self, party, scope=None, http=None, key=None, client=None):
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

    def submission(self, party, people, families=(), consents=(), **changed):
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


@pytest.fixture
def site(tmp_path, protocol):
    made = make_site(tmp_path, protocol)
    yield made
    made.http.close()
    made.service.close()


@pytest.fixture
def yesterday():
    return TODAY - timedelta(days=1)
