"""Makes the example of docs/submission-format.md anew: `python docs/examples/make.py`. Its keys are public and for nothing else."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agencies.encoding.conformance import TEST_SECRET
from agencies.folder import REFERENCE_KEY, SEALING_KEY, SIGNING_KEY, AgencyFolder, init_folder
from agencies.reading import open_reading
from agencies.secret import StoredSecret, secret_name
from agencies.submission import Options, make_submission
from config.resources import PROTOCOL_FILE
from protocols.sealing import SealingPrivateKey, open_box, open_cell, open_stream
from protocols.signing import Card, SigningKey, sign_card
from protocols.submission import (
    CELLS,
    RECORDS,
    AttackOverride,
    Manifest,
    box_context,
    cell_context,
    clk_context,
    clk_part,
    open_submission,
)

HERE = Path(__file__).parent
FILE = HERE / "example.kinlink"
KEYS = HERE / "example-keys.json"
PAGE = HERE.parent / "submission-format.md"
BEGIN, END = "<!-- example -->", "<!-- /example -->"
NOT_ATTACKED = AttackOverride(tests=("missing",), reason="An example of the format: too few people to attack.")
EXTRACT = """\
REF,FORE,SUR,DOB,SEX,ADDR,PC,HOUSEHOLD,MAIDEN,STATUS,STATUS_DATE,AS_AT
R1,Maya,Okafor,14/02/1998,2,3 Foundry Street,SG99 5TH,H7,Whitlock,REF,12/05/2026,09/11/2026
R2,Liam,Price,15/06/1995,1,3 Foundry Street,SG99 5TH,H7,,,,09/11/2026
"""
MAPPING = """\
agency: recovery
dates: ["%d/%m/%Y"]
record: REF
groups: {columns: [HOUSEHOLD]}
identifiers: {given_name: FORE, family_name: SUR, date_of_birth: DOB, sex: SEX, address: ADDR, postcode: PC}
aliases: [{family_name: MAIDEN}]
as_at: AS_AT
attributes:
  recovery.episode: {status: STATUS, date: STATUS_DATE}
codes:
  recovery.episode.status: {REF: REFERRED}
