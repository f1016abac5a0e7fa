"""The approximate search finds nothing that the exact search does not, and keeps its promise about the rest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage import search_lsh
from linkage.bits import Words, pack
from linkage.plan import Plan, make_plan, search_by
from linkage.search_exact import Pairs, dice_limits
from linkage.search_exact import search as search_exact
from linkage.search_tables import MOST_TABLES, Tables, meeting_chance, tables_needed, telling_bits
from protocols.errors import InputError
from protocols.matching import SearchKind, SearchRules


def _rows(rng: np.random.Generator, rows: int, bits: int, share: float = 0.5) -> NDArray[np.uint8]:
    return np.packbits(rng.random((rows, bits)) < share, axis=1).reshape(rows, bits // 8)


def _near(rng: np.random.Generator, rows: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    return rows ^ np.packbits(rng.random((rows.shape[0], 8 * rows.shape[1])) < share, axis=1)


def _set(parts: list[Pairs]) -> set[tuple[int, int, int]]:
    found = Pairs.join(parts)
    listed = list(zip(found.left.tolist(), found.right.tolist(), found.distance.tolist(), strict=True))
    assert len(set(listed)) == len(listed), "a pair was given twice"
    return set(listed)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from((64, 136, 1024, 2048)),
    st.integers(0, 90),
    st.integers(0, 90),
    st.sampled_from((0.0, 0.05, 0.2)),
    st.floats(0.3, 1.0),
    st.integers(1, 16),
    st.integers(1, 12),
)
def test_lsh_is_the_part_of_exact_that_meets_in_a_table(
    seed: int, bits: int, left: int, right: int, noise: float, threshold: float, key_bits: int, count: int
) -> None:
    """Exactly the pairs of the exact search that agree on all positions of a table, each once, with its distance."""
    rng = np.random.default_rng(seed)
    a = _rows(rng, left, bits, float(rng.uniform(0.1, 0.9)))
    b = np.vstack([_near(rng, a[: right // 2], noise), _rows(rng, right - min(left, right // 2), bits)])
    words: tuple[Words, Words] = (pack(a), pack(b))
    limits = dice_limits(64 * words[0].shape[1], threshold)
    choice = telling_bits(*words, words[0][:0], bits) if left and len(b) else np.arange(bits)
    tables = Tables.draw(choice, words[0].shape[1], key_bits, count)
    every = _set(list(search_exact(*words, limits, threads=1)))
    found = _set(list(search_lsh.search(*words, limits, tables, threads=2)))
    assert found <= every
    bits_a, bits_b = (np.unpackbits(side.view(np.uint8), axis=1, bitorder="little") for side in words)
    meets = {
        (i, j, d)
        for i, j, d in every
        if any(np.array_equal(bits_a[i, positions], bits_b[j, positions]) for positions in tables.positions)
    }
    assert found == meets


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_lsh_does_not_depend_on_threads(seed: int) -> None:
    """One thread or three: the same pairs in the same order."""
    rng = np.random.default_rng(seed)
    a = _rows(rng, 200, 256)
    words = pack(a), pack(_near(rng, a, 0.1))
    limits = dice_limits(256, 0.7)
    tables = Tables.draw(telling_bits(*words, words[0] ^ words[1], 256), words[0].shape[1], 8, 9)
    one, three = (Pairs.join(list(search_lsh.search(*words, limits, tables, threads=n))) for n in (1, 3))
    assert all(np.array_equal(x, y) for x, y in zip(one, three, strict=True))


def test_full_buffers_come_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """More pairs of one key than a buffer holds: nothing is lost at the seams."""
    monkeypatch.setattr(search_lsh, "BUFFER", 8)
    monkeypatch.setattr(search_lsh, "BLOCK_ROWS", 12)
    monkeypatch.setattr(search_lsh, "BLOCK_COLUMNS", 16)
    monkeypatch.setattr(search_lsh, "MOST_HELD", 100)
    rng = np.random.default_rng(4)
    words = pack(np.repeat(_rows(rng, 3, 64), 20, axis=0)), pack(_rows(rng, 50, 64))
    limits = np.full(2 * 256 + 1, 256, dtype=np.int64)
    tables = Tables.draw(np.arange(64), words[0].shape[1], 1, 3)
    differences = (words[0][:, None, :] ^ words[1][None, :, :]).reshape(-1, words[0].shape[1])
    assert len(_set(list(search_lsh.search(*words, limits, tables, threads=1)))) == int(
        (tables.first(differences) >= 0).sum()
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(64, 2048), st.integers(1, 24), st.floats(0.5, 0.9999), st.data())
def test_the_number_of_tables_is_the_fewest_that_keep_the_promise(
    bits: int, key_bits: int, recall: float, data: st.DataObject
) -> None:
    """One table less would promise too little; a pair's chance in a table is that of drawing only agreeing positions."""
    distance = np.array(data.draw(st.lists(st.integers(0, bits // 4), min_size=1, max_size=20)))
    needed = tables_needed(bits, distance, key_bits, recall)
    chance = meeting_chance(bits, distance, key_bits)
    if needed <= MOST_TABLES:
        assert float((1 - (1 - chance) ** needed).mean()) >= recall - 1e-9
    if needed > 1:
        assert float((1 - (1 - chance) ** (needed - 1)).mean()) < recall + 1e-9


def test_the_chance_of_meeting_is_what_is_seen() -> None:
    """Pairs at a known distance, thousands of tables: the share that meets is the computed one."""
    rng = np.random.default_rng(9)
    words = pack(_rows(rng, 400, 256))
    flips = np.zeros((400, 256), dtype=bool)
    flips[np.arange(400)[:, None], rng.permuted(np.tile(np.arange(256), (400, 1)), axis=1)[:, :20]] = True
    other = words ^ pack(np.packbits(flips, axis=1))
    tables = Tables.draw(np.arange(256), words.shape[1], 8, 300)
    differs = np.unpackbits((words ^ other).view(np.uint8), axis=1, bitorder="little")
    met = np.mean([~differs[:, positions].any(axis=1) for positions in tables.positions])
    assert met == pytest.approx(float(meeting_chance(256, np.array([20]), 8)[0]), abs=0.03)


def _made(rows: int, noise: float, seed: int = 3) -> tuple[Words, Words]:
    rng = np.random.default_rng(seed)
    a = _rows(rng, rows, 512)
    return pack(a), pack(_near(rng, a, noise))


def _planned(words: tuple[Words, Words], kind: SearchKind, recall: float = 0.99) -> tuple[Plan, NDArray[np.int64]]:
    limits = dice_limits(512, 0.75)
    return make_plan(*words, 512, limits, SearchRules(kind=kind, recall=recall), threads=2), limits


@pytest.mark.parametrize("recall", [0.9, 0.99, 0.999])
def test_the_promise_is_kept_on_everything(recall: float) -> None:
    """The recall that is promised and measured on a sample is the recall over all pairs."""
    words = _made(4_000, 0.1)
    plan, limits = _planned(words, SearchKind.LSH, recall)
    assert plan.tables is not None
    every = _set(list(search_exact(*words, limits)))
    found = _set(list(search_by(plan, *words, limits)))
    assert found <= every
    assert plan.promised_recall == recall
    assert plan.measured_recall >= recall
    assert len(found) / len(every) >= recall - 2 * np.sqrt(recall * (1 - recall) / len(every))
    assert "exact about" in plan.why
    assert f"{plan.tables.positions.shape[0]:,} tables" in plan.why


def test_the_planner_takes_the_cheaper_search_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows: exact. Many rows of close copies: lsh. Many rows whose copies are far apart, as hardened ones are: exact."""
    small, _ = _planned(_made(200, 0.1), SearchKind.AUTO)
    assert small.tables is None
    assert "in seconds" in small.why
    monkeypatch.setattr("linkage.plan.WORTH_PLANNING", 0.0)
    monkeypatch.setattr("linkage.plan.EXACT_PAIR", 1e-6)
    close, _ = _planned(_made(2_000, 0.02), SearchKind.AUTO)
    assert close.tables is not None
    assert close.report.kind == SearchKind.LSH
    monkeypatch.setattr("linkage.plan.EXACT_PAIR", 1e-10)
    far, _ = _planned(_made(2_000, 0.2), SearchKind.AUTO)
    assert far.tables is None
    assert far.report.kind == SearchKind.EXACT
    assert "lsh" in far.why


def test_a_promise_that_cannot_be_kept_is_refused() -> None:
    """Strangers' distances: more tables than there may be. Asked for `lsh` it is an error, left to choose it is exact."""
    rng = np.random.default_rng(8)
    words = pack(_rows(rng, 300, 512)), pack(_rows(rng, 300, 512))
    limits = np.full(1025, 300, dtype=np.int64)
    with pytest.raises(InputError, match=r"more than 4,096 tables"):
        make_plan(*words, 512, limits, SearchRules(kind=SearchKind.LSH, recall=0.9999999))


def test_empty_sides_need_no_search() -> None:
    """Nothing on one side: nothing found, whatever was asked for."""
    words = pack(_rows(np.random.default_rng(1), 5, 512)), pack(np.empty((0, 64), dtype=np.uint8))
    for kind in SearchKind:
        plan, limits = _planned(words, kind)
        assert list(search_by(plan, *words, limits)) == []
        assert plan.why == "one side is empty"
