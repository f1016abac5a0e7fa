"""T7: alignment with nobody known. The two similarity graphs are laid over each other by their shape alone.

Starts: GRAMPA, Fan, Mao, Wu and Xu, "Spectral graph matching and regularized quadratic relaxations" (ICML 2020), and node features, the
sorted similarities of Culnane, Rubinstein and Teague, "Vulnerabilities in the use of similarity tables in combination with
pseudonymisation to preserve data privacy" (arXiv 1712.00871, 2017). Each start is refined by projected power iterations, Onaran and Villar, "Projected power
iteration for network alignment" (2017). Success is all or nothing and depends on the start, so the most successful run counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import Floats, Ints

ETA = 0.2
QUANTILES = 64
TOP = 10
ITERATIONS = 25
PATIENCE = 4


@dataclass(frozen=True, slots=True)
class Alignment:
    """One run: its start, the power of the similarities, the listed person for each record, and the agreement reached."""

    start: str
    power: int
    best: Ints
    objective: float


def align(victim: Floats, attacker: Floats, *, powers: tuple[int, ...] = (1, 2)) -> list[Alignment]:
    """All runs on two similarity matrices of shape (n, n): each start with each power of the similarities. n up to about 2,000."""
    runs = []
    for power in powers:
        left, right = _standardised(victim, power), _standardised(attacker, power)
        starts = {"spectral": grampa(left, right), "features": -feature_distance(victim, attacker)}
        for name, start in starts.items():
            best = _refine(left, right, _assign(start))
            runs.append(Alignment(name, power, best, float((left * right[np.ix_(best, best)]).mean())))
    return runs


def grampa(left: Floats, right: Floats, eta: float = ETA) -> Floats:
    """GRAMPA's similarity of every record with every person: all pairs of eigenvectors, weighted by how near their eigenvalues are."""
    size = np.sqrt(len(left))
    values, vectors = np.linalg.eigh(left.astype(np.float64) / size)
    others, other_vectors = np.linalg.eigh(right.astype(np.float64) / size)
    weights = 1 / ((values[:, None] - others[None, :]) ** 2 + eta**2)
    ones = vectors.sum(axis=0)[:, None] * other_vectors.sum(axis=0)[None, :]
    return np.asarray(vectors @ (weights * ones) @ other_vectors.T, dtype=np.float32)


def feature_distance(victim: Floats, attacker: Floats) -> Floats:
    """Distance of the sorted similarities (quantiles, and the ten largest), each feature scaled on its own side."""
    left, right = _features(victim), _features(attacker)
    square = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None, :] - 2 * left @ right.T
    return np.asarray(np.sqrt(np.maximum(square, 0)), dtype=np.float32)


def _features(matrix: Floats) -> Floats:
    off = matrix[~np.eye(len(matrix), dtype=bool)].reshape(len(matrix), -1)
    ordered = np.sort(off, axis=1)
    at = np.linspace(0, ordered.shape[1] - 1, QUANTILES).astype(np.int64)
    features = np.concatenate([ordered[:, at], ordered[:, -TOP:]], axis=1)
    spread = features.std(axis=0)
    return np.asarray((features - features.mean(axis=0)) / np.where(spread > 0, spread, 1), dtype=np.float32)


def _standardised(matrix: Floats, power: int) -> Floats:
    """Off-diagonal similarities to a power, with mean 0 and standard deviation 1; 0 on the diagonal."""
    raised = matrix.astype(np.float32) ** power
    off = ~np.eye(len(raised), dtype=bool)
    mean, spread = raised[off].mean(), raised[off].std()
    scaled = (raised - mean) / (spread if spread > 0 else 1)
    scaled[~off] = 0
    return np.asarray(scaled, dtype=np.float32)


def _refine(left: Floats, right: Floats, best: Ints) -> Ints:
    """Power iterations, until nothing changes or the agreement has not risen for a while."""
    kept, highest, idle = best, -np.inf, 0
    for _ in range(ITERATIONS):
        agreement = float((left * right[np.ix_(best, best)]).mean())
        kept, idle = (best, 0) if agreement > highest else (kept, idle + 1)
        highest = max(highest, agreement)
        better = _assign(left @ right[best])
        if idle == PATIENCE or np.array_equal(better, best):
            break
        best = better
    return kept


def _assign(scores: Floats) -> Ints:
    from scipy.optimize import linear_sum_assignment

    return np.asarray(linear_sum_assignment(scores, maximize=True)[1], dtype=np.int64)
