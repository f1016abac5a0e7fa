"""Attack an extract as it would be submitted, and clear a submission by the report."""

from __future__ import annotations

import csv
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785

from agencies.attack.gate import Clearance, require_report, stored_reports, terms_of, trend
from agencies.attack.report import AttackReport, Subject, described
from agencies.attack.verdict import CutOffs
from agencies.folder import AgencyFolder
from agencies.progress import Progress, no_progress
from agencies.reading import Reading
from agencies.records import Record
from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson, standardise
from protocols.errors import InputError

_SPARE = 1.3
_BLOCK = 1 << 20


@dataclass
class Drawn:
    """Encodings drawn from an extract: the people, and the group, record and kind of each; how many there are in all."""

    people: list[StandardPerson] = field(default_factory=list, repr=False)
    groups: list[str] = field(default_factory=list, repr=False)
    records: list[str] = field(default_factory=list, repr=False)
    kinds: list[str] = field(default_factory=list, repr=False)
    encodings: int = 0


def attack_extract(
    folder: AgencyFolder,
    reading: Reading,
    *,
    sample: int | None = None,
    deep: bool = False,
    attacker_list: Path | None = None,
    seed: int | None = None,
    tests: Sequence[str] | None = None,
    progress: Progress = no_progress,
) -> AttackReport:
    """Attack what `make_submission` would send of this reading, under the folder's protocol and linkage secret.

    The report is not stored; see `gate.store_report`. Raises `InputError`, `ExtractError`, `KeyProblem`, `ProtocolError`.
    """
    from agencies.attack.extra import need_extra
    from agencies.attack.suite import DEEP_SAMPLE, SAMPLE, TESTS, run_suite
    from agencies.encoders import protocol_comparators, protocol_encodings
    from agencies.secret import linkage_secret

    need_extra()
    protocol, chosen = folder.protocol, seed if seed is not None else secrets.randbelow(1 << 32)
    beside = (folder.path / folder.settings.protocol).parent
    parts = [(each.schema, each.hardening) for each in protocol_encodings(protocol, beside)]
    rows = sample or (DEEP_SAMPLE if deep else SAMPLE)
    drawn = draw(reading, rows, chosen)
    return run_suite(
        drawn.people,
        drawn.groups,
        parts,
        secret=linkage_secret(folder, folder.settings.epoch),
        seed=chosen,
        records=drawn.records,
        kinds=drawn.kinds,
        sample=rows,
        deep=deep,
        attacker_list=read_list(attacker_list, reading.rules) if attacker_list else None,
        cut_offs=cut_offs(folder),
        encodings=drawn.encodings,
        tests=tuple(TESTS) if tests is None else tests,
        subject=subject_of(folder, reading),
        comparators=protocol_comparators(protocol),
        history=trend(stored_reports(folder.place("local"), folder.signing_key.public)),
        progress=progress,
    )


def cut_offs(folder: AgencyFolder) -> CutOffs:
    """The cut-offs of the folder's protocol."""
    return terms_of(folder.protocol.document.attack_gate).cut_offs


def clear_submission(folder: AgencyFolder, reading: Reading, reason: str | None = None) -> Clearance:
    """Clear a submission of this reading by the folder's newest attack report, or refuse. Raises `SubmissionError`.

    Reads kept reports only: the packages that attack need not be there.
    """
    terms = terms_of(folder.protocol.document.attack_gate)
    subject = subject_of(folder, reading)
    return require_report(folder.place("local"), folder.signing_key.public, subject, terms, datetime.now(UTC), reason)


def subject_of(folder: AgencyFolder, reading: Reading) -> Subject:
    """What a report about this reading speaks for."""
    from agencies.encoders import protocol_comparators, protocol_encodings
    from agencies.secret import stored_secret

    protocol = folder.protocol
    beside = (folder.path / folder.settings.protocol).parent
    encodings = protocol_encodings(protocol, beside)
    comparators = protocol_comparators(protocol)
    parameters: list[Any] = [[each.name, each.schema_sha256, each.hardening.describe()] for each in encodings]
    parameters += [each.describe() for each in comparators]
    return Subject(
        agency=folder.party,
        protocol=protocol.label,
        protocol_digest=protocol.digest,
        epoch=folder.settings.epoch,
        encoding=described([(each.schema, each.hardening) for each in encodings], comparators),
        encoding_sha256=hashlib.sha256(rfc8785.dumps(parameters)).hexdigest(),
        key_check=stored_secret(folder, folder.settings.epoch).check,
        records=reading.survey.references,
        extract_sha256=_digest(reading.extract.path),
        extract_date=reading.extract_date,
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def draw(reading: Reading, rows: int, seed: int) -> Drawn:
    """About `rows` encodings of an extract, by whole groups, in memory that does not grow with the extract.

    A record in several groups counts as of the first; one in none is a group of its own.
    """
    share = min(1.0, _SPARE * rows / max(reading.survey.references, 1))
    drawn, key = Drawn(), seed.to_bytes(8, "big")
    for record in reading.records():
        if not isinstance(record, Record) or not record.people:
            continue
        drawn.encodings += len(record.people)
        group = record.groups[0] if record.groups else ""
        number = hashlib.blake2b((group or f"\0{record.local}").encode(), key=key, digest_size=8).digest()
        if int.from_bytes(number, "big") < share * (1 << 64):
            drawn.people += record.people
            drawn.groups += [group or f"\0{record.local}"] * len(record.people)
            drawn.records += [record.local] * len(record.people)
            drawn.kinds += [record.kind.value] * len(record.people)
    return drawn


def read_list(path: Path, rules: StandardiseRules) -> list[StandardPerson]:
    """A public list of people, standardised: CSV with columns named as identifiers are. Raises `InputError`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            people = list(_listed(csv.DictReader(source), path.name, rules))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputError(
            f"The list `{path.name}` cannot be read as CSV in UTF-8.", next_step="Export it again."
        ) from None
    if not people:
        raise InputError(f"The list `{path.name}` is empty.", next_step="Give a list with people on it.")
    return people


def _listed(rows: csv.DictReader[str], name: str, rules: StandardiseRules) -> Iterator[StandardPerson]:
    wanted = [each.name for each in fields(RawPerson)]
    held = [each for each in wanted if each in (rows.fieldnames or [])]
    if "given_name" not in held or "family_name" not in held:
        raise InputError(
            f"The list `{name}` needs the columns `given_name` and `family_name`.",
            next_step=f"It may have {', '.join(wanted)}.",
        )
    for row in rows:
        yield standardise(RawPerson(**{each: row[each] or "" for each in held}), rules)
