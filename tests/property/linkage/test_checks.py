"""Counting pairs by the level of their checks gives what comparing every pair gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.bits import pack
from linkage.checks import count_levels, levels_of, tally_checked

BITS = 128


def _level(left: list[int], right: list[int]) -> int:
    agreeing = [k for k, (a, b) in enumerate(zip(left, right, strict=True)) if a >= 0 and a == b]
    if agreeing:
        return 2 + agreeing[-1]
    return int(any(a >= 0 and b >= 0 for a, b in zip(left, right, strict=True)))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 30), st.integers(0, 30), st.integers(0, 3), st.integers(1, 4), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_levels_are_counted_as_by_comparing_every_pair(
    m: int, n: int, comparators: int, values: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    clks = [rng.integers(0, 256, (rows, BITS // 8), dtype=np.uint8) for rows in (m, n)]
    checks = [rng.integers(-1, values, (rows, comparators)).astype(np.int32) for rows in (m, n)]
    counts, every = tally_checked(pack(clks[0]), checks[0], pack(clks[1]), checks[1], BITS, threads=1)
    expected = np.zeros((count_levels(comparators), BITS + 1), dtype=np.int64)
    for i in range(m):
        for j in range(n):
            distance = int(np.bitwise_count(clks[0][i] ^ clks[1][j]).sum())
            level = _level(checks[0][i].tolist(), checks[1][j].tolist())
            assert levels_of(checks[0][[i]], checks[1][[j]]).tolist() == [level]
            expected[level, distance] += 1
    assert every == 1
    assert (counts == expected).all()
