"""An attack with groups, scored: outside the known people's own groups it is the encoding's doing, inside them the groups'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import Ints
from agencies.attack.groups import group_alignment, guessing
from agencies.attack.stage import Stage
from agencies.attack.verdict import Measure, most_by_chance, proportion, share_of
from agencies.attack.views import Dense


@dataclass(frozen=True, slots=True)
class Grouped:
    """People found outside the known people's groups, out of how many, and what guessing by the shape of the group gives (a share); found
    inside those groups, out of how many; people who are found together on average when a group is."""

    right: int
    scored: int
    guess: float
    inside_right: int
    inside: int
    together: float

    @property
    def excess(self) -> float:
        """The share found beyond guessing."""
        return max(self.right / self.scored - self.guess, 0.0) if self.scored else 0.0

    @property
    def words(self) -> str:
        """What was found, in words."""
        return f"{share_of(self.right, self.scored)}, where guessing by the shape of the group gives {self.guess:.1%}"

    def measures(self, name: str, *, judged: bool) -> list[Measure]:
        """The figures, for an attack named as its cut-off without groups is; told only, unless `judged`."""
        found = [
            Measure(
                name=f"{name}_groups_excess",
                about="share found with groups given, beyond guessing",
                value=self.excess,
                limit=("groups_few" if name in ("unseeded", "seeds_20") else "groups_many") if judged else None,
                successes=self.right,
                chance=most_by_chance(self.scored, self.guess, together=self.together),
            ),
            proportion(
                f"{name}_groups",
                "people found with groups given, outside the known people's own groups",
                self.right,
                self.scored,
                baseline=self.guess,
            ),
        ]
        if self.inside:
            found.append(
                proportion(
                    f"{name}_inside", "of those who share a group with a known person", self.inside_right, self.inside
                )
            )
        return found


def attack_with_groups(stage: Stage, seeds: Ints, attacker: Dense) -> Grouped:
    """Group alignment on the stage's graph, with the rows `seeds` known (there may be none)."""
    graph = stage.graph
    matches = group_alignment(
        graph.victim, attacker, (graph.groups, graph.groups), (seeds, seeds), graph.model.link.noise, graph.checks
    )
    others = np.setdiff1d(np.arange(graph.rows), seeds)
    near = np.isin(graph.groups[others], graph.groups[seeds])
    outside, inside = others[~near], others[near]
    found = np.where(matches.best >= 0, graph.records[matches.best], -1)
    return Grouped(
        right=int((found[outside] == graph.records[outside]).sum()),
        scored=len(outside),
        guess=guessing(graph.groups, outside, graph.records),
        inside_right=int((found[inside] == graph.records[inside]).sum()),
        inside=len(inside),
        together=float(np.bincount(graph.groups)[graph.groups].mean()),
    )


def pooled(runs: list[Grouped]) -> Grouped:
    """Several runs on the same people as one: what they find is not independent, so it counts as coming together."""
    scored = sum(run.scored for run in runs)
    return Grouped(
        right=sum(run.right for run in runs),
        scored=scored,
        guess=sum(run.guess * run.scored for run in runs) / max(scored, 1),
        inside_right=sum(run.inside_right for run in runs),
        inside=sum(run.inside for run in runs),
        together=runs[0].together * len(runs),
    )
