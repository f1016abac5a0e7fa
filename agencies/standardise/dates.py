"""Dates of birth: YYYYMMDD, or the leading part that is knowledge."""

from __future__ import annotations

import re
from datetime import datetime

from agencies.standardise.rules import WEAK_DATES

# Letters that a form read by a machine, or a tired eye, gives for digits.
_LOOKALIKES = str.maketrans("OoQIl|iZzSsGB", "0001111225568")
_TIME = re.compile(r"[T ]\d{1,2}:\d{2}.*$")
_PARTIAL = re.compile(r"^(\d{4})(?:[-/.](\d{1,2}))?$")
_ORDER = re.compile(r"%([dmYybB])")


def eight_digits(text: str, formats: tuple[str, ...]) -> str:
    """A date in one of the formats, tried in order, as YYYYMMDD; a bare year or year and month as YYYY or YYYYMM.

    A text that no format takes but that has day, month and year where a format has them (31/02/1990, 2O17-07-187) keeps its digits, a
    letter that looks like a digit read as one: seven right digits out of eight are still evidence. Anything else is ''.
    """
    text = _TIME.sub("", text.strip())
    if not text:
        return ""
    for form in formats:
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        return f"{found.year:04d}{found.month:02d}{found.day:02d}"
    partial = _PARTIAL.match(text)
    if partial:
        year, month = partial.groups()
        return year + (month.zfill(2) if month else "")
    return _by_place(text, formats)


def swapped(digits: str) -> str:
    """Day and month exchanged when the month cannot be one and the day can."""
    month, day = digits[4:6], digits[6:8]
    if len(digits) == 8 and digits.isdecimal() and "12" < month <= "31" and "01" <= day <= "12":
        return digits[:4] + day + month
    return digits


def evidence(digits: str, weak: tuple[str, ...]) -> str:
    """The leading digits that are knowledge, where a named habit filled in the rest."""
    kept = 8
    if len(digits) == 8:
        for kind in weak:
            if _is(kind, digits):
                kept = min(kept, WEAK_DATES[kind])
    return digits[:kept]


def _is(kind: str, digits: str) -> bool:
    day, month = digits[6:], digits[4:6]
    if kind == "first-of-january":
        return day == "01" and month == "01"
    return day == ("15" if kind == "fifteenth-of-month" else "01")


def _by_place(text: str, formats: tuple[str, ...]) -> str:
    runs = re.split(r"[-/. ]", text.translate(_LOOKALIKES))
    if len(runs) != 3:
        return text if re.fullmatch(r"\d{8}", text) and "%Y%m%d" in formats else ""
    for form in formats:
        parts: dict[str, str] = dict(zip(_ORDER.findall(form), runs, strict=False))
        if set(parts) == {"d", "m", "Y"} and all(_plausible(kind, part) for kind, part in parts.items()):
            return parts["Y"][:4] + parts["m"][:2].zfill(2) + parts["d"][:2].zfill(2)
    return ""


def _plausible(kind: str, part: str) -> bool:
    return part.isalnum() and part.isascii() and (4 <= len(part) <= 5 if kind == "Y" else 1 <= len(part) <= 3)
