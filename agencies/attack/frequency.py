"""T4: frequency alignment. The most frequent CLK is taken for the most frequent value of a public list, the second for the second …

Kuzu, Kantarcioglu, Durham and Malin (PETS 2011) and Christen, Schnell, Vatsalan and Ranbaduge, "Efficient cryptanalysis of Bloom
filters for privacy-preserving record linkage" (PAKDD 2017) begin this way. It needs CLKs that occur more than once: filters of one
field, or of few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import Ints

TOP = 20


@dataclass(frozen=True, slots=True)
class FrequencyAlignment:
    """Values guessed and right among the most frequent CLKs, people who thereby have their value known, rank correlation
    (Spearman) of the frequencies of the right pairs; people whose value was guessed, and how many values of the list occur twice or more:
    pairing with any of those at random is right once in so many."""

    guessed: int
    right: int
    people: int
    rank_correlation: float
    tried: int
    repeated: int

    @property
    def guess(self) -> float:
        """The share of the people tried whose value a random pairing gets right."""
        return 1 / max(self.repeated, 1)


def frequency_alignment(clks: Ints, values: Ints, listed: Ints) -> FrequencyAlignment:
    """`clks[i]` numbers the CLK of person i, `values[i]` its true value; `listed` holds the attacker's list of values (same numbers).

    Only CLKs that occur at least twice are ranked; equal frequencies are in no particular order, as for a real attacker.
    """
    from scipy.stats import spearmanr

    sizes = np.bincount(clks)
    groups = np.argsort(-sizes, kind="stable")[:TOP]
    groups = groups[sizes[groups] > 1]
    in_list = np.bincount(listed, minlength=int(values.max()) + 1)
    guesses = np.argsort(-in_list, kind="stable")[: len(groups)]
    first = np.unique(clks, return_index=True)[1]
    true = values[first]
    hits = true[groups] == guesses
    repeated = np.flatnonzero(sizes > 1)
    ranks = 0.0
    if len(repeated) > 2 and len(set(sizes[repeated])) > 1 and len(set(in_list[true[repeated]])) > 1:
        ranks = float(spearmanr(sizes[repeated], in_list[true[repeated]]).statistic)
    return FrequencyAlignment(
        guessed=len(groups),
        right=int(hits.sum()),
        people=int(sizes[groups[hits]].sum()),
        rank_correlation=ranks,
        tried=int(sizes[groups].sum()),
        repeated=int((in_list > 1).sum()),
    )
