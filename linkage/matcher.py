"""The matcher: which record at an agency is which member of a declared family.

Search finds the pairs close enough to matter, calibration turns closeness into probability, competition gives each record
to at most one member, the family step weighs what the rest of the family says, grading applies the match rules. Agencies
are linked one at a time and share nothing but the calibration. The same input, in whatever order it is given, gives the
same output; where little has changed since the last run, little is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from linkage.declared import Declared, declared
from linkage.grade import Evidence, Graded, Rule
from linkage.learn import Changed, learn, people_side
from linkage.markers import Decided, decide
from linkage.memory import AgencyMemory, Memory, Moved, moved
from linkage.nulls import duplicates
from linkage.one_agency import Outcome, Task, link_records
from linkage.order import OrderedRecords, Places, ordered, ordered_families
from linkage.records import EncodedRecords, Family, GradeName, Marker, PreviousLink
from linkage.remember import Before
from linkage.result import (
    AgencyReport,
    Link,
    LinkResult,
    Report,
    RuleReport,
    SearchReport,
    Stage,
    link_id,
)
from linkage.steady import recalls
from linkage.unborn import unborn_links
from protocols.errors import InputError
from protocols.matching import MatchRules

Progress = Callable[[Stage], None]


def link(
    anchor: EncodedRecords,
    families: Sequence[Family],
    agencies: Sequence[EncodedRecords],
    rules: MatchRules,
    *,
    markers: Sequence[Marker] = (),
    previous: Sequence[PreviousLink] = (),
    memory: Memory | None = None,
    remember: bool = False,
    progress: Progress | None = None,
    threads: int | None = None,
) -> LinkResult:
    """Link the declared families' members to the records of each agency. Raises `InputError` for unusable input.

    `anchor` holds the declaring agency's records. `markers` are human decisions, `previous` the links of the last run;
    links to agencies that are not in `agencies` are neither made nor recalled. With the `memory` of the last run's result
    (made if `remember` says so) the run keeps what was learnt for as long as `linkage.learn` allows, and does again only
    what has changed; the result is that of a whole run with what was learnt then. `threads` is the number of threads for
    comparing encodings; by default one for each processor.
    """
    _check(anchor, agencies, rules)
    anchor, families = ordered(anchor), ordered_families(families)
    whole = [ordered(records) for records in sorted(agencies, key=lambda item: item.agency)]
    previous = sorted(previous, key=lambda p: (p.member_id, p.agency, p.record_ref, p.grade, p.link_id))
    memory = memory if memory is not None and _comparable(memory.anchor, anchor) else None
    unchanged = memory is not None and memory.anchor is anchor and memory.families == families
    people = memory.people if memory is not None and unchanged else declared(anchor, families)
    decided = decide(people, whole, markers)
    say = _Steps(progress, 1 + 2 * len(whole))
    side = people_side(anchor, people)
    moves = None if memory is None else moved(memory, anchor, people, whole)
    before = None if memory is None or moves is None else (memory.learnt, _changed(moves, anchor, people, whole))
    learnt = learn(anchor, people, side, whole, rules, threads, say, before)
    doubles = duplicates(
        anchor, None if memory is None or moves is None else (memory.duplicates, moves.anchor), threads
    )
    links: list[Link] = []
    reports = []
    kept: dict[str, AgencyMemory] = {}
    tallies = dict(learnt.tallies)
    for records in whole:
        name = records.agency
        say("link", name)
        earlier = [item for item in previous if item.agency == name]
        outcome = None
        if name in learnt.tallies:
            was = None if memory is None else memory.agencies.get(name)
            task = Task(
                people,
                anchor.kinds[people.rows],
                side,
                records,
                learnt.tallies[name],
                decided.must[name],
                decided.never[name],
                _earlier_rows(people, records, earlier),
                rules,
                threads,
                remember=remember or memory is not None,
                before=None
                if was is None or was.search is None or moves is None
                else Before(was.search, moves.people, moves.agencies[name]),
                said=None if was is None else was.said,
            )
            outcome = link_records(task, learnt.calibration)
            tallies[name] = outcome.tally
            kept[name] = AgencyMemory(records, outcome.remembered, outcome.said or {})
        found = _links(people, records, () if outcome is None else outcome.graded, earlier, decided)
        found += unborn_links(families, people, records, found, earlier, decided.barred)
        found = [item for item in found if (item.member_id, item.agency, item.record_ref) not in decided.barred]
        links += found
        reports.append(_report(records, people, outcome, found, learnt.why.get(name, "")))
    links.sort(key=lambda item: (item.member_id, item.agency, item.record_ref))
    return LinkResult(
        tuple(links),
        recalls(links, previous, people, whole, decided),
        Report(
            tuple(reports),
            tuple((anchor.record_refs[a], anchor.record_refs[b]) for a, b in doubles),
            decided.waiting,
        ),
        Memory(anchor, families, people, doubles, replace(learnt, tallies=tallies), kept)
        if remember or memory is not None
        else None,
    )


def _comparable(before: EncodedRecords, now: EncodedRecords) -> bool:
    """Whether encodings of the last run say anything about this run's."""
    return (before.agency, before.bits, before.terms) == (now.agency, now.bits, now.terms)


