"""Dates as the source writes them."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

_TIME = re.compile(r"[T ]\d{1,2}:\d{2}.*$")
_PARTIAL = re.compile(r"^(?:19|20)\d{2}(?:[-/.](?:0?[1-9]|1[0-2]))?$")
OLDEST = 110


class BirthDate(NamedTuple):
    """A date of birth as read: the day if it is one, and the codes of what is wrong or weak."""

    day: date | None
    codes: tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def read_date(text: str, formats: tuple[str, ...]) -> date | None:
    """A date in one of the formats (or ISO 8601, which Excel and Parquet give); a time behind it is ignored."""
    text = _TIME.sub("", text.strip())
    for form in (*formats, "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def read_birth_date(text: str, formats: tuple[str, ...], placeholders: frozenset[str], today: date) -> BirthDate:
    """Read a date of birth and say what is wrong with it. Blank gives `DOB_MISSING`."""
    text = text.strip()
    if not text:
        return BirthDate(None, ("DOB_MISSING",))
    day = read_date(text, formats)
    if day is None:
        if "".join(filter(str.isdigit, text)) in placeholders or _says_nothing(text):
            return BirthDate(None, ("DOB_PLACEHOLDER",))
        if _PARTIAL.match(text):
            return BirthDate(None, ())
        other = _read_exchanged(text, formats)
        return BirthDate(other, ("DOB_SWAPPED",)) if other else BirthDate(None, ("DOB_UNREADABLE",))
    if day.strftime("%Y%m%d").zfill(8) in placeholders:
        return BirthDate(None, ("DOB_PLACEHOLDER",))
    if day > today:
        return BirthDate(day, ("DOB_FUTURE",))
    if age_on(day, today) > OLDEST:
        return BirthDate(day, ("AGE_OVER_110",))
    return BirthDate(day, _weak(day))


def age_on(born: date, today: date) -> int:
    """Age in whole years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def exchanged(day: date) -> date | None:
    """A date with day and month exchanged, if that is one."""
    try:
        return day.replace(month=day.day, day=day.month)
    except ValueError:
        return None


def _weak(day: date) -> tuple[str, ...]:
    if (day.day, day.month) == (1, 1):
        return ("DOB_FIRST_OF_JANUARY",)
    if day.day == 15:
        return ("DOB_FIFTEENTH",)
    return ("DOB_FIRST_OF_MONTH",) if day.day == 1 else ()


def _says_nothing(text: str) -> bool:
    plain = "".join(filter(str.isalnum, text)).lower()
    return plain in {"", "unknown", "notknown", "nk", "na", "none", "null", "dontknow", "tbc"} or set(plain) == {"0"}


def _read_exchanged(text: str, formats: tuple[str, ...]) -> date | None:
    """The date if day and month change places, where only that makes it one."""
    for form in formats:
        if "%d" not in form or "%m" not in form:
            continue
        other = form.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m")
        found = read_date(text, (other,))
        if found:
            return found
    return None
