"""Deltas: what changed and nothing else, on the submission in force, with an alarm when too much did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from making import clks, data_key, declaring, table, use_protocol

from agencies.difference import accept_state
from agencies.folder import AgencyFolder
from agencies.submission import Made, Options, make_submission
from protocols.errors import InputError
from protocols.submission import (
    RECORDS,
)

Row = dict[str, str]


def test_a_delta_holds_only_what_changed(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    with pytest.raises(InputError, match="no submission to be the base"):
        make(people, delta=True)
    first = make(people)
    with pytest.raises(InputError, match="no submission to be the base"):
        make(people, delta=True)
    accept_state(world.agency, first.submission)
    changed = [dict(person) for person in people[1:]]
    changed[0]["SUR"] = "Newname"
    changed[1]["DA_12M"] = "2"
    changed.append({**people[0], "REF": "NEW1", "FORE": "Zelda"})
    made = make(changed, delta=True)
    assert (made.manifest.kind, made.manifest.base) == ("delta", first.submission)
    keyed = world.agency.references.record
    rows = {row[0]: row for row in table(made, RECORDS).select("record_ref", "op", "encodings").iter_rows()}
    assert rows == {
        keyed(people[0]["REF"]): (keyed(people[0]["REF"]), "remove", 0),
        keyed(people[1]["REF"]): (keyed(people[1]["REF"]), "put", 1),
        keyed(people[2]["REF"]): (keyed(people[2]["REF"]), "put", 1),
        keyed("NEW1"): (keyed("NEW1"), "put", 1),
    }
    counts = made.manifest.counts
    assert (counts.records, counts.removed, counts.encodings) == (3, 1, 3)
    assert len(clks(made, data_key(made, "matcher", world.service_sealing))) == 3
    assert made.difference is not None
    assert (made.difference.added, made.difference.removed, made.difference.changed) == (1, 1, 2)


def test_a_new_day_alone_is_no_change(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    """An extract of which only its own date moved on: nothing changed, whatever that date stands beside."""
    people[3].update({"DA_12M": "4"})
    accept_state(world.agency, make([{**each, "AS_AT": "03/11/2026"} for each in people]).submission)
    difference = make(people).difference
    assert (difference.added, difference.changed, difference.unchanged) == (0, 0, 40)
    people[4].update({"DA_LAST": "28/10/2026", "DA_ROLE": "SUS", "DA_SEEN": "30/10/2026"})
    assert make(people).difference.changed == 1


def test_a_delta_without_a_change_is_not_made(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    accept_state(world.agency, make(people).submission)
    with pytest.raises(InputError, match="Nothing changed since the last submission"):
        make(people, delta=True)


def test_a_delta_of_families_alone_has_no_records(
    make_world: Callable[[str], Any], write_extract: Callable[..., Path], people: list[Row]
) -> None:
    world, extract, folder = declaring(make_world, write_extract, people)
    first = make_submission(world.agency, world.reading(extract), Options(declarations=folder))
    accept_state(world.agency, first.submission)
    made = make_submission(world.agency, world.reading(extract), Options(declarations=folder, delta=True))
    assert (made.manifest.counts.records, made.manifest.counts.families) == (0, 1)
    assert table(made, RECORDS).columns[-1] == "op"
    assert len(clks(made, data_key(made, "matcher", world.service_sealing))) == 0


def test_a_delta_over_another_protocol_is_refused(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    accept_state(world.agency, make(people).submission)
    use_protocol(world.agency, world.agency.protocol.text.replace("version: 1\n", "version: 2\n", 1))
    world.agency = AgencyFolder(world.agency.path, world.agency.passphrase)
    with pytest.raises(InputError, match="delta cannot be made"):
        make(people, delta=True)


def test_a_swing_of_more_than_a_fifth_raises_an_alarm(world: Any, make: Callable[..., Made], people: list[Row]) -> None:
    accept_state(world.agency, make(people).submission)
    eight = make(people[8:])
    assert eight.difference is not None
    assert eight.difference.share == pytest.approx(0.2)
    with pytest.raises(InputError, match=r"22% changed since the last submission \(0 new, 9 gone, 0 changed\)"):
        make(people[9:])
    assert make(people[9:], accept_difference=True).manifest.counts.records == 31


def test_a_damaged_memory_of_the_last_submission_is_told(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    accept_state(world.agency, make(people).submission)
    (world.agency.path / "local" / "submitted.parquet").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"`local/submitted.parquet` is damaged"):
        make(people)


def test_an_accepted_submission_of_which_nothing_is_remembered_is_no_base(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    """A difference from another submission than the one in force would be wrong."""
    first, second = make(people), make(people)
    accept_state(world.agency, first.submission)
    (world.agency.path / "local" / f"{second.submission}.state.parquet").unlink()
    accept_state(world.agency, second.submission)
    with pytest.raises(InputError, match="no submission to be the base"):
        make(people, delta=True)


def test_what_is_remembered_goes_with_the_file_in_the_outbox(
    world: Any, make: Callable[..., Made], people: list[Row]
) -> None:
    first, second = make(people), make(people)
    first.path.unlink()
    make(people)
    kept = {path.name.split(".")[0] for path in (world.agency.path / "local").glob("*.state.parquet")}
    assert first.submission not in kept
    assert second.submission in kept
