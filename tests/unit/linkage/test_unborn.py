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
from protocols.errors import InputError
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
        PreviousLink(
            item.member_id, item.agency, item.record_ref, item.grade, item.link_id, unborn=item.rule == Rule.UNBORN
        )
        for item in result.links
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


def _must(member: str, ref: str = "u1") -> Marker:
    return Marker(member, "school", ref, "must")


def test_a_must_link_on_an_unborn_record_is_one_link(county: Any, expecting: EncodedRecords) -> None:
    """The marker's link, and not a second one for hanging on the mother."""
    result = _run(county, _declared(county, WAITING), expecting, markers=[_must("m1-u")])
    assert _of(result, "m1-u") == [("u1", "certain", Rule.MUST_LINK)]
    assert len({item.link_id for item in result.links}) == len(result.links)


def test_a_must_link_takes_the_unborn_record_from_everybody_else(
    county: Any, expecting: EncodedRecords, with_unborn: WithUnborn
) -> None:
    """Twins, and a person knows which record is whose: the rest follows, and the other record is left to the other."""
    twin = replace(WAITING, member_id="m1-v")
    families = _declared(county, WAITING, twin)
    one = _run(county, families, expecting, markers=[_must("m1-v")])
    assert (_of(one, "m1-u"), _of(one, "m1-v")) == ([], [("u1", "certain", Rule.MUST_LINK)])
    both = _run(county, families, with_unborn(expecting, "u2", _group(county, "m1-0")), markers=[_must("m1-v")])
    assert _of(both, "m1-u") == [("u2", "certain", Rule.UNBORN)]
    assert _of(both, "m1-v") == [("u1", "certain", Rule.MUST_LINK)]


def test_a_must_link_takes_an_unborn_record_to_another_family(county: Any, expecting: EncodedRecords) -> None:
    """The record hangs on the mother of family 1, and a person says that it is family 2's child."""
    families = _declared(county, WAITING)
    families[2] = replace(families[2], members=(*families[2].members, Member("m2-u", None, Kind.UNBORN, Role.UNBORN)))
    result = _run(county, families, expecting, markers=[_must("m2-u")])
    assert (_of(result, "m1-u"), _of(result, "m2-u")) == ([], [("u1", "certain", Rule.MUST_LINK)])


def test_one_unborn_record_for_two_unborn_members_is_refused(county: Any, expecting: EncodedRecords) -> None:
    """One record is one person, born or not."""
    families = _declared(county, WAITING, replace(WAITING, member_id="m1-v"))
    with pytest.raises(InputError, match="must be linked to two people"):
        _run(county, families, expecting, markers=[_must("m1-u"), _must("m1-v")])


def test_an_unborn_child_of_two_declared_families_is_one_person(county: Any, expecting: EncodedRecords) -> None:
    """The father's family declares the same child: markers for both are no contradiction, and one set on either holds."""
    families = _declared(county, replace(WAITING, person="c-unborn"))
    mother = families[1].members[0]
    second = Member("m-second", mother.record_ref, mother.kind, Role.MOTHER)
    same = Member("m-again", None, Kind.UNBORN, Role.UNBORN, person="c-unborn")
    families.append(Family("f-second", (second, same)))
    plain = _run(county, families, expecting)
    assert _of(plain, "m1-u") == _of(plain, "m-again") == [("u1", "certain", Rule.UNBORN)]
    for markers in ([_must("m1-u")], [_must("m-again")], [_must("m1-u"), _must("m-again")]):
        result = _run(county, families, expecting, markers=markers)
        assert _of(result, "m1-u") == _of(result, "m-again") == [("u1", "certain", Rule.MUST_LINK)]
    never = Marker("m-again", "school", "u1", "never")
    assert _of(_run(county, families, expecting, markers=[never]), "m1-u") == []


def test_an_unborn_record_with_two_mothers_is_for_a_person_to_decide(county: Any, expecting: EncodedRecords) -> None:
    """A hostel's group holds the mothers of families 1 and 2, both expecting: certain for neither."""
    ref = next(ref for ref, member in county.truth.items() if member == "m2-0")
    groups = list(expecting.groups)
    groups[expecting.record_refs.index(ref)] = (_group(county, "m1-0"),)
    families = _declared(county, WAITING)
    families[2] = replace(families[2], members=(*families[2].members, Member("m2-u", None, Kind.UNBORN, Role.UNBORN)))
    result = _run(county, families, replace(expecting, groups=tuple(groups)))
    assert _of(result, "m1-u") == _of(result, "m2-u") == [("u1", "probable", Rule.UNBORN)]


