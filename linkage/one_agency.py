"""Linking one agency's records: candidates, probabilities, grades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.bits import distances_of, pack
from linkage.calibrate import Calibration, Counts
from linkage.candidates import Candidates, Side, affordable_distance, closest
from linkage.checks import ABSENT
from linkage.declared import Declared, grouped
from linkage.family import confirm, meetings
from linkage.grade import Graded, Pairing, grade
from linkage.markers import NOBODY
from linkage.overlooked import overlooked
from linkage.plan import make_plan, search_by
from linkage.records import EncodedRecords, GradeName
from linkage.remember import Remembered, recall
from linkage.result import SearchReport
from linkage.search_exact import Pairs
from protocols.matching import MatchRules, SearchKind

LOWEST_LOG_ODDS = -9.0  # pairs less likely than this before the family step are never candidates
DECIDED_LOG_ODDS = 60.0
SLACK_BINS = 2  # how much farther than needed a search that is remembered looks


@dataclass(frozen=True)
class Task:
    """One agency to link: its records, the people, what was decided and what was there before."""

    people: Declared
    person_kind: NDArray[np.str_]
    side: Side
    records: EncodedRecords
    counts: Counts
    every: int
    must: Mapping[int, int]
    never: frozenset[tuple[int, int]]
    earlier: Mapping[tuple[int, int], GradeName]
    rules: MatchRules
    threads: int | None
    remember: bool = False
    before: Remembered | None = None


@dataclass(frozen=True)
class Outcome:
    """The graded pairs, how many candidates there were, how they were found, and what to remember of that."""

    graded: tuple[Graded, ...]
    candidates: int
    search: SearchReport
    remembered: Remembered | None = None


def link_records(task: Task, calibration: Calibration) -> Outcome:
    """Grade every candidate pair of one agency."""
    side = Side(pack(task.records.clks), task.records.owner, len(task.records), task.records.checked)
    candidates, report, remembered = _candidates(task, side, calibration)
    if len(candidates) == 0:
        return Outcome((), 0, report, remembered)
    bins = calibration.scale.bins(candidates.distance)
    decided = np.array([task.must.get(r) == i for i, r in _pairs(candidates)], dtype=bool)
    agency = task.records.agency
    groups = grouped(task.records, task.rules.context.largest_group, candidates.record)
    confirmed = confirm(
        candidates.person,
        candidates.record,
        np.where(decided, DECIDED_LOG_ODDS, calibration.log_odds[agency][candidates.level, bins]),
        np.where(decided, DECIDED_LOG_ODDS, calibration.family_log_ratio[agency][candidates.level, bins]),
        meetings(candidates.person, candidates.record, task.people.families, groups),
        len(task.people),
        len(task.records),
        task.rules.context,
    )
    pairing = Pairing(
        candidates,
        confirmed.probability,
        confirmed.unaided,
        np.clip(1.0 - 2.0 * candidates.distance / task.records.bits, 0.0, 1.0),
        decided,
        task.person_kind,
        np.array(task.records.kind),
        task.people.families,
        groups,
        task.earlier,
        task.side.checks.shape[1] > 0,
    )
    graded = grade(pairing, task.rules)
    left_over = overlooked(
        pairing, graded, task.never, task.side, side, calibration.against_others(agency), calibration.scale, task.rules
    )
    again = {(item.person, item.record) for item in left_over}
    graded = [item for item in graded if (item.person, item.record) not in again] + left_over
    return Outcome(tuple(graded), len(candidates), report, remembered)


def _candidates(task: Task, side: Side, calibration: Calibration) -> tuple[Candidates, SearchReport, Remembered | None]:
    odds = calibration.log_odds[task.records.agency]
    likely = np.flatnonzero((odds[task.counts.any(axis=1)] >= LOWEST_LOG_ODDS).any(axis=0))
    if likely.size == 0:
        return _with_decided(_none(), task, side), SearchReport("none", "no pair is likely enough", 1.0, 1.0), None
    farthest = affordable_distance(task.counts.sum(axis=0), task.every, calibration.scale.farthest(int(likely[0])))
    found, report, remembered = _search(task, side, farthest, calibration.scale.width)
    candidates = closest(task.side, side, found)
    candidates = candidates.chosen(
        odds[candidates.level, calibration.scale.bins(candidates.distance)] >= LOWEST_LOG_ODDS
    )
    keep = np.array([(i, r) not in task.never and task.must.get(r, i) == i for i, r in _pairs(candidates)], dtype=bool)
    return _with_decided(candidates.chosen(keep), task, side), report, remembered


def _search(task: Task, side: Side, farthest: int, width: int) -> tuple[Pairs, SearchReport, Remembered | None]:
    """Every pair within `farthest`, by what the last run remembers where it does, or else by the planned search.

    What is remembered reaches a little farther than this run needs, since the next run's calibration differs a little.
    """
    bits, left, right = task.records.bits, task.side.words, side.words
    before = task.before if task.rules.search.kind is not SearchKind.LSH else None
    if before is not None and (before.bits != bits or before.reach < farthest):
        before = None
    if before is None:
        limits = np.full(2 * bits + 1, farthest, dtype=np.int64)
        plan = make_plan(left, right, bits, limits, task.rules.search, threads=task.threads)
        if not task.remember or plan.tables is not None:
            return Pairs.join(list(search_by(plan, left, right, limits, threads=task.threads))), plan.report, None
        reach = affordable_distance(task.counts.sum(axis=0), task.every, min(farthest + SLACK_BINS * width, bits))
        report = plan.report
    else:
        reach = before.reach
    recalled = recall(left, right, bits, reach, before, threads=task.threads)
    if before is not None:
        why = (
            f"only what is new since the last run is compared: encodings of {recalled.new[0]:,} people and "
            f"{recalled.new[1]:,} records"
        )
        report = SearchReport(SearchKind.EXACT, why, 1.0, 1.0)
    near = recalled.pairs.distance <= farthest
    return Pairs(*(column[near] for column in recalled.pairs)), report, recalled.remembered


def _with_decided(candidates: Candidates, task: Task, side: Side) -> Candidates:
    """Candidates and the must-linked pairs that the search did not find."""
    there = set(_pairs(candidates))
    missing = sorted((i, r) for r, i in task.must.items() if i != NOBODY and (i, r) not in there)
    if not missing:
        return candidates
    table = np.array(missing, dtype=np.int32)
    distance = np.array([_distance(task.side, side, i, r) for i, r in missing], dtype=np.int32)
    joined = Candidates(
        np.concatenate([candidates.person, table[:, 0]]),
        np.concatenate([candidates.record, table[:, 1]]),
        np.concatenate([candidates.distance, distance]),
        np.concatenate([candidates.level, np.full(len(missing), ABSENT, dtype=np.int8)]),
    )
    return joined.chosen(np.lexsort((joined.record, joined.person)))


def _distance(people: Side, records: Side, person: int, record: int) -> int:
    left, right = np.flatnonzero(people.owner == person), np.flatnonzero(records.owner == record)
    if right.size == 0:
        return 0  # an unborn record: nothing to compare, and nothing that a marker would need
    a, b = np.meshgrid(left, right)
    return int(distances_of(people.words, records.words, a.ravel(), b.ravel()).min())


def _none() -> Candidates:
    none = np.empty(0, dtype=np.int32)
    return Candidates(none, none, none, np.empty(0, dtype=np.int8))


def _pairs(candidates: Candidates) -> list[tuple[int, int]]:
    return list(zip(candidates.person.tolist(), candidates.record.tolist(), strict=True))
