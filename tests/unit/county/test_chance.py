"""Seeded chance: the same again, independent by label, and fair."""

from __future__ import annotations

from collections import Counter
from datetime import date

from config.county.chance import Chance


def test_one_seed_gives_one_sequence_on_every_version_of_python() -> None:
    chance = Chance(20161101, "families")
    assert [chance.between(0, 999) for _ in range(6)] == [579, 505, 214, 597, 173, 274]


def test_labels_make_independent_streams() -> None:
    one, other = Chance(1, "police"), Chance(1, "health")
    assert [one.unit() for _ in range(5)] != [other.unit() for _ in range(5)]


def test_bounds_are_included_and_nothing_beyond() -> None:
    chance = Chance("bounds")
    assert {chance.between(3, 5) for _ in range(200)} == {3, 4, 5}
    days = {chance.day(date(2026, 1, 1), date(2026, 1, 2)) for _ in range(50)}
    assert days == {date(2026, 1, 1), date(2026, 1, 2)}


def test_weights_and_skew_are_kept() -> None:
    chance = Chance("weights")
    counts = Counter(chance.weighted((("often", 9), ("rarely", 1), ("never", 0))) for _ in range(5000))
    assert 0.87 < counts["often"] / 5000 < 0.93
    assert not counts["never"]
    skewed = Counter(chance.skewed(range(100)) // 50 for _ in range(5000))
    assert 1.15 * skewed[1] < skewed[0] < 2 * skewed[1]


def test_shuffling_keeps_everything() -> None:
    assert sorted(Chance("cards").shuffled(range(52))) == list(range(52))
    assert Chance("cards").shuffled(range(52)) != list(range(52))


def test_a_sample_has_its_size_and_prefers_the_heavy() -> None:
    chance = Chance("sample")
    drawn = Counter(
        item for _ in range(400) for item in chance.sample(range(10), 3, lambda item: 10 if item < 3 else 1)
    )
    assert sum(drawn.values()) == 1200
    assert min(drawn[item] for item in range(3)) > 2 * max(drawn[item] for item in range(3, 10))
    assert chance.sample(range(10), 4, lambda item: float(item > 7)) == [8, 9]
