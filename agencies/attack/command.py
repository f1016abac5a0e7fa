"""`kinlink agency attack`: attack an extract as it would be submitted, and keep the signed report."""

from __future__ import annotations

import csv
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agencies.attack.gate import cut_offs_of, refusal_words, store_report, stored_reports, trend
from agencies.attack.report import AttackReport, Subject, blocking_findings
from agencies.attack.verdict import CutOffs
from agencies.cli_parties import FolderOption
from agencies.folder import AgencyFolder
from agencies.progress import Progress, no_progress
from agencies.reading import Reading, open_reading
from agencies.records import Record
from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson, standardise
from protocols.errors import InputError, SubmissionError

_SPARE = 1.3
_BLOCK = 1 << 20


@dataclass
class Drawn:
    """Encodings drawn from an extract: the people, and the group and record of each; how many there are in all."""

    people: list[StandardPerson] = field(default_factory=list, repr=False)
    groups: list[str] = field(default_factory=list, repr=False)
    records: list[str] = field(default_factory=list, repr=False)
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
    from agencies.encoders import protocol_encodings
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
        sample=rows,
        deep=deep,
        attacker_list=read_list(attacker_list, reading.rules) if attacker_list else None,
        cut_offs=cut_offs(folder),
        encodings=drawn.encodings,
        tests=tuple(TESTS) if tests is None else tests,
        subject=subject_of(folder, reading),
        history=trend(stored_reports(folder.place("local"), folder.signing_key.public)),
        progress=progress,
    )


def cut_offs(folder: AgencyFolder) -> CutOffs:
    """The cut-offs of the folder's protocol."""
    return cut_offs_of(folder.protocol.document.attack_gate)


def subject_of(folder: AgencyFolder, reading: Reading) -> Subject:
    """What a report about this reading speaks for."""
    from agencies.attack.suite import described
    from agencies.encoders import protocol_encodings

    protocol = folder.protocol
    beside = (folder.path / folder.settings.protocol).parent
    return Subject(
        agency=folder.party,
        protocol=protocol.label,
        protocol_digest=protocol.digest,
        epoch=folder.settings.epoch,
        encoding=described([(each.schema, each.hardening) for each in protocol_encodings(protocol, beside)]),
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


def attack_command(
    extract: Annotated[Path, typer.Argument(help="The extract: CSV, TSV, Excel or Parquet.")],
    folder: FolderOption = Path(),
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="Another mapping than the one in agency.yaml.")
    ] = None,
    extract_date: Annotated[str | None, typer.Option("--extract-date", help="The day of the extract.")] = None,
    attacker_list: Annotated[
        Path | None, typer.Option("--list", help="A public list (CSV) for the attacker, instead of the extract itself.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Up to 50,000 encodings; takes up to an hour.")] = False,
    sample: Annotated[int | None, typer.Option("--sample", min=100, max=50_000, help="Encodings to attack.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Random seed, to repeat a report.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as a web page here too.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report as JSON here too.")] = None,
) -> None:
    """Attack an extract's encodings with what is published, and say in plain words what an attacker would get."""
    from agencies.attack.page import html_report
    from agencies.attack.terminal import print_report
    from agencies.console import output, progress_bar
    from agencies.files import write_private

    opened = AgencyFolder(folder)
    with progress_bar() as progress:
        reading = open_reading(opened, extract, mapping=mapping, extract_date=_day(extract_date), progress=progress)
        report = attack_extract(
            opened, reading, sample=sample, deep=deep, attacker_list=attacker_list, seed=seed, progress=progress
        )
    page = html_report(report)
    path = store_report(opened.place("local"), report, opened.signing_key, page)
    print_report(report, output())
    for target, data in ((html, page.encode()), (json_file, report.canonical())):
        if target:
            write_private(target, data, replace=True)
    output().print(
        f"Signed and kept: local/attack/{escape(path.name)} (digest {report.digest[:16]}…), with its page beside it."
    )
    blocking = blocking_findings(report, cut_offs(opened))
    if blocking:
        raise SubmissionError(
            f"A submission of this extract would not be made: {refusal_words(blocking)}.",
            next_step="Change the encoding in the sharing protocol, and attack again.",
        )


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError("`--extract-date` is not a date such as 2026-11-16.", next_step="Correct it.") from None
    if day > datetime.now(UTC).date():
        raise InputError("`--extract-date` is in the future.", next_step="Correct it.")
    return day
