"""A run depends on its input, not on the order of it, and a run on its own result changes nothing."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkage.grade import Evidence, Rule
from linkage.records import EncodedRecords


def _shuffled_records(records: EncodedRecords, random: Random) -> EncodedRecords:
    rows = random.sample(range(len(records)), len(records))
    place = np.argsort(rows).astype(np.int32)
    encodings = random.sample(range(len(records.clks)), len(records.clks))
    return replace(
        records,
        record_refs=tuple(records.record_refs[row] for row in rows),
        clks=records.clks[encodings],
        owner=place[records.owner[encodings]],
        groups=tuple(tuple(reversed(records.groups[row])) for row in rows),
        kind=tuple(records.kind[row] for row in rows),
    )


def _shuffled(world: Any, random: Random) -> Any:
    def shuffled(items: tuple[object, ...]) -> tuple:  # type: ignore[type-arg]
        return tuple(random.sample(items, len(items)))

    families = tuple(replace(family, members=shuffled(family.members)) for family in world.families)
    return type(world)(
        _shuffled_records(world.anchor, random),
        shuffled(families),
        shuffled(tuple(_shuffled_records(agency, random) for agency in world.agencies)),
        shuffled(world.markers),
        shuffled(world.previous),
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(made: Any, seed: int, random: Random) -> None:
    """Records, encodings, groups, families, members, agencies, markers, previous links: the result is equal, to the last bit."""
    world = made(seed)
    assert _shuffled(world, random).linked() == world.linked()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_a_run_on_its_own_result_changes_nothing(made: Any, seed: int) -> None:
    """Grades, rules and ids stay and nothing is recalled, whatever the links before the first run were."""
    world = made(seed)
    first = world.linked()
    again = world.with_links(first)
    second = again.linked()
    assert second.recalls == ()
    assert again.with_links(second).previous == again.previous
    assert [item.rule for item in second.links] == [item.rule for item in first.links]
    assert all(Evidence.EARLIER_LINK in item.evidence for item in second.links if item.rule != Rule.MUST_LINK)
    assert again.with_links(second).linked() == second
