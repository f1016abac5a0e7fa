"""Keyed comparators: what few people share teaches nothing, what many share gives them away; the suite uses both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agencies.attack.checks import Checks
from agencies.attack.groups import group_alignment
from agencies.attack.modelled import model_of
from agencies.attack.seeded import seeded_alignment
from agencies.attack.views import Encoded, dense
from agencies.encoding.comparator import Comparator

SIZE = 800
NEARLY_UNIQUE = (
    Comparator("given-and-birth", ("given_name", "date_of_birth"), 15),
    Comparator("family-and-birth", ("family_name", "date_of_birth"), 15),
)
SHARED = (Comparator("sex", ("sex",), 6), Comparator("postcode", ("postcode",), 8))


def test_a_known_value_speaks_for_those_who_have_it_and_for_nobody_else() -> None:
    checks = Checks(np.array([[5], [9], [9], [-1]]), np.array([[0], [1], [1], [-1]]), (4,))
    scores = checks.scores(np.array([1]), np.array([1]))
    assert scores[2, 2] == scores[1, 1] > 2
    assert scores[0, 1] == scores[0, 2] < -3
    assert not scores[:, 0].any()
    assert not scores[:, 3].any()
    assert not scores[3].any()
    assert not checks.scores(np.array([3]), np.array([3])).any()


@pytest.fixture(scope="module")
def found(scheme, families):
    """The share found with a tenth known, without and with groups, under comparators."""
    people, groups = families(SIZE).people, families(SIZE).groups
    plain = scheme("standard", 4)
    rng = np.random.default_rng(3)
    secret = rng.bytes(32)
    victim = dense(Encoded([plain.encode(secret, people)]))
    model = model_of(plain, people, rng, keys=6)
    expected, seeds = dense(model), rng.permutation(SIZE)[: SIZE // 10]

    def get(comparators: tuple[Comparator, ...]) -> tuple[float, float]:
        checks = replace(plain, comparators=comparators).checks(secret, people, people)
        alone = seeded_alignment(
            victim, expected, (seeds, seeds), np.random.default_rng(0), checks=checks, noise=model.link.noise
        )
        grouped = group_alignment(victim, expected, (groups, groups), (seeds, seeds), model.link.noise, checks)
        others = np.setdiff1d(np.arange(SIZE), seeds)
        outside = others[~np.isin(groups[others], groups[seeds])]
        return float((alone.best[others] == others).mean()), float((grouped.best[outside] == outside).mean())

    return get


def test_values_that_many_share_give_people_away(found) -> None:
    without, with_shared = found(()), found(SHARED)
    assert with_shared[0] > 3 * without[0]
    assert with_shared[1] > without[1] + 0.2


def test_values_that_hardly_anybody_shares_do_not(found) -> None:
    without, with_checks = found(()), found(NEARLY_UNIQUE)
    assert with_checks[0] < without[0] + 0.02
    assert with_checks[1] < without[1] + 0.03
