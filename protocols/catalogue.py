"""Attribute values in the closed shapes of the catalogue: validated, and encoded to one length per attribute.

A value is a mapping of the attribute's fields, or None for "none recorded". A value carries its own as-at
date inside: outside, every value of a record has the record's date, so that no date tells which values there
are. Encoded, all values of an attribute (None included) have the same length, which follows from the
catalogue alone, so a sealed value's length tells nothing. Errors name the attribute, the field and what is
expected, never the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Final

from protocols.document_catalogue import Attribute, FieldType, ValueType, parse_field_type
from protocols.errors import InputError, VerificationError

MAX_COUNT: Final = 99_999
NAME_BYTES: Final = 60
TEAM_BYTES: Final = 80
PHONE_BYTES: Final = 20
CONTACT_FIELDS: Final = {"name": NAME_BYTES, "team": TEAM_BYTES, "phone": PHONE_BYTES}
BLOCK: Final = 16
YES: Final = frozenset({"y", "yes", "true", "t", "1"})
NO: Final = frozenset({"n", "no", "false", "f", "0"})

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEAR_BAND: Final = re.compile(r"(\d{4})-(\d{4})")
_ODS: Final = re.compile(r"[A-Z][A-Z0-9]{2,9}")
_URN: Final = re.compile(r"[1-9]\d{5}")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ]{4,18}")
_BAD_TEXT: Final = re.compile(r'[\x00-\x1f\x7f"\\\u0080-\u009f\u2028\u2029]')

Value = dict[str, Any]


def validate_value(attribute: Attribute, value: object) -> Value | None:
    """The value with its fields in the catalogue's order, or None. Raises `InputError` that names the first
    bad field.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise _wrong(attribute, "", "an object of named fields or null")
    types = attribute.types
    if not value.keys() <= types.keys():
        raise _wrong(attribute, "", f"only the fields {', '.join(f'`{name}`' for name in types)}")
    out: Value = {}
    for name, kind in types.items():
        given = value.get(name)
        if given is None:
            if not kind.optional:
                raise _wrong(attribute, name, expected_words(kind))
            continue
        try:
            out[name] = _CHECKS[kind.type](kind, given)
        except (ValueError, TypeError):
            raise _wrong(attribute, name, expected_words(kind)) from None
    return out


def value_from_texts(attribute: Attribute, texts: Mapping[str, str]) -> Value | None:
    """A value from the cells of an extract: `texts` by field name, a contact as `contact.name` and so on.

    Blank cells are absent; all blank is None. Numbers, flags (yes/no, true/false, 1/0) and lists (separated
    by `|`) are read; dates must be ISO 8601 by now. Raises `InputError`.
    """
    given = {name: text.strip() for name, text in texts.items() if text.strip()}
    if not given:
        return None
    value: dict[str, object] = {}
    for name, kind in attribute.types.items():
        if kind.type is ValueType.CONTACT:
            parts = {part: given.pop(f"{name}.{part}") for part in CONTACT_FIELDS if f"{name}.{part}" in given}
            if parts:
                value[name] = parts
        elif name in given:
            try:
                value[name] = _READ.get(kind.type, str)(given.pop(name))
            except ValueError:
                raise _wrong(attribute, name, expected_words(kind)) from None
    if given:
        raise _wrong(attribute, "", f"only the fields {', '.join(f'`{name}`' for name in attribute.types)}")
    return validate_value(attribute, value)


def encode_value(attribute: Attribute, value: object, as_at: date | None = None) -> bytes:
    """The value as canonical JSON, its own as-at date on a line below if it has one, filled with NUL bytes to
    `encoded_length`. Raises `InputError`.
    """
    data = _with_date(_dumps(validate_value(attribute, value)), as_at)
    return data.ljust(encoded_length(attribute), b"\0")


def decode_value(attribute: Attribute, data: bytes) -> Value | None:
    """The value that `encode_value` encoded, without its date. Raises `VerificationError` for anything else."""
    return decode_dated_value(attribute, data)[0]


def decode_dated_value(attribute: Attribute, data: bytes) -> tuple[Value | None, date | None]:
    """The value that `encode_value` encoded, and its own as-at date. Raises `VerificationError` for anything else."""
    problem = VerificationError(
        f"A value of `{attribute.id}` is not in the shape of the catalogue.",
        next_step="Ask its agency to submit again under this version of the sharing protocol.",
    )
    if len(data) != encoded_length(attribute):
        raise problem
    text, _, day = data.rstrip(b"\0").partition(b"\n")
    try:
        as_at = date.fromisoformat(day.decode("ascii")) if day else None
        checked = validate_value(attribute, json.loads(text.decode("utf-8")))
    except (ValueError, RecursionError, InputError):
        raise problem from None
    if encode_value(attribute, checked, as_at) != data:
        raise problem
    return checked, as_at


def encoded_length(attribute: Attribute) -> int:
    """The length in bytes of every encoded value of this attribute: its longest value and a date, to the next
    multiple of 16.
    """
    return _length(tuple(attribute.fields.items()))


