"""A submission: what leaves an agency. One uncompressed ZIP file, its parts, its manifest, its signature.

    manifest.json        counts, digests, epoch, key-check value, the digest of every part; canonical JSON (RFC 8785)
    manifest.jws         the agency's detached signature over manifest.json
    records.parquet      record_ref, groups, kind, shielded, silent, deceased, hold, encodings (number of CLKs)
    clks/<name>.sealed   the CLKs of all records in the order of records.parquet, sealed to the matcher only
    checks.sealed        beside each CLK, where the protocol names keyed comparators, their numbers; sealed to the matcher only
    cells.parquet        record_ref, attribute, as_at, sealed: one cell for every attribute of the agency, sealed to the Workbook
    families.json        declared families (children's social care only)
    consents.json        consents recorded by this agency

A submission is immutable and named by its content: its id is the digest of its manifest.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import IO, Annotated, Literal, TypeVar

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from protocols.errors import SubmissionError, VerificationError
from protocols.family import ConsentRecord, FamilyDeclaration
from protocols.sealing import context
from protocols.signing import PROSE, SigningKey, VerifyingKey, Wire

FORMAT = "kinlink-submission/1"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.jws"
RECORDS = "records.parquet"
CHECKS = "checks.sealed"
CELLS = "cells.parquet"
FAMILIES = "families.json"
CONSENTS = "consents.json"
SHA256 = r"^[0-9a-f]{64}$"
CHECK_BYTES = 2
NO_CHECK = 0xFFFF
"""The number of a comparator that has nothing to compare; a comparator has at most 15 bits."""
MAX_MANIFEST_BYTES = 1 << 20
_BLOCK = 1 << 20
_T = TypeVar("_T")


class Part(Wire):
    """One part of the file: its length in bytes and its SHA-256."""

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=SHA256)


class Recipient(Wire):
    """A data key, sealed to one recipient: which of the recipient's keys, and the box in base64."""

    key: str = Field(pattern=r"^[0-9a-f]{32}$")
    box: str


class ClkPart(Wire):
    """What the CLKs of one name are: length in bits, how many there are, and the schema they follow."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    bits: int = Field(ge=64, le=65536, multiple_of=8)
    rows: int = Field(ge=0)
    schema_digest: str = Field(pattern=SHA256)


class ChecksPart(Wire):
    """The numbers of the keyed comparators: the comparators' ids in order, and how many rows there are (as many as CLKs)."""

    comparators: tuple[str, ...] = Field(min_length=1)
    rows: int = Field(ge=0)


class Counts(Wire):
    """How much is inside. Nothing counts what was left out at the agency."""

    records: int = Field(ge=0)
    encodings: int = Field(ge=0)
    cells: int = Field(ge=0)
    families: int = Field(ge=0)
    consents: int = Field(ge=0)
    removed: int = Field(default=0, ge=0)


class AttackOverride(Wire):
    """That somebody answers for a submission which the attack report does not clear, and why.

    `tests` are those that block, or `missing` or `stale` for the report itself. The reason is read by every data protection officer of
    the sharing protocol.
    """

    tests: tuple[Annotated[str, Field(pattern=r"^(T\d{1,2}|missing|stale)$")], ...] = Field(min_length=1)
    reason: str = Field(min_length=20, max_length=500, pattern=PROSE)


class Manifest(Wire):
    """What the agency signs."""

    format: Literal["kinlink-submission/1"]
    agency: str = Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")
    kind: Literal["full", "delta"]
    base: str | None = Field(default=None, pattern=r"^sub-[0-9a-f]{24}$")
    protocol_id: str
    protocol_version: int
    protocol_digest: str = Field(pattern=SHA256)
    epoch: int = Field(ge=1)
    key_check_value: str
    clks: tuple[ClkPart, ...] = Field(min_length=1)
    checks: ChecksPart | None = None
    hardening: str
    encoder: str
    extract_date: date
    created_at: AwareDatetime
    counts: Counts
    parts: dict[str, Part]
    matcher: Recipient
    workbook: Recipient
    attack_report: str | None = Field(default=None, pattern=SHA256)
    attack_override: AttackOverride | None = None

    @property
    def submission_id(self) -> str:
        """`sub-` and the first 24 hex digits of the manifest's SHA-256."""
        return "sub-" + hashlib.sha256(self.canonical()).hexdigest()[:24]


class Receipt(Wire):
    """What the service signs when a submission is in: verifiable offline with the service's card."""

    submission: str
    agency: str
    file_sha256: str = Field(pattern=SHA256)
    manifest_sha256: str = Field(pattern=SHA256)
    protocol_digest: str = Field(pattern=SHA256)
    counts: Counts
    received_at: AwareDatetime


def clk_part(name: str) -> str:
    """The file name of a CLK part."""
    return f"clks/{name}.sealed"


def box_context(recipient: str, agency: str, protocol_digest: str, epoch: int) -> bytes:
    """What binds a submission's data key to its recipient (`matcher` or `workbook`), agency, protocol and epoch."""
    return context("kinlink/data-key/1", recipient, agency, protocol_digest, epoch)


def clk_context(agency: str, name: str, protocol_digest: str) -> bytes:
    """What binds sealed CLKs to their agency, name and protocol."""
    return context("kinlink/clks/1", agency, name, protocol_digest)


