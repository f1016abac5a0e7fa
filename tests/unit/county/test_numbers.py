"""NHS numbers and telephone numbers that nobody can have."""

from __future__ import annotations

from itertools import islice

import pytest

from config.county.numbers import RESERVED, check_digit, nhs_numbers, telephone


@pytest.mark.parametrize(
    ("nine", "digit"),
    [("943476591", 9), ("999010248", 1), ("401023213", 7)],
)
def test_the_check_digit_follows_modulus_11(nine: str, digit: int) -> None:
    assert check_digit(nine) == digit


def test_nine_digits_that_can_make_no_number() -> None:
    assert check_digit("999000000") is None


def test_numbers_are_never_given_twice_and_keep_the_reserved_ones_free() -> None:
    given = list(islice(nhs_numbers(), 50_000))
    assert len(set(given)) == len(given)
    assert not RESERVED & set(given)
    assert all(number.startswith("999") and len(number) == 10 for number in given)
    assert all(check_digit(number[:9]) == int(number[9]) for number in given[::50])


def test_telephone_numbers_stay_in_the_range_for_drama() -> None:
    assert [telephone(number) for number in (0, 7, 999, 1000)] == [
        "01632 960000",
        "01632 960007",
        "01632 960999",
        "01632 960000",
    ]
