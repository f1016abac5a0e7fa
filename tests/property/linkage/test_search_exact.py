"""The exact search finds what comparing every pair in plain NumPy finds: nothing lost, nothing added, nothing reordered."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage.bits import distances_of, pack, popcounts, tiled
from linkage.search_exact import Pairs, dice_limits, search, tally

SHARES = (0.0, 0.02, 0.3, 0.5, 0.95, 1.0)  # of one-bits: nobody, sparse, dense, everything


@dataclass(frozen=True)
class Two:
    """Two sides of encodings, as bytes."""

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]

    @property
    def bits(self) -> int:
        return 8 * self.left.shape[1]


@st.composite
def sides(draw: st.DrawFn) -> Two:
    """Sides of 0..80 rows of 8..160 bytes, every row of its own density; half of the right side near a left row."""
    size = draw(st.integers(8, 160))
    rows = st.lists(st.sampled_from(SHARES), max_size=80)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    left, right = _rows(rng, draw(rows), size), _rows(rng, draw(rows), size)
    if left.shape[0]:
        near = np.flatnonzero(rng.random(right.shape[0]) < 0.5)
        flips = rng.random((near.size, 8 * size)) < draw(st.sampled_from((0.0, 0.02, 0.2)))
        right[near] = left[rng.integers(left.shape[0], size=near.size)] ^ np.packbits(flips, axis=1)
    return Two(left, right)


def _rows(rng: np.random.Generator, shares: list[float], size: int) -> NDArray[np.uint8]:
    chosen = rng.random((len(shares), 8 * size)) < np.array(shares).reshape(-1, 1)
    return np.packbits(chosen, axis=1).reshape(len(shares), size)


def _by_hand(two: Two) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distances and the popcount sums of all pairs, bit by bit, without packing."""
    a = np.unpackbits(two.left, axis=1).astype(np.int64)
    b = np.unpackbits(two.right, axis=1).astype(np.int64)
    ones = a.sum(axis=1)[:, None] + b.sum(axis=1)[None, :]
    return ones - 2 * (a @ b.T), ones


def _found(two: Two, limits: NDArray[np.int64], threads: int) -> Pairs:
    return Pairs.join(list(search(pack(two.left), pack(two.right), limits, threads=threads)))


def _equal(found: Pairs, distance: NDArray[np.int64], wanted: NDArray[np.bool_]) -> None:
    pairs = list(zip(found.left.tolist(), found.right.tolist(), found.distance.tolist(), strict=True))
    expected = [(int(a), int(b), int(distance[a, b])) for a, b in np.argwhere(wanted)]
    assert sorted(pairs) == expected


def _constant(bits: int, limit: int) -> NDArray[np.int64]:
    return np.full(2 * bits + 1, limit, dtype=np.int64)


@settings(max_examples=80, deadline=None)
@given(sides(), st.one_of(st.floats(0.01, 1.0), st.sampled_from((0.5, 0.8, 1.0))))
def test_the_dice_search_equals_comparing_every_pair(two: Two, threshold: float) -> None:
    """With the limits of a Dice threshold, exactly the pairs at or above it come back, each with its distance."""
    distance, ones = _by_hand(two)
    found = _found(two, dice_limits(64 * pack(two.left).shape[1], threshold), 1)
    dice = np.divide(ones - distance, ones, out=np.zeros(ones.shape), where=ones > 0)
    _equal(found, distance, (dice >= threshold) & (ones > 0))


@settings(max_examples=80, deadline=None)
@given(sides(), st.integers(-1, 1280))
def test_the_hamming_search_equals_comparing_every_pair(two: Two, limit: int) -> None:
    """With one limit for all, exactly the pairs within it come back; a limit of -1 lets none through."""
    distance, _ = _by_hand(two)
    found = _found(two, _constant(64 * pack(two.left).shape[1], limit), 1)
    _equal(found, distance, distance <= limit)


@settings(max_examples=40, deadline=None)
@given(sides(), st.randoms(use_true_random=False))
def test_limits_of_any_shape_are_kept(two: Two, random: Random) -> None:
    """Limits that jump from one popcount sum to the next are kept pair by pair: pruning looks at a whole tile at once."""
    distance, ones = _by_hand(two)
    bits = 64 * pack(two.left).shape[1]
    limits = np.array([random.randint(-1, bits) for _ in range(2 * bits + 1)], dtype=np.int64)
    _equal(_found(two, limits, 1), distance, distance <= limits[ones])


