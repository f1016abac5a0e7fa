"""Competition: one record is never two members; one member may hold several records, though seldom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Rows = NDArray[np.int32]


def share_out(record: Rows, log_odds: NDArray[np.float64], records: int) -> Probabilities:
    """Probability of each pair when every record belongs to one of its candidate members or to nobody known.

    `log_odds[k]` are the log-odds of pair k against nobody known; pairs of one record share its probability by odds.
    """
    top = np.zeros(records)
    np.maximum.at(top, record, log_odds)
    odds = np.exp(log_odds - top[record])
    total = np.bincount(record, weights=odds, minlength=records) + np.exp(-top)
    return np.asarray(odds / total[record])


def held_elsewhere(anchor: Rows, probability: Probabilities, anchors: int) -> Probabilities:
    """For each pair, the probability that its member holds another record of the agency."""
    left = np.log1p(-np.minimum(probability, 1.0 - 1e-12))
    total = np.bincount(anchor, weights=left, minlength=anchors)
    return -np.expm1(np.minimum(total[anchor] - left, 0.0))


def duplicate_rate(anchor: Rows, probability: Probabilities, anchors: int) -> float:
    """How many further records a member with a record at this agency has, on average, by the pairs that are clear."""
    clear = np.bincount(anchor[probability >= 0.9], minlength=anchors)
    found = np.count_nonzero(clear)
    return float((np.maximum(clear - 1, 0).sum() + 1.0) / (found + 50.0))
