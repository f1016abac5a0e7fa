"""Which search to use: both searches' cost for the data at hand, and the choice in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linkage.bits import Words
from linkage.result import SearchReport
from linkage.search_exact import Pairs, search
from protocols.matching import SearchRules


@dataclass(frozen=True)
class Plan:
    """A search to be done."""

    left: Words
    right: Words
    farthest: int
    rules: SearchRules

    @staticmethod
    def of(left: Words, right: Words, farthest: int, rules: SearchRules) -> Plan:
        """A plan."""
        return Plan(left, right, farthest, rules)


def search_by(plan: Plan, *, threads: int | None) -> tuple[Pairs, SearchReport]:
    """Do it."""
    limits = np.full(2 * 64 * plan.left.shape[1] + 1, plan.farthest, dtype=np.int64)
    found = Pairs.join(list(search(plan.left, plan.right, limits, threads=threads)))
    return found, SearchReport("exact", "every pair was compared", 1.0, 1.0)
