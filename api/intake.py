"""Taking a submission in: who sent it, whether it is whole, and whether it fits the sharing protocol in force.

Nothing is stored before everything has been checked. The encodings stay sealed: here they are opened chunk by chunk only to count
them, and forgotten.
"""

from __future__ import annotations

import base64
import binascii
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray

from api.families import check_declaration
from api.identity import DECLARING_AGENCY
from api.intake_tables import PUT, REMOVE, check_cells, extract_part, read_records
from protocols.document import Party
from protocols.errors import InputError, SubmissionError, VerificationError
from protocols.family import ConsentRecord, FamilyDeclaration
from protocols.load import LoadedProtocol
from protocols.sealing import SealingPrivateKey, open_box, open_stream
from protocols.signing import VerifyingKey, signer_of
from protocols.submission import (
    CELLS,
    CHECK_BYTES,
    CHECKS,
    CONSENTS,
    FAMILIES,
    NO_CHECK,
    RECORDS,
    SIGNATURE,
    ClkPart,
    Manifest,
    SubmissionFile,
    box_context,
    checks_context,
    clk_context,
    clk_part,
    open_submission,
)

_ENCODE = "Make the submission again with `kinlink agency encode`."
DATA_KEY_BYTES = 32
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Base:
    """The submission that a delta must be made on: the agency's newest in use, with the references of its records."""

    submission: str
    record_refs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a submission must fit: the agency, the agreement, the keys that data keys are sealed to, the key-check value so far."""

    agency: str
    protocol: LoadedProtocol
    matcher_key: SealingPrivateKey
    workbook_fingerprint: str | None
    now: datetime
    base: Base | None = None

    @property
    def today(self) -> date:
        """The day."""
        return self.now.date()


@dataclass(frozen=True, slots=True)
class Checked:
    """A submission that fits, with what of it is stored in the database."""

    manifest: Manifest
    records: pl.DataFrame
    removed: frozenset[str]
    families: tuple[FamilyDeclaration, ...]
    consents: tuple[ConsentRecord, ...]


def signer(path: Path) -> tuple[str, str]:
    """The agency that a file claims to be from, and the key that it claims to be signed with. Nothing of it is verified."""
    with open_submission(path) as file:
        try:
            with file.open(SIGNATURE) as source:
                return file.manifest.agency, signer_of(source.read(4096).decode("ascii", "replace"))
        except VerificationError as error:
            raise SubmissionError(error.what, next_step=_ENCODE) from error


def check_submission(path: Path, key: VerifyingKey, terms: Terms, key_check: str | None) -> Checked:
    """Check everything about a submission. Raises `SubmissionError`, which never holds a value from a record."""
    with open_submission(path) as file, TemporaryDirectory(dir=path.parent, prefix=".check-") as scratch:
        _check_sizes(path)
        file.verify(key)
        manifest = file.manifest
        party = _check_terms(manifest, terms, key_check)
        _check_attack(manifest)
        _check_parts(manifest, terms)
        table = read_records(extract_part(file, RECORDS, Path(scratch) / "records"), RECORDS, manifest.kind == "delta")
        records, removed = _split(table)
        known = _check_counts(manifest, records, removed, party, terms)
        cells = check_cells(
            extract_part(file, CELLS, Path(scratch) / "cells"),
            CELLS,
            records,
            terms.agency,
            terms.protocol.document,
            terms.today,
        )
        _expect("cells", manifest.counts.cells, cells)
        for part in manifest.clks:
            _check_clks(file, manifest, part, terms)
        _check_checks(file, manifest, terms)
        return Checked(manifest, records, removed, _families(file, known, terms), _consents(file, known))


def _check_sizes(path: Path) -> None:
    """Parts are stored, never compressed, so that a small file cannot become a large one."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise SubmissionError("The submission's parts are compressed; they must not be.", next_step=_ENCODE)
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise SubmissionError("The submission's parts are larger than the file.", next_step=_ENCODE)


def _check_terms(manifest: Manifest, terms: Terms, key_check: str | None) -> Party:
    document, digest = terms.protocol.document, terms.protocol.digest
    if manifest.agency != terms.agency:
        raise SubmissionError("The submission is from another agency than the one that sends it.", next_step=_ENCODE)
    party = next((item for item in document.parties if item.id == terms.agency), None)
    if party is None or not party.holds_on(terms.today):
        raise SubmissionError(
            f"Agency `{terms.agency}` takes no part in {document.id} version {document.version} today.",
            next_step="Ask for the sharing protocol's current version.",
        )
    if (manifest.protocol_id, manifest.protocol_version, manifest.protocol_digest) != (
        document.id,
        document.version,
        digest,
    ):
        raise SubmissionError(
            f"The submission was made for {manifest.protocol_id} version {manifest.protocol_version} "
            f"(`{manifest.protocol_digest[:12]}`); expected {document.id} version {document.version} (`{digest[:12]}`).",
            next_step="Fetch the sharing protocol that is in force and encode again.",
        )
    _check_epoch(manifest, terms, key_check)
    _check_times(manifest, terms)
    if manifest.matcher.key != terms.matcher_key.public.fingerprint:
        raise SubmissionError(
            "The encodings are sealed to another key than the matcher's.", next_step="Compare the service's card."
        )
    if terms.workbook_fingerprint is None or manifest.workbook.key != terms.workbook_fingerprint:
        raise SubmissionError(
            "The values are sealed to another key than the registered Workbook's.",
            next_step="Compare the Workbook's card.",
        )
    _check_base(manifest, terms)
    return party


