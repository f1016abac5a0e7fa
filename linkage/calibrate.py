"""From a similarity to a probability, without labels.

The pairs of an agency's records with the anchor's are a mixture of three kinds: strangers, two people of one family, and
one person twice. The first two can be seen in clear inside the anchor, which knows its own people apart: pairs of its
records from different families are strangers (homonyms included), pairs of one family are siblings, twins, parents and
partners. Their shapes are taken from there and stay fixed. The third shape is free, shared by all agencies, and bounded:
it has no mass where strangers are common, unless a comparator agrees: then chance says how many strangers there are. Expectation–maximisation moves only the shares of the three kinds at each
agency and the free shape; and because every person found brings the family along, the share of family pairs never falls
below the share of person pairs times the mean number of relatives. Without these holds, EM on family data learns "same
household" instead of "same person" (`docs/matching.md` shows it).

Distances are Hamming distances between CLKs of `bits` bits; unrelated CLKs lie around `bits / 2`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import isotonic_regression

from linkage.checks import NONE_AGREES

Counts = NDArray[np.int64]
Density = NDArray[np.float64]

ROUNDS = 60
BINS_PER_SD = 2.0  # of the chance spread of two unrelated CLKs, sqrt(bits) / 2
SMOOTHING = 1.2  # bins
STRANGER_TAIL = 0.9998
FAMILY_TAIL = 0.98
SHARE_MORE = 0.01  # of strangers whose checks agree, those that are as alike as relatives
FEW = 0.01  # pairs added to each level, so that none is impossible
TAIL_PAIRS = 20.0  # a tail begins where at least this many pairs are left
SAME_PERSON_FROM = 0.999  # quantile of strangers below which nothing is the same person
UNDECLARED = 0.005  # relatives at an agency that the family's declaration does not name, as a share of those it names
POOLED_PAIRS = 300.0  # weight of all agencies' shape in the shape of one
DAMAGED = 0.01  # of one person's pairs, those whose encodings no longer show it
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
    """What was learnt, by level of the checks (rows) and bin: densities, shares of the three kinds by agency, and by
    agency the log-odds of one person against a stranger, and against a relative.
    """

    scale: Scale
    strangers: Density
    same_family: Density
    same_person: Mapping[str, Density]
    shares: Mapping[str, Density]
    log_odds: Mapping[str, Density]
    family_log_ratio: Mapping[str, Density]

    def against_others(self, agency: str) -> Density:
        """The density of one person's pairs against those of two people of a group, where some encodings are damaged.

        The free shape has no mass where strangers are common, since nothing there can be learnt; the damaged pairs are
        spread evenly over it, where no check agrees. Two people of a group may be relatives or strangers, whichever is
        more like it.
        """
        damaged: Density = np.zeros_like(self.same_family)
        for level in range(min(NONE_AGREES + 1, len(damaged))):
            common = _flat(self.strangers[level]) == 0
            damaged[level, common] = DAMAGED / np.count_nonzero(common)
        ratio = damaged / np.maximum(self.same_family, self.strangers) + np.exp(self.family_log_ratio[agency])
        return np.asarray(np.maximum.accumulate(ratio, axis=1))  # a closer pair is never less likely to be one person


def with_tails(counts: Density, quantile: float) -> Density:
    """For each row of counts (level, bin) a smoothed density with an exponential tail in place of its rarest pairs.

    Empty bins would otherwise make a homonym certain, and one chance pair would make an exact agreement doubtful. How
    fast a tail falls is learnt from the pairs whose checks do not agree, from their mean excess beyond `quantile`: among
    the few that agree, one duplicate would decide it.
    """
    size = counts.shape[1]
    every = counts[: NONE_AGREES + 1].sum(axis=0)
    cut = _cut(every, 1.0 - quantile)
    mean_excess = max(float(every[cut:] @ np.arange(size - cut)) / max(float(every[cut:].sum()), 0.5), 0.5)
    return np.stack([_with_tail(row, 1.0 - quantile, mean_excess / (1.0 + mean_excess)) for row in counts])


def _with_tail(counts: Density, rare: float, fade: float) -> Density:
    total = counts.sum()
    if total <= 0:
        return np.full(counts.size, 1.0 / counts.size)
    smooth = gaussian_filter1d(counts.astype(np.float64), SMOOTHING, mode="nearest")
    cut = _cut(counts, max(rare, min(TAIL_PAIRS / total, 0.5)))
    tail_mass = max(float(counts[cut:].sum()), 0.5)
    smooth[cut:] = tail_mass * (1.0 - fade) * fade ** np.arange(counts.size - cut)
    return np.asarray(smooth / smooth.sum())


def _cut(counts: Density, rare: float) -> int:
    """The first bin beyond which at most this share of the pairs lies."""
    beyond = counts[::-1].cumsum()[::-1] <= rare * counts.sum()  # pairs at least as alike
    return int(np.argmax(beyond)) if beyond.any() else counts.size - 1


def calibrate(
    scale: Scale, strangers: Counts, same_family: Counts, agencies: Mapping[str, Counts], relatives: float
) -> Calibration:
    """Fit the mixture to the counts by level and distance of each agency's records against the anchor's.

    `strangers` and `same_family` come from the anchor; `relatives` is the mean number of other family members of an
    anchor record. Counts have shape (levels, bits + 1).
    """
    f0, f1 = _shapes(scale, strangers, same_family)
    flat = np.stack([_flat(row) for row in f0])
    flat[NONE_AGREES + 1 :] = 1.0 / flat.shape[1]
    chance = strangers.sum(axis=1) / strangers.sum()  # of a stranger's pair to be at each level
    related = _related(strangers, same_family)
    last = len(f0) - 1
    names = sorted(agencies)
    counts = {name: np.stack([scale.histogram(row) for row in agencies[name]]) for name in names}
    first = np.array([1.0, 1e-4 * relatives, 1e-4])
    shares = {name: np.tile(first, (len(f0), 1)) for name in names}  # at each level, of the three kinds
    f2 = dict.fromkeys(names, flat)
    people: dict[str, Density] = {}  # how one person's two checks fall out, and two relatives'
    family: dict[str, Density] = {}
    for _ in range(ROUNDS):
        found = {}
        for name in names:
            parts = shares[name].T[:, :, None] * np.stack([f0, f1, f2[name]])
            weighted = parts / np.maximum(parts.sum(axis=0), 1e-300) * counts[name]
            found[name] = weighted[2]
            mass = weighted.sum(axis=2)  # kind, level
            people[name] = (mass[2] + FEW) / (mass[2] + FEW).sum()
            family[name] = np.array([people[name][0], *((1.0 - people[name][0]) * related)])
            expected = relatives * mass[2].sum() * family[name]
            mass[1] = np.maximum(mass[1], expected)
            if last > NONE_AGREES:
                mass[1, last] = expected[last]
            mass[0, NONE_AGREES + 1 :] = chance[NONE_AGREES + 1 :] * counts[name].sum()
            shares[name] = (mass / np.maximum(mass.sum(axis=0), 1e-300)).T
        pooled = PRIOR_PAIRS * flat + sum(found.values(), np.zeros_like(flat))
        pooled /= pooled.sum(axis=1, keepdims=True)
        f2 = {name: _bounded(found[name] + POOLED_PAIRS * pooled, flat > 0) for name in names}
    return Calibration(
        scale,
        f0,
        f1,
        f2,
        shares,
        {n: _each(_log_odds, shares[n], f0, f1, f2[n], counts[n]) for n in names},
        {n: _each(_family_ratio, people[n][:, None] * f2[n], family[n][:, None] * f1, f1 + f2[n]) for n in names},
    )


def _shapes(scale: Scale, strangers: Counts, same_family: Counts) -> tuple[Density, Density]:
    """The shapes of strangers and of relatives at each level.

    Strangers' checks agree by chance, and chance knows nothing of the encodings: they are as alike as strangers whose
    checks differ, but for a few that share more. The same holds for relatives at the last level, whose comparator no two
    people of one family share. What the anchor shows there are people it holds twice.
    """
    f0 = with_tails(np.stack([scale.histogram(row) for row in strangers]), STRANGER_TAIL)
    f1 = with_tails(np.stack([scale.histogram(row) for row in same_family]), FAMILY_TAIL)
    if len(f0) > 1:
        f0[NONE_AGREES + 1 :] = (1.0 - SHARE_MORE) * f0[NONE_AGREES] + SHARE_MORE * f1[NONE_AGREES]
        f1[-1] = f1[NONE_AGREES]
    return f0, f1


def _related(strangers: Counts, same_family: Counts) -> Density:
    """How the checks of two relatives fall out where they have any; at the last level as strangers' do, by chance."""
    if len(strangers) == 1:
        return np.empty(0)
    found = same_family[NONE_AGREES:].sum(axis=1) + FEW
    chance = strangers[-1].sum() / max(float(strangers[NONE_AGREES:].sum()), 1.0)
    found[-1] = chance * found[:-1].sum()
    return np.asarray(found / found.sum())


