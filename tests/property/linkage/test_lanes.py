"""The vector code of the searches gives what comparing word by word gives."""

from __future__ import annotations

import numba
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage.bits import Words
from linkage.lanes import LANES, ROWS, agreeing, near

UNTOUCHED = -7


@numba.njit
def _near(
    left: Words, row: int, tile: Words, column: int, check: int, words: int, bound: int, distance: NDArray[np.int64]
) -> int:
    return near(left, row, tile, column, check, words, bound, distance)


@numba.njit
def _agreeing(differences: Words, masks: Words, first: int) -> int:
    return agreeing(differences, masks, first)


def _words(rng: np.random.Generator, rows: int, words: int, share: float) -> Words:
    return np.packbits(rng.random((rows, 64 * words)) < share, axis=1).view(np.uint64)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.floats(0.0, 1.0), st.data())
def test_the_mask_and_the_distances_are_those_of_every_pair(
    seed: int, words: int, share: float, data: st.DataObject
) -> None:
    """A pair within the bound is in the mask whenever its group is not dropped, and a group is dropped only if no pair is within."""
    rng = np.random.default_rng(seed)
    left = _words(rng, 3 * ROWS, words, share)
    tile = np.ascontiguousarray(_words(rng, 4 * LANES, words, 0.5).T)
    row, column = int(rng.integers(0, 2 * ROWS)), int(rng.integers(0, 3 * LANES))
    check, bound = data.draw(st.integers(1, words)), data.draw(st.integers(-1, 64 * words))
    distance = np.full((ROWS, LANES), UNTOUCHED, dtype=np.int64)
    mask = int(_near(left, row, tile, column, check, words, bound, distance))
    apart = np.bitwise_count(left[row : row + ROWS, :, None] ^ tile[None, :, column : column + LANES])
    apart = apart.sum(axis=1, dtype=np.int64)
    within = [at for at, far in enumerate(apart.ravel()) if far <= bound]
    assert mask == sum(1 << at for at in within)
    assert np.array_equal(distance, apart if within else np.full_like(apart, UNTOUCHED))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_difference_agrees_with_the_masks_that_it_does_not_touch(
    seed: int, words: int, few: float, some: float
) -> None:
    """Bit t is mask t."""
    rng = np.random.default_rng(seed)
    difference = _words(rng, 1, words, few**4)
    masks = np.ascontiguousarray(_words(rng, 2 * LANES, words, some**4).T)
    for first in (0, LANES):
        touched = (difference[0][:, None] & masks[:, first : first + LANES]).any(axis=0)
        assert int(_agreeing(difference, masks, first)) == sum(1 << t for t in np.flatnonzero(~touched).tolist())
