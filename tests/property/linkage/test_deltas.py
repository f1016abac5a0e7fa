"""A run that keeps what the last one learnt, and does again only what has changed, finds what a whole run would find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from linkage import learn
from linkage.grade import Rule
from linkage.memory import AgencyMemory, Memory
from linkage.order import OrderedRecords, ordered
from linkage.records import EncodedRecords, Family, Marker, Member
from linkage.result import LinkResult, Reason
from protocols.vocabulary import Kind, Role


@pytest.fixture(autouse=True, scope="module")
def any_link_is_enough() -> Iterator[None]:
    """So small a county would otherwise be learnt anew at every change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn, "ENOUGH", 0.0)
        yield


STEPS = ("encodings", "records", "groups", "birth", "family", "member", "marker", "council", "agency", "nothing")


def _calibration_only(memory: Memory) -> Memory:
    """What was learnt, and nothing of what was found: a run with it does everything."""
    agencies = {name: AgencyMemory(item.records, None, {}) for name, item in memory.agencies.items()}
    return replace(memory, agencies=agencies)


def _said(result: LinkResult) -> tuple[object, ...]:
    """Everything of a result but how the pairs were found."""
    counts = [replace(agency, search=None) for agency in result.report.agencies]  # type: ignore[arg-type]
    return result.links, result.recalls, counts, result.report.anchor_duplicates, result.report.waiting_markers


def _plain(records: EncodedRecords) -> EncodedRecords:
    """The same records as an agency would send them again: the matcher has to look what has changed."""
    return EncodedRecords(
        records.agency,
        records.record_refs,
        records.clks,
        records.owner,
        records.groups,
        records.kind,
        records.terms,
        records.checks,
    )


def _row(
    records: EncodedRecords, row: int, rng: np.random.Generator, *, ref: str | None = None, **changed: Any
) -> EncodedRecords:
    """One record as a delta has it: as it is, or with other encodings, groups or kind."""
    clks = records.clks[records.owner == row]
    if clks.shape[0]:
        clks = clks ^ np.packbits(rng.random((len(clks), records.bits)) < changed.get("noise", 0.0), axis=1)
    clks = changed.get("clks", clks)
    return EncodedRecords(
        records.agency,
        (ref or records.record_refs[row],),
        clks,
        np.zeros(len(clks), dtype=np.int32),
        (changed.get("groups", records.groups[row]),),
        (changed.get("kind", records.kind[row]),),
    )


def _changed(records: OrderedRecords, step: str, rng: np.random.Generator) -> OrderedRecords:
    """A delta of one or two records."""
    for _ in range(int(rng.integers(1, 3))):
        row, other = (int(value) for value in rng.integers(len(records), size=2))
        born = [r for r in range(len(records)) if records.kind[r] != Kind.UNBORN]
        if step == "encodings":
            records = records.changed(_row(records, row, rng, noise=rng.choice([0.0, 0.05, 0.5])))
        elif step == "groups":
            records = records.changed(_row(records, row, rng, groups=records.groups[other]))
        elif step == "birth" and records.unborn:
            child = born[int(rng.integers(len(born)))]
            clks = records.clks[records.owner == child] ^ np.uint8(1)
            records = records.changed(_row(records, records.unborn[0], rng, clks=clks, kind=Kind.CHILD))
        elif rng.random() < 0.5:
            records = records.changed(_row(records, row, rng), [records.record_refs[other]] if other != row else [])
        else:
            records = records.changed(_row(records, row, rng, ref=f"{records.agency}-new{rng.integers(99)}", noise=0.1))
    return records


def _family_step(families: tuple[Family, ...], anchor: EncodedRecords, step: str, rng: np.random.Generator) -> Any:
    """A family less or more, or a member who comes, goes or is born."""
    at = int(rng.integers(len(families)))
    members = families[at].members
    if step == "family" and len(families) > 20 and rng.random() < 0.5:
        return families[:at] + families[at + 1 :]
    ref = anchor.record_refs[int(rng.integers(len(anchor)))]
    added = Member(f"new-{ref}", ref, Kind.ADULT, Role.OTHER_ADULT)
    if step == "family":
        return (
            (*families, Family(f"fam-{ref}", (added,)))
            if f"fam-{ref}" not in {f.family_ref for f in families}
            else families
        )
    unborn = next((m for m in members if m.kind == Kind.UNBORN), None)
    if unborn is not None and rng.random() < 0.6:
        new = [replace(m, kind=Kind.CHILD, role=Role.CHILD, record_ref=ref) if m == unborn else m for m in members]
        if unborn.member_id in {m.member_id for f in families[:at] + families[at + 1 :] for m in f.members}:
            return families
    elif rng.random() < 0.5:
        new = list(members[:-1]) or list(members)
    else:
        new = [*members, replace(added, member_id=f"{families[at].family_ref}-{ref}")]
    ids = [m.member_id for m in new]
    if len(set(ids)) < len(ids):
        return families
    return (*families[:at], replace(families[at], members=tuple(new)), *families[at + 1 :])


