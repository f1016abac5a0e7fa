"""The attribute catalogue of a sharing protocol: what an agency may record about a person, and in which
closed shape.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from protocols.document_parts import AttributeId, Id, Part
from protocols.vocabulary import Assertion, Kind, Mode, Sensitivity

_FIELD_TYPE: Final = re.compile(r"(?P<name>[a-z_]+)(?:\[(?P<codes>[^\[\]]*)\])?(?P<optional>\?)?")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,40}")


class ValueType(StrEnum):
    """The types that a field of a value can have. There is no free text in a catalogue."""

    INT = "int"
    PERCENT = "percent"
    DATE = "date"
    YEAR_BAND = "year_band"
    FLAG = "flag"
    CODE = "code"
    CODES = "codes"
    CONTACT = "contact"
    TEXT = "text"
    ODS = "ods"
    URN = "urn"


_WITH_BRACKETS: Final = {
    ValueType.CODE: "codes: `code[A,B]`",
    ValueType.CODES: "codes: `codes[A,B]`",
    ValueType.TEXT: "a length in bytes: `text[40]`",
}


class FieldType(Part):
    """One field of a value, read from its short form: `int`, `date?`, `code[A,B]`, `text[40]`."""

    type: ValueType
    codes: tuple[str, ...] = ()
    length: int = 0
    optional: bool = False


@lru_cache(maxsize=512)
def parse_field_type(text: str) -> FieldType:
    """Read the short form of a field type. Raises `ValueError` with what would be right."""
    found = _FIELD_TYPE.fullmatch(text)
    if found is None or found["name"] not in tuple(ValueType):
        raise ValueError(f"expected a field type, one of {', '.join(ValueType)}, got `{text}`")
    kind, inner, optional = ValueType(found["name"]), found["codes"], found["optional"] is not None
    if (kind in _WITH_BRACKETS) != (inner is not None):
        expected = _WITH_BRACKETS.get(kind, f"no brackets: `{kind}`")
        raise ValueError(f"expected {expected}, got `{text}`")
    if inner is None:
        return FieldType(type=kind, optional=optional)
    if kind is ValueType.TEXT:
        if not inner.isdecimal() or not 1 <= int(inner) <= 80:
            raise ValueError(f"expected a length from 1 to 80 bytes, got `{text}`")
        return FieldType(type=kind, length=int(inner), optional=optional)
    codes = tuple(code.strip() for code in inner.split(","))
    if not all(_CODE.fullmatch(code) for code in codes) or len(set(codes)) != len(codes):
        raise ValueError(f"expected different codes of letters, digits, `_`, `+` and `-`, got `{text}`")
    return FieldType(type=kind, codes=codes, optional=optional)


def _readable(text: str) -> str:
    parse_field_type(text)
    return text


FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
FieldText = Annotated[str, AfterValidator(_readable)]


class Subject(StrEnum):
    """Whom an attribute is about."""

    CHILD = "child"
    ADULT = "adult"
    UNBORN = "unborn"
    ANY = "any"

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of person that the attribute can be about."""
        return _KINDS[self]


_KINDS: Final = {
    Subject.CHILD: frozenset({Kind.CHILD}),
    Subject.ADULT: frozenset({Kind.ADULT}),
    Subject.UNBORN: frozenset({Kind.UNBORN}),
    Subject.ANY: frozenset({Kind.CHILD, Kind.ADULT, Kind.UNBORN}),
}


class Attribute(Part):
    """One attribute: whose, about whom, how sensitive, what kind of statement, and its fields.

    `mode` is the right it takes to be told: CONTACT for whom to call, CONTENT for all else.
    """

    id: AttributeId
    agency: Id
    title: Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[a-z0-9][^\x00-\x1f\x7f.;]*$")]
    about: Subject
    sensitivity: Sensitivity
    assertion: Assertion
    mode: Literal[Mode.CONTACT, Mode.CONTENT] = Mode.CONTENT
    fields: Annotated[dict[FieldName, FieldText], Field(min_length=1)]
    location_revealing: bool = False
    court_derived: bool = False

    @cached_property
    def types(self) -> dict[str, FieldType]:
        """The fields with their types read."""
        return {name: parse_field_type(text) for name, text in self.fields.items()}
