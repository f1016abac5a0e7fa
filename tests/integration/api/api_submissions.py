"""Whole submissions, made with the wire formats alone: no agency code, no personal data, random encodings."""

import base64
import hashlib
import json
import re
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from config import __file__ as config_file
from protocols.catalogue import encode_value
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
from protocols.vocabulary import Kind

SHIPPED_FILE = Path(config_file).parent / "protocols" / "hertfordshire.yaml"


def short_protocol():
    """The shipped protocol with encodings of 1,024 bits and no comparators: what the made-up encodings of these tests are."""
    text = SHIPPED_FILE.read_text()
    schema = SHIPPED_FILE.parents[1] / "schemas" / "person.json"
    text = text.replace("person-4096.json", schema.name)
    text = re.sub(r"schema_sha256: \w+", f"schema_sha256: {hashlib.sha256(schema.read_bytes()).hexdigest()}", text)
    text = text.replace("t: 6, length: 4096", "t: 3, length: 1024")
    text = re.sub(r"  comparators:\n(    - .*\n)+", "", text)
    text = re.sub(r"  guards:\n(    .*\n)+", "", text)
    path = Path(tempfile.mkdtemp(prefix="kinlink-test-")) / SHIPPED_FILE.name
    path.write_text(text)
    return path


PROTOCOL_FILE = short_protocol()
TODAY = datetime.now(UTC).date()


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
