"""An altered, removed, added or reordered entry is named by its index; personal data can be erased and the log still verifies."""

from datetime import UTC, datetime

import pytest

from protocols.audit.checkpoint import Checkpoint
from protocols.audit.entries import Opening, commitment, read_entry, seal_event
from protocols.audit.events import EVENTS
from protocols.audit.events.linking import FamilyClosed, RunRequested
from protocols.audit.events.parties import TokenIssued
from protocols.audit.events.vocabulary import EventKind
from protocols.audit.merkle import leaf_hash, nodes_of, root
from protocols.audit.note import NoteKey
from protocols.audit.verify import LogCheck, Row
from protocols.errors import VerificationError
from protocols.signing import SigningKey

ORIGIN = "kinlink.example/log"
KEY = SigningKey.generate()
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def make_log(size=20):
    rows, openings, previous = [], {}, None
    for index in range(size):
        event = RunRequested(actor="operator", run=f"run-{index}")
        if index % 3 == 0:
            event = FamilyClosed(actor="social_care", family=f"WB-{index}")
        entry, openings[index] = seal_event(event, index, previous, NOW)
        body = entry.canonical()
        previous = leaf_hash(body)
        rows.append(Row(index, body, previous))
    return rows, openings


def checkpoints(rows, *sizes):
    node = nodes_of([row.leaf for row in rows])
    return [str(Checkpoint(ORIGIN, size, root(size, node)).sign(KEY)) for size in sizes]


def check(rows, notes, openings=None):
    checker = LogCheck()
    for row in rows:
        checker.add(row, (openings or {}).get(row.index, ()))
    return checker.finish(notes, NoteKey.of(ORIGIN, KEY.public))


def relinked(rows):
    """The rows with every leaf hash and chain recomputed: what someone does who rewrites history with care."""
    remade, previous = [], None
    for index, row in enumerate(rows):
        entry = read_entry(row.body)
        entry = entry.model_copy(update={"index": index, "previous": previous.hex() if previous else "0" * 64})
        body = entry.canonical()
        previous = leaf_hash(body)
        remade.append(Row(index, body, previous))
    return remade


def test_an_untouched_log_verifies_with_and_without_its_openings():
    rows, openings = make_log()
    notes = checkpoints(rows, 0, 7, 20)
    report = check(rows, notes, openings)
    assert not report.findings
    assert (report.size, report.signed, report.checkpoints, report.openings) == (20, 20, 3, 7)
    assert not check(rows, notes).findings
    report.raise_for_findings()


def test_what_came_after_the_last_checkpoint_is_in_order_unless_the_copy_says_that_it_is_whole():
    """A running service's database is ahead of its checkpoints; an export is made of what is under one."""
    rows, _ = make_log()
    report = check(rows, checkpoints(rows, 7, 16))
    assert (report.signed, report.findings) == (16, [])
    checker = LogCheck()
    for row in rows:
        checker.add(row)
    (found,) = checker.finish(checkpoints(rows, 7, 16), NoteKey.of(ORIGIN, KEY.public), 20).findings
    assert (found.index, "added" in found.what) == (16, True)


@pytest.mark.parametrize("victim", [0, 5, 12, 19])
def test_a_changed_entry_is_named(victim):
    rows, _ = make_log()
    notes = checkpoints(rows, 10, 20)
    changed = rows[victim].body.replace(b'"at":"2026-11-20T09:30', b'"at":"2026-11-20T09:31')
    assert changed != rows[victim].body
    altered = [*rows[:victim], Row(victim, changed, rows[victim].leaf), *rows[victim + 1 :]]
    report = check(altered, notes)
    assert report.findings[0].index == victim
    assert "altered" in report.findings[0].what
    with pytest.raises(VerificationError, match=f"entry {victim}"):
        report.raise_for_findings()
    with_its_hash = [*rows[:victim], Row(victim, changed, leaf_hash(changed)), *rows[victim + 1 :]]
    found = check(with_its_hash, notes).findings
    assert found
    assert found[0].index in (victim, victim + 1) or (victim == 19 and found[0].index == 10)


def test_removed_added_and_moved_entries_are_named():
    rows, _ = make_log()
    notes = checkpoints(rows, 10, 20)
    removed = check([*rows[:8], *rows[9:]], notes)
    assert (removed.findings[0].index, "missing" in removed.findings[0].what) == (8, True)
    assert [item.index for item in removed.findings[:2]] != [8, 9]
    cut = check(rows[:15], notes)
    assert cut.findings[0].index == 15
    added = check([*rows[:8], rows[7], *rows[8:]], notes)
    assert added.findings[0].index == 7
    swapped = [*rows[:3], Row(3, rows[4].body, rows[4].leaf), Row(4, rows[3].body, rows[3].leaf), *rows[5:]]
    moved = check(swapped, notes)
    assert moved.findings[0].index == 3


def test_a_history_rewritten_with_care_is_narrowed_down_by_the_checkpoints():
    rows, _ = make_log()
    notes = checkpoints(rows, 5, 10, 15, 20)
    for rewritten in [relinked([*rows[:12], *rows[13:]]), relinked([*rows[:12], rows[3], *rows[12:]])]:
        report = check(rewritten, notes)
        assert report.signed == 10
        assert report.findings[0].index == 10
        assert "10 to 14" in report.findings[0].what


def test_foreign_checkpoints_and_missing_ones_are_said():
    rows, _ = make_log()
    node = nodes_of([row.leaf for row in rows])
    forged = str(Checkpoint(ORIGIN, 20, root(20, node)).sign(SigningKey.generate()))
    assert "not the service's" in check(rows, [forged]).findings[0].what
    assert "no checkpoint" in check(rows, []).findings[0].what


def test_an_opening_must_be_the_committed_one():
    rows, openings = make_log()
    notes = checkpoints(rows, 20)
    openings[3] = (Opening("family", openings[3][0].salt, "WB-OTHER"),)
    assert check(rows, notes, openings).findings[0].index == 3


def test_personal_fields_never_stand_in_clear():
    entry, openings = seal_event(FamilyClosed(actor="social_care", family="WB-20417"), 0, None, NOW)
    body = entry.canonical()
    assert b"WB-20417" not in body
    assert commitment(openings[0]).encode() in body
    again, other = seal_event(FamilyClosed(actor="social_care", family="WB-20417"), 0, None, NOW)
    assert again.commitments != entry.commitments
    assert other[0].salt != openings[0].salt


def test_every_kind_has_its_event_and_a_wellformed_name():
    assert set(EVENTS) == set(EventKind)
    assert all(kind.value.count(":") == 2 for kind in EventKind)


def test_an_entry_with_stray_or_missing_fields_is_refused():
    entry, _ = seal_event(TokenIssued(actor="police", signing_key="k", scope="submit:police"), 0, None, NOW)
    stray = entry.model_copy(update={"facts": {**entry.facts, "family": "WB-1"}})
    missing = entry.model_copy(update={"facts": {}})
    for body in [stray.canonical(), missing.canonical(), b"{}", b"not json", entry.canonical() + b" "]:
        with pytest.raises(VerificationError):
            read_entry(body)