def _each(function: Callable[..., Density], *rows: Density) -> Density:
    return np.stack([function(*each) for each in zip(*rows, strict=True)])


def _flat(strangers: Density) -> Density:
    """A flat shape over the bins that are beyond nearly all strangers."""
    first = int(np.argmax(np.cumsum(strangers) >= SAME_PERSON_FROM))
    flat = np.zeros(strangers.size)
    flat[first:] = 1.0 / (strangers.size - first)
    return flat


def _bounded(pooled: Density, allowed: NDArray[np.bool_]) -> Density:
    shape = gaussian_filter1d(pooled, SMOOTHING, axis=1, mode="nearest") * allowed
    return np.asarray(shape / shape.sum(axis=1, keepdims=True))


def _log_odds(share: Density, f0: Density, f1: Density, f2: Density, counts: Density) -> Density:
    """Log-odds of one person in each bin, against a stranger or a relative that nobody declared.

    Declared relatives are not counted here: they are members themselves and compete for the record by name.
    """
    against = share[0] * f0 + UNDECLARED * share[1] * f1
    return _monotone(np.log(share[2] * f2 + 1e-300) - np.log(against + 1e-300), counts + 1.0)


def _family_ratio(person: Density, relative: Density, weights: Density) -> Density:
    return _monotone(np.log(person + 1e-12) - np.log(relative + 1e-12), weights)


def _monotone(values: Density, weights: Density) -> Density:
    """The nearest values that never fall: a closer pair is never less likely to be one person."""
    return np.asarray(isotonic_regression(np.clip(values, -40.0, 40.0), weights=weights + 1e-9).x)
