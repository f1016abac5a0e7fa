"""What is remembered from the last run changes the cost of the next search, and never its result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage.bits import pack
from linkage.remember import FEW, Before, Owned, Remembered, recall
from linkage.search_exact import Pairs, search

BITS = 192


@dataclass(frozen=True)
class Side:
    """Owners by name, each with its encodings (rows of a pool): none, one or several."""

    owners: dict[int, tuple[int, ...]]
    pool: NDArray[np.uint8]

    @property
    def owned(self) -> Owned:
        """As the search takes it."""
        sizes = [len(rows) for _, rows in sorted(self.owners.items())]
        rows = [row for _, rows in sorted(self.owners.items()) for row in rows]
        owner = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        return Owned(
            self.pool[np.array(rows, dtype=np.int64)], owner, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        )

    def places(self, now: Side) -> NDArray[np.int32]:
        """Where each owner is in a later state, if its encodings are the same."""
        place = {name: number for number, name in enumerate(sorted(now.owners))}
        return np.array(
            [place[name] if now.owners.get(name) == rows else -1 for name, rows in sorted(self.owners.items())],
            dtype=np.int32,
        )


@st.composite
def sides(draw: st.DrawFn) -> list[tuple[Side, Side, int]]:
    """Two to four runs over one pool of encodings: from run to run owners come, go and change; the last reach may be larger."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    base = rng.random((12, BITS)) < 0.5
    pool = np.packbits(np.repeat(base, 5, axis=0) ^ (rng.random((60, BITS)) < 0.1), axis=1)
    most = draw(st.sampled_from((4, 60, 200)))

    def some() -> tuple[int, ...]:
        return tuple(rng.integers(60, size=rng.choice([0, 1, 1, 1, 2])).tolist())

    found = []
    owners: list[dict[int, tuple[int, ...]]] = [{name: some() for name in range(most)} for _ in range(2)]
    for _ in range(draw(st.integers(2, 4))):
        share = draw(st.sampled_from((0.0, 0.05, 0.5)))
        for side in owners:
            for name in range(most + 20):
                if rng.random() < share:
                    side[name] = some()
                if rng.random() < share / 2:
                    side.pop(name, None)
        left, right = (Side(dict(side), pool) for side in owners)
        found.append((left, right, draw(st.sampled_from((20, 40, 40, 40, 60)))))
    return found


def _listed(pairs: Pairs) -> list[tuple[int, int, int]]:
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist(), strict=True))


@settings(max_examples=100, deadline=None)
@given(sides())
def test_each_run_finds_what_an_exact_search_of_everything_finds(runs: list[tuple[Side, Side, int]]) -> None:
    """Whatever is remembered, every run's pairs are those of a full search; owners that stay are not compared again."""
    before: tuple[Side, Side, Remembered | None] | None = None
    for left, right, reach in runs:
        a, b = pack(left.owned.clks), pack(right.owned.clks)
        limits = np.full(2 * 64 * a.shape[1] + 1, reach, dtype=np.int64)
        full = _listed(Pairs.join(list(search(a, b, limits, threads=1))))
        known = None
        if before is not None and before[2] is not None:
            known = Before(before[2], before[0].places(left), before[1].places(right))
        recalled = recall(left.owned, right.owned, reach, known, threads=1)
        assert _listed(recalled.pairs) == sorted(full)
        if known is not None and known.search.reach >= reach:
            new = tuple(
                len(side.owners) - int((places >= 0).sum())
                for side, places in ((left, known.left), (right, known.right))
            )
            assert recalled.new == new
        before = left, right, recalled.remembered


@pytest.mark.parametrize("count", [1, FEW, FEW + 1])
@pytest.mark.parametrize("size", [16, 20, 128])
def test_a_few_new_people_are_compared_with_every_record(count: int, size: int) -> None:
    """Read as they lie or laid out first, encodings of any length are as near as they are."""
    rng = np.random.default_rng(count)
    pool = rng.integers(0, 256, (count + 20_000, size), dtype=np.uint8)
    pool[count : 2 * count] = pool[:count]
    left, right = (
        Owned(clks, np.arange(len(clks), dtype=np.int32), np.arange(len(clks) + 1))
        for clks in (pool[:count], pool[count:])
    )
    reach = 8 * size * 2 // 5
    none = Remembered(reach, *(np.empty(0, dtype=np.int32) for _ in range(3)))
    known = Before(none, np.full(0, -1, dtype=np.int32), np.arange(len(right.clks), dtype=np.int32))
    words = pack(left.clks), pack(right.clks)
    full = Pairs.join(list(search(*words, np.full(2 * 64 * words[0].shape[1] + 1, reach, dtype=np.int64), threads=1)))
    found = recall(left, right, reach, known, threads=2)
    assert found.new == (count, 0)
    assert _listed(found.pairs) == sorted(_listed(full)) != []


def test_too_many_pairs_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's memory is bounded: such a search is found whole, and done in full the next time."""
    monkeypatch.setattr("linkage.remember.MOST_REMEMBERED", 9)
    clks = np.random.default_rng(3).integers(0, 256, (4, BITS // 8), dtype=np.uint8)
    side = Owned(clks, np.arange(4, dtype=np.int32), np.arange(5))
    found = recall(side, side, BITS, None)
    assert found.pairs.left.size == 16
    assert found.remembered is None
