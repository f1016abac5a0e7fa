"""Steadiness: ids that never change, runs that change nothing, and a recall for every link that goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from linkage.grade import Evidence
from linkage.matcher import link
from linkage.order import ordered
from linkage.records import EncodedRecords, PreviousLink
from linkage.result import LinkResult, Reason, link_id
from protocols.matching import MatchRules
from protocols.vocabulary import Kind

RULES = MatchRules()


def _run(county: Any, previous: Sequence[PreviousLink] = (), **given: Any) -> LinkResult:
    families = given.pop("families", county.families)
    return link(
        county.anchor, families, given.pop("agencies", [county.agency]), RULES, previous=previous, threads=1, **given
    )


def _kept(result: LinkResult) -> list[PreviousLink]:
    return [
        PreviousLink(item.member_id, item.agency, item.record_ref, item.grade, item.link_id) for item in result.links
    ]


def _recalls(result: LinkResult) -> list[tuple[str, str, Reason, bool]]:
    return [(item.member_id, item.record_ref, item.reason, item.quiet) for item in result.recalls]


@pytest.fixture(scope="module")
def first(county: Any) -> LinkResult:
    """The first run."""
    return _run(county)


def test_a_second_run_on_the_same_input_changes_nothing(county: Any, first: LinkResult) -> None:
    """The same links, grades and ids, no recall; only the evidence says that the link was there before."""
    second = _run(county, _kept(first))
    assert second.recalls == ()
    assert _kept(second) == _kept(first)
    assert all(Evidence.EARLIER_LINK in item.evidence for item in second.links)
    assert _run(county, _kept(second)) == second


def test_ids_depend_on_nothing_but_what_they_link(county: Any, first: LinkResult) -> None:
    """Another run, other noise, fewer families: the same link has the same id; no two links share one."""
    flips = np.random.default_rng(3).random((len(county.agency), county.agency.bits)) < 0.02
    noisy = replace(county.agency, clks=county.agency.clks ^ np.packbits(flips, axis=1))
    again = _run(county, families=county.families[:100], agencies=[noisy])
    ids = {(item.member_id, item.record_ref): item.link_id for item in first.links}
    assert again.links
    assert all(ids.get((item.member_id, item.record_ref)) == item.link_id for item in again.links)
    assert len(set(ids.values())) == len(ids)


def test_parts_of_an_id_do_not_run_together() -> None:
    """Other borders between the same letters make another id."""
    assert link_id("ab", "c", "d") != link_id("a", "bc", "d")
    assert link_id("a", "b", "c") == link_id("a", "b", "c")


def test_an_earlier_id_is_kept(county: Any, first: LinkResult) -> None:
    """A link that came with an id from elsewhere keeps it."""
    before = replace(_kept(first)[0], link_id="lnk-of-old")
    kept = {item.link_id: item for item in _run(county, [before]).links}
    assert (kept["lnk-of-old"].member_id, kept["lnk-of-old"].record_ref) == (before.member_id, before.record_ref)


def test_a_record_that_is_gone_is_recalled(
    county: Any, first: LinkResult, less: Callable[[EncodedRecords, str], EncodedRecords]
) -> None:
    """The recall carries the link's id and grade, so that whoever used it can be told."""
    gone = first.links[0]
    result = _run(county, _kept(first), agencies=[less(county.agency, gone.record_ref)])
    assert _recalls(result) == [(gone.member_id, gone.record_ref, Reason.RECORD_GONE, False)]
    assert (result.recalls[0].link_id, result.recalls[0].grade) == (gone.link_id, gone.grade)


def test_a_member_who_is_gone_is_recalled(county: Any, first: LinkResult) -> None:
    """Every link of the family that is no longer declared, and no other."""
    ids = {member.member_id for member in county.families[1].members}
    result = _run(county, _kept(first), families=[*county.families[:1], *county.families[2:]])
    lost = [(i.member_id, i.record_ref, Reason.MEMBER_GONE, False) for i in first.links if i.member_id in ids]
    assert lost
    assert _recalls(result) == lost


def test_evidence_that_is_gone_is_recalled(county: Any, first: LinkResult) -> None:
    """The agency corrects the record and it is another person's."""
    gone = first.links[0]
    clks = county.agency.clks.copy()
    clks[county.agency.record_refs.index(gone.record_ref)] = np.random.default_rng(5).integers(
        0, 255, size=128, dtype=np.uint8
    )
    result = _run(county, _kept(first), agencies=[replace(county.agency, clks=clks)])
    assert _recalls(result) == [(gone.member_id, gone.record_ref, Reason.EVIDENCE_GONE, False)]


def test_a_link_that_is_no_longer_certain_is_recalled_once(county: Any, first: LinkResult) -> None:
    """The school now says that a mother's record is a child's: the link waits for review and is recalled, once."""
    ref = next(ref for ref, member in county.truth.items() if member == "m1-0")
    at = county.agency.record_refs.index(ref)
    kinds = (*county.agency.kind[:at], Kind.CHILD, *county.agency.kind[at + 1 :])
    agency = replace(county.agency, kind=kinds)
    result = _run(county, _kept(first), agencies=[agency])
    assert _recalls(result) == [("m1-0", ref, Reason.NOW_PROBABLE, False)]
    assert _run(county, _kept(result), agencies=[agency]).recalls == ()


def test_an_agency_that_is_not_in_the_run_loses_nothing(county: Any) -> None:
    """Its submission is missing, not its people."""
    before = PreviousLink("m1-0", "police", "p1", "certain", "lnk-police")
    assert _run(county, [before]).recalls == ()


def test_where_hardly_anybody_was_found_the_first_who_comes_is(county: Any, records: Callable[..., Any]) -> None:
    """A calibration learnt from strangers alone calls everybody a stranger, so it is kept only while nothing changes."""
    bits = np.unpackbits(county.agency.clks[-200:], axis=1).astype(bool)
    refs, kinds = county.agency.record_refs[-200:], county.agency.kind[-200:]
    strangers = ordered(records("school", refs, bits, county.agency.groups[-200:], kinds))
    nobody = _run(county, agencies=[strangers], remember=True)
    assert not nobody.links
    assert _why(_run(county, agencies=[strangers], memory=nobody.memory)).startswith("kept")
    came = strangers.changed(records("school", ["r-mother"], county.people[:1], [("g",)], [Kind.ADULT]))
    result = _run(county, agencies=[came], memory=nobody.memory)
    assert _why(result) == "learnt anew: it rested on fewer than 100 links, and something has changed"
    assert [item.record_ref for item in result.links] == ["r-mother"]


def _why(result: LinkResult) -> str:
    return result.report.agencies[0].calibration
