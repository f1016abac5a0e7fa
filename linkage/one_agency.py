"""Linking one agency's records: candidates, probabilities, grades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linkage.bits import distances_of, pack
from linkage.calibrate import Calibration
from linkage.candidates import Candidates, Side, affordable_distance, closest
from linkage.checks import ABSENT, NONE_AGREES, agreeing
from linkage.declared import Declared
from linkage.family import Said, confirm
from linkage.grade import CERTAIN, NOTHING, PROBABLE, Graded, Pairing, grade
from linkage.learn import Tally
from linkage.markers import NOBODY
from linkage.order import OrderedRecords
from linkage.overlooked import Scene, overlooked
from linkage.plan import make_plan, search_by
from linkage.records import GradeName
from linkage.remember import Before, Owned, Remembered, recall
from linkage.result import SearchReport
from linkage.search_exact import Pairs
from linkage.sets import Sets, together
from protocols.matching import MatchRules, SearchKind

LOWEST_LOG_ODDS = -9.0  # pairs less likely than this before the family step are never candidates
DECIDED_LOG_ODDS = 60.0
SLACK_BINS = 1  # how much farther than needed a search that is remembered looks


@dataclass(frozen=True)
class Task:
    """One agency to link: its records, the people, what was learnt, what was decided and what was there before."""

    people: Declared
    person_kind: NDArray[np.str_]
    side: Side
    records: OrderedRecords
    tally: Tally
    must: Mapping[int, int]
    never: frozenset[tuple[int, int]]
    earlier: Mapping[tuple[int, int], GradeName]
    rules: MatchRules
    threads: int | None
    remember: bool = False
    before: Before | None = None
    said: Said | None = None


@dataclass(frozen=True)
class Outcome:
    """The graded pairs, how many candidates there were, how they were found, and what to keep of all that."""

    graded: tuple[Graded, ...]
    candidates: int
    search: SearchReport
    tally: Tally
    remembered: Remembered | None = None
    said: Said | None = None


def link_records(task: Task, calibration: Calibration) -> Outcome:
    """Grade every candidate pair of one agency."""
    candidates, report, remembered = _candidates(task, calibration)
    if len(candidates) == 0:
        return Outcome((), 0, report, task.tally, remembered)
    rows, number = np.unique(candidates.record, return_inverse=True)
    few = replace(candidates, record=number.ravel().astype(np.int32))  # records numbered among those of candidates
    bins = calibration.scale.bins(candidates.distance)
    decided = candidates.are([(person, row) for row, person in task.must.items()])
    agency, context = task.records.agency, task.rules.context
    families, groups = Sets.of(task.people.families), task.records.households(context.largest_group)
    met = together(few.person, few.record, families, groups.among(rows))
    known = task.tally.context == context
    confirmed = confirm(
        few.person,
        few.record,
        np.where(decided, DECIDED_LOG_ODDS, calibration.log_odds[agency][few.level, bins]),
        np.where(decided, DECIDED_LOG_ODDS, calibration.family_log_ratio[agency][few.level, bins]),
        met,
        len(task.people),
        context,
        task.tally.further if known else None,
        task.said,
    )
    pairing = Pairing(
        few,
        confirmed.probability,
        confirmed.unaided,
        np.clip(1.0 - 2.0 * few.distance / task.records.bits, 0.0, 1.0),
        decided,
        task.person_kind,
        task.records.kinds[rows],
        met,
        _was(candidates, task.earlier),
        task.side.checks.shape[1] > 0,
        rows,
    )
    graded = grade(pairing, task.rules)
    scene = Scene(task.side, task.person_kind, task.records, families, groups, task.earlier, task.never, task.must)
    likely = candidates.chosen(confirmed.probability >= task.rules.probable)
    left_over = overlooked(scene, likely, graded, calibration.against_others(agency), calibration.scale, task.rules)
    again = {(item.person, item.record) for item in left_over}
    return Outcome(
        (*(item for item in graded if (item.person, item.record) not in again), *left_over),
        len(candidates),
        report,
        task.tally
        if known
        else replace(task.tally, context=context, further=confirmed.further, found=float(confirmed.probability.sum())),
        remembered,
        confirmed.said,
    )


def _was(candidates: Candidates, earlier: Mapping[tuple[int, int], GradeName]) -> NDArray[np.int8]:
    """What each candidate was in the last run."""
    was = np.full(len(candidates), NOTHING, dtype=np.int8)
    place = candidates.find(earlier)
    grades = np.array([CERTAIN if grade == "certain" else PROBABLE for grade in earlier.values()], dtype=np.int8)
    was[place[place >= 0]] = grades[place >= 0]
    return was


def _candidates(task: Task, calibration: Calibration) -> tuple[Candidates, SearchReport, Remembered | None]:
    odds, counts = calibration.log_odds[task.records.agency], task.tally.counts
    likely = (odds >= LOWEST_LOG_ODDS) & counts.any(axis=1, keepdims=True)
    if not likely.any():
        return _with_decided(_none(), task), SearchReport("none", "no pair is likely enough", 1.0, 1.0), None
    alike = np.flatnonzero(likely[: NONE_AGREES + 1].any(axis=0))  # where likeness alone must find a pair
    farthest = calibration.scale.farthest(int(alike[0])) if alike.size else 0
    farthest = affordable_distance(counts.sum(axis=0), task.tally.every, farthest)
    found, report, remembered = _search(task, farthest, calibration.scale.width)
    candidates = closest(task.side, task.records, Pairs.join([found, _agreeing(task, farthest)]))
    candidates = candidates.chosen(
        odds[candidates.level, calibration.scale.bins(candidates.distance)] >= LOWEST_LOG_ODDS
    )
    if task.never:
        candidates = candidates.chosen(~candidates.are(task.never))
    if task.must:
        settled = np.isin(candidates.record, list(task.must))
        keep = ~settled | candidates.are([(person, row) for row, person in task.must.items()])
        candidates = candidates.chosen(keep)
    return _with_decided(candidates, task), report, remembered


def _agreeing(task: Task, farthest: int) -> Pairs:
    """Pairs of which a comparator agrees, farther apart than the search looks: few, so they are listed."""
    parts = []
    for left, right in agreeing(task.side.checks, task.records.checked):
        rows, place = np.unique(right, return_inverse=True)
        distance = distances_of(task.side.words, pack(task.records.clks[rows]), left, place.ravel())
        pairs = Pairs(left.astype(np.int32), right.astype(np.int32), distance)
        parts.append(Pairs(*(column[distance > farthest] for column in pairs)))
    return Pairs.join(parts)


def _search(task: Task, farthest: int, width: int) -> tuple[Pairs, SearchReport, Remembered | None]:
    """Every pair within `farthest`, by what the last run remembers where it does, or else by the planned search.

    What is remembered reaches a little farther than this run needs, since a calibration learnt anew differs a little.
    """
    bits, right = task.records.bits, task.records
    before = task.before if task.rules.search.kind is not SearchKind.LSH else None
    if before is not None and before.search.reach < farthest:
        before = None
    if before is None:
        limits = np.full(2 * bits + 1, farthest, dtype=np.int64)
        words = pack(right.clks)
        plan = make_plan(task.side.words, words, bits, limits, task.rules.search, threads=task.threads)
        if not task.remember or plan.tables is not None:
            pairs = Pairs.join(list(search_by(plan, task.side.words, words, limits, threads=task.threads)))
            return pairs, plan.report, None
        farther = min(farthest + SLACK_BINS * width, bits)
        reach = affordable_distance(task.tally.counts.sum(axis=0), task.tally.every, farther)
        report = plan.report
    else:
        reach = before.search.reach
    recalled = recall(
        _owned(task.side), Owned(right.clks, right.owner, right.starts), reach, before, threads=task.threads
    )
    if before is not None:
        why = (
            f"only what is new since the last run is compared: encodings of {recalled.new[0]:,} people and "
            f"{recalled.new[1]:,} records"
        )
        report = SearchReport(SearchKind.EXACT, why, 1.0, 1.0)
    near = recalled.pairs.distance <= farthest
    return Pairs(*(column[near] for column in recalled.pairs)), report, recalled.remembered


def _owned(side: Side) -> Owned:
    return Owned(side.words.view(np.uint8), side.owner, np.searchsorted(side.owner, np.arange(side.count + 1)))


def _with_decided(candidates: Candidates, task: Task) -> Candidates:
    """Candidates and the must-linked pairs that the search did not find."""
    wanted = sorted((i, r) for r, i in task.must.items() if i != NOBODY)
    if not wanted:
        return candidates
    missing = [pair for pair, place in zip(wanted, candidates.find(wanted).tolist(), strict=True) if place < 0]
    if not missing:
        return candidates
    table = np.array(missing, dtype=np.int32)
    distance = np.array([_distance(task.side, task.records, i, r) for i, r in missing], dtype=np.int32)
    joined = Candidates(
        np.concatenate([candidates.person, table[:, 0]]),
        np.concatenate([candidates.record, table[:, 1]]),
        np.concatenate([candidates.distance, distance]),
        np.concatenate([candidates.level, np.full(len(missing), ABSENT, dtype=np.int8)]),
    )
    return joined.chosen(np.lexsort((joined.record, joined.person)))


def _distance(people: Side, records: OrderedRecords, person: int, record: int) -> int:
    left = np.flatnonzero(people.owner == person)
    right = pack(records.clks[records.starts[record] : records.starts[record + 1]])
    if right.shape[0] == 0:
        return 0  # an unborn record: nothing to compare, and nothing that a marker would need
    a, b = np.meshgrid(left, np.arange(right.shape[0]))
    return int(distances_of(people.words, right, a.ravel(), b.ravel()).min())


def _none() -> Candidates:
    none = np.empty(0, dtype=np.int32)
    return Candidates(none, none, none, np.empty(0, dtype=np.int8))
