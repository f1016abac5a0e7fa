"""Attribute values out of an extract's columns: dates and local codes translated, then checked against the protocol's catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agencies.extract import Row
from agencies.mapping import Mapping as ColumnMapping
from agencies.quality.dates import read_date
from agencies.quality.places import holds_personal_detail
from protocols.catalogue import Value, value_from_texts
from protocols.document_catalogue import Attribute, FieldType, ValueType
from protocols.errors import InputError

_WHOLE_AS_FLOAT = re.compile(r"^(\d+)\.0+$")


class Refused(Exception):
    """A value cannot be used: the code of the quality rule and the column; never the value."""

    def __init__(self, code: str, column: str | None) -> None:
        super().__init__(code)
        self.code = code
        self.column = column


@dataclass(frozen=True, slots=True)
class Cell:
    """One mapped field: its name (`contact.phone` for a part of a contact), its column, the column's place, its type."""

    field: str
    column: str
    at: int
    type: FieldType
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AttributeReader:
    """Reads one attribute from a row; one that is not mapped always reads None."""

    attribute: Attribute
    cells: tuple[Cell, ...]
    as_at: int | None
    as_at_column: str | None
    formats: tuple[str, ...]
    places: tuple[int, ...] = ()

    def read(self, row: Row) -> Value | None:
        """The value in a row, None if every mapped cell is blank. Raises `Refused`."""
        for at in self.places:
            if row[at] and not row[at].isspace():
                break
        else:
            return None
        texts = {cell.field: text for cell in self.cells if (text := row[cell.at].strip())}
        for cell in self.cells:
            if cell.field in texts:
                texts[cell.field] = self._translated(cell, texts[cell.field])
        try:
            return value_from_texts(self.attribute, texts)
        except InputError:
            raise Refused("VALUE_REFUSED", self.cells[0].column) from None

    def read_as_at(self, row: Row) -> str:
        """The attribute's own as-at date as typed; '' if it has none."""
        return "" if self.as_at is None else row[self.as_at].strip()

    def _translated(self, cell: Cell, text: str) -> str:
        kind = cell.type.type
        if kind in (ValueType.TEXT, ValueType.CONTACT) and not cell.field.endswith(".phone"):
            if holds_personal_detail(text):
                raise Refused("VALUE_PERSONAL", cell.column)
            return text
        if kind is ValueType.DATE:
            day = read_date(text, self.formats)
            if day is None:
                raise Refused("VALUE_REFUSED", cell.column)
            return day.isoformat()
        if kind is ValueType.CODES:
            return "|".join(dict.fromkeys(_code(part, cell.codes) for part in re.split(r"[|,;]", text) if part.strip()))
        if kind in (ValueType.CODE, ValueType.FLAG):
            return _code(text, cell.codes)
        if kind is ValueType.INT:
            return _WHOLE_AS_FLOAT.sub(r"\1", text)
        if kind is ValueType.PERCENT:
            return text.rstrip("% ")
        return text.upper() if kind is ValueType.ODS else text


def attribute_readers(mapping: ColumnMapping, attributes: Sequence[Attribute]) -> list[AttributeReader]:
    """A reader for every attribute of the agency, in the catalogue's order."""
    at = {name: number for number, name in enumerate(mapping.columns)}
    readers = []
    for attribute in attributes:
        mapped = mapping.attributes.get(attribute.id, {})
        types, own = attribute.types, mapped.get("as_at")
        cells = tuple(
            Cell(
                field,
                column,
                at[column],
                types[field.partition(".")[0]],
                mapping.codes.get(f"{attribute.id}.{field}", {}),
            )
            for field, column in mapped.items()
            if field != "as_at"
        )
        places = tuple(cell.at for cell in cells)
        readers.append(
            AttributeReader(attribute, cells, None if own is None else at[own], own, tuple(mapping.dates), places)
        )
    return readers


def _code(text: str, codes: Mapping[str, str]) -> str:
    """A local code translated; without a translation, in upper case."""
    text = text.strip()
    return codes.get(text, codes.get(text.upper(), text.upper()))
