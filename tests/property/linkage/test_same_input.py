"""A run depends on its input, not on the order of it, and a run on its own result changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linkage.grade import Evidence, Rule
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Marker, Member, PreviousLink
from linkage.remember import Remembered
from linkage.result import LinkResult
from protocols.matching import GuardRules, MatchRules, ReviewRules
from protocols.vocabulary import Kind, Role

BITS = 256
FAMILIES = 24
ROLES = (Role.MOTHER, Role.FATHER, Role.CHILD, Role.CHILD)
KINDS = (Kind.ADULT, Kind.ADULT, Kind.CHILD, Kind.CHILD)
RULES = MatchRules(
    certain=0.9,
    stay_certain=0.6,
    probable=0.2,
    stay_probable=0.02,
    review=ReviewRules(most_per_member=1, most_share=0.3),
    guards=GuardRules(closeness=0.5),
)


@dataclass(frozen=True)
class World:
    """Everything that a run is given."""

    anchor: EncodedRecords
    families: tuple[Family, ...]
    agencies: tuple[EncodedRecords, ...]
    markers: tuple[Marker, ...]
    previous: tuple[PreviousLink, ...]

    def linked(self, memory: Mapping[str, Remembered] | None = None) -> LinkResult:
        """The run."""
        return link(
            self.anchor,
            self.families,
            self.agencies,
            RULES,
            markers=self.markers,
            previous=self.previous,
            memory=memory,
            threads=1,
        )


def _records(
    agency: str, rng: np.random.Generator, people: NDArray[np.bool_], known: list[int], groups: list[str]
) -> EncodedRecords:
    """A record for each person known, some with a second encoding, and an unborn record in every fifth group."""
    count = len(known)
    twice = np.flatnonzero(rng.random(count) < 0.2)
    owner = np.concatenate([np.arange(count), twice]).astype(np.int32)
    bits = people[np.array(known)[owner]]
    bits = bits ^ (rng.random(bits.shape) < rng.choice([0.0, 0.1, 0.2, 0.25, 0.27, 0.3], size=(len(owner), 1)))
    unborn = sorted(set(groups))[::5]
    return EncodedRecords(
        agency,
        (*(f"{agency}-{row}" for row in range(count)), *(f"{agency}-u-{group}" for group in unborn)),
        np.packbits(bits, axis=1),
        owner,
        (*((group,) for group in groups), *((group,) for group in unborn)),
        (*(str(KINDS[row % 4]) for row in known), *(Kind.UNBORN for _ in unborn)),
    )


def made(seed: int) -> World:
    """A small county full of doubt: noisy copies, twins of one encoding, an unborn child in many families, a person in two."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.random((FAMILIES, BITS)) < 0.5, 4, axis=0)
    people = shared ^ (rng.random(shared.shape) < 0.3)
    people[3::8] = people[2::8]
    refs = [f"c{row}" for row in range(len(people))]
    anchor = EncodedRecords(
        "council",
        tuple(refs),
        np.packbits(people, axis=1),
        np.arange(len(people), dtype=np.int32),
        tuple((f"h{row // 4}",) for row in range(len(people))),
        tuple(str(KINDS[row % 4]) for row in range(len(people))),
    )
    families = []
    for number in range(FAMILIES):
        own = [Member(f"m{number}-{p}", refs[4 * number + p], KINDS[p], ROLES[p]) for p in range(4)]
        if number % 2:
            own.append(Member(f"m{number}-u", None, Kind.UNBORN, Role.UNBORN, person=f"unborn{number // 4}"))
        if number % 6 == 0:
            father = families[-1].members[1] if families else own[1]
            own.append(Member(f"m{number}-second", father.record_ref, father.kind, Role.PARTNER))
        families.append(Family(f"f{number}", tuple(own)))
    agencies = []
    for agency in ("school", "health"):
        known = [row for row in range(len(people)) if rng.random() < 0.7]
        groups = [f"g{row // 4 if rng.random() < 0.8 else row // 8}" for row in known]
        agencies.append(_records(agency, rng, people, known, groups))
    ids = [member.member_id for family in families for member in family.members]
    pairs = [
        (ids[int(rng.integers(len(ids)))], agency.agency, agency.record_refs[int(rng.integers(len(agency)))])
        for agency in agencies
        for _ in range(30)
    ]
    of_record = {(agency, ref): member for member, agency, ref in pairs}
    markers = [
        Marker(member, agency, ref, "must" if number % 4 == 0 else "never")
        for number, ((agency, ref), member) in enumerate(list(of_record.items())[:8])
    ]
    previous = [
        PreviousLink(*pair, "certain" if rng.random() < 0.5 else "probable", f"lnk-{number}", bool(number % 3 == 0))
        for number, pair in enumerate(sorted(set(pairs)))
    ]
    return World(anchor, tuple(families), tuple(agencies), tuple(markers), tuple(previous))


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


