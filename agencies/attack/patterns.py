"""T5: pattern mining. Bits that are always set together are the positions of one frequent q-gram; the rows that set them hold it.

Christen, Vidanage, Ranbaduge and Schnell, "Pattern-mining based cryptanalysis of Bloom filters for privacy-preserving record linkage"
(PAKDD 2018; extended in IEEE TKDE 33(2), 2021). Instead of maximal frequent itemsets this grows each pattern from a bit and the bits
most correlated with it, closing under "set in (nearly) all rows of the pattern": quicker, and on plain filters it finds them whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agencies.attack.bits import Clks, Ints, bits_of
from agencies.attack.marginals import phi_of

RECOVERED = 0.8
RAREST, MOST_FREQUENT = 0.01, 0.6
FEWEST_HOLDERS = 10
_NEIGHBOURS = 6
_IN_PATTERN, _ROW_SHARE = 0.97, 0.95
_ROUNDS = 10
_FEWEST_BITS, _FEWEST_ROWS = 4, 0.005
_MOST_STARTS = 1024
MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """A set of bits that go together, and the rows that set them."""

    bits: Ints
    rows: NDArray[np.bool_]


def mine(clks: Clks, rng: np.random.Generator) -> list[Pattern]:
    """The patterns of the CLKs, found from up to 1,024 starting bits, without any list and without the key."""
    bits = bits_of(clks).astype(bool)
    share = bits.mean(axis=0)
    phi, varying = phi_of(clks)
    np.fill_diagonal(phi, -1)
    starts = np.arange(len(varying))
    if len(starts) > _MOST_STARTS:
        starts = rng.choice(starts, _MOST_STARTS, replace=False)
    found: dict[bytes, Pattern] = {}
    for start in starts:
        near = np.argpartition(-phi[start], min(_NEIGHBOURS, len(phi) - 1))[:_NEIGHBOURS]
        pattern = _grow(bits, share, varying[np.append(near, start)])
        if pattern is not None:
            found.setdefault(pattern.bits.tobytes(), pattern)
    return list(found.values())


def _grow(bits: NDArray[np.bool_], share: NDArray[np.float64], chosen: Ints) -> Pattern | None:
    least, needed = _FEWEST_ROWS * len(bits), 1.0
    for _ in range(_ROUNDS):
        rows = bits[:, chosen].mean(axis=1) >= needed
        if rows.sum() < least:
            return None
        closed = np.flatnonzero((bits[rows].mean(axis=0) >= _IN_PATTERN) & (share < _IN_PATTERN))
        if len(closed) < _FEWEST_BITS:
            return None
        if np.array_equal(closed, chosen):
            break
        chosen, needed = closed, _ROW_SHARE
    return Pattern(chosen, bits[:, chosen].mean(axis=1) >= needed)


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many frequent q-grams there are, how many a pattern recovers (Jaccard of the rows above .8), the best Jaccard, and the
    best that patterns of the same sizes reach by chance."""

    frequent: int
    recovered: int
    best: float
    by_chance: float


def recovered(patterns: list[Pattern], tokens: Sequence[Sequence[str]], rng: np.random.Generator) -> Recovered:
    """Score patterns against the q-grams that each person's filter truly holds (`tokens[i]`, those of person i)."""
    counts = Counter(token for held in tokens for token in set(held))
    least = max(RAREST * len(tokens), FEWEST_HOLDERS)
    frequent = [t for t, n in counts.items() if least <= n <= MOST_FREQUENT * len(tokens)]
    number = {token: i for i, token in enumerate(frequent)}
    held = np.zeros((len(tokens), len(frequent)), dtype=np.float32)
    for row, its in enumerate(tokens):
        held[row, [number[token] for token in set(its) if token in number]] = 1
    if not patterns or not frequent:
        return Recovered(len(frequent), 0, 0.0, 0.0)
    rows = np.stack([pattern.rows for pattern in patterns]).astype(np.float32)
    best = _jaccard(rows, held).max(axis=0)
    chance = _jaccard(rows[:, rng.permutation(len(tokens))], held).max()
    return Recovered(len(frequent), int((best > RECOVERED).sum()), float(best.max()), float(chance))


def _jaccard(rows: NDArray[np.float32], held: NDArray[np.float32]) -> NDArray[np.float32]:
    both = rows @ held
    either = rows.sum(axis=1)[:, None] + held.sum(axis=0)[None, :] - both
    return np.asarray(both / np.maximum(either, 1), dtype=np.float32)


def positions_jaccard(pattern: Pattern, positions: Ints) -> float:
    """How well a pattern's bits are the true positions of a q-gram (for a scorer who holds the key)."""
    both = len(np.intersect1d(pattern.bits, positions))
    return both / (len(pattern.bits) + len(np.unique(positions)) - both)