def _check_attack(manifest: Manifest) -> None:
    """An agency attacks its own encodings before it sends them, or somebody answers for it that it did not."""
    if manifest.attack_report is None and manifest.attack_override is None:
        raise SubmissionError(
            "The submission names no attack report.",
            next_step="Attack the extract with `kinlink agency attack`, then encode again.",
        )


def _check_base(manifest: Manifest, terms: Terms) -> None:
    if manifest.kind == "full":
        if manifest.base is not None:
            raise SubmissionError("A full submission names a base.", next_step=_ENCODE)
    elif terms.base is None:
        raise SubmissionError(
            "There is no submission of this agency that a delta can be made on.", next_step="Send a full submission."
        )
    elif manifest.base != terms.base.submission:
        raise SubmissionError(
            f"The delta was made on `{manifest.base}`; the agency's newest submission here is `{terms.base.submission}`.",
            next_step="Send a full submission.",
        )


def _check_epoch(manifest: Manifest, terms: Terms, key_check: str | None) -> None:
    epochs = {epoch.id for epoch in terms.protocol.document.encoding.epochs if epoch.holds_on(terms.today)}
    if manifest.epoch not in epochs:
        raise SubmissionError(
            f"The submission is of epoch {manifest.epoch}; expected {', '.join(str(item) for item in sorted(epochs)) or 'none'}.",
            next_step="Take the linkage secret of the current epoch, then encode again.",
        )
    if key_check is not None and manifest.key_check_value != key_check:
        raise SubmissionError(
            "The key-check value differs from the other agencies': this agency holds another linkage secret.",
            next_step="Ask the agency that made the secret to seal it to this agency's card again, then encode again.",
        )


def _check_times(manifest: Manifest, terms: Terms) -> None:
    if manifest.extract_date > terms.today:
        raise SubmissionError("The extract's date is in the future.", next_step="Correct the extract's date.")
    if manifest.created_at > terms.now + CLOCK_SKEW:
        raise SubmissionError(
            "The submission was made in the future.", next_step="Check the clock of the agency's machine."
        )


def _check_parts(manifest: Manifest, terms: Terms) -> None:
    encoding = terms.protocol.document.encoding
    expected = {clk.id: clk.schema_sha256 for clk in encoding.clks}
    found = {part.name: part.schema_digest for part in manifest.clks}
    if found != expected or len(found) != len(manifest.clks):
        raise SubmissionError(
            f"The encodings are not the ones of the sharing protocol: {', '.join(f'`{name}`' for name in expected)}.",
            next_step="Encode again with the schemas that the sharing protocol names.",
        )
    for part in manifest.clks:
        if part.bits != encoding.hardening.length:
            raise SubmissionError(
                f"Encoding `{part.name}` has {part.bits} bits; expected {encoding.hardening.length}.", next_step=_ENCODE
            )
    comparators = tuple(item.id for item in encoding.comparators)
    if (manifest.checks.comparators if manifest.checks else ()) != comparators:
        raise SubmissionError(
            "The keyed comparators are not the ones of the sharing protocol: "
            f"expected {', '.join(f'`{name}`' for name in comparators) or 'none'}.",
            next_step=_ENCODE,
        )
    wanted = {RECORDS, CELLS, *(clk_part(name) for name in expected), *((CHECKS,) if comparators else ())}
    allowed = wanted | {CONSENTS}
    if terms.agency == DECLARING_AGENCY:
        allowed.add(FAMILIES)
    missing = wanted - set(manifest.parts)
    if missing or not set(manifest.parts) <= allowed:
        raise SubmissionError(
            f"The submission's parts are not the expected ones; missing: {', '.join(sorted(missing)) or 'none'}.",
            next_step=_ENCODE,
        )


def _split(table: pl.DataFrame) -> tuple[pl.DataFrame, frozenset[str]]:
    """The records that are there, and the references of those that are removed."""
    removed = table.filter(pl.col("op") == REMOVE).get_column("record_ref")
    return table.filter(pl.col("op") == PUT), frozenset(removed.to_list())


