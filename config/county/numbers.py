"""Made-up numbers: NHS numbers of the 999 range, which is never issued, and telephone numbers kept for drama."""

from __future__ import annotations

from collections.abc import Iterator

_STEP, _START, _SPAN = 382_813, 271_009, 1_000_000
RESERVED = frozenset({"9990102481"})  # given to people of the scenarios by name


def check_digit(nine: str) -> int | None:
    """The tenth digit of an NHS number (modulus 11, weights 10 to 2); none if the first nine can make no number."""
    remainder = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), nine, strict=True)) % 11
    digit = (11 - remainder) % 11
    return None if digit == 10 else digit


def nhs_numbers() -> Iterator[str]:
    """Valid numbers 999xxxxxxx, each once, in no visible order. About 909,000 of them."""
    for place in range(_SPAN):
        nine = f"999{(_START + place * _STEP) % _SPAN:06d}"
        digit = check_digit(nine)
        if digit is not None and f"{nine}{digit}" not in RESERVED:
            yield f"{nine}{digit}"


def spaced(nhs: str) -> str:
    """As it is printed on letters: 3, 3 and 4 digits."""
    return f"{nhs[:3]} {nhs[3:6]} {nhs[6:]}"


def telephone(number: int) -> str:
    """One of the thousand numbers 01632 960000 to 960999, which Ofcom keeps for radio and television drama."""
    return f"01632 960{number % 1000:03d}"
