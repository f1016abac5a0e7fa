"""The matcher: which record at an agency is which member of a declared family.

Search finds the pairs close enough to matter, calibration turns closeness into probability, competition gives each record
to at most one member, the family step weighs what the rest of the family says, grading applies the match rules. Agencies
are linked one at a time and share nothing but the calibration. The same input, in whatever order it is given, gives the
same output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from linkage.declared import Declared, declared
from linkage.grade import Evidence, Rule
from linkage.learn import learn
from linkage.markers import Decided, decide
from linkage.one_agency import Outcome, Task, link_records
from linkage.order import ordered, ordered_families
from linkage.records import EncodedRecords, Family, GradeName, Marker, PreviousLink
from linkage.remember import Remembered
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
    memory: Mapping[str, Remembered] | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> LinkResult:
    """Link the declared families' members to the records of each agency. Raises `InputError` for unusable input.

    `anchor` holds the declaring agency's records. `markers` are human decisions, `previous` the links of the last run;
    links to agencies that are not in `agencies` are neither made nor recalled. `memory` is that of the last run's result (at
    first, empty): with it only pairs with a new encoding are compared, and the result is the same. `threads` is the number of
    threads for comparing encodings; by default one for each processor.
    """
    _check(anchor, agencies, rules)
    anchor, families = ordered(anchor), ordered_families(families)
    agencies = [ordered(records) for records in sorted(agencies, key=lambda item: item.agency)]
    previous = sorted(previous, key=lambda p: (p.member_id, p.agency, p.record_ref, p.grade, p.link_id))
    people = declared(anchor, families)
    decided = decide(people, agencies, markers)
    say = _Steps(progress, 1 + 2 * len(agencies))
    learnt = learn(anchor, people, agencies, rules, threads, say)
    links: list[Link] = []
    reports = []
    remembered: dict[str, Remembered] = {}
    for records in agencies:
        say("link", records.agency)
        earlier = [item for item in previous if item.agency == records.agency]
        outcome = Outcome((), 0, SearchReport("none", "the agency has no encodings", 1.0, 1.0))
        if records.agency in learnt.tallies:
            task = Task(
                people,
                np.array(anchor.kind)[people.rows],
                learnt.side,
                records,
                *learnt.tallies[records.agency],
                decided.must[records.agency],
                decided.never[records.agency],
                _earlier_rows(people, records, earlier),
                rules,
                threads,
                remember=memory is not None,
                before=(memory or {}).get(records.agency),
            )
            outcome = link_records(task, learnt.calibration)
            if outcome.remembered is not None:
                remembered[records.agency] = outcome.remembered
        found = _links(people, records, outcome, earlier, decided)
        found += unborn_links(families, people, records, found, earlier, decided.barred)
        found = [item for item in found if (item.member_id, item.agency, item.record_ref) not in decided.barred]
        links += found
        reports.append(_report(records, people, outcome, found))
    links.sort(key=lambda item: (item.member_id, item.agency, item.record_ref))
    duplicates = tuple((anchor.record_refs[a], anchor.record_refs[b]) for a, b in learnt.duplicates)
    return LinkResult(
        tuple(links),
        recalls(links, previous, people, agencies, decided),
        Report(tuple(reports), duplicates, decided.waiting),
        remembered,
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
    people: Declared, records: EncodedRecords, earlier: Sequence[PreviousLink]
) -> dict[tuple[int, int], GradeName]:
    """The grade that each person had at each record; a person of two families whose links differed, the better one."""
    grades: dict[tuple[int, int], GradeName] = {}
    for item in earlier:
        if item.record_ref in records.row_of and item.member_id in people.person_of:
            pair = people.person_of[item.member_id], records.row_of[item.record_ref]
            grades[pair] = "certain" if "certain" in (item.grade, grades.get(pair)) else "probable"
    return grades


def _links(
    people: Declared,
    records: EncodedRecords,
    outcome: Outcome,
    earlier: Sequence[PreviousLink],
    decided: Decided,
) -> list[Link]:
    """The links of an agency: those graded, for each member that a person is; and those that a marker decided."""
    ids = {(item.member_id, item.record_ref): item.link_id for item in earlier}

    def name(member_id: str, ref: str) -> str:
        return ids.get((member_id, ref)) or link_id(member_id, records.agency, ref)

    found: dict[tuple[str, str], Link] = {}
    for pair in outcome.graded:
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


def _report(records: EncodedRecords, people: Declared, outcome: Outcome, links: Sequence[Link]) -> AgencyReport:
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
        outcome.candidates,
        certain,
        len(links) - certain,
        rules,
        outcome.search,
        tuple(sorted({tuple(sorted(refs)) for refs in held.values() if len(refs) > 1})),
    )
