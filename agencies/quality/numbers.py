"""Numbers that a register gives to one person: NHS number, unique pupil number, criminal records office number.

They are looked at and never used: they do not enter an encoding, and they are not released.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

# Without I, O and S, which are read as digits.
_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_BLANK = str.maketrans("", "", " -\t\xa0")
_UPN = re.compile(r"([A-Z])([0-9]{11})([0-9A-Z])")
_CRO = re.compile(r"([0-9]{1,6})/([0-9]{2})([A-Z])")
# Records from before the computer: the year first, and letters by another rule.
_OLD_CRO = re.compile(r"SF[0-9]{2}/[0-9]{1,6}[A-Z]")


def nhs_number_digits(text: str) -> str:
    """The digits of an NHS number as typed; '' for none."""
    return text.translate(_BLANK)


def nhs_number_defect(text: str) -> str | None:
    """The code of what is wrong with an NHS number: its form or its check digit (modulus 11, weights 10 to 2)."""
    digits = nhs_number_digits(text)
    if not digits:
        return None
    if not (digits.isascii() and digits.isdecimal() and len(digits) == 10):
        return "NHS_NUMBER_FORMAT"
    check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11
    return None if {11: 0}.get(check, check) == int(digits[9]) else "NHS_NUMBER_CHECK"


def upn_text(text: str) -> str:
    """A unique pupil number in capitals without blanks; '' for none."""
    return text.translate(_BLANK).upper()


def upn_defect(text: str) -> str | None:
    """The code of what is wrong with a unique pupil number: a check letter and twelve digits, of which a temporary number's last is a letter.

    The check letter is the sum of the digits by weights 2 to 13, modulo 23 (Department for Education, Unique pupil numbers: guidance).
    """
    plain = upn_text(text)
    if not plain:
        return None
    found = _UPN.fullmatch(plain)
    if found is None or found[3] in "IOS":
        return "UPN_FORMAT"
    last = _LETTERS.index(found[3]) if found[3].isalpha() else int(found[3])
    total = sum(int(digit) * weight for weight, digit in enumerate(found[2], start=2)) + 13 * last
    return None if _LETTERS[total % 23] == found[1] else "UPN_CHECK"


def cro_text(text: str) -> str:
    """A criminal records office number in capitals, without blanks and leading zeros; '' for none."""
    plain = text.translate(_BLANK).upper()
    return plain.lstrip("0") if "/" in plain else plain


def cro_defect(text: str) -> str | None:
    """The code of what is wrong with a criminal records office number: serial number, year, check letter (modulo 23, Z for 0)."""
    plain = text.translate(_BLANK).upper()
    if not plain or _OLD_CRO.fullmatch(plain):
        return None
    found = _CRO.fullmatch(plain)
    if found is None:
        return "CRO_FORMAT"
    if int(found[1]) == 0:
        return "CRO_PLACEHOLDER"
    letters = "Z" + _LETTERS[:-1]
    right = letters[int(found[2] + found[1].zfill(6)) % 23] == found[3]
    return None if right else "CRO_CHECK"


Defect = Callable[[str], str | None]

# For each number that can be mapped: its code's beginning, how it is compared, what may be wrong with it.
NUMBERS: Mapping[str, tuple[str, Callable[[str], str], Defect]] = {
    "nhs_number": ("NHS_NUMBER", nhs_number_digits, nhs_number_defect),
    "upn": ("UPN", upn_text, upn_defect),
    "cro": ("CRO", cro_text, cro_defect),
}
