"""The form of one agency's extract: columns, dates, delimiter, encoding, codes. The mapping is written from it too."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from config.county.people import EXTRACT_DATE, Name
from config.county.places import Address
from config.county.records import Record, Value
from config.county.variants import writable

CONTACT = ("contact.name", "contact.team", "contact.phone")


@dataclass(frozen=True)
class Layout:
    """One source system's export. `codes` go from local code to catalogue code; `unmapped` columns are there but not used.

    With `rows_for_aliases` every further name or earlier address is a row of its own under the same reference.
    """

    agency: str
    source: str
    delimiter: str
    encoding: str
    date_format: str
    record: str
    given: str
    middle: str
    family: str
    born: str
    sex: str
    address: tuple[str, ...]
    postcode: str
    line_end: str = "\n"
    quote_all: bool = False
    old_date_format: str = ""
    nhs: str = ""
    sexes: tuple[str, str] = ("M", "F")
    groups: str = ""
    group_separator: str = "|"
    aliases: tuple[dict[str, str], ...] = ()
    former_address: tuple[str, ...] = ()
    former_postcode: str = ""
    kind: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    flags: dict[str, tuple[str, str]] = field(default_factory=dict)
    hold: str = ""
    as_at: str = ""
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    rows_for_aliases: bool = False

    def columns(self) -> list[str]:
        """The header, in order."""
        named = [self.record, self.nhs, self.family, self.given, self.middle]
        named += [column for alias in self.aliases for column in alias.values()]
        named += [self.born, self.sex, *self.address, *self.unmapped, self.postcode]
        named += [*self.former_address, self.former_postcode, self.kind, self.groups]
        named += [column for column, _ in self.flags.values()]
        named += [column for fields in self.attributes.values() for column in fields.values()]
        named += [self.hold, self.as_at]
        return list(dict.fromkeys(column for column in named if column))

    def rows(self, record: Record) -> list[dict[str, str]]:
        """One record as rows of text."""
        names, addresses = record.names, record.addresses
        main = self._row(record, names[0], addresses[0])
        if self.rows_for_aliases:
            others = [(name, addresses[0]) for name in names[1:]]
            others += [(names[0], address) for address in addresses[1:]]
            return [main, *(self._row(record, name, address) for name, address in others)]
        main |= self._alias_columns(names)
        if self.former_address and len(addresses) > 1:
            main |= self._address(self.former_address, self.former_postcode, addresses[1])
        return [main]

    def _alias_columns(self, names: list[Name]) -> dict[str, str]:
        """Each further name in the first free set of alias columns that can hold what is different in it."""
        free = list(self.aliases)
        filled: dict[str, str] = {}
        for name in names[1:]:
            differs = {part for part in ("given_name", "family_name") if _part(name, part) != _part(names[0], part)}
            fitting = [alias for alias in free if differs and differs <= set(alias)]
            if fitting:
                free.remove(fitting[0])
                filled |= {column: _part(name, part) for part, column in fitting[0].items()}
        return filled

    def _row(self, record: Record, name: Name, address: Address) -> dict[str, str]:
        row = dict.fromkeys(self.columns(), "")
        row[self.record] = record.ref
        row |= {self.given: name.given, self.family: name.family, self.born: self._born(record)}
        row[self.sex] = {"M": self.sexes[0], "F": self.sexes[1]}.get(record.sex, "")
        row |= self._address(self.address, self.postcode, address)
        optional = (
            (self.middle, name.middle),
            (self.nhs, record.nhs),
            (self.kind, self.kinds.get(record.kind, "")),
            (self.groups, self.group_separator.join(record.groups)),
            (self.hold, record.hold),
            (self.as_at, self.day(record.as_at)),
        )
        row |= {column: text for column, text in optional if column}
        row |= {column: yes for flag, (column, yes) in self.flags.items() if flag in record.flags}
        for attribute, value in record.values.items():
            row |= self._attribute(attribute, value)
        return row

    def _address(self, columns: tuple[str, ...], postcode: str, address: Address) -> dict[str, str]:
        spread = address.parts(len(columns) + len(self.unmapped))
        return dict(zip((*columns, *self.unmapped), spread, strict=True)) | {postcode: address.postcode}

    def _born(self, record: Record) -> str:
        if record.born is None:
            return ""
        legacy = record.legacy and self.old_date_format
        return record.born.strftime(self.old_date_format if legacy else self.date_format)

    def day(self, day: date) -> str:
        """A date as this system writes it."""
        return day.strftime(self.date_format)

    def _attribute(self, attribute: str, value: Value) -> dict[str, str]:
        columns = self.attributes[attribute]
        return {columns[name]: self._text(f"{attribute}.{name}", item) for name, item in value.items()}

    def _text(self, path: str, item: str | int | bool | date) -> str:
        if isinstance(item, bool):
            return "Y" if item else "N"
        if isinstance(item, date):
            return self.day(item)
        local = {code: own for own, code in self.codes.get(path, {}).items()}
        return local.get(str(item), str(item))

    def csv_bytes(self, records: Iterable[Record]) -> bytes:
        """The whole extract, as bytes in this system's encoding."""
        text = io.StringIO()
        writer = csv.DictWriter(
            text,
            self.columns(),
            delimiter=self.delimiter,
            lineterminator=self.line_end,
            quoting=csv.QUOTE_ALL if self.quote_all else csv.QUOTE_MINIMAL,
        )
        writer.writeheader()
        for record in records:
            for row in self.rows(record):
                writer.writerow({column: writable(value, self.encoding) for column, value in row.items()})
        return text.getvalue().encode(self.encoding)

    def mapping(self) -> str:
        """The column mapping (YAML) with which this extract is read."""
        return "\n".join(self._mapping_lines()) + "\n"

    def _mapping_lines(self) -> Iterable[str]:
        yield f"# How the columns of this extract map to Kinlink's fields. Dates come as in {self.date_format}."
        yield f"agency: {self.agency}"
        yield f"source: {json.dumps(self.source)}"
        yield f"file: {_flow({'delimiter': self.delimiter, 'encoding': self.encoding})}"
        yield f"dates: {json.dumps([form for form in (self.date_format, self.old_date_format) if form])}"
        yield f"record: {self.record}"
        if self.groups:
            yield f"groups: {_flow({'columns': [self.groups], 'separator': self.group_separator})}"
        yield "identifiers:"
        for field_name, column in self._identifiers().items():
            yield f"  {field_name}: {json.dumps(column)}"
        if self.aliases and not self.rows_for_aliases:
            yield "aliases:"
            for alias in self.aliases:
                yield f"  - {_flow(alias)}"
        if self.former_address:
            former = {"address": list(self.former_address), "postcode": self.former_postcode}
            yield f"former:\n  - {_flow(former)}"
        if self.kind:
            kinds = {kind.lower(): [local] for kind, local in self.kinds.items()}
            yield f"kind: {_flow({'column': self.kind, **kinds})}"
        if self.flags:
            yield "flags:"
            for flag, (column, yes) in self.flags.items():
                yield f"  {flag}: {_flow({'column': column, 'yes': [yes]})}"
        if self.hold:
            yield f"hold: {_flow({'column': self.hold})}"
        yield f"as_at: {json.dumps(self.as_at or EXTRACT_DATE.isoformat())}"
        yield "attributes:"
        for attribute, fields in self.attributes.items():
            yield f"  {attribute}: {_flow(fields)}"
        if self.codes:
            yield "codes:"
            for path, codes in self.codes.items():
                yield f"  {path}: {_flow(codes)}"

    def _identifiers(self) -> dict[str, str | list[str]]:
        found: dict[str, str | list[str]] = {
            "given_name": self.given,
            "middle_name": self.middle,
            "family_name": self.family,
            "date_of_birth": self.born,
            "sex": self.sex,
            "address": list(self.address),
            "postcode": self.postcode,
            "nhs_number": self.nhs,
        }
        return {name: column for name, column in found.items() if column}


def _part(name: Name, part: str) -> str:
    return {"given_name": name.given, "middle_name": name.middle, "family_name": name.family}[part]


def _flow(mapping: object) -> str:
    return json.dumps(mapping, ensure_ascii=False)