@lru_cache(maxsize=512)
def _length(fields: tuple[tuple[str, str], ...]) -> int:
    total = sum(len(name) + 4 + _longest(parse_field_type(text)) for name, text in fields)
    return -(-(max(len("null"), 2 + total) + len("\n2026-11-03")) // BLOCK) * BLOCK


def expected_words(kind: FieldType) -> str:
    """What a field of this type holds, for people."""
    optional = ", or nothing" if kind.optional else ""
    if kind.type is ValueType.CODE:
        return f"one of {', '.join(kind.codes)}{optional}"
    if kind.type is ValueType.CODES:
        return f"any of {', '.join(kind.codes)}{optional}"
    if kind.type is ValueType.TEXT:
        return f"text of at most {kind.length} bytes without quotes, backslashes or control characters{optional}"
    return _EXPECTED[kind.type] + optional


_EXPECTED: Final = {
    ValueType.INT: f"a whole number from 0 to {MAX_COUNT}",
    ValueType.PERCENT: "a number from 0 to 100 with at most one decimal",
    ValueType.DATE: "a date such as 2026-11-03",
    ValueType.YEAR_BAND: "a band of years such as 2015-2019",
    ValueType.FLAG: "yes or no",
    ValueType.CONTACT: f"a worker's `name` ({NAME_BYTES} bytes), `team` ({TEAM_BYTES}) and `phone`",
    ValueType.ODS: "an ODS code such as E82001",
    ValueType.URN: "a school's URN of six digits",
}


def _wrong(attribute: Attribute, field: str, expected: str) -> InputError:
    where = f"`{attribute.id}`, field `{field}`" if field else f"`{attribute.id}`"
    return InputError(
        f"A value of {where} does not fit the catalogue: expected {expected}.",
        next_step="Correct it at its source, or map the column or its codes again.",
    )


def _with_date(data: bytes, as_at: date | None) -> bytes:
    return data if as_at is None else data + b"\n" + as_at.isoformat().encode()


def _dumps(value: Value | None) -> bytes:
    """In the order of the fields' names: a digest does not say in which order a document names them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")


def _int(_: FieldType, value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise ValueError
    return value


def _percent(_: FieldType, value: object) -> float:
    if type(value) not in (int, float) or not 0 <= float(value) <= 100:  # type: ignore[arg-type]
        raise ValueError
    tenths = round(float(value) * 10)  # type: ignore[arg-type]
    if abs(float(value) * 10 - tenths) > 1e-6:  # type: ignore[arg-type]
        raise ValueError
    return tenths / 10


def _date(_: FieldType, value: object) -> str:
    if isinstance(value, date):
        value = value.isoformat()
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError
    return date.fromisoformat(value).isoformat()


def _year_band(_: FieldType, value: object) -> str:
    found = _YEAR_BAND.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 1900 <= int(found[1]) <= int(found[2]) <= 2999:
        raise ValueError
    return found[0]


def _flag(_: FieldType, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _code(kind: FieldType, value: object) -> str:
    if not isinstance(value, str) or value not in kind.codes:
        raise ValueError
    return value


def _codes(kind: FieldType, value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not value or len(set(value)) != len(value):
        raise ValueError
    if not set(value) <= set(kind.codes):
        raise ValueError
    return [code for code in kind.codes if code in value]


def _text(kind: FieldType, value: object) -> str:
    return _bounded(value, kind.length)


def _bounded(value: object, length: int) -> str:
    if not isinstance(value, str) or not value.strip() or _BAD_TEXT.search(value) or len(value.encode()) > length:
        raise ValueError
    return value


def _contact(_: FieldType, value: object) -> Value:
    if not isinstance(value, Mapping) or not value or not set(value) <= set(CONTACT_FIELDS):
        raise ValueError
    contact = {name: _bounded(value[name], size) for name, size in CONTACT_FIELDS.items() if value.get(name)}
    if not contact or ("phone" in contact and not _PHONE.fullmatch(contact["phone"])):
        raise ValueError
    return contact


def _matching(pattern: re.Pattern[str]) -> Callable[[FieldType, object], str]:
    def check(_: FieldType, value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError
        return value

    return check


_CHECKS: Final[Mapping[ValueType, Callable[[FieldType, object], object]]] = {
    ValueType.INT: _int,
    ValueType.PERCENT: _percent,
    ValueType.DATE: _date,
    ValueType.YEAR_BAND: _year_band,
    ValueType.FLAG: _flag,
    ValueType.CODE: _code,
    ValueType.CODES: _codes,
    ValueType.TEXT: _text,
    ValueType.CONTACT: _contact,
    ValueType.ODS: _matching(_ODS),
    ValueType.URN: _matching(_URN),
}


def _read_int(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError
    return int(text)


def _read_flag(text: str) -> bool:
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise ValueError


_READ: Final[Mapping[ValueType, Callable[[str], object]]] = {
    ValueType.INT: _read_int,
    ValueType.PERCENT: float,
    ValueType.FLAG: _read_flag,
    ValueType.CODES: lambda text: [code.strip() for code in text.split("|")],
}

_LONGEST: Final = {
    ValueType.INT: len(str(MAX_COUNT)),
    ValueType.PERCENT: len("100.0"),
    ValueType.DATE: len('"2026-11-03"'),
    ValueType.YEAR_BAND: len('"2015-2019"'),
    ValueType.FLAG: len("false"),
    ValueType.ODS: len('"') * 2 + 10,
    ValueType.URN: len('"123456"'),
    ValueType.CONTACT: 2 + sum(len(name) + 3 + 2 + size + 1 for name, size in CONTACT_FIELDS.items()),
}


def _longest(kind: FieldType) -> int:
    """The longest JSON of a field of this type, in bytes."""
    if kind.type is ValueType.CODE:
        return 2 + max(map(len, kind.codes))
    if kind.type is ValueType.CODES:
        return 2 + sum(len(code) + 3 for code in kind.codes)
    if kind.type is ValueType.TEXT:
        return 2 + kind.length
    return _LONGEST[kind.type]
