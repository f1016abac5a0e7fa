"""A member and a record that are left over where the family is certain: a person is asked, and nobody else is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from linkage.grade import Evidence, Rule
from linkage.matcher import link
from linkage.records import EncodedRecords, Marker, Member, PreviousLink
from linkage.result import Link, LinkResult
from protocols.matching import MatchRules, ReviewRules
from protocols.vocabulary import Kind, Role

RULES = MatchRules()
BITS = 1024
CHILD = "r006"  # the first child of a family of four that the school knows as one group


def _damaged(county: Any, refs: Sequence[str] = (CHILD,), likeness: float = 0.22, **changed: Any) -> EncodedRecords:
    """The school, with records that are hardly more alike to their person than a stranger's are."""
    rng = np.random.default_rng(7)
    clks = county.agency.clks.copy()
    numbers = {ref: number for number, ref in enumerate(county.anchor.record_refs)}
    for ref in refs:
        family, place = county.truth[ref][1:].split("-")
        person = county.people[numbers[f"c{4 * int(family) + int(place):03}"]]
        flipped = person ^ (rng.random(BITS) < (1.0 - likeness) / 2)
        clks[county.agency.record_refs.index(ref)] = np.packbits(flipped)
    return replace(county.agency, clks=clks, **changed)


def _run(county: Any, agency: EncodedRecords, rules: MatchRules = RULES, **given: Any) -> LinkResult:
    return link(county.anchor, county.families, [agency], rules, threads=1, **given)


def _of(result: LinkResult, ref: str) -> list[Link]:
    return [item for item in result.links if item.record_ref == ref]


@pytest.fixture(scope="module")
def asked(county: Any) -> LinkResult:
    """The school with one damaged record, linked."""
    return _run(county, _damaged(county))


def test_the_one_left_over_on_both_sides_is_for_review(county: Any, asked: LinkResult) -> None:
    (found,) = _of(asked, CHILD)
    assert (found.member_id, found.grade, found.rule) == (county.truth[CHILD], "probable", Rule.LEFT_OVER)
    assert found.evidence == (Evidence.FAMILY,)
    assert RULES.probable <= found.probability


def test_nobody_else_is_asked_about(county: Any, asked: LinkResult) -> None:
    assert [item.record_ref for item in asked.links if item.rule == Rule.LEFT_OVER] == [CHILD]
    assert not [item for item in _run(county, county.agency).links if item.rule == Rule.LEFT_OVER]


def test_asking_again_changes_nothing(county: Any, asked: LinkResult) -> None:
    before = [PreviousLink(i.member_id, i.agency, i.record_ref, i.grade, i.link_id) for i in asked.links]
    again = _run(county, _damaged(county), previous=before)
    assert [(i.link_id, i.grade, i.rule) for i in again.links] == [(i.link_id, i.grade, i.rule) for i in asked.links]
    assert not again.recalls


def test_a_decision_that_they_are_two_people_is_kept(county: Any) -> None:
    never = Marker(county.truth[CHILD], "school", CHILD, "never")
    assert not _of(_run(county, _damaged(county), markers=[never]), CHILD)


def test_a_record_that_a_decision_gave_to_an_unborn_member_is_not_left_over(county: Any) -> None:
    """A must-link to somebody without an encoding settles the record as any other does."""
    unborn = Member("m0-u", None, Kind.UNBORN, Role.UNBORN)
    families = (replace(county.families[0], members=(*county.families[0].members, unborn)), *county.families[1:])
    must = Marker("m0-u", "school", CHILD, "must")
    result = link(county.anchor, families, [_damaged(county)], RULES, markers=[must], threads=1)
    assert [(item.member_id, item.rule) for item in _of(result, CHILD)] == [("m0-u", Rule.MUST_LINK)]


def test_an_adult_and_a_child_are_not_asked_about(county: Any) -> None:
    kinds = list(county.agency.kind)
    kinds[county.agency.record_refs.index(CHILD)] = Kind.ADULT
    assert not _of(_run(county, _damaged(county, kind=tuple(kinds))), CHILD)


def test_without_the_family_in_the_group_nobody_is_asked(county: Any) -> None:
    groups = list(county.agency.groups)
    groups[county.agency.record_refs.index(CHILD)] = ("elsewhere",)
    assert not _of(_run(county, _damaged(county, groups=tuple(groups))), CHILD)


def test_a_record_like_nobody_is_not_asked_about(county: Any) -> None:
    """Being left over is not enough: with no likeness at all, one in a hundred would be right."""
    assert not _of(_run(county, _damaged(county, likeness=0.0)), CHILD)


def test_one_record_is_asked_about_once_and_a_member_as_often_as_the_rules_say(county: Any) -> None:
    both = (CHILD, "r007")
    rules = RULES.model_copy(update={"probable": 0.02, "stay_probable": 0.02, "review": ReviewRules(most_per_member=1)})
    found = [item for ref in both for item in _of(_run(county, _damaged(county, both), rules), ref)]
    assert len({item.record_ref for item in found}) == len(found)
    assert len({item.member_id for item in found}) == len(found)
