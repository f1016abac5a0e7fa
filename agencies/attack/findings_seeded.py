"""T8: alignment from known people, in every form: the strongest one decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import Ints
from agencies.attack.grouped import Grouped, attack_with_groups, averaged
from agencies.attack.people import Overlap, overlapping
from agencies.attack.public import public_run
from agencies.attack.seeded import ASSIGN_UP_TO, MOST_ANCHORS, Score, seeded_alignment
from agencies.attack.stage import Stage
from agencies.attack.verdict import Finding, Measure, finding, most_by_chance, proportion, share_of
from agencies.attack.views import Dense
from agencies.attack.words import GIVEN_LIST, HARDEN, KNOWN

ASSIGN_ROWS = 1500
OVERLAPS = (1.0, 0.5, 0.25)
ENOUGH_SCORED = 300
FEWEST_COMMON = 8
DRAWS = 3
DEEP_TARGETS = 10_000


@dataclass(frozen=True, slots=True)
class Run:
    """One attack: how it was done, people found, people looked for."""

    how: str
    right: int
    scored: int

    @property
    def share(self) -> float:
        """The share found."""
        return self.right / self.scored if self.scored else 0.0


def seeded(stage: Stage) -> Finding:
    """T8: 20, 5 % and 25 % of the people known; the list the extract itself or a public one; without and with groups."""
    measures: list[Measure] = []
    told = []
    for limit in stage.known:
        runs = list(_runs(stage, limit)) if stage.listed is None else [_public(stage, limit)]
        best = strongest(runs)
        measures += _measures(stage, limit, runs, best)
        words = f"with {KNOWN[limit]} known, {share_of(best.right, best.scored)}"
        if stage.listed is None and stage.judges_structure:
            grouped = _grouped(stage, stage.known[limit])
            measures += grouped.measures(limit, judged=True)
            words += (
                f", and with the groups also given {grouped.outside.share:.1%} of those outside the known people's groups "
                f"(groups alone, without any encoding: {grouped.outside.alone:.1%})"
            )
        told.append(words)
    given = GIVEN_LIST
    if stage.listed is not None:
        given = f"a public list of {len(stage.listed):,} people, the schema and the hardening, but no key"
    return finding(
        "T8", "Alignment from known people", stage.cut_offs, measures,
        given=f"{given}; and some of the people by their encodings", got="; ".join(told), advice=HARDEN,
    )  # fmt: skip


def strongest(runs: list[Run]) -> Run:
    """The run that found the largest share, of those that looked for enough people to tell (or of the largest, if none did)."""
    enough = [run for run in runs if run.scored >= ENOUGH_SCORED]
    most = max(run.scored for run in runs)
    return max(enough or [run for run in runs if run.scored == most], key=lambda run: (run.share, run.right))


def _measures(stage: Stage, limit: str, runs: list[Run], best: Run) -> list[Measure]:
    guess = 1 / max(best.scored, 1)
    about = f"people found with {stage.known[limit]:,} known (best of {len(runs)} runs: {best.how})"
    chance = most_by_chance(best.scored, guess, len(runs))
    found = [proportion(limit, about, best.right, best.scored, baseline=guess, limit=limit, chance=chance)]
    found += [
        proportion(f"{limit}_published", "of these by the published attack", run.right, run.scored)
        for run in runs
        if run.how == "published"
    ]
    return found


def _runs(stage: Stage, limit: str) -> Iterator[Run]:
    """Every overlap, clean and dirty list; at full overlap also the published form, by correlation, one-to-one, and on all rows.

    One row of each record: that a record has several is given, like its group, to the attack with groups.
    """
    graph = stage.graph
    firsts = graph.firsts
    share = stage.known[limit] / len(firsts)
    for overlap in OVERLAPS:
        sides = overlapping(graph.groups[firsts], overlap, stage.rng)
        sides = Overlap(firsts[sides.victims], firsts[sides.listed], sides.truth)
        common = np.flatnonzero(sides.truth >= 0)
        if len(common) < FEWEST_COMMON:
            continue
        known = stage.known[limit] if limit == "seeds_20" else round(share * len(common))
        known = min(max(known, 1), len(common) // 2)
        seeds = np.flatnonzero(np.isin(sides.victims, graph.seeds(known, sides.victims[common])))
        for name, attacker in (("clean list", graph.expected), ("dirty list", graph.dirty)):
            yield _align(
                stage, sides.victims, sides.listed, sides.truth, seeds, attacker, f"{name}, overlap {overlap:.0%}"
            )
        if overlap == 1:
            rows, same = sides.victims, sides.truth
            yield _align(stage, rows, rows, same, seeds, graph.one_key, "published", "correlation")
            yield _align(stage, rows, rows, same, seeds, graph.expected, "by correlation", "correlation")
    if limit == "seeds_20":
        rows = np.sort(stage.rng.permutation(firsts)[: min(ASSIGN_ROWS, ASSIGN_UP_TO)])
        seeds = np.flatnonzero(np.isin(rows, graph.seeds(stage.known[limit], rows)))
        yield _align(stage, rows, rows, np.arange(len(rows)), seeds, graph.expected, "one-to-one", assign=True)
    if stage.deep and len(stage.people) > graph.rows:
        yield _deep(stage, stage.known[limit] if limit == "seeds_20" else round(share * stage.whole.size))


def _align(
    stage: Stage, victims: Ints, listed: Ints, truth: Ints, seeds: Ints, attacker: Dense, how: str,
    score: Score = "likelihood", *, assign: bool = False,
) -> Run:  # fmt: skip
    graph = stage.graph
    ours, theirs = graph.victim.part(victims), attacker.part(listed)
    checks = graph.checks.part(victims, listed) if graph.checks is not None and score == "likelihood" else None
    matches = seeded_alignment(
        ours, theirs, (seeds, truth[seeds]), stage.rng, score,
        assign=assign, checks=checks, noise=graph.model.link.noise,
    )  # fmt: skip
    scored = np.setdiff1d(np.flatnonzero(truth >= 0), seeds)
    found = graph.records[listed[matches.best[scored]]]
    return Run(how, int((found == graph.records[victims[scored]]).sum()), len(scored))


def _deep(stage: Stage, known: int) -> Run:
    """The attack on a deep run: up to 10,000 records looked for among everybody. More known people than serve as anchors are left out."""
    whole = stage.whole
    order = stage.rng.permutation(whole.size)
    anchors, others = order[: min(known, MOST_ANCHORS)], order[known:]
    victims, listed = np.concatenate([anchors, others[:DEEP_TARGETS]]), np.concatenate([anchors, others])
    seeds = np.arange(len(anchors))
    matches = seeded_alignment(
        whole.victim.part(victims), whole.expected.part(listed), (seeds, seeds), stage.rng,
        checks=whole.checks.part(victims, listed) if whole.checks else None, noise=whole.expected.link.noise,
    )  # fmt: skip
    # A victim stands at the same place in both orders.
    targets = np.arange(len(anchors), len(victims))
    right = int((matches.best[targets] == targets).sum())
    return Run(f"{len(targets):,} of {whole.size:,} records", right, len(targets))


def _public(stage: Stage, limit: str) -> Run:
    result = public_run(stage, stage.known[limit])
    return Run("public list", result.right, result.scored)


def _grouped(stage: Stage, known: int) -> Grouped:
    """With groups given and a clean list, over three draws of the known people."""
    graph = stage.graph
    draws = [graph.seeds(max(1, min(known, graph.rows // 4)), np.arange(graph.rows)) for _ in range(DRAWS)]
    return averaged([attack_with_groups(stage, seeds, graph.expected) for seeds in draws])
