"""From a similarity to a probability, without labels.

The pairs of an agency's records with the anchor's are a mixture of three kinds: strangers, two people of one family, and
one person twice. The first two can be seen in clear inside the anchor, which knows its own people apart: pairs of its
records from different families are strangers (homonyms included), pairs of one family are siblings, twins, parents and
partners. Their shapes are taken from there and stay fixed. The third shape is free, shared by all agencies, and bounded:
it has no mass where strangers are common. Expectation–maximisation moves only the shares of the three kinds at each
agency and the free shape; and because every person found brings the family along, the share of family pairs never falls
below the share of person pairs times the mean number of relatives. Without these holds, EM on family data learns "same
household" instead of "same person" (`docs/matching.md` shows it).

Distances are Hamming distances between CLKs of `bits` bits; unrelated CLKs lie around `bits / 2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import isotonic_regression

Counts = NDArray[np.int64]
Density = NDArray[np.float64]

ROUNDS = 60
BINS_PER_SD = 2.0  # of the chance spread of two unrelated CLKs, sqrt(bits) / 2
SMOOTHING = 1.2  # bins
STRANGER_TAIL = 0.9998
FAMILY_TAIL = 0.98
SAME_PERSON_FROM = 0.999  # quantile of strangers below which nothing is the same person
UNDECLARED = 0.005  # relatives at an agency that the family's declaration does not name, as a share of those it names
POOLED_PAIRS = 300.0  # weight of all agencies' shape in the shape of one
PRIOR_PAIRS = 5.0  # weight of the flat shape that the free shape starts from


@dataclass(frozen=True)
class Scale:
    """Bins of equal width over the Hamming distances from `bits / 2` (bin 0: no more alike than strangers) down to 0."""

    bits: int
    width: int

    @staticmethod
    def of(bits: int) -> Scale:
        """The scale for CLKs of this length."""
        return Scale(bits, max(1, round(np.sqrt(bits) / 2 / BINS_PER_SD)))

    @property
    def size(self) -> int:
        """Number of bins."""
        return self.bits // 2 // self.width + 1

    def bins(self, distance: NDArray[np.integer]) -> NDArray[np.int64]:
        """The bin of each distance; everything beyond `bits / 2` is in bin 0."""
        return np.maximum(self.bits // 2 - np.asarray(distance, dtype=np.int64), 0) // self.width

    def histogram(self, counts: Counts) -> Density:
        """Counts by distance (0..bits) as counts by bin; distances beyond `bits / 2` are left out."""
        half = self.bits // 2
        bins = self.bins(np.arange(half + 1))
        return np.bincount(bins, weights=counts[: half + 1], minlength=self.size).astype(np.float64)

    def farthest(self, first_bin: int) -> int:
        """The largest distance in `first_bin`."""
        return self.bits // 2 - first_bin * self.width


@dataclass(frozen=True)
class Calibration:
    """What was learnt: densities over the bins, shares by stratum, and by stratum and bin the log-odds of one person."""

    scale: Scale
    strangers: Density
    same_family: Density
    same_person: Mapping[str, Density]
    shares: Mapping[str, tuple[float, float, float]]
    log_odds: Mapping[str, Density]
    family_log_ratio: Mapping[str, Density]


def with_tail(counts: Density, quantile: float) -> Density:
    """A smoothed density whose counts beyond `quantile` are replaced by an exponential tail with their mean excess.

    Empty bins would otherwise make a homonym certain, and one chance pair would make an exact agreement doubtful.
    """
    size = counts.size
    total = counts.sum()
    if total <= 0:
        return np.full(size, 1.0 / size)
    smooth = gaussian_filter1d(counts.astype(np.float64), SMOOTHING, mode="nearest")
    beyond = counts[::-1].cumsum()[::-1] / total  # share of pairs at least as alike
    cut = int(np.argmax(beyond <= 1.0 - quantile)) if (beyond <= 1.0 - quantile).any() else size - 1
    excess = np.arange(size - cut)
    tail_mass = max(float(counts[cut:].sum()), 0.5)
    mean_excess = max(float((counts[cut:] * excess).sum() / tail_mass), 0.5)
    fade = mean_excess / (1.0 + mean_excess)
    smooth[cut:] = tail_mass * (1.0 - fade) * fade**excess
    return np.asarray(smooth / smooth.sum())


def calibrate(
    scale: Scale, strangers: Counts, same_family: Counts, agencies: Mapping[str, Counts], relatives: float
) -> Calibration:
    """Fit the mixture to the counts by distance of each agency's records against the anchor's.

    `strangers` and `same_family` come from the anchor; `relatives` is the mean number of other family members of an
    anchor record.
    """
    f0 = with_tail(scale.histogram(strangers), STRANGER_TAIL)
    f1 = with_tail(scale.histogram(same_family), FAMILY_TAIL)
    flat = _flat(f0)
    names = sorted(agencies)
    counts = {name: scale.histogram(agencies[name]) for name in names}
    shares = {name: np.array([1.0, 1e-4 * relatives, 1e-4]) for name in names}
    f2 = dict.fromkeys(names, flat)
    for _ in range(ROUNDS):
        found = {}
        for name in names:
            parts = shares[name][:, None] * np.stack([f0, f1, f2[name]])
            weighted = parts / parts.sum(axis=0) * counts[name]
            found[name] = weighted[2]
            share = weighted.sum(axis=1) / max(counts[name].sum(), 1.0)
            share[1] = max(share[1], relatives * share[2])
            shares[name] = share / share.sum() if share.sum() else np.array([1.0, 0.0, 0.0])
        pooled = PRIOR_PAIRS * flat + sum(found.values(), np.zeros(scale.size))
        pooled /= pooled.sum()
        f2 = {name: _bounded(found[name] + POOLED_PAIRS * pooled, flat > 0) for name in names}
    return Calibration(
        scale,
        f0,
        f1,
        f2,
        {n: (float(s[0]), float(s[1]), float(s[2])) for n, s in shares.items()},
        {n: _log_odds(shares[n], f0, f1, f2[n], counts[n]) for n in names},
        {n: _monotone(np.log(f2[n] + 1e-12) - np.log(f1 + 1e-12), f1 + f2[n]) for n in names},
    )


def _flat(strangers: Density) -> Density:
    """A flat shape over the bins that are beyond nearly all strangers."""
    first = int(np.argmax(np.cumsum(strangers) >= SAME_PERSON_FROM))
    flat = np.zeros(strangers.size)
    flat[first:] = 1.0 / (strangers.size - first)
    return flat


def _bounded(pooled: Density, allowed: NDArray[np.bool_]) -> Density:
    shape = gaussian_filter1d(pooled, SMOOTHING, mode="nearest") * allowed
    return np.asarray(shape / shape.sum())


def _log_odds(share: Density, f0: Density, f1: Density, f2: Density, counts: Density) -> Density:
    """Log-odds of one person in each bin, against a stranger or a relative that nobody declared.

    Declared relatives are not counted here: they are members themselves and compete for the record by name.
    """
    against = share[0] * f0 + UNDECLARED * share[1] * f1
    return _monotone(np.log(share[2] * f2 + 1e-300) - np.log(against + 1e-300), counts + 1.0)


def _monotone(values: Density, weights: Density) -> Density:
    """The nearest values that never fall: a closer pair is never less likely to be one person."""
    return np.asarray(isotonic_regression(np.clip(values, -40.0, 40.0), weights=weights + 1e-9).x)
