"""An attack with groups, scored beside what the groups give without any encoding: the rest is the encodings' doing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import Ints
from agencies.attack.groups import by_structure_alone, group_alignment
from agencies.attack.stage import Stage
from agencies.attack.verdict import Measure, most_by_chance, proportion, share_of
from agencies.attack.views import Dense


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the people: how many there are, how many are found, and the share that structure alone gives."""

    right: int
    scored: int
    alone: float

    @property
    def share(self) -> float:
        """The share found."""
        return self.right / self.scored if self.scored else 0.0

    @property
    def excess(self) -> float:
        """The share found beyond what structure alone gives."""
        return max(self.share - self.alone, 0.0)


@dataclass(frozen=True, slots=True)
class Grouped:
    """What is found `outside` the known people's own groups, and `inside` them; how many people are found together when a group is."""

    outside: Part
    inside: Part
    together: float

    @property
    def words(self) -> str:
        """What was found, in words."""
        return (
            f"{share_of(self.outside.right, self.outside.scored)}, where groups and record structure alone, without any encoding, "
            f"give {self.outside.alone:.1%}"
        )

    def measures(self, name: str, *, judged: bool) -> list[Measure]:
        """The figures, for an attack named as its cut-off without groups is; told only, unless `judged`."""
        outside, inside = self.outside, self.inside
        found = [
            Measure(
                name=f"{name}_groups_excess",
                about="with groups given: the share found beyond what groups alone give (what the encodings add)",
                value=outside.excess,
                limit=("groups_few" if name in ("unseeded", "seeds_20") else "groups_many") if judged else None,
                successes=outside.right,
                chance=most_by_chance(outside.scored, outside.alone, together=self.together),
            ),
            proportion(
                f"{name}_groups",
                "with groups given: people found outside the known people's own groups (guessing: by groups alone)",
                outside.right,
                outside.scored,
                baseline=outside.alone,
            ),
        ]
        if inside.scored:
            found.append(
                proportion(
                    f"{name}_inside",
                    "with groups given: people found of those who share a group with a known person (guessing: by groups alone)",
                    inside.right,
                    inside.scored,
                    baseline=inside.alone,
                )
            )
        return found


def attack_with_groups(stage: Stage, seeds: Ints, attacker: Dense) -> Grouped:
    """Group alignment on the stage's graph, with the rows `seeds` known (there may be none)."""
    graph = stage.graph
    matches = group_alignment(
        graph.victim, attacker, (graph.groups, graph.groups), (seeds, seeds), graph.model.link.noise, graph.checks,
        (graph.seen, graph.seen),
    )  # fmt: skip
    others = np.setdiff1d(np.arange(graph.rows), seeds)
    near = np.isin(graph.groups[others], graph.groups[seeds])
    found = np.where(matches.best >= 0, graph.records[matches.best], -1) == graph.records
    alone = by_structure_alone(graph.groups, graph.records, graph.seen, seeds)

    def part(rows: Ints) -> Part:
        return Part(int(found[rows].sum()), len(rows), float(alone[rows].mean()) if len(rows) else 0.0)

    together = float(np.bincount(graph.groups)[graph.groups].mean())
    return Grouped(part(others[~near]), part(others[near]), together)


def averaged(runs: list[Grouped]) -> Grouped:
    """Several runs on the same people as one of average size: they are not independent, so that more of them tell no more surely."""

    def mean(parts: list[Part]) -> Part:
        scored = sum(part.scored for part in parts)
        alone = sum(part.alone * part.scored for part in parts) / max(scored, 1)
        return Part(round(sum(part.right for part in parts) / len(runs)), round(scored / len(runs)), alone)

    return Grouped(mean([run.outside for run in runs]), mean([run.inside for run in runs]), runs[0].together)