@settings(max_examples=40, deadline=None)
@given(sides())
def test_order_does_not_depend_on_threads(two: Two) -> None:
    """One thread or three: the same pairs in the same order."""
    limits = _constant(64 * pack(two.left).shape[1], two.bits // 2)
    one, three = _found(two, limits, 1), _found(two, limits, 3)
    assert all(np.array_equal(a, b) for a, b in zip(one, three, strict=True))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_many_blocks_and_full_buffers_come_back_whole(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than a task takes and more pairs than a buffer holds: nothing is lost at the seams."""
    monkeypatch.setattr("linkage.search_exact.BLOCK_ROWS", 8)
    monkeypatch.setattr("linkage.search_exact.BLOCK_TILES", 1)
    monkeypatch.setattr("linkage.search_exact.BUFFER", 64)
    monkeypatch.setattr("linkage.search_exact.MOST_HELD", 600)
    rng = np.random.default_rng(5)
    two = Two(_rows(rng, [0.5] * 61, 32), _rows(rng, [0.5, 0.4] * 150, 32))
    distance, _ = _by_hand(two)
    _equal(_found(two, _constant(two.bits, 130), threads), distance, distance <= 130)
    assert np.count_nonzero(distance <= 130) > 4 * (64 + 4 * 128)


@settings(max_examples=40, deadline=None)
@given(sides())
def test_the_tally_counts_every_pair_once(two: Two) -> None:
    """Counts by distance are the histogram of all pairs."""
    distance, _ = _by_hand(two)
    counts, every = tally(pack(two.left), pack(two.right), two.bits, threads=2)
    assert every == 1
    assert np.array_equal(counts, np.bincount(distance.ravel(), minlength=two.bits + 1))


def test_a_tally_of_too_many_pairs_takes_every_kth_row() -> None:
    """It says which rows it counted, so that the caller can scale the counts."""
    rng = np.random.default_rng(6)
    two = Two(_rows(rng, [0.5] * 40, 16), _rows(rng, [0.5] * 30, 16))
    counts, every = tally(pack(two.left), pack(two.right), two.bits, threads=1, most_pairs=400)
    distance, _ = _by_hand(two)
    assert every == 3
    assert np.array_equal(counts, np.bincount(distance[::3].ravel(), minlength=two.bits + 1))


@settings(max_examples=40, deadline=None)
@given(sides())
def test_packing_keeps_popcounts_and_distances(two: Two) -> None:
    """Padding to whole words adds no bit, and a listed pair has its bit-by-bit distance."""
    distance, _ = _by_hand(two)
    left, right = pack(two.left), pack(two.right)
    assert np.array_equal(popcounts(left), np.unpackbits(two.left, axis=1).sum(axis=1))
    rows, columns = (at.astype(np.int64).ravel() for at in np.indices(distance.shape))
    assert np.array_equal(distances_of(left, right, rows, columns), distance.ravel())


@settings(max_examples=20, deadline=None)
@given(sides())
def test_tiles_hold_every_word_in_its_place(two: Two) -> None:
    """Word w of encoding i lies in tile i // WIDTH at [w, i % WIDTH]; the rest is zero."""
    words = pack(two.right)
    back = tiled(words).transpose(0, 2, 1).reshape(-1, words.shape[1])
    assert np.array_equal(back[: words.shape[0]], words)
    assert not back[words.shape[0] :].any()


def test_memory_does_not_depend_on_the_number_of_pairs() -> None:
    """A threshold that lets everybody through: a hundred million pairs, 1.2 GB of them, come by in little memory."""
    code = (
        "import resource, numpy as np\n"
        "from linkage.bits import pack\n"
        "from linkage.search_exact import search\n"
        "words = pack(np.random.default_rng(1).integers(0, 256, (10_000, 32), dtype=np.uint8))\n"
        "limits = np.full(513, 256, dtype=np.int64)\n"
        "list(search(words[:100], words[:100], limits))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "pairs = sum(part.left.size for part in search(words, words, limits, threads=2))\n"
        "print(pairs, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pairs, megabytes = map(int, done.stdout.split())
    assert pairs == 10_000**2
    assert megabytes < 250
