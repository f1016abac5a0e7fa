"""T1 to T3: what the bits alone show, without any list of names.

The vulnerabilities by frequency, length and co-occurrence of Vidanage, Christen, Ranbaduge and Schnell, "A vulnerability assessment
framework for privacy-preserving record linkage" (ACM TOPS 26(3), 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agencies.attack.bits import Clks, Ints, bits_of, correlation, row_numbers

NORMAL_AT_1_IN_10000 = 3.89
CO_OCCURRENCE_ROWS = 5000
CO_OCCURRENCE_BITS = 2048
EXTREMES = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class BitFrequencies:
    """How often each bit is set: mean, extremes, spread beyond what chance gives with so many rows, and the chi-squared test of one
    common frequency (per degree of freedom; 1 for random bits)."""

    mean: float
    low: float
    high: float
    excess_sd: float
    chi2_per_bit: float
    extreme_bits: int


def bit_frequencies(clks: Clks) -> BitFrequencies:
    """T1. Chance alone spreads frequencies by sqrt(p (1 - p) / n); that is taken out, so that small samples are judged alike."""
    frequency = bits_of(clks).mean(axis=0)
    mean, rows = float(frequency.mean()), len(clks)
    chance = mean * (1 - mean) / rows
    variance = float(frequency.var())
    return BitFrequencies(
        mean=mean,
        low=float(frequency.min()),
        high=float(frequency.max()),
        excess_sd=float(np.sqrt(max(0.0, variance - chance))),
        chi2_per_bit=variance / chance if chance > 0 else 0.0,
        extreme_bits=int(((frequency < EXTREMES[0]) | (frequency > EXTREMES[1])).sum()),
    )


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Rows whose CLK is also the CLK of somebody described differently, rows whose very description occurs again (the agency's own
    duplicates), the largest set of equal CLKs, popcounts that occur once, and |correlation| of popcount and number of tokens."""

    identical_rows: int
    repeated_people: int
    largest: int
    single_popcounts: int
    length_correlation: float


def duplicates(clks: Clks, descriptions: Ints, tokens: NDArray[np.integer]) -> Duplicates:
    """T2. `descriptions[i]` numbers what is encoded of person i (equal for equal descriptions), `tokens[i]` counts its tokens."""
    numbers = row_numbers(clks)
    sizes = np.bincount(numbers)
    pairs = np.unique(np.stack([numbers, descriptions]), axis=1)
    differing = np.bincount(pairs[0], minlength=len(sizes)) > 1
    popcounts = bits_of(clks).sum(axis=1, dtype=np.int64)
    return Duplicates(
        identical_rows=int(differing[numbers].sum()),
        repeated_people=int((np.bincount(descriptions)[descriptions] > 1).sum()),
        largest=int(sizes.max()),
        single_popcounts=int((np.bincount(popcounts) == 1).sum()),
        length_correlation=abs(correlation(popcounts.astype(float), tokens.astype(float))),
    )


@dataclass(frozen=True, slots=True)
class CoOccurrence:
    """Share of bit pairs that go together more than chance allows, the 99.9 % quantile of |phi|, and the number of rows used."""

    share: float
    quantile: float
    rows: int


def co_occurrence(clks: Clks, rng: np.random.Generator) -> CoOccurrence:
    """T3. phi of all pairs of bits, against the two-sided 1e-4 bound of independent bits, on at most 5,000 rows.

    At most 2,048 random bits are looked at. The number of rows is part of the test: fewer rows see less. Bits that never vary are left out (T1 reports them).
    """
    if len(clks) > CO_OCCURRENCE_ROWS:
        clks = clks[rng.choice(len(clks), CO_OCCURRENCE_ROWS, replace=False)]
    phi = np.abs(phi_of(clks)[0])
    if len(phi) > CO_OCCURRENCE_BITS:
        some = rng.choice(len(phi), CO_OCCURRENCE_BITS, replace=False)
        phi = phi[np.ix_(some, some)]
    pairs = phi[np.triu_indices(len(phi), 1)]
    if len(pairs) == 0:
        return CoOccurrence(0.0, 0.0, len(clks))
    bound = NORMAL_AT_1_IN_10000 / np.sqrt(len(clks))
    return CoOccurrence(float((pairs > bound).mean()), float(np.quantile(pairs, 0.999)), len(clks))


def phi_of(clks: Clks) -> tuple[NDArray[np.float32], Ints]:
    """The correlations of the bits that vary, shape (bits, bits), and which bits these are."""
    bits = bits_of(clks).astype(np.float32)
    spread = bits.std(axis=0)
    varying = np.flatnonzero(spread > 0)
    scaled = (bits[:, varying] - bits[:, varying].mean(axis=0)) / spread[varying]
    return scaled.T @ scaled / np.float32(len(bits)), varying