def _changed(moves: Moved, anchor: EncodedRecords, people: Declared, agencies: Sequence[EncodedRecords]) -> Changed:
    def many(places: Places, now: int) -> int:
        there = int(np.count_nonzero(places >= 0))
        return max(places.size - there, now - there)

    return Changed(
        many(moves.anchor, len(anchor)),
        many(moves.people, len(people)),
        {
            records.agency: many(moves.agencies[records.agency], len(records))
            for records in agencies
            if records.agency in moves.agencies
        },
    )


class _Steps:
    """Counts the steps of a run and tells how far it is."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, name: str, agency: str) -> None:
        if self._progress is not None:
            self._progress(Stage(name, agency, self._done, self._total))
        self._done += 1


def _check(anchor: EncodedRecords, agencies: Sequence[EncodedRecords], rules: MatchRules) -> None:
    if anchor.clks.shape[0] == 0:
        raise InputError(f"Agency `{anchor.agency}` has no encodings to link from.")
    names = [anchor.agency, *(records.agency for records in agencies)]
    if len(set(names)) != len(names):
        raise InputError("An agency takes part twice in one linking run; expected each once.")
    for records in agencies:
        if records.bits != anchor.bits and records.clks.shape[0]:
            raise InputError(
                f"Agency `{records.agency}` has encodings of {records.bits} bits and agency `{anchor.agency}` of "
                f"{anchor.bits}; expected one length.",
                next_step="Encode both under the same sharing protocol.",
            )
        if records.terms != anchor.terms:
            raise InputError(
                f"Agency `{records.agency}` encoded under {records.terms or 'terms not stated'}, and agency "
                f"`{anchor.agency}` under {anchor.terms or 'terms not stated'}; such encodings say nothing about each other.",
                next_step="Have both submit under the epoch and the sharing protocol in force.",
            )
        if records.checked.shape[1] != anchor.checked.shape[1] and records.clks.shape[0]:
            raise InputError(
                f"Agency `{records.agency}` has {records.checked.shape[1]} keyed comparators and agency "
                f"`{anchor.agency}` {anchor.checked.shape[1]}; expected as many.",
                next_step="Encode both under the same sharing protocol.",
            )
    if anchor.checked.shape[1] != len(rules.guards.closeness_agreeing):
        raise InputError(
            f"The match rules have {len(rules.guards.closeness_agreeing)} numbers in `guards.closeness_agreeing` and the "
            f"encodings {anchor.checked.shape[1]} keyed comparators; expected one for each."
        )


def _earlier_rows(
    people: Declared, records: OrderedRecords, earlier: Sequence[PreviousLink]
) -> dict[tuple[int, int], GradeName]:
    """The grade that each person had at each record; a person of two families whose links differed, the better one."""
    grades: dict[tuple[int, int], GradeName] = {}
    for item in earlier:
        row, person = records.row(item.record_ref), people.person_of.get(item.member_id)
        if row is not None and person is not None:
            pair = person, row
            grades[pair] = "certain" if "certain" in (item.grade, grades.get(pair)) else "probable"
    return grades


def _links(
    people: Declared,
    records: EncodedRecords,
    graded: Sequence[Graded],
    earlier: Sequence[PreviousLink],
    decided: Decided,
) -> list[Link]:
    """The links of an agency: those graded, for each member that a person is; and those that a marker decided."""
    ids = {(item.member_id, item.record_ref): item.link_id for item in earlier}

    def name(member_id: str, ref: str) -> str:
        return ids.get((member_id, ref)) or link_id(member_id, records.agency, ref)

    found: dict[tuple[str, str], Link] = {}
    for pair in graded:
        ref = records.record_refs[pair.record]
        for member_id in people.member_ids[pair.person]:
            found[member_id, ref] = Link(
                member_id,
                records.agency,
                ref,
                pair.grade,
                pair.rule,
                pair.evidence,
                pair.probability,
                name(member_id, ref),
            )
    for member_id, ref in sorted(decided.links[records.agency]):
        plain = found.get((member_id, ref)) or Link(
            member_id, records.agency, ref, "certain", Rule.MUST_LINK, (), 1.0, name(member_id, ref)
        )
        evidence = (Evidence.MARKER, *(kind for kind in plain.evidence if kind != Evidence.ENCODING))
        found[member_id, ref] = replace(plain, grade="certain", rule=Rule.MUST_LINK, evidence=evidence, probability=1.0)
    return [found[key] for key in sorted(found)]


def _report(
    records: EncodedRecords, people: Declared, outcome: Outcome | None, links: Sequence[Link], calibration: str
) -> AgencyReport:
    rules = {}
    for rule in sorted({item.rule for item in links}):
        chances = [1.0 - item.probability for item in links if item.rule == rule]
        rules[rule] = RuleReport(len(chances), float(sum(chances)))
    held: dict[str, list[str]] = {}
    for item in links:
        if item.grade == "certain":
            held.setdefault(item.member_id, []).append(item.record_ref)
    certain = sum(item.grade == "certain" for item in links)
    return AgencyReport(
        records.agency,
        len(records),
        len(people),
        0 if outcome is None else outcome.candidates,
        certain,
        len(links) - certain,
        rules,
        SearchReport("none", "the agency has no encodings", 1.0, 1.0) if outcome is None else outcome.search,
        calibration,
        tuple(sorted({tuple(sorted(refs)) for refs in held.values() if len(refs) > 1})),
    )
