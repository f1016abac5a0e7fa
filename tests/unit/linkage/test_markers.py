"""Markers: what a person decided wins in every run, over any encoding, and outlives resubmissions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from linkage.grade import Evidence, Rule
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Marker, Member, PreviousLink
from linkage.result import Link, LinkResult, Reason
from protocols.errors import InputError
from protocols.matching import MatchRules
from protocols.vocabulary import Role

RULES = MatchRules()


def _run(county: Any, *markers: Marker, **given: Any) -> LinkResult:
    families = given.pop("families", county.families)
    return link(
        county.anchor,
        families,
        given.pop("agencies", [county.agency]),
        RULES,
        markers=markers,
        threads=1,
        **given,
    )


def _ref(county: Any, member: str) -> str:
    return next(ref for ref, theirs in county.truth.items() if theirs == member)


def _of(result: LinkResult, ref: str) -> list[Link]:
    return [item for item in result.links if item.record_ref == ref]


def test_a_must_link_holds_against_every_encoding(county: Any) -> None:
    """A stranger's record is the member's because a person said so; the link names the marker and not the encoding."""
    stranger = county.agency.record_refs[-1]
    (found,) = _of(_run(county, Marker("m0-0", "school", stranger, "must")), stranger)
    assert (found.member_id, found.grade, found.rule) == ("m0-0", "certain", Rule.MUST_LINK)
    assert Evidence.MARKER in found.evidence
    assert Evidence.ENCODING not in found.evidence


def test_a_must_link_takes_the_record_from_the_likely_member(county: Any) -> None:
    """One record is one person: the member whom the encoding fits does not get it as well."""
    ref = _ref(county, "m1-2")
    found = _of(_run(county, Marker("m1-3", "school", ref, "must")), ref)
    assert [(item.member_id, item.grade) for item in found] == [("m1-3", "certain")]


def test_a_must_link_beats_the_age_guard(county: Any) -> None:
    """A mother and a record that the school calls a child's."""
    ref = _ref(county, "m1-2")
    (found,) = _of(_run(county, Marker("m1-0", "school", ref, "must")), ref)
    assert (found.member_id, found.grade, found.rule) == ("m1-0", "certain", Rule.MUST_LINK)


def test_a_never_link_holds_against_equal_encodings(county: Any) -> None:
    """Bit for bit the same, and not the same person; nobody else takes the record instead."""
    ref = _ref(county, "m1-2")
    clks = county.agency.clks.copy()
    at = county.agency.record_refs.index(ref)
    clks[at] = county.anchor.clks[county.anchor.record_refs.index("c006")]
    same = replace(county.agency, clks=clks)
    assert [item.member_id for item in _of(_run(county, agencies=[same]), ref)] == ["m1-2"]
    assert _of(_run(county, Marker("m1-2", "school", ref, "never"), agencies=[same]), ref) == []


def test_a_never_link_recalls_the_earlier_link(county: Any) -> None:
    """The recall says that a person decided it."""
    ref = _ref(county, "m1-2")
    (was,) = _of(_run(county), ref)
    before = PreviousLink(was.member_id, was.agency, was.record_ref, was.grade, was.link_id)
    result = _run(county, Marker("m1-2", "school", ref, "never"), previous=[before])
    assert [(item.link_id, item.reason, item.quiet) for item in result.recalls] == [
        (was.link_id, Reason.NEVER_LINK, False)
    ]


def test_markers_outlive_runs_and_resubmissions(county: Any) -> None:
    """New noise, new rows, an absence: each time the record is there, the marker decides."""
    stranger, ref = county.agency.record_refs[-1], _ref(county, "m1-2")
    markers = (Marker("m0-0", "school", stranger, "must"), Marker("m1-2", "school", ref, "never"))
    flips = np.random.default_rng(8).random((len(county.agency), county.agency.bits)) < 0.03
    again = replace(county.agency, clks=county.agency.clks ^ np.packbits(flips, axis=1))
    previous: list[PreviousLink] = []
    for agency in (county.agency, again, county.agency):
        result = _run(county, *markers, agencies=[agency], previous=previous)
        assert [item.member_id for item in _of(result, stranger)] == ["m0-0"]
        assert _of(result, ref) == []
        previous = [
            PreviousLink(item.member_id, item.agency, item.record_ref, item.grade, item.link_id)
            for item in result.links
        ]


def test_a_marker_waits_for_its_record_and_its_member(
    county: Any, less: Callable[[EncodedRecords, str], EncodedRecords]
) -> None:
    """It does nothing, is counted, and breaks nothing."""
    stranger = county.agency.record_refs[-1]
    absent = _run(county, Marker("m0-0", "school", stranger, "must"), agencies=[less(county.agency, stranger)])
    unknown = _run(county, Marker("m-gone", "school", stranger, "must"), Marker("m0-0", "police", "x", "never"))
    assert absent.report.waiting_markers == 1
    assert unknown.report.waiting_markers == 2
    assert not [item for item in (*absent.links, *unknown.links) if item.rule == Rule.MUST_LINK]


def test_a_marker_is_about_the_person_in_every_family(county: Any) -> None:
    """Set on one member, it holds for the same person in another family."""
    ref, father = _ref(county, "m1-1"), county.families[1].members[1]
    second = Family("f-second", (Member("m-second", father.record_ref, father.kind, Role.PARTNER),))
    families = [*county.families, second]
    stranger = county.agency.record_refs[-1]
    barred = _run(county, Marker("m-second", "school", ref, "never"), families=families)
    given = _run(county, Marker("m-second", "school", stranger, "must"), families=families)
    assert _of(barred, ref) == []
    assert {item.member_id for item in _of(given, stranger)} == {"m-second", "m1-1"}


def test_markers_that_contradict_each_other_are_refused(county: Any) -> None:
    """One record for two people, and must and never for one pair."""
    ref = _ref(county, "m1-2")
    with pytest.raises(InputError, match="must be linked to two people"):
        _run(county, Marker("m1-2", "school", ref, "must"), Marker("m1-3", "school", ref, "must"))
    with pytest.raises(InputError, match="have a must-link and a never-link"):
        _run(county, Marker("m1-2", "school", ref, "must"), Marker("m1-2", "school", ref, "never"))


def test_a_never_link_leaves_the_record_to_its_rival(
    county: Any, less: Callable[[EncodedRecords, str], EncodedRecords]
) -> None:
    """Twins of one encoding and one record: once a person says that it is not the one's, it is the other's."""
    clks = county.anchor.clks.copy()
    clks[7] = clks[6]
    ref, other = _ref(county, "m1-2"), _ref(county, "m1-3")
    result = link(
        replace(county.anchor, clks=clks),
        county.families,
        [less(county.agency, other)],
        RULES,
        markers=[Marker("m1-2", "school", ref, "never")],
        threads=1,
    )
    assert [(item.member_id, item.grade) for item in _of(result, ref)] == [("m1-3", "certain")]
