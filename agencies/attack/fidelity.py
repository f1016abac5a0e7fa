"""T6: how much of the similarity graph survives a change of key. The headline index.

Whatever an attacker does with similarities alone, they can only use what their own encoding of the list has in common with the
victim's. Vidanage, Christen, Ranbaduge and Schnell, "A graph matching attack on privacy-preserving record linkage" (CIKM 2020) and
Schaefer, Armknecht and Heng, "R+R: Revisiting graph matching attacks on privacy-preserving record linkage" (ACSAC 2024) live on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agencies.attack.bits import Clks, Floats, Ints, correlation, dice, similarity

TOP_SHARE = 0.01
ONE_PERSON, MOST_OF_ONE_PERSON = 0.5, 0.001


@dataclass(frozen=True, slots=True)
class Fidelity:
    """`index`: Pearson correlation of the pairwise similarities under two keys (the larger of simple matching and Dice), without the pairs
    that are one person twice: a handful of them would outweigh all others, and T2 tells of them. `top`: share of
    the most similar 1 % of pairs that both keys agree on. `modelled`: correlation with the attacker's model. `within`: the same index
    among pairs of one group; `between`: of the mean similarities of two groups (0 where groups do not allow it)."""

    index: float
    top: float
    modelled: float
    within: float
    between: float


def fidelity(victim: Clks, attacker: Clks, expected: Floats, groups: Ints) -> Fidelity:
    """CLKs of the same n people under the victim's and an attacker's key; `expected` is the attacker's model, shape (n, n)."""
    above = np.triu_indices(len(victim), 1)
    ours, theirs = similarity(victim, victim), similarity(attacker, attacker)
    pairs, others = ours[above], theirs[above]
    two = _two_people(pairs)
    index = max(
        correlation(pairs[two], others[two]),
        correlation(dice(victim, victim)[above][two], dice(attacker, attacker)[above][two]),
    )
    together = groups[above[0]] == groups[above[1]]
    return Fidelity(
        index=index,
        top=_top_overlap(pairs, others),
        modelled=correlation(pairs, expected[above]),
        within=correlation(pairs[together], others[together]) if together.sum() > 2 else 0.0,
        between=_between(ours, theirs, groups),
    )


def _two_people(pairs: Floats) -> NDArray[np.bool_]:
    """Which pairs are to count: all but those as close as one person twice, of whom there are at most 1 in 1,000."""
    most = int(MOST_OF_ONE_PERSON * len(pairs))
    two = np.ones(len(pairs), dtype=bool)
    if most:
        closest = np.argpartition(-pairs, most)[:most]
        two[closest[pairs[closest] >= ONE_PERSON]] = False
    return two


def _top_overlap(left: Floats, right: Floats) -> float:
    count = max(1, int(TOP_SHARE * len(left)))
    best = [set(np.argpartition(-side, count - 1)[:count].tolist()) for side in (left, right)]
    return len(best[0] & best[1]) / count


def _between(left: Floats, right: Floats, groups: Ints) -> float:
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    if count < 3 or count == len(groups):
        return 0.0
    member = np.zeros((count, len(groups)), dtype=np.float32)
    member[numbers, np.arange(len(groups))] = 1
    member /= member.sum(axis=1, keepdims=True)
    above = np.triu_indices(count, 1)
    return correlation((member @ left @ member.T)[above], (member @ right @ member.T)[above])
