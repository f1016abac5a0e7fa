"""T10: singling out. How many listed people could a CLK be, as far as a strong attacker can tell?

The attacker's scores become sets that hold the right person with 95 % confidence, by conformal prediction (Vovk, Gammerman and Shafer,
"Algorithmic learning in a random world", 2005) on known people kept aside. A set of fewer than five people singles out, in the sense
of k-map (Sweeney 2002) and of the Article 29 Working Party's Opinion 05/2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import Floats, Ints

CONFIDENCE = 0.95
FEW = 5


@dataclass(frozen=True, slots=True)
class SinglingOut:
    """CLKs whose set holds fewer than five people *and* the right one; CLKs looked at; the median size of a set; how many sets held the right
    person (about 95 % or more, or the sets are wrong)."""

    few: int
    looked_at: int
    median: float
    covered: int


def singling_out(scores: Floats, truth: Ints, calibration: Ints, targets: Ints) -> SinglingOut:
    """`scores[i, j]`: how well record i fits listed person j; `truth[i]` the right one. `calibration` rows are known to the attacker and
    were not used for the scores; `targets` are the rows looked at."""
    gap = scores.max(axis=1) - scores[np.arange(len(scores)), truth]
    ordered = np.sort(gap[calibration])
    rank = min(int(np.ceil(CONFIDENCE * (len(ordered) + 1))) - 1, len(ordered) - 1)
    within = scores[targets] >= (scores[targets].max(axis=1) - ordered[rank])[:, None]
    sizes = within.sum(axis=1)
    right = within[np.arange(len(targets)), truth[targets]]
    return SinglingOut(
        few=int(((sizes < FEW) & right).sum()),
        looked_at=len(targets),
        median=float(np.median(sizes)) if len(sizes) else 0.0,
        covered=int(right.sum()),
    )
