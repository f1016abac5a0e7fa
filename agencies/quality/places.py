"""Addresses and postcodes as typed, and places and numbers in text that is to be shared."""

from __future__ import annotations

import re

from agencies.standardise.names import in_ascii
from agencies.standardise.places import code, says_no_address, says_no_postcode, shortened
from agencies.standardise.rules import StandardiseRules

# After the pattern that the Cabinet Office's government data standards catalogue gives for UK postcodes, with one space at most.
_POSTCODE = re.compile(r"^(?:GIR0AA|[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2})$")
_NO_ABODE = re.compile(
    r"\bn\.?\s*f\.?\s*a\.?\b|\bno fixed (?:abode|address)\b|\bhomeless\b|\brough sleep", re.IGNORECASE
)
_IN_TEXT = (
    re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]?\s*[0-9][A-Z]{2}\b", re.IGNORECASE),
    re.compile(r"(?:\d[\s().\-/]*){10,}"),
    re.compile(r"\+\s*\d"),
    re.compile(r"\S@\S"),
)
_UNIT = re.compile(r"\b(?:flt|apt|unit|room|rm) ([0-9]{1,4}[a-z]?|[a-z]) ")


def address_defects(address: str, rules: StandardiseRules) -> tuple[str, ...]:
    """The codes of what is wrong with one address as typed."""
    if not address.strip():
        return ("ADDRESS_MISSING",)
    if _NO_ABODE.search(address):
        return ("NO_FIXED_ABODE",)
    plain = shortened(in_ascii(address))
    if not plain or says_no_address(plain, frozenset(rules.placeholder_addresses)):
        return ("ADDRESS_PLACEHOLDER",)
    return ()


def postcode_defects(postcode: str, rules: StandardiseRules) -> tuple[str, ...]:
    """The codes of what is wrong with one postcode as typed."""
    plain = code(postcode)
    if not postcode.strip():
        return ("POSTCODE_MISSING",)
    if not plain or says_no_postcode(plain, rules.placeholder_postcodes):
        return ("POSTCODE_PLACEHOLDER",)
    return () if _POSTCODE.match(plain) else ("POSTCODE_INVALID",)


def holds_personal_detail(text: str) -> bool:
    """Whether a text holds a postcode, a long number, an international telephone prefix or an e-mail address."""
    return any(pattern.search(text) for pattern in _IN_TEXT)


def building_and_unit(address: str) -> tuple[str, str]:
    """A standardised address without the flat, and the flat; the flat is '' where none is named."""
    found = _UNIT.search(address + " ")
    if found is None:
        return address, ""
    return " ".join(f"{address[: found.start()]} {address[found.end() :]}".split()), found[1]