"""


def public_bytes(name: str, size: int) -> bytes:
    """Bytes that anybody can make again: SHAKE-256 of a name."""
    return hashlib.shake_256(b"kinlink example, never for real people: " + name.encode()).digest(size)


def signing_key(name: str) -> SigningKey:
    """A public example key."""
    private = public_bytes(f"{name} signing", 32)

    public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    text = {
        part: base64.urlsafe_b64encode(data).rstrip(b"=").decode() for part, data in (("d", private), ("x", public))
    }
    return SigningKey.from_dict({"kty": "OKP", "crv": "Ed25519", **text})


def sealing_key(name: str) -> SealingPrivateKey:
    """A public example key."""
    return SealingPrivateKey(public_bytes(f"{name} sealing", 96))


def card(party: str, purpose: str) -> str:
    """A signed card with example keys."""
    key = signing_key(party)
    made = Card(
        party=party, purpose=purpose, signing_key=key.public.as_dict(), sealing_key=sealing_key(party).public.text()
    )
    return sign_card(made, key)


def section(file: Path, keys: dict[str, Any]) -> str:
    """What the page says about an example: read from the file itself, as the page says how."""
    with open_submission(file) as submission:
        manifest = submission.manifest
        submission.verify(SigningKey.from_dict(keys["agency_signing_key"]).public)
        data_keys = {name: _data_key(manifest, name, keys[f"{name}_sealing_key"]) for name in ("matcher", "workbook")}
        about = clk_context(manifest.agency, "person", manifest.protocol_digest)
        with submission.open(clk_part("person")) as source:
            stream = cast(BinaryIO, source)
            encodings = b"".join(open_stream(stream, data_keys["matcher"], about))
        with submission.open(RECORDS) as source:
            records = pl.read_parquet(io.BytesIO(source.read()))
        with submission.open(CELLS) as source:
            cells = pl.read_parquet(io.BytesIO(source.read()))
    size = manifest.clks[0].bits // 8
    shown = json.loads(manifest.canonical())
    for name in data_keys:
        shown[name]["box"] = shown[name]["box"][:32] + "…"
    lines = [
        "The manifest (the boxes shortened):",
        "",
        "```json",
        json.dumps(shown, indent=2, ensure_ascii=False),
        "```",
        "",
    ]
    lines += [f"Its id is `{manifest.submission_id}`.", ""]
    lines += ["| data key of | context | key |", "|---|---|---|"]
    for name, key in data_keys.items():
        context = box_context(name, manifest.agency, manifest.protocol_digest, manifest.epoch).decode()
        lines.append(f"| {name} | `{context}` | `{key.hex()}` |")
    lines += ["", "Records, and the first eight bytes of each of their encodings:", ""]
    lines += ["| `record_ref` | `groups` | `kind` | `encodings` | |", "|---|---|---|---|---|"]
    at = 0
    for row in records.iter_rows(named=True):
        own = [encodings[(at + each) * size :][:8].hex() for each in range(row["encodings"])]
        at += row["encodings"]
        groups = ", ".join(f"`{group}`" for group in row["groups"])
        lines.append(
            f"| `{row['record_ref']}` | {groups} | {row['kind']} | {row['encodings']} | {', '.join(f'`{each}`' for each in own)} |"
        )
    lines += ["", "The first cell of the first record:", ""]
    ref, attribute, as_at, sealed = cells.row(0)
    about = cell_context(manifest.agency, ref, attribute, as_at, manifest.protocol_digest)
    plain = open_cell(sealed, data_keys["workbook"], about)
    lines += ["```text"]
    lines += [f"context  {about.decode()}", f"sealed   {sealed.hex()}"]
    lines += [
        f"plain    {_lines(plain)} and {len(plain) - len(plain.rstrip(bytes(1)))} NUL bytes",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _lines(plain: bytes) -> str:
    return ", a line break, ".join(plain.rstrip(b"\0").decode().split("\n"))


def _data_key(manifest: Manifest, name: str, key: str) -> bytes:
    about = box_context(name, manifest.agency, manifest.protocol_digest, manifest.epoch)
    return open_box(base64.b64decode(getattr(manifest, name).box), SealingPrivateKey(bytes.fromhex(key)), about)


def with_section(page: str, text: str) -> str:
    """The page with the example between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}{END}{after}"


def main() -> None:
    """Write the example, its keys, and what the page says about it."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "recovery"
        made = init_folder(path, "recovery", service="http://127.0.0.1:9", protocol=PROTOCOL_FILE, passphrase=None)
        made.vault.write(SIGNING_KEY, json.dumps(signing_key("recovery").as_dict()).encode(), replace=True)
        made.vault.write(SEALING_KEY, sealing_key("recovery").raw, replace=True)
        made.vault.write(REFERENCE_KEY, public_bytes("reference", 32), replace=True)
        folder = AgencyFolder(path)
        secret = StoredSecret(
            epoch=1, secret=TEST_SECRET.hex(), origin="example", since=datetime(2026, 11, 16, 9, tzinfo=UTC)
        )
        folder.vault.write(secret_name(1), secret.canonical())
        folder.trust(card("service", "service"))
        folder.trust(card("workbook", "workbook"))
        (path / "mapping.yaml").write_text(MAPPING)
        (path / "extract.csv").write_text(EXTRACT)
        submission = make_submission(
            folder, open_reading(folder, path / "extract.csv"), Options(attack_override=NOT_ATTACKED)
        )
        FILE.write_bytes(submission.path.read_bytes())
    keys = {
        "about": "Public keys and private keys of an example: never for real people.",
        "agency_signing_key": signing_key("recovery").as_dict(),
        "matcher_sealing_key": sealing_key("service").raw.hex(),
        "workbook_sealing_key": sealing_key("workbook").raw.hex(),
        "reference_key": public_bytes("reference", 32).hex(),
        "linkage_secret": TEST_SECRET.hex(),
    }
    KEYS.write_text(json.dumps(keys, indent=2) + "\n")
    PAGE.write_text(with_section(PAGE.read_text(encoding="utf-8"), section(FILE, keys)), encoding="utf-8")


if __name__ == "__main__":
    main()