def _step(world: Any, step: str, rng: np.random.Generator) -> Any:
    """One thing that happens between two runs."""
    agencies = list(world.agencies)
    at = int(rng.integers(len(agencies)))
    if step in ("encodings", "records", "groups", "birth"):
        agencies[at] = _changed(agencies[at], step, rng)
        return replace(world, agencies=tuple(agencies))
    if step == "agency":
        agencies[at] = ordered(_plain(agencies[at])) if len(agencies) == 1 or rng.random() < 0.7 else None
        return replace(world, agencies=tuple(item for item in agencies if item is not None))
    if step in ("family", "member"):
        return replace(world, families=_family_step(world.families, world.anchor, step, rng))
    if step == "council":
        row = int(rng.integers(len(world.anchor)))
        return replace(world, anchor=world.anchor.changed(_row(world.anchor, row, rng, noise=0.1)))
    if step == "marker":
        kept = [marker for marker in world.markers if rng.random() < 0.8]
        ids = [member.member_id for family in world.families for member in family.members]
        record = agencies[at].record_refs[int(rng.integers(len(agencies[at])))]
        if all((marker.agency, marker.record_ref) != (agencies[at].agency, record) for marker in kept):
            kept.append(
                Marker(ids[int(rng.integers(len(ids)))], agencies[at].agency, record, rng.choice(["must", "never"]))
            )
        return replace(world, markers=tuple(kept))
    return world


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(STEPS), min_size=2, max_size=4), st.booleans())
def test_any_sequence_of_changes_gives_what_whole_runs_with_what_was_learnt_give(
    made: Any, seed: int, steps: list[str], relearning: bool
) -> None:
    """Deltas, families, births, markers: links, grades, rules, recalls and counts are equal; what people decided holds."""
    rng = np.random.default_rng(seed)
    world = made(seed)
    world = replace(world, anchor=ordered(world.anchor), agencies=tuple(ordered(item) for item in world.agencies))
    result = world.linked()
    for step in steps:
        world = _step(world.with_links(result), step, rng)
        given_now = world
        if rng.random() < 0.3:  # sent again in full, and not as what has changed
            given_now = replace(world, agencies=tuple(_plain(item) for item in world.agencies))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(learn, "RELEARN", 0.05 if relearning else 2.0)
            patch.setattr(learn, "ENOUGH", 50.0 if relearning else 0.0)
            before = result
            result = given_now.linked(before.memory)
            whole = world.linked(_calibration_only(before.memory))
        assert _said(result) == _said(whole)
        _check(world, result)
        if step == "nothing":
            assert world.with_links(result).previous == world.previous
            assert not result.recalls
    assert result.report.anchor_duplicates == world.linked().report.anchor_duplicates


