"""The matcher end to end on small counties of random bits: right links, no wrong certain one, and nobody's family leaks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from linkage.grade import Evidence, Rule
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Member
from linkage.result import LinkResult, Stage
from protocols.errors import InputError
from protocols.matching import MatchRules, SearchKind, SearchRules
from protocols.vocabulary import Kind, Role

RULES = MatchRules()
ROLES = (Role.MOTHER, Role.FATHER, Role.CHILD, Role.CHILD)


def _run(county: Any, **given: Any) -> LinkResult:
    anchor, families = given.pop("anchor", county.anchor), given.pop("families", county.families)
    return link(anchor, families, given.pop("agencies", [county.agency]), RULES, threads=1, **given)


def _pairs(result: LinkResult, grade: str = "certain") -> dict[str, str]:
    """record_ref → member of each link of a grade, where every record has one."""
    found = [(item.record_ref, item.member_id) for item in result.links if item.grade == grade]
    assert len(found) == len(dict(found))
    return dict(found)


def _shuffled(records: EncodedRecords, seed: int) -> EncodedRecords:
    order = np.random.default_rng(seed).permutation(len(records))
    return replace(
        records,
        record_refs=tuple(records.record_refs[row] for row in order),
        clks=records.clks[order],
        owner=np.arange(len(records), dtype=np.int32),
        groups=tuple(records.groups[row] for row in order),
        kind=tuple(records.kind[row] for row in order),
    )


@pytest.fixture(scope="module")
def result(county: Any) -> LinkResult:
    """The county, linked once."""
    return _run(county)


def test_right_links_are_found_and_no_certain_one_is_wrong(county: Any, result: LinkResult) -> None:
    """Nearly everybody the school knows is found; strangers and relatives are not."""
    certain = _pairs(result)
    assert certain.items() <= county.truth.items()
    assert len(certain) >= 0.98 * len(county.truth)


def test_one_member_may_hold_several_records(county: Any, result: LinkResult) -> None:
    """Ten children are twice at the school: both records are theirs, and the agency is told of the duplicates."""
    twice = [member for member, times in Counter(county.truth.values()).items() if times == 2]
    held = Counter(_pairs(result).values())
    assert len(twice) == 10
    assert [held[member] for member in twice] == [2] * 10
    assert len(result.report.agencies[0].duplicates) == 10
    both = [item for item in result.links if item.member_id in twice]
    assert all(Evidence.FURTHER_RECORD in item.evidence for item in both)


def test_no_person_is_added_to_a_family(county: Any, result: LinkResult) -> None:
    """Only declared members have links; a lodger in the household's group at the school stays a stranger."""
    declared = {member.member_id for family in county.families for member in family.members}
    assert {item.member_id for item in result.links} <= declared
    lodger = replace(
        county.agency,
        groups=(*county.agency.groups[:-1], ("g0",)),
    )
    assert _pairs(_run(county, agencies=[lodger])) == _pairs(result)


def test_nothing_leaks_from_one_family_into_another(county: Any, result: LinkResult) -> None:
    """Undeclare one family: its links go, and every other link stays as it was."""
    gone = {member.member_id for member in county.families[1].members}
    rest = _run(county, families=[*county.families[:1], *county.families[2:]])
    assert {item.member_id for item in result.links} & gone
    assert not {item.member_id for item in rest.links} & gone
    assert _pairs(rest).items() == {pair for pair in _pairs(result).items() if pair[1] not in gone}


def test_a_person_in_two_families_is_two_members_and_one_person(county: Any, result: LinkResult) -> None:
    """A father declared in a second family as well: both members hold his record, and the new family gains nobody else."""
    father = county.families[1].members[1]
    again = Member("m1-second", father.record_ref, father.kind, Role.PARTNER)
    new_partner = county.families[0].members[0]
    second = Family("f-second", (replace(new_partner, member_id="m-partner"), again))
    both = _run(county, families=[*county.families, second])
    held = {item.record_ref for item in both.links if item.member_id == father.member_id}
    assert held
    assert {item.record_ref for item in both.links if item.member_id == "m1-second"} == held
    assert not [item for item in both.links if item.member_id == "m-partner"]
    others = [item for item in both.links if item.member_id != "m1-second"]
    assert [(i.member_id, i.record_ref, i.grade, i.link_id) for i in others] == [
        (i.member_id, i.record_ref, i.grade, i.link_id) for i in result.links
    ]


def test_the_same_input_gives_the_same_output(county: Any, result: LinkResult) -> None:
    """To the last probability, whatever the number of threads."""
    assert _run(county) == result
    assert link(county.anchor, county.families, [county.agency], RULES, threads=3) == result


