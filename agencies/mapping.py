"""`mapping.yaml`: which column of one source system is what. A column that is not named here is never read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agencies.yaml_file import read_yaml
from protocols.document_catalogue import Attribute, ValueType
from protocols.errors import InputError
from protocols.load import LoadedProtocol

IDENTIFIERS = ("given_name", "middle_name", "family_name", "date_of_birth", "sex", "address", "postcode")
FLAGS = ("suppressed", "silent", "shielded", "deceased")
AS_AT_TODAY = "today"
CONTACT_PARTS = ("name", "team", "phone")
_ISO_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileMap(_Part):
    """How the file is written; what is absent is found out and said. `sheet` is for Excel."""

    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str | None = None
    sheet: str | None = None
    header_row: int | None = Field(default=None, ge=1)


class GroupMap(_Part):
    """Columns with local household, case or occurrence references; `separator` where one cell holds several."""

    columns: list[str] = Field(min_length=1)
    separator: str | None = Field(default=None, min_length=1)


class Identifiers(_Part):
    """Columns of identifiers; `address` may be several, joined by a space."""

    given_name: str | None = None
    middle_name: str | None = None
    family_name: str | None = None
    date_of_birth: str | None = None
    sex: str | None = None
    address: list[str] | None = None
    postcode: str | None = None
    nhs_number: str | None = None
    upn: str | None = None
    cro: str | None = None

    @field_validator("address", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @property
    def numbers(self) -> dict[str, str]:
        """The columns of numbers that are looked at and not used, by the number's name."""
        named = {"nhs_number": self.nhs_number, "upn": self.upn, "cro": self.cro}
        return {name: column for name, column in named.items() if column}

    def columns(self) -> Iterator[str]:
        """Every column that is named."""
        for name in type(self).model_fields:
            held = getattr(self, name)
            yield from ([] if held is None else [held] if isinstance(held, str) else held)


class KindMap(_Part):
    """A column that says adult, child or unborn, and the values that mean each."""

    column: str
    adult: list[str] = []
    child: list[str] = []
    unborn: list[str] = []


class NumberStatusMap(_Part):
    """A column that says what came of tracing the NHS number, and the values that mean replaced and not found."""

    column: str
    superseded: list[str] = []
    not_found: list[str] = []


class FlagMap(_Part):
    """A column and the values that mean yes."""

    column: str
    yes: list[str] = Field(min_length=1)


class HoldMap(_Part):
    """A column of which a reason code stops the record."""

    column: str