def _check(world: Any, result: LinkResult) -> None:
    """One record is one person; a must-link is certain; a never-link is none; whatever went away is recalled."""
    person = {m.member_id: m.record_ref or m.person or m.member_id for f in world.families for m in f.members}
    held: dict[tuple[str, str], set[str]] = {}
    for item in result.links:
        if item.rule != Rule.UNBORN:
            held.setdefault((item.agency, item.record_ref), set()).add(person[item.member_id])
    assert not [of for of, people in held.items() if len(people) > 1]
    now = {(item.member_id, item.agency, item.record_ref): item.grade for item in result.links}
    there = {(records.agency, ref) for records in world.agencies for ref in records.record_refs}
    for marker in world.markers:
        if (marker.agency, marker.record_ref) in there and marker.member_id in person:
            grade = now.get((marker.member_id, marker.agency, marker.record_ref))
            assert grade == ("certain" if marker.kind == "must" else None)
    recalled = {item.link_id: item.reason for item in result.recalls}
    present = {records.agency for records in world.agencies}
    for was in world.previous:
        grade = now.get((was.member_id, was.agency, was.record_ref))
        if was.agency in present and (grade is None or (grade == "probable" and was.grade == "certain")):
            assert (recalled[was.link_id] == Reason.NOW_PROBABLE) == (grade is not None)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_a_small_delta_moves_no_link_that_it_shares_nothing_with(made: Any, seed: int) -> None:
    """A record of nobody known comes: every other link keeps its grade and its probability to the last bit."""
    rng = np.random.default_rng(seed)
    world = made(seed)
    world = replace(world, agencies=tuple(ordered(item) for item in world.agencies))
    first = world.linked()
    again = world.with_links(first).linked(first.memory)
    many = rng.random((4_000, world.anchor.bits)) < 0.5
    known = np.unpackbits(world.anchor.clks, axis=1).astype(bool)
    farthest = max(many, key=lambda bits: int((bits ^ known).sum(axis=1).min()))
    stranger = np.packbits(farthest[None], axis=1)
    school = next(item for item in world.agencies if item.agency == "school")
    one_more = school.changed(
        _row(school, 0, rng, ref="school-stranger", clks=stranger, kind=Kind.ADULT, groups=("new",))
    )
    agencies = tuple(one_more if item is school else item for item in world.agencies)
    later = replace(world, agencies=agencies).with_links(again).linked(again.memory)
    count = [item.candidates for item in later.report.agencies]
    assume(count == [item.candidates for item in again.report.agencies])
    assert [item for item in later.links if item.record_ref != "school-stranger"] == list(again.links)
    assert all("kept: since it was learnt" in item.calibration for item in later.report.agencies)
    assert all("encodings of 0 people" in item.search.why for item in later.report.agencies)


def test_what_was_learnt_is_kept_until_a_share_of_it_has_changed(made: Any) -> None:
    """Of one agency's records: that agency is learnt anew and no other; of the council's: everything is."""
    rng = np.random.default_rng(3)
    world = made(3)
    world = replace(world, anchor=ordered(world.anchor), agencies=tuple(ordered(item) for item in world.agencies))
    first = world.linked()
    assert _why(first) == {"health": "learnt anew: nothing was kept", "school": "learnt anew: nothing was kept"}
    school = next(item for item in world.agencies if item.agency == "school")
    result, learnt_after = first, 0
    while "kept" in _why(result).get("school", "") or result is first:
        learnt_after += 1
        school = school.changed(_row(school, learnt_after, rng, noise=0.02))
        world = replace(world, agencies=tuple(school if item.agency == "school" else item for item in world.agencies))
        result = world.linked(result.memory)
    assert learnt_after == int(np.ceil(0.05 * len(school)))  # over all runs, not in one
    assert _why(result)["school"] == "learnt anew: 5% of its records have changed"
    assert _why(result)["health"].startswith("kept: since it was learnt 0.0% of the records and 0.0% of the people")
    odds = (found.memory.learnt.calibration.log_odds for found in (first, result))
    before, after = odds
    assert np.array_equal(before["health"], after["health"])
    assert not np.array_equal(before["school"], after["school"])
    anchor = world.anchor
    for row in range(int(0.05 * len(anchor)) + 1):
        anchor = anchor.changed(_row(anchor, row, rng, noise=0.02))
    anew = replace(world, anchor=anchor).linked(result.memory)
    assert all("the declaring agency's records or of the declared people" in why for why in _why(anew).values())
    assert all("kept" in why for why in _why(replace(world, anchor=anchor).linked(anew.memory)).values())


def test_another_agency_is_learnt_and_searched_and_the_others_are_left_as_they_are(made: Any) -> None:
    world = made(5)
    alone = replace(world, agencies=tuple(item for item in world.agencies if item.agency == "school"))
    first = alone.linked()
    both = world.linked(first.memory)
    assert _why(both)["school"].startswith("kept")
    assert _why(both)["health"] == "learnt anew: nothing was kept of the agency"
    searched = {item.agency: item.search.why for item in both.report.agencies}
    assert searched["school"].endswith("encodings of 0 people and 0 records")
    assert "only what is new" not in searched["health"]
    assert [item for item in both.links if item.agency == "school"] == list(first.links)


def test_other_terms_keep_nothing(made: Any) -> None:
    """A new epoch or protocol: what was learnt under the old one says nothing."""
    world = made(5)
    first = world.linked()
    later = replace(
        world,
        anchor=replace(world.anchor, terms="epoch 2"),
        agencies=tuple(replace(item, terms="epoch 2") for item in world.agencies),
    ).linked(first.memory)
    assert set(_why(later).values()) == {"learnt anew: nothing was kept"}
    assert later.links == first.links


def _why(result: LinkResult) -> dict[str, str]:
    return {item.agency: item.calibration for item in result.report.agencies}