def test_the_order_of_the_input_does_not_matter(county: Any, result: LinkResult) -> None:
    """Records, families and members come in any order."""
    families = [replace(family, members=family.members[::-1]) for family in reversed(county.families)]
    turned = _run(county, anchor=_shuffled(county.anchor, 1), agencies=[_shuffled(county.agency, 2)], families=families)
    assert [replace(item, probability=0.0) for item in turned.links] == [
        replace(item, probability=0.0) for item in result.links
    ]
    assert [item.probability for item in turned.links] == pytest.approx([item.probability for item in result.links])


def test_agencies_are_linked_apart(county: Any, result: LinkResult) -> None:
    """A second agency with nobody's records changes no link of the first, and gets none."""
    stranger = replace(
        county.agency,
        agency="police",
        clks=np.random.default_rng(9).integers(0, 255, size=county.agency.clks.shape, dtype=np.uint8),
    )
    both = _run(county, agencies=[stranger, county.agency])
    assert not [item for item in both.links if item.agency == "police"]
    assert _pairs(both) == _pairs(result)


def test_an_adult_and_a_child_are_never_certain(county: Any) -> None:
    """The school calls a mother's record a child's: a person has to look at it, equal bits or not."""
    ref = next(ref for ref, member in county.truth.items() if member == "m1-0")
    at = county.agency.record_refs.index(ref)
    kinds = (*county.agency.kind[:at], Kind.CHILD, *county.agency.kind[at + 1 :])
    wrong = _run(county, agencies=[replace(county.agency, kind=kinds)])
    assert [(i.member_id, i.grade, i.rule) for i in wrong.links if i.record_ref == ref] == [
        ("m1-0", "probable", Rule.AGE)
    ]


def test_two_equal_twins_are_for_a_person_to_tell_apart(county: Any, records: Callable[..., EncodedRecords]) -> None:
    """Two members with one encoding and one record between them: no certain link, and at most one of them is offered."""
    child = county.families[1].members[2]
    clks = county.anchor.clks.copy()
    first = county.anchor.record_refs.index(child.record_ref)
    clks[first + 1] = clks[first]
    at = {member: ref for ref, member in county.truth.items()}
    agency = county.agency
    keep = np.array([ref != at["m1-3"] for ref in agency.record_refs])
    rows = np.flatnonzero(keep)
    one = records(
        "school",
        [agency.record_refs[row] for row in rows],
        np.unpackbits(agency.clks[rows], axis=1).astype(bool),
        [agency.groups[row] for row in rows],
        [agency.kind[row] for row in rows],
    )
    found = _run(county, anchor=replace(county.anchor, clks=clks), agencies=[one])
    theirs = [item for item in found.links if item.member_id in ("m1-2", "m1-3")]
    assert at["m1-2"] in {item.record_ref for item in theirs}
    assert len(theirs) == len({item.record_ref for item in theirs})
    assert {item.grade for item in theirs} == {"probable"}


def test_a_second_encoding_of_a_record_finds_it(county: Any) -> None:
    """A former name: the first encoding is unlike, the alias is the person; the record is one record still."""
    agency = county.agency
    ref = next(ref for ref, member in county.truth.items() if member == "m2-1")
    at = agency.record_refs.index(ref)
    alias = agency.clks[at : at + 1]
    clks = np.vstack([agency.clks, alias])
    clks[at] = np.random.default_rng(4).integers(0, 255, size=clks.shape[1], dtype=np.uint8)
    two = replace(agency, clks=clks, owner=np.append(agency.owner, np.int32(at)).astype(np.int32))
    assert _pairs(_run(county, agencies=[two]))[ref] == "m2-1"


def test_an_agency_without_records_is_no_error(county: Any, records: Callable[..., EncodedRecords]) -> None:
    """It gets no links and says that it was not searched."""
    nobody = records("police", [], np.empty((0, 1024), dtype=bool), [], [])
    found = _run(county, agencies=[nobody])
    assert found.links == ()
    assert found.report.agencies[0].search.kind == "none"


def test_progress_tells_every_step_once(county: Any) -> None:
    """From none done to all but the one at hand."""
    seen: list[Stage] = []
    _run(county, progress=seen.append)
    assert [(stage.done, stage.total) for stage in seen] == [(0, 3), (1, 3), (2, 3)]
    assert [stage.agency for stage in seen] == ["council", "school", "school"]