class Mapping(_Part):
    """One source system's columns."""

    agency: str
    source: str = ""
    file: FileMap = FileMap()
    dates: list[str] = ["%Y-%m-%d", "%d/%m/%Y"]
    record: str
    groups: GroupMap | None = None
    identifiers: Identifiers
    nhs_number_status: NumberStatusMap | None = None
    expected_date: str | None = None
    aliases: list[Identifiers] = []
    former: list[Identifiers] = []
    kind: KindMap | None = None
    flags: dict[str, FlagMap] = {}
    hold: HoldMap | None = None
    as_at: str
    attributes: dict[str, dict[str, str]] = {}
    codes: dict[str, dict[str, str]] = {}

    @field_validator("dates")
    @classmethod
    def _are_date_formats(cls, value: list[str]) -> list[str]:
        for form in value:
            if not all(f"%{part}" in form for part in ("d", "Y")) and form not in ("%Y%m%d",):
                raise ValueError(f"expected date formats such as `%d/%m/%Y`, got `{form[:20]}`")
        if not value:
            raise ValueError("expected at least one date format")
        return value

    @field_validator("flags")
    @classmethod
    def _are_flags(cls, value: dict[str, FlagMap]) -> dict[str, FlagMap]:
        for name in value:
            if name not in FLAGS:
                raise ValueError(f"`{name[:30]}` is not a flag; flags are {', '.join(FLAGS)}")
        return value

    @model_validator(mode="after")
    def _extra_names_and_addresses(self) -> Self:
        for alias in self.aliases:
            if alias.numbers or not any((alias.given_name, alias.middle_name, alias.family_name)):
                raise ValueError(
                    "an entry of `aliases` names at least one name column, and no `nhs_number`, `upn` or `cro`"
                )
        for place in self.former:
            if not (place.address or place.postcode) or place.given_name or place.family_name or place.numbers:
                raise ValueError("an entry of `former` names `address` and `postcode` columns, and nothing else")
        return self

    @property
    def as_at_column(self) -> str | None:
        """The column of the as-at date, or None when it is one date for all."""
        return None if self.as_at_extract_day or _ISO_DATE.match(self.as_at) else self.as_at

    @property
    def as_at_extract_day(self) -> bool:
        """Whether every row is true for the day of the extract: `as_at: today`."""
        return self.as_at == AS_AT_TODAY

    @property
    def as_at_literal(self) -> date | None:
        """The one as-at date of all rows, if it is a literal."""
        return date.fromisoformat(self.as_at) if _ISO_DATE.match(self.as_at) else None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, once, in the order of this file."""
        return tuple(dict.fromkeys(self._named()))

    def _named(self) -> Iterator[str]:
        yield self.record
        if self.groups:
            yield from self.groups.columns
        yield from self.identifiers.columns()
        for extra in (*self.aliases, *self.former):
            yield from extra.columns()
        if self.nhs_number_status:
            yield self.nhs_number_status.column
        if self.expected_date:
            yield self.expected_date
        if self.kind:
            yield self.kind.column
        yield from (flag.column for flag in self.flags.values())
        if self.hold:
            yield self.hold.column
        if self.as_at_column:
            yield self.as_at_column
        for fields in self.attributes.values():
            yield from fields.values()


def load_mapping(path: Path, agency: str, protocol: LoadedProtocol) -> Mapping:
    """Read a mapping and check it against the sharing protocol's catalogue. Raises `InputError`.

    An attribute that the catalogue does not have, or that belongs to another agency, is refused here: nothing outside the catalogue
    can leave.
    """
    mapping = read_yaml(path, Mapping)
    if mapping.agency != agency:
        raise InputError(
            f"`{path.name}` is for the agency `{mapping.agency[:40]}`; this folder is `{agency}`'s.",
            next_step="Use the mapping of this agency's source system.",
        )
    catalogue = {each.id: each for each in protocol.document.attributes if each.agency == agency}
    for name, fields in mapping.attributes.items():
        if name not in catalogue:
            raise InputError(
                f"`{path.name}` maps `{name[:60]}`, which is not an attribute of `{agency}` in the protocol's catalogue.",
                next_step=f"Attributes of `{agency}` are {', '.join(catalogue) or 'none'}.",
            )
        _check_fields(path, catalogue[name], fields)
    known = {f"{name}.{field}" for name, fields in mapping.attributes.items() for field in fields}
    for place in mapping.codes:
        if place not in known:
            raise InputError(
                f"`{path.name}` translates codes of `{place[:80]}`, which is not mapped.",
                next_step="Name it as `attribute.field`, such as `police.da_last_incident.subject_role`.",
            )
    return mapping


def _check_fields(path: Path, attribute: Attribute, mapped: dict[str, str]) -> None:
    allowed = {"as_at"}
    required = set()
    for name, kind in attribute.types.items():
        if kind.type is ValueType.CONTACT:
            allowed |= {f"{name}.{part}" for part in CONTACT_PARTS}
            continue
        allowed.add(name)
        if not kind.optional:
            required.add(name)
    unknown, missing = set(mapped) - allowed, required - set(mapped)
    if unknown or missing:
        wrong = [f"it has no field `{name[:40]}`" for name in sorted(unknown)]
        wrong += [f"its field `{name}` is not mapped" for name in sorted(missing)]
        raise InputError(
            f"`{path.name}` maps `{attribute.id}` wrongly: {'; '.join(wrong)}.",
            next_step=f"Its fields are {', '.join(sorted(allowed))}.",
        )
