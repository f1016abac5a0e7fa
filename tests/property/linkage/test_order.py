"""Records that are changed are what they would be if they had been put in order as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.order import OrderedRecords, new_rows, ordered, places
from linkage.records import EncodedRecords
from protocols.errors import InputError
from protocols.vocabulary import Kind

NAMES = [f"r{number:02}" for number in range(14)]


def _records(rng: np.random.Generator, names: list[str], **changed: object) -> EncodedRecords:
    """Records in any order, with none to three encodings and groups each."""
    sizes = rng.integers(0, 4, len(names))
    owner = rng.permutation(np.repeat(np.arange(len(names), dtype=np.int32), sizes))
    given = {
        "agency": "school",
        "record_refs": tuple(names),
        "clks": rng.integers(1, 200, (owner.size, 8), dtype=np.uint8) ^ np.arange(8, dtype=np.uint8),
        "owner": owner,
        "groups": tuple(tuple(f"g{g}" for g in rng.integers(0, 4, rng.integers(0, 4))) for _ in names),
        "kind": tuple(Kind.UNBORN if size == 0 else Kind.CHILD for size in sizes),
        "terms": "epoch 1",
        "checks": rng.integers(-1, 50, (owner.size, 2)).astype(np.int32),
    }
    return EncodedRecords(**(given | changed))  # type: ignore[arg-type]


def _whole(before: EncodedRecords, put: EncodedRecords, removed: set[str]) -> OrderedRecords:
    """The slow way: every record with its encodings, from the newest that has it."""
    lines = {}
    for records in (before, put):
        for row, ref in enumerate(records.record_refs):
            own = records.owner == row
            lines[ref] = (records.clks[own], records.checked[own], records.groups[row], records.kind[row])
    kept = [(ref, *line) for ref, line in lines.items() if ref not in removed]
    sizes = [len(line[1]) for line in kept]
    return ordered(
        EncodedRecords(
            before.agency,
            tuple(line[0] for line in kept),
            np.concatenate([before.clks[:0], *(line[1] for line in kept)]),
            np.repeat(np.arange(len(kept), dtype=np.int32), sizes),
            tuple(line[3] for line in kept),
            tuple(line[4] for line in kept),
            before.terms,
            np.concatenate([before.checked[:0], *(line[2] for line in kept)]),
        )
    )


def _groups(records: OrderedRecords) -> list[tuple[int, str]]:
    rows, numbers, names = records.in_groups
    name = {number: name for name, number in names.items()}
    return [(row, name[number]) for row, number in zip(rows.tolist(), numbers.tolist(), strict=True)]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.tuples(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))))
def test_a_change_is_the_whole_in_order(seed: int, steps: list[tuple[set[str], set[str]]]) -> None:
    rng = np.random.default_rng(seed)
    now = ordered(_records(rng, [name for name in NAMES if rng.random() < 0.6]))
    for puts, gone in steps:
        before, removed = now, (gone - puts) & set(now.record_refs)
        put = _records(rng, sorted(puts, key=lambda _: rng.random()))
        now, whole = before.changed(put, removed), _whole(before, put, removed)
        assert (now.record_refs, now.groups, now.kind) == (whole.record_refs, whole.groups, whole.kind)
        assert np.array_equal(now.clks, whole.clks)
        assert np.array_equal(now.checked, whole.checked)
        assert np.array_equal(now.owner, whole.owner)
        assert np.array_equal(now.starts, whole.starts)
        assert now.kinds.tolist() == whole.kinds.tolist()
        assert sorted(_groups(now)) == sorted(_groups(whole))
        assert [row for row, _ in _groups(now)] == sorted(row for row, _ in _groups(now))
        assert all(now.row(ref) == whole.row(ref) for ref in NAMES)
        _check_places(before, now, whole)


def test_a_change_may_bring_a_record_of_two_encodings_and_one_of_none() -> None:
    """As many encodings as records is not one encoding for each."""
    one = np.arange(8, dtype=np.uint8)[None, :]
    kinds = (Kind.CHILD, Kind.UNBORN)
    put = EncodedRecords(
        "school", ("b", "c"), np.vstack([one + 1, one + 2]), np.zeros(2, dtype=np.int32), ((), ()), kinds
    )
    base = EncodedRecords("school", ("a",), one, np.zeros(1, dtype=np.int32), ((),), (Kind.CHILD,))
    now = ordered(base).changed(put, [])
    sizes = {ref: int(np.count_nonzero(now.owner == row)) for row, ref in enumerate(now.record_refs)}
    assert sizes == {"a": 1, "b": 2, "c": 0}


def _check_places(before: OrderedRecords, now: OrderedRecords, whole: OrderedRecords) -> None:
    """By what was changed or by looking: a record is where it was if all of its encodings and checks are the same."""
    known, seen = places(before, now), places(before, whole)
    for row, ref in enumerate(before.record_refs):
        there = whole.row(ref)
        if there is None:
            assert known[row] == seen[row] == -1
            continue
        own = before.clks[before.owner == row], before.checked[before.owner == row]
        theirs = whole.clks[whole.owner == there], whole.checked[whole.owner == there]
        same = all(np.array_equal(a, b) for a, b in zip(own, theirs, strict=True))
        assert known[row] == seen[row] == (there if same else -1)
    assert new_rows(known, len(now)).sum() == len(now) - (known >= 0).sum()


def test_what_is_not_there_cannot_be_removed_and_other_terms_do_not_mix() -> None:
    rng = np.random.default_rng(1)
    base, none = ordered(_records(rng, NAMES[:4])), _records(rng, [])
    with pytest.raises(InputError, match="removes records of agency `school` that are not there"):
        base.changed(none, ["r09"])
    for other in ({"terms": "epoch 2"}, {"agency": "police"}):
        with pytest.raises(InputError, match="made under other terms"):
            base.changed(_records(rng, NAMES[:1], **other))
