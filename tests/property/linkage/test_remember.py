"""What is remembered from the last run changes the cost of the next one, and never its result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage.bits import pack
from linkage.remember import recall
from linkage.search_exact import Pairs, search

BITS = 192


@dataclass(frozen=True)
class Run:
    """The encodings of a run and how far it looks."""

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    reach: int


@st.composite
def runs(draw: st.DrawFn) -> list[Run]:
    """Two to four runs over one pool of encodings, some drawn twice: each takes any of them for each side, in any order."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    base = rng.random((12, BITS)) < 0.5
    pool = np.packbits(np.repeat(base, 5, axis=0) ^ (rng.random((60, BITS)) < 0.1), axis=1)
    found = []
    for _ in range(draw(st.integers(2, 4))):
        left, right = (pool[rng.integers(60, size=draw(st.integers(0, 50)))] for _ in range(2))
        found.append(Run(left, right, draw(st.sampled_from((20, 40, 40, 40, 60)))))
    return found


def _listed(pairs: Pairs) -> list[tuple[int, int, int]]:
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist(), strict=True))


@settings(max_examples=120, deadline=None)
@given(runs())
def test_each_run_finds_what_an_exact_search_of_everything_finds(given_runs: list[Run]) -> None:
    """Encodings come, go, move and double; every run's pairs are those of a full search, whatever is remembered."""
    before = None
    for run in given_runs:
        a, b = pack(run.left), pack(run.right)
        limits = np.full(2 * 64 * a.shape[1] + 1, run.reach, dtype=np.int64)
        full = _listed(Pairs.join(list(search(a, b, limits, threads=1))))
        recalled = recall(a, b, BITS, run.reach, before, threads=1)
        assert _listed(recalled.pairs) == sorted(full)
        assert recalled.new[0] <= len(np.unique(run.left, axis=0)) if len(run.left) else recalled.new[0] == 0
        before = recalled.remembered


def test_nothing_new_compares_nothing() -> None:
    """The same encodings in another order: no pair is compared again."""
    rng = np.random.default_rng(2)
    left, right = (rng.integers(0, 256, (40, BITS // 8), dtype=np.uint8) for _ in range(2))
    first = recall(pack(left), pack(right), BITS, 90, None)
    again = recall(pack(left[::-1]), pack(right[::-1]), BITS, 90, first.remembered)
    assert first.remembered is not None
    assert first.new == (40, 40)
    assert again.new == (0, 0)
    back = sorted((39 - i, 39 - j, d) for i, j, d in _listed(again.pairs))
    assert back == _listed(first.pairs) != []


def test_too_many_pairs_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's memory is bounded: such a search is found whole, and done in full the next time."""
    monkeypatch.setattr("linkage.remember.MOST_REMEMBERED", 9)
    words = pack(np.random.default_rng(3).integers(0, 256, (4, BITS // 8), dtype=np.uint8))
    found = recall(words, words, BITS, BITS, None)
    assert found.pairs.left.size == 16
    assert found.remembered is None
