"""Keys read from columns of bits are the bits of the encodings themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.bits import pack
from linkage.columns import Columns


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.sampled_from((64, 136, 1024)), st.integers(1, 24))
def test_a_key_is_the_bits_at_its_positions(seed: int, rows: int, bits: int, key_bits: int) -> None:
    """For any number of rows, whole blocks or not, and any of the positions taken."""
    rng = np.random.default_rng(seed)
    clks = rng.integers(0, 256, (rows, bits // 8), dtype=np.uint8)
    taken = rng.choice(bits, rng.integers(key_bits, bits + 1), replace=False)
    asked = np.sort(rng.choice(taken, key_bits, replace=False))
    keys = Columns.of(pack(clks), taken).keys(asked)
    by_hand = np.unpackbits(clks, axis=1, bitorder="little")[:, asked].astype(np.int64)
    assert np.array_equal(keys, by_hand @ (1 << np.arange(key_bits)[::-1]))


def test_nothing_is_left_over_from_the_block_before() -> None:
    """Rows of the last, unfinished block that are not there have no bits."""
    columns = Columns.of(pack(np.full((70, 8), 255, dtype=np.uint8)), np.arange(64))
    assert np.array_equal(columns.packed[:, 1], np.full(64, 0b111111))