def test_records_of_one_mother_in_two_groups_are_weighed_together(
    county: Any, expecting: EncodedRecords, with_unborn: WithUnborn
) -> None:
    """Two unborn records, each alone in its group of the mother's: nobody can tell which of them the child is."""
    again = county.people[4] ^ (np.random.default_rng(31).random(1024) < 0.1)
    agency = replace(
        expecting,
        record_refs=(*expecting.record_refs, "r-again"),
        clks=np.vstack([expecting.clks, np.packbits(again)]),
        owner=np.append(expecting.owner, np.int32(len(expecting))),
        groups=(*expecting.groups, ("clinic",)),
        kind=(*expecting.kind, Kind.ADULT),
    )
    result = _run(county, _declared(county, WAITING), with_unborn(agency, "u2", "clinic"))
    assert len(_of(result, "m1-0")) == 2
    assert _of(result, "m1-u") == [("u1", "probable", Rule.UNBORN), ("u2", "probable", Rule.UNBORN)]


def test_an_unborn_child_hangs_on_the_mother_it_names(county: Any, expecting: EncodedRecords) -> None:
    """A grown-up daughter is expecting: her group counts, and the mother of the house's does not."""
    daughter = Member("m1-d", "c-daughter", Kind.ADULT, Role.OTHER_ADULT)
    rng = np.random.default_rng(23)
    bits = county.people[4] ^ (rng.random(1024) < 0.4)
    anchor = replace(
        county.anchor,
        record_refs=(*county.anchor.record_refs, "c-daughter"),
        clks=np.vstack([county.anchor.clks, np.packbits(bits)]),
        owner=np.append(county.anchor.owner, np.int32(len(county.anchor))),
        groups=(*county.anchor.groups, ("h1",)),
        kind=(*county.anchor.kind, Kind.ADULT),
    )
    agency = replace(
        expecting,
        record_refs=(*expecting.record_refs, "r-daughter"),
        clks=np.vstack([expecting.clks, np.packbits(bits ^ (rng.random(1024) < 0.1))]),
        owner=np.append(expecting.owner, np.int32(len(expecting))),
        groups=(*expecting.groups, ("flat",)),
        kind=(*expecting.kind, Kind.ADULT),
    )
    families = _declared(county, daughter, replace(WAITING, mother="c-daughter"))
    assert _of(_run(county, families, agency, anchor=anchor), "m1-u") == []
    moved = replace(agency, groups=(*agency.groups[:-1], (_group(county, "m1-0"),)))
    assert _of(_run(county, families, moved, anchor=anchor), "m1-u") == [("u1", "certain", Rule.UNBORN)]


def test_a_withdrawn_unborn_member_closes_quietly(county: Any, expecting: EncodedRecords) -> None:
    """The council takes the child off the family, with the agency's record still there or gone: nobody is told anything."""
    before = _kept(_run(county, _declared(county, WAITING), expecting))
    unsaid = [replace(item, unborn=False) for item in before]
    result = _run(county, county.families, expecting, unsaid)
    assert [(i.member_id, i.reason, i.quiet) for i in result.recalls] == [("m1-u", Reason.MEMBER_GONE, True)]
    again = _run(county, county.families, county.agency, before)
    assert [(i.member_id, i.reason, i.quiet) for i in again.recalls] == [("m1-u", Reason.MEMBER_GONE, True)]
    whole_family = [*county.families[:1], *county.families[2:]]
    loud = _run(county, whole_family, expecting, before)
    assert {i.member_id: i.quiet for i in loud.recalls} == {
        "m1-u": True, "m1-0": False, "m1-1": False, "m1-2": False, "m1-3": False,
    }  # fmt: skip


def test_an_agency_that_hears_of_the_birth_first_keeps_its_link_for_review(
    county: Any, expecting: EncodedRecords
) -> None:
    """The record is a born child's now and the council still waits: the link stays, for review, until it declares the birth."""
    families = _declared(county, WAITING)
    before = _kept(_run(county, families, expecting))
    clk = np.packbits(county.people[4] ^ (np.random.default_rng(29).random(1024) < 0.4))
    born = replace(
        expecting,
        clks=np.vstack([expecting.clks, clk]),
        owner=np.append(expecting.owner, np.int32(len(expecting) - 1)),
        kind=(*expecting.kind[:-1], Kind.CHILD),
    )
    result = _run(county, families, born, before)
    assert _of(result, "m1-u") == [("u1", "probable", Rule.UNBORN)]
    assert [(i.record_ref, i.reason) for i in result.recalls] == [("u1", Reason.NOW_PROBABLE)]
    assert _of(_run(county, families, born), "m1-u") == []