def checks_context(agency: str, protocol_digest: str) -> bytes:
    """What binds the sealed numbers of the comparators to their agency and protocol."""
    return context("kinlink/checks/1", agency, protocol_digest)


def cell_context(agency: str, record_ref: str, attribute: str, as_at: date, protocol_digest: str) -> bytes:
    """What binds a sealed value to its agency, record, attribute, as-at date and protocol."""
    return context("kinlink/cell/1", agency, record_ref, attribute, as_at.isoformat(), protocol_digest)


def part_of(path: Path) -> Part:
    """Length and digest of a file that is to become a part."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return Part(bytes=size, sha256=digest.hexdigest())


def write_submission(path: Path, manifest: Manifest, key: SigningKey, parts: dict[str, Path]) -> str:
    """Write the file and return its submission id. `parts` maps each name in the manifest to the file that holds it."""
    body = manifest.canonical()
    partial = path.with_suffix(path.suffix + ".partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            _add(archive, MANIFEST, body)
            _add(archive, SIGNATURE, key.sign(body, detached=True, typ="kinlink-submission+jws").encode())
            for name in sorted(manifest.parts):
                _add_file(archive, name, parts[name])
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return manifest.submission_id


def _add_file(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    with archive.open(_entry(name), "w", force_zip64=True) as target, path.open("rb") as source:
        while block := source.read(_BLOCK):
            target.write(block)


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(_entry(name), data)


class SubmissionFile:
    """A submission opened for reading. Nothing in it is believed before `verify`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.manifest = self._manifest()

    def _manifest(self) -> Manifest:
        try:
            return Manifest.read(self._read_small(MANIFEST), "manifest")
        except VerificationError as error:
            raise SubmissionError(error.what, next_step=error.next_step) from None

    def _read_small(self, name: str) -> bytes:
        try:
            if self._archive.getinfo(name).file_size > MAX_MANIFEST_BYTES:
                raise SubmissionError(f"`{name}` is too large: at most {MAX_MANIFEST_BYTES} bytes.")
            return self._archive.read(name)
        except (KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise SubmissionError(
                f"The submission has no readable `{name}`.",
                next_step="Make it again with `kinlink agency encode`.",
            ) from error

    def verify(self, key: VerifyingKey) -> None:
        """Check the signature and the length and digest of every part. Raises `SubmissionError`."""
        try:
            body = self._read_small(MANIFEST)
            key.verify(
                self._read_small(SIGNATURE).decode("ascii", "replace"),
                payload=body,
                what="submission's signature",
            )
        except VerificationError as error:
            raise SubmissionError(error.what, next_step="Make it again with `kinlink agency encode`.") from error
        if body != self.manifest.canonical():
            raise SubmissionError("`manifest.json` is not in canonical form.", next_step="Make it again.")
        present = set(self._archive.namelist()) - {MANIFEST, SIGNATURE}
        if present != set(self.manifest.parts):
            raise SubmissionError(
                "The submission's parts differ from its manifest: "
                f"missing {sorted(set(self.manifest.parts) - present)}, extra {len(present - set(self.manifest.parts))}.",
                next_step="Send the original file again.",
            )
        for name, part in self.manifest.parts.items():
            self._verify_part(name, part)

    def _verify_part(self, name: str, part: Part) -> None:
        digest, size = hashlib.sha256(), 0
        with self.open(name) as source:
            try:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
            except (zipfile.BadZipFile, EOFError, OSError) as error:
                raise SubmissionError(
                    f"Part `{name}` is damaged.", next_step="Send the original file again."
                ) from error
        if (size, digest.hexdigest()) != (part.bytes, part.sha256):
            raise SubmissionError(
                f"Part `{name}` was altered or cut off: expected {part.bytes} bytes, got {size}"
                + ("." if size != part.bytes else " with another digest."),
                next_step="Send the original file again.",
            )

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open one part for reading, as it was written."""
        try:
            with self._archive.open(name) as source:
                yield source
        except (KeyError, zipfile.BadZipFile) as error:
            raise SubmissionError(
                f"Part `{name}` cannot be read.", next_step="Send the original file again."
            ) from error

    def families(self) -> tuple[FamilyDeclaration, ...]:
        """The declared families; none for an agency that declares none."""
        return _read_list(self, FAMILIES, TypeAdapter(tuple[FamilyDeclaration, ...]))

    def consents(self) -> tuple[ConsentRecord, ...]:
        """The consents."""
        return _read_list(self, CONSENTS, TypeAdapter(tuple[ConsentRecord, ...]))


def _read_list(file: SubmissionFile, name: str, adapter: TypeAdapter[tuple[_T, ...]]) -> tuple[_T, ...]:
    if name not in file.manifest.parts:
        return ()
    with file.open(name) as source:
        try:
            return adapter.validate_json(source.read(), strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "(all)"
            raise SubmissionError(
                f"`{name}` is malformed at `{where}`.",
                next_step="Make it again with `kinlink agency encode`.",
            ) from None


@contextmanager
def open_submission(path: Path) -> Iterator[SubmissionFile]:
    """Open a submission. Raises `SubmissionError` for anything that is not one."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise SubmissionError(
            "The file is not a submission, or it is cut off.", next_step="Send the original file again."
        ) from error
    with archive:
        yield SubmissionFile(archive)
