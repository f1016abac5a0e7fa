"""docs/submission-format.md, followed to the letter by a reader of its own: nothing of ours is used but the catalogue's file.

The reader uses the standard library, `cryptography` and polars, as another party's program would.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "submission-format.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "examples" / "example-keys.json").read_text())
    return found


@pytest.fixture(scope="module")
def entries() -> dict[str, bytes]:
    with zipfile.ZipFile(DOCS / "examples" / "example.kinlink") as archive:
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def manifest(entries: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entries["manifest.json"])
    return found


def canonical(value: Any) -> bytes:
    """RFC 8785 for what is in a manifest and in contexts: sorted names, no blanks, plain texts and small whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def data_key(manifest: dict[str, Any], keys: dict[str, Any], name: str) -> bytes:
    raw = bytes.fromhex(keys[f"{name}_sealing_key"])
    key = MLKEM768X25519PrivateKey(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(raw[:64]), x25519.X25519PrivateKey.from_private_bytes(raw[64:])
    )
    about = canonical(["kinlink/data-key/1", name, manifest["agency"], manifest["protocol_digest"], manifest["epoch"]])
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    return suite.decrypt(base64.b64decode(manifest[name]["box"]), key, info=about)


def open_cell(cell: bytes, key: bytes, about: bytes) -> bytes:
    return AESGCMSIV(key).decrypt(cell[:12], cell[12:], about)


def open_stream(data: bytes, key: bytes, about: bytes) -> bytes:
    cells = []
    while data:
        size = int.from_bytes(data[:4], "big")
        cells.append(data[4 : 4 + size])
        data = data[4 + size :]
    last = len(cells) - 1
    return b"".join(
        open_cell(cell, key, about + canonical(["chunk", at, "last" if at == last else "more"]))
        for at, cell in enumerate(cells)
    )


def test_the_manifest_is_canonical_signed_and_names_the_file(
    entries: dict[str, bytes], manifest: dict[str, Any], keys: dict[str, Any]
) -> None:
    body = entries["manifest.json"]
    assert canonical(manifest) == body
    head, empty, signature = entries["manifest.jws"].decode().split(".")
    assert empty == ""
    said = json.loads(unpadded(head))
    assert (said["alg"], said["typ"]) == ("Ed25519", "kinlink-submission+jws")
    public = ed25519.Ed25519PublicKey.from_public_bytes(unpadded(keys["agency_signing_key"]["x"]))
    signed = f"{head}.{base64.urlsafe_b64encode(body).rstrip(b'=').decode()}".encode()
    public.verify(unpadded(signature), signed)
    assert f"Its id is `sub-{hashlib.sha256(body).hexdigest()[:24]}`." in PAGE


def test_the_entries_are_those_of_the_manifest(entries: dict[str, bytes], manifest: dict[str, Any]) -> None:
    parts = {name: data for name, data in entries.items() if name not in ("manifest.json", "manifest.jws")}
    assert manifest["parts"] == {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in parts.items()
    }


def test_the_page_shows_this_manifest_and_names_all_its_fields(manifest: dict[str, Any]) -> None:
    shown = json.loads(PAGE.split("```json")[1].split("```")[0])
    short = {
        **manifest,
        **{name: {**manifest[name], "box": manifest[name]["box"][:32] + "…"} for name in ("matcher", "workbook")},
    }
    assert shown == short
    table = PAGE.split("## The manifest")[1].split("## Records")[0]
    assert set(manifest) <= set(re.findall(r"`([a-z_]+)`", table))


def test_encodings_open_with_the_matchers_key_alone_and_follow_the_records(
    entries: dict[str, bytes], manifest: dict[str, Any], keys: dict[str, Any]
) -> None:
    about = canonical(["kinlink/clks/1", manifest["agency"], "person", manifest["protocol_digest"]])
    sealed = entries["clks/person.sealed"]
    found = open_stream(sealed, data_key(manifest, keys, "matcher"), about)
    (part,) = manifest["clks"]
    size = part["bits"] // 8
    assert len(found) == size * part["rows"]
    records = pl.read_parquet(io.BytesIO(entries["records.parquet"]))
    assert records["record_ref"].to_list() == sorted(records["record_ref"].to_list())
    assert records["encodings"].sum() == part["rows"] == manifest["counts"]["encodings"]
    for at in range(part["rows"]):
        assert f"`{found[at * size :][:8].hex()}`" in PAGE
    with pytest.raises(InvalidTag):
        open_stream(sealed, data_key(manifest, keys, "workbook"), about)
    for name, who in (("matcher", "workbook"), ("workbook", "matcher")):
        swapped = {**keys, f"{name}_sealing_key": keys[f"{who}_sealing_key"]}
        with pytest.raises(InvalidTag):
            data_key(manifest, swapped, name)


def test_references_are_the_hmac_that_the_page_says(entries: dict[str, bytes], keys: dict[str, Any]) -> None:
    def reference(kind: str, local: str) -> str:
        text = f"kinlink/reference/1\0{kind}\0{local}".encode()
        return hmac.new(bytes.fromhex(keys["reference_key"]), text, hashlib.sha256).digest()[:16].hex()

    records = pl.read_parquet(io.BytesIO(entries["records.parquet"]))
    assert set(records["record_ref"]) == {reference("record", "R1"), reference("record", "R2")}
    assert records["groups"].to_list() == [[reference("group", "H7")]] * 2
    for column in records.columns:
        assert f"`{column}`" in PAGE.split("## Records")[1].split("## Encodings")[0]


def test_values_open_with_the_workbooks_key_alone_and_their_length_tells_nothing(
    entries: dict[str, bytes], manifest: dict[str, Any], keys: dict[str, Any]
) -> None:
    cells = pl.read_parquet(io.BytesIO(entries["cells.parquet"]))
    assert cells.columns == ["record_ref", "attribute", "as_at", "sealed"]
    assert cells.height == manifest["counts"]["cells"]
    key, recorded, lengths = data_key(manifest, keys, "workbook"), [], {}
    for ref, attribute, as_at, sealed in cells.iter_rows():
        about = canonical(
            ["kinlink/cell/1", manifest["agency"], ref, attribute, as_at.isoformat(), manifest["protocol_digest"]]
        )
        plain = open_cell(sealed, key, about)
        lengths.setdefault(attribute, set()).add(len(plain))
        text, _, day = plain.rstrip(b"\0").decode().partition("\n")
        value = json.loads(text)
        assert bool(day) == (value is not None)
        if value is not None:
            recorded.append((attribute, value, day))
            assert f"context  {about.decode()}\nsealed   {sealed.hex()}\n" in PAGE
    assert recorded == [("recovery.episode", {"status": "REFERRED", "date": "2026-05-12"}, "2026-11-09")]
    assert all(len(each) == 1 for each in lengths.values())
    matcher = data_key(manifest, keys, "matcher")
    with pytest.raises(InvalidTag):
        open_cell(cells["sealed"][0], matcher, b"")


def test_the_example_holds_no_identifier(
    entries: dict[str, bytes], manifest: dict[str, Any], keys: dict[str, Any]
) -> None:
    whole = (DOCS / "examples" / "example.kinlink").read_bytes()
    for word in ("Maya", "Okafor", "Whitlock", "Liam", "Price", "Foundry", "SG99 5TH", "14/02"):
        assert word.encode() not in whole
    assert bytes.fromhex(keys["linkage_secret"]) not in whole