def _shuffled(world: World, random: Random) -> World:
    def shuffled(items: tuple[object, ...]) -> tuple:  # type: ignore[type-arg]
        return tuple(random.sample(items, len(items)))

    families = tuple(replace(family, members=shuffled(family.members)) for family in world.families)
    return World(
        _shuffled_records(world.anchor, random),
        shuffled(families),
        shuffled(tuple(_shuffled_records(agency, random) for agency in world.agencies)),
        shuffled(world.markers),
        shuffled(world.previous),
    )


def _kept(result: LinkResult) -> tuple[PreviousLink, ...]:
    return tuple(
        PreviousLink(
            item.member_id, item.agency, item.record_ref, item.grade, item.link_id, unborn=item.rule == Rule.UNBORN
        )
        for item in result.links
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(seed: int, random: Random) -> None:
    """Records, encodings, groups, families, members, agencies, markers, previous links: the result is equal, to the last bit."""
    world = made(seed)
    assert _shuffled(world, random).linked() == world.linked()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_a_run_on_its_own_result_changes_nothing(seed: int) -> None:
    """Grades, rules and ids stay and nothing is recalled, whatever the links before the first run were."""
    world = made(seed)
    first = world.linked()
    again = replace(world, previous=_kept(first))
    second = again.linked()
    assert second.recalls == ()
    assert _kept(second) == _kept(first)
    assert [item.rule for item in second.links] == [item.rule for item in first.links]
    assert all(Evidence.EARLIER_LINK in item.evidence for item in second.links if item.rule != Rule.MUST_LINK)
    assert replace(again, previous=_kept(second)).linked() == second


def _changed(records: EncodedRecords, rng: np.random.Generator) -> EncodedRecords:
    """A delta: one record in ten is gone, one in ten is encoded anew."""
    clks = records.clks.copy()
    anew = rng.random(len(clks)) < 0.1
    clks[anew] ^= np.packbits(rng.random((int(anew.sum()), BITS)) < 0.1, axis=1)
    gone = rng.random(len(records)) < 0.1
    keep = ~gone[records.owner]
    rows = np.flatnonzero(~gone)
    place = np.cumsum(~gone) - 1
    return replace(
        records,
        record_refs=tuple(records.record_refs[row] for row in rows),
        clks=clks[keep],
        owner=place[records.owner[keep]].astype(np.int32),
        groups=tuple(records.groups[row] for row in rows),
        kind=tuple(records.kind[row] for row in rows),
    )


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_what_is_remembered_changes_no_result(seed: int) -> None:
    """Deltas, a family less, an agency that comes later: with the last run's memory, the run is the run without it."""
    rng = np.random.default_rng(seed)
    world = made(seed)
    first = replace(world, agencies=world.agencies[:1]).linked({})
    later = replace(world, agencies=tuple(_changed(agency, rng) for agency in world.agencies))
    second = later.linked(first.memory)
    assert _said(second) == _said(later.linked())
    assert "only what is new" in _of(second, "school") != _of(second, "health")
    third = replace(later, families=later.families[1:])
    assert _said(third.linked(second.memory)) == _said(third.linked())


def _said(result: LinkResult) -> tuple[object, ...]:
    """Everything of a result but how the pairs were found."""
    counts = [replace(agency, search=None) for agency in result.report.agencies]  # type: ignore[arg-type]
    return result.links, result.recalls, counts, result.report.anchor_duplicates, result.report.waiting_markers


def _of(result: LinkResult, agency: str) -> str:
    return next(item.search.why for item in result.report.agencies if item.agency == agency)
