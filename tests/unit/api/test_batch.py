"""The gate's tests of a batch: sane ones pass, crafted ones are told apart, and what is said holds no value."""

import numpy as np
import pytest

from api.batch import (
    alike_problems,
    drift_problems,
    group_problems,
    near_duplicates,
    near_problems,
    popcount_problems,
    problems,
)
from linkage.records import EncodedRecords

BITS = 1024


def people(count, seed=0, share=0.5):
    return np.packbits(np.random.default_rng(seed).random((count, BITS)) < share, axis=1)


def batch(clks, groups=None, owner=None):
    owner = np.arange(len(clks)) if owner is None else np.asarray(owner)
    count = int(owner.max()) + 1
    given = groups or [(f"g{row // 3}",) for row in range(count)]
    refs = tuple(f"REF{row:06d}" for row in range(count))
    return EncodedRecords("police", refs, clks, owner.astype(np.int32), tuple(given), ("ADULT",) * count)


def flipped(row, places):
    bits = np.unpackbits(row)
    bits[list(places)] ^= 1
    return np.packbits(bits)


def test_an_honest_batch_and_its_successor_pass():
    first = people(1500)
    assert problems(batch(first), None) == []
    again = np.concatenate([first[:1400], people(200, seed=1)])
    assert problems(batch(again), batch(first)) == []


def test_nobody_and_a_single_record_pass():
    assert problems(batch(people(1)), None) == []
    assert problems(batch(people(1, seed=5)), batch(people(900))) == []


@pytest.mark.parametrize("flips", [1, 2, 10])
def test_an_encoding_with_a_few_bits_changed_is_found_within_a_batch_and_between_batches(flips):
    held, rng = people(800), np.random.default_rng(flips)
    crafted = flipped(held[17], rng.choice(BITS, flips, replace=False))
    within = batch(np.vstack([held, crafted]))
    assert set(near_duplicates(within.clks, None)) == {17, 800}
    (told,) = near_problems(within, None)
    assert told.startswith("2 records differ")
    changed = held.copy()
    changed[17] = crafted
    assert set(near_duplicates(changed, held)) == {17}


def test_equal_encodings_and_two_spellings_of_a_person_are_no_near_duplicates():
    held, rng = people(500), np.random.default_rng(3)
    spelled = flipped(held[3], rng.choice(BITS, 27, replace=False))
    assert len(near_duplicates(np.vstack([held, held[3], spelled]), held)) == 0


def test_one_crafted_encoding_is_found_among_fifty_thousand():
    held = people(30_000)
    held[29_999] = flipped(held[12], [5])
    assert list(near_duplicates(held, held[:20_000])) == [12, 29_999]
    before = people(2_000, seed=9)
    assert list(near_duplicates(held, np.vstack([before, flipped(held[777], range(9))]))) == [12, 777, 29_999]


def test_encodings_that_set_too_many_bits_or_too_few_are_counted():
    held = people(1000)
    full = people(1, seed=3, share=0.95)
    assert list(popcount_problems(np.vstack([held, full]), None)) == [
        "1 encodings set more bits than an encoding of a person can"
    ]
    sparse = np.vstack([held, people(60, seed=2, share=0.35)])
    assert "60 of 1060" in next(popcount_problems(sparse, None))
    assert list(popcount_problems(sparse, sparse)) == []
    assert list(popcount_problems(people(1000, seed=4, share=0.56), held)) == [
        "the encodings set more or fewer bits than those of the last batch"
    ]


def test_another_population_drifts_and_a_small_delta_is_not_judged():
    rng = np.random.default_rng(8)
    shape = np.clip(rng.normal(0.5, 0.05, BITS), 0, 1)
    other = np.clip(rng.normal(0.5, 0.05, BITS), 0, 1)

    def drawn(count, frequencies):
        return np.packbits(rng.random((count, BITS)) < frequencies, axis=1)

    held = drawn(2000, shape)
    assert list(drift_problems(drawn(1500, shape), held)) == []
    assert len(list(drift_problems(drawn(1500, other), held))) == 1
    assert list(drift_problems(drawn(50, other), held)) == []


def test_a_dictionary_resembles_itself():
    rng = np.random.default_rng(4)
    stems = people(40, seed=6)
    entries = np.vstack([flipped(stems[n % 40], rng.choice(BITS, 250, replace=False)) for n in range(1600)])
    (told,) = alike_problems(batch(entries), batch(people(900)))
    assert "resemble each other as people do not" in told
    household = batch(entries, groups=[(f"g{row % 40}",) for row in range(1600)])
    assert list(alike_problems(household, None)) == []


def test_lists_are_no_households_and_sizes_do_not_jump():
    held = batch(people(900))
    as_list = batch(people(900), groups=[("list",)] * 900)
    assert "lists, not households" in next(group_problems(as_list, None))
    assert list(group_problems(as_list, as_list)) == []
    alone = batch(people(900), groups=[(f"g{row}",) for row in range(900)])
    assert list(group_problems(alone, held)) == ["the groups have other sizes than those of the last batch"]


def test_what_is_said_names_no_record():
    held = people(600)
    crafted = batch(np.vstack([held, flipped(held[0], [1]), people(1, seed=3, share=0.95)]))
    told = " ".join(problems(crafted, None))
    assert told
    assert "REF0" not in told
    assert "g0" not in told
