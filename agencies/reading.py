"""A whole reading of an extract: first across its rows, then record by record, holding a few numbers for each row and never the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from agencies.extract import Extract, NumberedRow
from agencies.folder import AgencyFolder
from agencies.identifiers import Columns
from agencies.mapping import Mapping, load_mapping
from agencies.progress import Progress, no_progress
from agencies.quality.dates import read_date
from agencies.quality.findings import Findings
from agencies.records import LeftOut, Record, RecordMaker, Suppressed
from agencies.standardise.person import StandardiseRules
from agencies.survey import Survey, survey
from protocols.document_catalogue import Attribute
from protocols.errors import InputError
from protocols.load import LoadedProtocol

_TICK = 2_000


@dataclass
class Reading:
    """An extract with everything that is needed to read it, and what was found on the way."""

    extract: Extract
    mapping: Mapping
    protocol: LoadedProtocol
    agency: str
    given_date: date | None = None
    progress: Progress = no_progress
    findings: Findings = field(default_factory=Findings)

    @cached_property
    def columns(self) -> Columns:
        """Where everything stands in a row."""
        return Columns(self.mapping)

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """The agency's attributes in the protocol's catalogue."""
        return tuple(each for each in self.protocol.document.attributes if each.agency == self.agency)

    @cached_property
    def rules(self) -> StandardiseRules:
        """The protocol's standardising, with the date formats of this source system."""
        return standardise_rules(self.protocol, self.mapping)

    @cached_property
    def survey(self) -> Survey:
        """The first reading: what can only be seen across rows."""
        return survey(
            self.extract,
            self.columns,
            self.rules,
            self.findings,
            tick=lambda done: self.progress("looking across rows", done, None),
        )

    @cached_property
    def extract_date(self) -> date:
        """The day that ages and as-at dates are measured from: given, or the literal as-at date of the mapping, or the latest
        as-at date in the file, or today."""
        today = datetime.now(UTC).date()
        if self.given_date:
            return self.given_date
        if self.mapping.as_at_literal:
            return self.mapping.as_at_literal
        days = [
            day
            for text in self.survey.as_at_texts
            if (day := read_date(text, self.rules.date_formats)) and day <= today
        ]
        return max(days, default=today)

    def records(self) -> Iterator[Record | Suppressed | LeftOut]:
        """Every record, once: rows of one reference are held back until the last of them is there."""
        maker = RecordMaker(
            self.mapping,
            self.columns,
            self.attributes,
            self.rules,
            self.extract_date,
            self.survey.shared_addresses,
            self.findings,
        )
        last, total = self.survey.last_of_reference, self.survey.rows
        waiting: dict[str, list[NumberedRow]] = {}
        for done, numbered in enumerate(self.extract.rows()):
            reference = self.columns.reference(numbered[1])
            if done >= total:
                raise InputError(
                    f"`{self.extract.path.name}` changed while it was read.",
                    next_step="Let the export finish, then start again.",
                )
            if not reference:
                yield maker.make([numbered])
            elif last[done]:
                yield maker.make(_distinct([*waiting.pop(reference, []), numbered]))
            else:
                waiting.setdefault(reference, []).append(numbered)
            if done % _TICK == 0:
                self.progress("reading records", done, total)
        self.progress("reading records", total, total)


def open_reading(
    folder: AgencyFolder,
    path: Path,
    *,
    mapping: Path | None = None,
    extract_date: date | None = None,
    progress: Progress = no_progress,
) -> Reading:
    """Open an extract with the folder's mapping (or another). Raises `InputError`, `ExtractError`, `ProtocolError`."""
    if folder.settings.purpose != "agency":
        raise InputError("This is the Workbook's folder: it has no extracts.", next_step="Name an agency's folder.")
    chosen = load_mapping(mapping or folder.path / folder.settings.mapping, folder.party, folder.protocol)
    return Reading(
        extract=Extract(path, chosen),
        mapping=chosen,
        protocol=folder.protocol,
        agency=folder.party,
        given_date=extract_date,
        progress=progress,
    )


def standardise_rules(protocol: LoadedProtocol, mapping: Mapping) -> StandardiseRules:
    """The rules that the protocol's version of standardising names. Raises `InputError` if this release does not have it."""
    rules = StandardiseRules(version=f"person-{protocol.document.encoding.standardisation}")
    return replace(rules, date_formats=tuple(dict.fromkeys((*mapping.dates, "%Y-%m-%d"))))


def _distinct(rows: list[NumberedRow]) -> list[NumberedRow]:
    if len(rows) == 1:
        return rows
    seen: dict[tuple[str, ...], NumberedRow] = {}
    for number, row in rows:
        seen.setdefault(row, (number, row))
    return list(seen.values())
