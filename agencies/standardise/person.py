"""One person's identifiers, from as typed to as compared. Every step has a name, so that each change can be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import NamedTuple

from agencies.standardise import dates, names, places
from agencies.standardise.nicknames import full_form
from agencies.standardise.rules import WEAK_DATES, StandardiseRules

__all__ = ["WEAK_DATES", "Change", "RawPerson", "StandardPerson", "StandardiseRules", "explain", "standardise"]

_REMEMBERED = 1 << 16


@dataclass(frozen=True, slots=True, repr=False)
class RawPerson:
    """Identifiers as the agency has them; '' for what is missing."""

    given_name: str = ""
    middle_name: str = ""
    family_name: str = ""
    date_of_birth: str = ""
    sex: str = ""
    address: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class StandardPerson:
    """Identifiers as they are compared; '' for what is missing or says nothing.

    Names are letters a to z; `date_of_birth` is YYYYMMDD or its leading YYYYMM or YYYY; `sex` is m, f or ''; `address` is lower-case
    words; `postcode` is upper case without its space.
    """

    given_name: str = ""
    middle_name: str = ""
    family_name: str = ""
    date_of_birth: str = ""
    sex: str = ""
    address: str = ""
    postcode: str = ""


class Change(NamedTuple):
    """What one step did to one field. Holds identifiers: for the agency's own screen only."""

    field: str
    step: str
    before: str
    after: str


Step = tuple[str, Callable[[str], str]]

_SEXES = {
    **dict.fromkeys(("m", "male", "man", "boy", "1", "masculine"), "m"),
    **dict.fromkeys(("f", "female", "woman", "girl", "2", "feminine"), "f"),
}


def standardise(raw: RawPerson, rules: StandardiseRules) -> StandardPerson:
    """Apply the rules to one person. Never fails: what cannot be read becomes ''."""
    return StandardPerson(*(work(getattr(raw, name)) for name, work in _workers(rules)))


def explain(raw: RawPerson, rules: StandardiseRules) -> list[Change]:
    """Every step that changed something, in order. For local display only: it holds identifiers."""
    changes = []
    for name, steps in _steps(rules).items():
        value = getattr(raw, name)
        for step, work in steps:
            after = work(value)
            if after != value:
                changes.append(Change(name, step, value, after))
            value = after
    return changes


@lru_cache(maxsize=8)
def _workers(rules: StandardiseRules) -> tuple[tuple[str, Callable[[str], str]], ...]:
    """One function for each field, in the order of `StandardPerson`, that remembers the values it has met."""
    return tuple((f.name, _chained(_steps(rules)[f.name])) for f in fields(StandardPerson))


def _chained(steps: tuple[Step, ...]) -> Callable[[str], str]:
    works = [work for _, work in steps]

    @lru_cache(maxsize=_REMEMBERED)
    def run(value: str) -> str:
        for work in works:
            if not value:
                break
            value = work(value)
        return value

    return run


@lru_cache(maxsize=8)
def _steps(rules: StandardiseRules) -> dict[str, tuple[Step, ...]]:
    given = frozenset(rules.placeholder_given_names)
    family = frozenset(rules.placeholder_family_names)
    nicknames: tuple[Step, ...] = (("nickname to full form", full_form),) if rules.nicknames else ()
    return {
        "given_name": (*_name(given), *nicknames),
        "middle_name": _name(given),
        "family_name": _name(family),
        "date_of_birth": _date(rules),
        "sex": (("sex to m or f", lambda text: _SEXES.get(text.strip().lower().rstrip("."), "")),),
        "address": _address(frozenset(rules.placeholder_addresses)),
        "postcode": _postcode(rules.placeholder_postcodes),
    }


def _name(placeholders: frozenset[str]) -> tuple[Step, ...]:
    return (
        ("marks and comments out", names.without_comment),
        ("plain letters, lower case", names.in_ascii),
        ("placeholder out", lambda text: "" if names.says_no_name(text, placeholders) else text),
        ("titles and generations out", names.without_titles),
        ("letters only, parts joined", names.letters),
    )


def _date(rules: StandardiseRules) -> tuple[Step, ...]:
    placeholders = frozenset(rules.placeholder_dates)
    return (
        ("year, month, day", lambda text: dates.eight_digits(text, rules.date_formats)),
        ("day and month exchanged", dates.swapped),
        ("placeholder out", lambda digits: "" if digits in placeholders or digits[:4] == "0000" else digits),
        ("weak part out", lambda digits: dates.evidence(digits, rules.weak_dates)),
    )


def _address(placeholders: frozenset[str]) -> tuple[Step, ...]:
    return (
        ("plain letters, lower case", names.in_ascii),
        ("street words shortened", places.shortened),
        ("placeholder out", lambda text: "" if places.says_no_address(text, placeholders) else text),
    )


def _postcode(placeholders: tuple[str, ...]) -> tuple[Step, ...]:
    return (
        ("upper case, no space", places.code),
        ("placeholder out", lambda text: "" if places.says_no_postcode(text, placeholders) else text),
    )
