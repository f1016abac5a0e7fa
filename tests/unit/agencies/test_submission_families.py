"""Declared families and consents travel with a submission; names stay at home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making import declaring, table

from agencies.local_view import read_view
from agencies.submission import Options, make_submission
from protocols.errors import InputError
from protocols.submission import (
    CELLS,
    CHECKS,
    CONSENTS,
    FAMILIES,
    RECORDS,
    clk_part,
    open_submission,
)

Row = dict[str, str]


def test_social_care_declares_families_and_keeps_names_at_home(
    make_world: Callable[[str], Any], write_extract: Callable[..., Path], people: list[Row]
) -> None:
    world, extract, folder = declaring(make_world, write_extract, people)
    mother, child = people[0]["REF"], people[1]["REF"]
    made = make_submission(world.agency, world.reading(extract), Options(declarations=folder))
    keyed = world.agency.references.record
    with open_submission(made.path) as file:
        (family,) = file.families()
        (consent,) = file.consents()
    assert {member.record_ref for member in family.members} == {keyed(mother), keyed(child), keyed("U1")}
    assert consent.subject_ref == keyed(mother)
    records = {row[0]: row for row in table(made, RECORDS).select("record_ref", "kind", "encodings").iter_rows()}
    assert records[keyed("U1")][1:] == ("UNBORN", 0)
    assert made.manifest.counts.records == 41
    assert set(made.manifest.parts) == {RECORDS, CELLS, CHECKS, FAMILIES, CONSENTS, clk_part("person")}
    view = read_view(world.agency)
    assert view.members[keyed(mother)].name == "Adeola Abernethy"
    assert keyed(people[5]["REF"]) not in view.members
    assert view.family("WB-0") == "WB-1"
    data = made.path.read_bytes()
    assert b"Adeola" not in data
    assert b"Adeola" not in (world.agency.path / "local" / "display").read_bytes()


def test_a_family_with_an_unknown_member_stops_the_making(
    make_world: Callable[[str], Any], write_extract: Callable[..., Path], people: list[Row]
) -> None:
    world, extract, folder = declaring(make_world, write_extract, people, child="ABSENT")
    with pytest.raises(InputError, match=r"`members.csv`, row 3: the member `ABSENT` is not in the extract"):
        make_submission(world.agency, world.reading(extract), Options(declarations=folder))
    assert list((world.agency.path / "outbox").iterdir()) == []