def test_unusable_input_is_refused(county: Any) -> None:
    """Nothing to link from, an agency twice, encodings of two lengths, a record nobody submitted, a member twice."""
    empty = EncodedRecords("council", (), np.empty((0, 128), dtype=np.uint8), np.empty(0, dtype=np.int32), (), ())
    short = replace(county.agency, clks=np.ascontiguousarray(county.agency.clks[:, :64]))
    lost = Family("f", (Member("m", "nowhere", Kind.ADULT, Role.MOTHER),))
    mother = county.families[0].members[0]
    twofold = Family("f", (replace(mother, kind=Kind.CHILD),))
    for given, says in (
        ({"anchor": empty}, "no encodings to link from"),
        ({"agencies": [county.agency, county.agency]}, "takes part twice"),
        ({"agencies": [county.anchor]}, "takes part twice"),
        ({"agencies": [short]}, "has encodings of 512 bits and agency `council` of 1024"),
        ({"families": []}, "no declared family"),
        ({"families": [lost]}, "names record `nowhere`, which agency `council` did not submit"),
        ({"families": [*county.families, twofold]}, "`m0-0` is declared in two ways"),
    ):
        with pytest.raises(InputError, match=says):
            _run(county, **given)  # type: ignore[arg-type]


def test_a_group_of_ten_thousand_is_no_household(county: Any, result: LinkResult) -> None:
    """A caseload put in as a group: it says nothing about families, and costs nothing."""
    begun = time.process_time()
    count = 10_000
    rng = np.random.default_rng(41)
    crowd = replace(
        county.agency,
        record_refs=(*county.agency.record_refs, *(f"x{row}" for row in range(count))),
        clks=np.vstack([county.agency.clks, rng.integers(0, 256, (count, 128), dtype=np.uint8)]),
        owner=np.arange(len(county.agency) + count, dtype=np.int32),
        groups=(*((*groups, "everybody") for groups in county.agency.groups), *[("everybody",)] * count),
        kind=(*county.agency.kind, *[Kind.ADULT] * count),
    )
    found = _run(county, agencies=[crowd])
    assert _pairs(found) == _pairs(result)
    assert time.process_time() - begun < 20.0


def test_a_family_of_ten_thousand_is_refused(county: Any) -> None:
    """Nobody has ten thousand relatives: a list was declared as one family."""
    members = tuple(Member(f"x{row}", None, Kind.ADULT, Role.OTHER_ADULT) for row in range(10_000))
    with pytest.raises(InputError, match=r"has 10,000 members; expected at most 1,000"):
        _run(county, families=[Family("f-everybody", members)])


def test_records_that_are_all_alike_are_refused_with_their_number(county: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the council's records encode the same placeholder: the pairs would not fit into any memory."""
    monkeypatch.setattr("linkage.nulls.MOST_ALIKE", 20_000)
    clks = county.anchor.clks.copy()
    clks[:160] = clks[0]
    with pytest.raises(InputError, match=r"About 12,7\d\d pairs of the records of agency `council`"):
        _run(county, anchor=replace(county.anchor, clks=clks))


@pytest.mark.parametrize(
    ("ours", "theirs"), [("epoch 1 of P, schema S", "epoch 2 of P, schema S"), ("epoch 1 of P, schema S", "")]
)
def test_encodings_of_two_epochs_are_refused(county: Any, ours: str, theirs: str) -> None:
    """They would link nobody, and recall every link there is."""
    with pytest.raises(InputError, match=r"encoded under .*, and agency `council` under epoch 1 of P"):
        _run(county, anchor=replace(county.anchor, terms=ours), agencies=[replace(county.agency, terms=theirs)])
    same = _run(county, anchor=replace(county.anchor, terms=ours), agencies=[replace(county.agency, terms=ours)])
    assert same.links


def test_a_run_says_which_search_it_used_and_why(county: Any, result: LinkResult) -> None:
    """Asked for `lsh`, it reports what was promised and what a sample found, and finds no link that `exact` does not."""
    rules = MatchRules(search=SearchRules(kind=SearchKind.LSH, recall=0.95))
    found = link(county.anchor, county.families, [county.agency], rules, threads=1)
    (report,) = found.report.agencies
    assert (report.search.kind, report.search.promised_recall) == (SearchKind.LSH, 0.95)
    assert report.search.measured_recall >= 0.95
    assert "tables of" in report.search.why
    assert _pairs(found).items() <= _pairs(result).items()
    assert len(_pairs(found)) >= 0.9 * len(_pairs(result))
    (exact,) = result.report.agencies
    assert (exact.search.kind, exact.search.measured_recall) == (SearchKind.EXACT, 1.0)
    assert exact.search.why == "every pair is compared in seconds"
