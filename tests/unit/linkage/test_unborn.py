"""Unborn children: they hang on their mother, are converted at birth without a duplicate, and close without a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from linkage.grade import Evidence, Rule
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Marker, Member, PreviousLink
from linkage.result import LinkResult, Reason
from protocols.matching import MatchRules
from protocols.vocabulary import Kind, Role

RULES = MatchRules()
WAITING = Member("m1-u", None, Kind.UNBORN, Role.UNBORN)
WithUnborn = Callable[[EncodedRecords, str, str], EncodedRecords]


def _run(
    county: Any, families: Sequence[Family], agency: EncodedRecords, previous: Sequence[PreviousLink] = (), **given: Any
) -> LinkResult:
    anchor = given.pop("anchor", county.anchor)
    return link(anchor, families, [agency], RULES, previous=previous, threads=1, **given)


def _declared(county: Any, *more: Member, number: int = 1) -> list[Family]:
    """The county's families with more members in one of them."""
    families = list(county.families)
    families[number] = replace(families[number], members=(*families[number].members, *more))
    return families


def _group(county: Any, member: str) -> str:
    """The group of a member's record at the school."""
    ref = next(ref for ref, theirs in county.truth.items() if theirs == member)
    return str(county.agency.groups[county.agency.record_refs.index(ref)][0])


def _kept(result: LinkResult) -> list[PreviousLink]:
    return [
        PreviousLink(item.member_id, item.agency, item.record_ref, item.grade, item.link_id) for item in result.links
    ]


def _of(result: LinkResult, member: str) -> list[tuple[str, str, str]]:
    return [(item.record_ref, item.grade, item.rule) for item in result.links if item.member_id == member]


@pytest.fixture
def expecting(county: Any, with_unborn: WithUnborn) -> EncodedRecords:
    """The school's records and an unborn child's, in the group of family 1."""
    return with_unborn(county.agency, "u1", _group(county, "m1-0"))


def test_an_unborn_child_hangs_on_its_mother(county: Any, expecting: EncodedRecords) -> None:
    """It takes her grade, says that it rests on her, and the rest of the run is as it was."""
    result = _run(county, _declared(county, WAITING), expecting)
    assert _of(result, "m1-u") == [("u1", "certain", Rule.UNBORN)]
    assert [item.evidence for item in result.links if item.member_id == "m1-u"] == [(Evidence.MOTHER,)]
    plain = _run(county, county.families, county.agency)
    assert [item for item in result.links if item.member_id != "m1-u"] == list(plain.links)


def test_a_mother_for_review_makes_her_unborn_child_for_review(county: Any, expecting: EncodedRecords) -> None:
    """The school calls her record a child's, so that her link is probable."""
    ref = next(ref for ref, member in county.truth.items() if member == "m1-0")
    at = expecting.record_refs.index(ref)
    kinds = (*expecting.kind[:at], Kind.CHILD, *expecting.kind[at + 1 :])
    result = _run(county, _declared(county, WAITING), replace(expecting, kind=kinds))
    assert _of(result, "m1-u") == [("u1", "probable", Rule.UNBORN)]


def test_no_mother_no_unborn_link(county: Any, with_unborn: WithUnborn) -> None:
    """A family that the school does not know, and a group that is not the mother's."""
    elsewhere = with_unborn(county.agency, "u1", "another-group")
    unknown = _declared(county, WAITING, number=0)
    assert _of(_run(county, _declared(county, WAITING), elsewhere), "m1-u") == []
    assert _of(_run(county, unknown, with_unborn(county.agency, "u1", _group(county, "m1-0"))), "m1-u") == []


def test_another_family_does_not_get_the_unborn_child(county: Any, expecting: EncodedRecords) -> None:
    """Family 2 waits for a child as well, and the record hangs on the mother of family 1."""
    assert _of(_run(county, _declared(county, WAITING, number=2), expecting), "m1-u") == []


def test_two_unborn_children_are_for_a_person_to_tell_apart(
    county: Any, expecting: EncodedRecords, with_unborn: WithUnborn
) -> None:
    """Twins: nobody knows which record is which."""
    twins = _declared(county, WAITING, replace(WAITING, member_id="m1-v"))
    result = _run(county, twins, with_unborn(expecting, "u2", _group(county, "m1-0")))
    for member in ("m1-u", "m1-v"):
        assert _of(result, member) == [("u1", "probable", Rule.UNBORN), ("u2", "probable", Rule.UNBORN)]


def test_birth_converts_the_link_without_a_duplicate(
    county: Any, expecting: EncodedRecords, records: Callable[..., EncodedRecords]
) -> None:
    """Council first: the link stays, for review. Then the school: the child's own record, and the unborn one goes quietly."""
    before = _run(county, _declared(county, WAITING), expecting)
    rng = np.random.default_rng(17)
    baby = county.people[4] ^ (rng.random(1024) < 0.4)
    anchor = replace(
        county.anchor,
        record_refs=(*county.anchor.record_refs, "c-baby"),
        clks=np.vstack([county.anchor.clks, np.packbits(baby)]),
        owner=np.append(county.anchor.owner, np.int32(len(county.anchor))),
        groups=(*county.anchor.groups, ("h1",)),
        kind=(*county.anchor.kind, Kind.CHILD),
    )
    born = _declared(county, Member("m1-u", "c-baby", Kind.CHILD, Role.CHILD))
    between = _run(county, born, expecting, _kept(before), anchor=anchor)
    assert _of(between, "m1-u") == [("u1", "probable", Rule.UNBORN)]
    assert [(item.record_ref, item.reason) for item in between.recalls] == [("u1", Reason.NOW_PROBABLE)]
    copy = np.packbits(baby ^ (rng.random(1024) < 0.1))
    own = replace(
        expecting,
        record_refs=(*expecting.record_refs, "r-baby"),
        clks=np.vstack([expecting.clks, copy]),
        owner=np.append(expecting.owner, np.int32(len(expecting))),
        groups=(*expecting.groups, (_group(county, "m1-0"),)),
        kind=(*expecting.kind, Kind.CHILD),
    )
    after = _run(county, born, own, _kept(between), anchor=anchor)
    assert [(ref, grade) for ref, grade, _ in _of(after, "m1-u")] == [("r-baby", "certain")]
    assert [(i.member_id, i.record_ref, i.reason, i.quiet) for i in after.recalls] == [
        ("m1-u", "u1", Reason.BORN, True)
    ]
    assert _run(county, born, own, _kept(after), anchor=anchor).recalls == ()


def test_an_unborn_record_that_is_no_more_closes_quietly(county: Any, expecting: EncodedRecords) -> None:
    """The agency takes its record back: nobody is asked to do anything."""
    families = _declared(county, WAITING)
    before = _run(county, families, expecting)
    result = _run(county, families, county.agency, _kept(before))
    assert [(i.member_id, i.record_ref, i.reason, i.quiet) for i in result.recalls] == [
        ("m1-u", "u1", Reason.RECORD_GONE, True)
    ]


def test_a_never_link_keeps_an_unborn_record_away(county: Any, expecting: EncodedRecords) -> None:
    """What a person decided holds for an unborn child too."""
    never = Marker("m1-u", "school", "u1", "never")
    assert _of(_run(county, _declared(county, WAITING), expecting, markers=[never]), "m1-u") == []


def test_a_second_run_keeps_the_unborn_link(county: Any, expecting: EncodedRecords) -> None:
    """The same id, no recall."""
    families = _declared(county, WAITING)
    first = _run(county, families, expecting)
    second = _run(county, families, expecting, _kept(first))
    assert _kept(second) == _kept(first)
    assert second.recalls == ()