def _check_counts(
    manifest: Manifest, records: pl.DataFrame, removed: frozenset[str], party: Party, terms: Terms
) -> frozenset[str]:
    """Check what the manifest counts and the caseload; returns the references of all records that there are now."""
    _expect("records", manifest.counts.records, records.height)
    _expect("removed records", manifest.counts.removed, len(removed))
    encodings = int(records.get_column("encodings").sum())
    _expect("encodings", manifest.counts.encodings, encodings)
    for part in manifest.clks:
        _expect(f"encodings of `{part.name}`", part.rows, encodings)
    if manifest.checks is not None:
        _expect("rows of comparators", manifest.checks.rows, encodings)
    base = terms.base.record_refs if terms.base is not None and manifest.kind == "delta" else frozenset()
    strangers = len(removed - base)
    if strangers:
        raise SubmissionError(
            f"The delta removes {strangers} records that are not there.", next_step="Send a full submission."
        )
    known = (base - removed) | frozenset(records.get_column("record_ref").to_list())
    if len(known) > party.registered_caseload:
        raise SubmissionError(
            f"The submission makes {len(known)} records; agency `{party.id}` is registered for at most "
            f"{party.registered_caseload}.",
            next_step="Leave out who is not in the agency's caseload, or have the sharing protocol changed.",
        )
    return known


def _expect(what: str, said: int, found: int) -> None:
    if said != found:
        raise SubmissionError(f"The manifest counts {said} {what}; there are {found}.", next_step=_ENCODE)


def open_data_key(manifest: Manifest, key: SealingPrivateKey) -> bytes:
    """The data key of a submission's encodings. Raises `SubmissionError`."""
    about = box_context("matcher", manifest.agency, manifest.protocol_digest, manifest.epoch)
    try:
        data_key = open_box(base64.b64decode(manifest.matcher.box, validate=True), key, about)
    except (VerificationError, binascii.Error, ValueError) as error:
        raise SubmissionError("The data key of the encodings does not open.", next_step=_ENCODE) from error
    if len(data_key) != DATA_KEY_BYTES:
        raise SubmissionError("The data key of the encodings has a wrong length.", next_step=_ENCODE)
    return data_key


def _check_clks(file: SubmissionFile, manifest: Manifest, part: ClkPart, terms: Terms) -> None:
    data_key = open_data_key(manifest, terms.matcher_key)
    about = clk_context(manifest.agency, part.name, manifest.protocol_digest)
    name, size = clk_part(part.name), 0
    with file.open(name) as source:
        try:
            for chunk in open_stream(source, data_key, about):  # type: ignore[arg-type]
                size += len(chunk)
        except VerificationError as error:
            raise SubmissionError(f"`{name}`: {error.what}", next_step=_ENCODE) from error
    _expect(f"bytes in `{name}`", part.rows * part.bits // 8, size)


def _check_checks(file: SubmissionFile, manifest: Manifest, terms: Terms) -> None:
    """Every number of every comparator is in its range, or says that there is nothing to compare."""
    comparators = terms.protocol.document.encoding.comparators
    if manifest.checks is None:
        return
    values = read_checks(file, manifest, open_data_key(manifest, terms.matcher_key))
    largest = np.array([(1 << item.bits) - 1 for item in comparators])
    if ((values > largest) & (values != NO_CHECK)).any():
        raise SubmissionError("A keyed comparator has a number beyond its bits.", next_step=_ENCODE)


def read_checks(file: SubmissionFile, manifest: Manifest, data_key: bytes) -> NDArray[np.uint16]:
    """The comparators' numbers, one row for each encoding; no column where there are no comparators. Raises `SubmissionError`."""
    if manifest.checks is None:
        return np.empty((manifest.counts.encodings, 0), dtype=np.uint16)
    about = checks_context(manifest.agency, manifest.protocol_digest)
    with file.open(CHECKS) as source:
        try:
            data = b"".join(open_stream(source, data_key, about))  # type: ignore[arg-type]
        except VerificationError as error:
            raise SubmissionError(f"`{CHECKS}`: {error.what}", next_step=_ENCODE) from error
    shape = manifest.checks.rows, len(manifest.checks.comparators)
    _expect(f"bytes in `{CHECKS}`", shape[0] * shape[1] * CHECK_BYTES, len(data))
    return np.frombuffer(data, dtype="<u2").reshape(shape)


def _families(file: SubmissionFile, known: frozenset[str], terms: Terms) -> tuple[FamilyDeclaration, ...]:
    families = file.families()
    _expect("families", file.manifest.counts.families, len(families))
    taken: set[str] = set()
    for family in families:
        try:
            check_declaration(family, terms.protocol.document, terms.today)
        except InputError as error:
            raise SubmissionError(error.what, next_step=error.next_step) from error
        strangers = [member.record_ref for member in family.members if member.record_ref not in known]
        if strangers:
            raise SubmissionError(
                f"Family `{family.family_ref}` has {len(strangers)} members that are no record of this submission; "
                f"the first is `{strangers[0]}`.",
                next_step="Submit an extract that has them, or correct the family.",
            )
        names = {family.family_ref, *family.aliases}
        if names & taken:
            raise SubmissionError(
                f"Reference `{min(names & taken)}` is used by two families.", next_step="Correct one."
            )
        taken |= names
    return families


def _consents(file: SubmissionFile, known: frozenset[str]) -> tuple[ConsentRecord, ...]:
    consents = file.consents()
    _expect("consents", file.manifest.counts.consents, len(consents))
    strangers = sum(1 for item in consents if item.subject_ref not in known)
    if strangers:
        raise SubmissionError(
            f"{strangers} consents are about no record of this submission.",
            next_step="Correct the consents and encode again.",
        )
    return consents
