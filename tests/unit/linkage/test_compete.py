"""One record is one person: its members share one probability between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.compete import duplicate_rate, held_elsewhere, share_out
from linkage.family import confirm
from linkage.sets import Sets, together
from protocols.matching import ContextRules

PAIRS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(-40, 40), st.floats(-40, 40)),
    min_size=1,
    max_size=40,
    unique_by=lambda pair: pair[:2],
)


def _rows(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int32)


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_the_probabilities_of_a_record_sum_to_at_most_one(pairs: list[tuple[int, int, float, float]]) -> None:
    """Whatever the odds are, also after the family step: the rest is the chance that the record is nobody known."""
    person, record, odds, ratio = (list(column) for column in zip(*sorted(pairs), strict=True))
    shared = share_out(_rows(record), np.array(odds), 8)
    families = Sets.of([_rows([0, 1, 2, 3]), _rows([3, 4, 5]), _rows([6, 7])])
    groups = Sets.of([_rows([0, 1, 2]), _rows([2, 3, 4, 5]), _rows([6, 7])])
    met = together(_rows(person), _rows(record), families, groups)
    lifted = confirm(_rows(person), _rows(record), np.array(odds), np.array(ratio), met, 8, ContextRules()).probability
    for probability in (shared, lifted):
        assert np.isfinite(probability).all()
        assert probability.min() >= 0.0
        assert np.bincount(record, weights=probability).max() <= 1.0 + 1e-9


def test_a_lone_candidate_has_the_probability_of_its_odds() -> None:
    """Without a rival, competition changes nothing."""
    odds = np.array([0.0, np.log(99.0), -np.log(9.0)])
    assert share_out(_rows([0, 1, 2]), odds, 3) == pytest.approx([0.5, 0.99, 0.1])


def test_rivals_with_the_same_odds_halve_a_record() -> None:
    """Twins with equal encodings: neither may have it for certain."""
    assert share_out(_rows([0, 0]), np.array([20.0, 20.0]), 1) == pytest.approx([0.5, 0.5])


def test_odds_far_apart_do_not_overflow() -> None:
    """A marker's odds beside a stranger's."""
    assert share_out(_rows([0, 0]), np.array([800.0, -800.0]), 1) == pytest.approx([1.0, 0.0])


def test_another_record_counts_and_the_own_does_not() -> None:
    """The probability that a member holds another record leaves out the pair itself."""
    found = held_elsewhere(_rows([0, 0, 1]), np.array([0.9, 0.4, 1.0]), 2)
    assert found == pytest.approx([0.4, 0.9, 0.0])


def test_further_records_raise_the_duplicate_rate() -> None:
    """An agency with members who hold two records each has a higher rate than one without."""
    single = duplicate_rate(_rows(list(range(100))), np.full(100, 0.99), 100)
    double = duplicate_rate(_rows([k // 2 for k in range(100)]), np.full(100, 0.99), 50)
    assert single < 0.02 < 0.4 < double
