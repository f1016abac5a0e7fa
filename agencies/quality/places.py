"""Addresses, postcodes and NHS numbers as typed."""

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
    re.compile(r"(?:\d[\s-]*){10,}"),
    re.compile(r"\+\s*\d"),
)


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


def nhs_number_digits(text: str) -> str:
    """The digits of an NHS number as typed; '' for none."""
    return "".join(character for character in text if character not in " -\t\xa0")


def nhs_number_defect(text: str) -> str | None:
    """The code of what is wrong with an NHS number: its form or its check digit (modulus 11, weights 10 to 2)."""
    digits = nhs_number_digits(text)
    if not digits:
        return None
    if not (digits.isascii() and digits.isdecimal() and len(digits) == 10):
        return "NHS_NUMBER_FORMAT"
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return None if {11: 0}.get(check, check) == int(digits[9]) else "NHS_NUMBER_CHECK"


def holds_personal_detail(text: str) -> bool:
    """Whether a text holds a postcode, a long number or an international telephone prefix."""
    return any(pattern.search(text) for pattern in _IN_TEXT)
