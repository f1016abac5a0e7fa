"""Ridge regression of many targets at once, its penalty chosen by leave-one-out error (Golub, Heath and Wahba 1979)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agencies.attack.bits import Floats

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Ridge:
    """A fitted regression: means, weights of shape (inputs, targets), and each target's leave-one-out error variance."""

    input_mean: Floats
    target_mean: Floats
    weights: Floats
    error: Floats

    def predict(self, inputs: Floats) -> Floats:
        """Targets for inputs of shape (n, inputs)."""
        return np.asarray((inputs - self.input_mean) @ self.weights + self.target_mean, dtype=np.float32)


def fit_ridge(inputs: Floats, targets: Floats) -> Ridge:
    """Fit targets (n, m) on inputs (n, k). One eigendecomposition serves every penalty; a penalty is a multiple of the inputs' mean square norm."""
    input_mean, target_mean = inputs.mean(axis=0), targets.mean(axis=0)
    x, y = (inputs - input_mean).astype(np.float64), (targets - target_mean).astype(np.float64)
    values, vectors = _left_vectors(x)
    projected = vectors.T @ y
    best: tuple[float, float, NDArray[np.float64]] | None = None
    for factor in PENALTIES:
        penalty = factor * float(values.sum()) / len(x) + 1e-9
        shrink = values / (values + penalty)
        fitted = vectors @ (shrink[:, None] * projected)
        leverage = np.minimum((vectors**2) @ shrink + 1 / len(x), 1 - 1e-6)
        error = (((y - fitted) / (1 - leverage)[:, None]) ** 2).mean(axis=0)
        if best is None or error.sum() < best[0]:
            best = (float(error.sum()), penalty, error)
    assert best is not None  # noqa: S101 - PENALTIES is not empty
    _, penalty, error = best
    weights = x.T @ (vectors @ (projected / (values + penalty)[:, None]))
    return Ridge(input_mean, target_mean, weights.astype(np.float32), error.astype(np.float32))


def _left_vectors(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared singular values above 0 and their left singular vectors, by the smaller of the two Gram matrices."""
    rows, columns = x.shape
    values, vectors = np.linalg.eigh(x @ x.T if rows <= columns else x.T @ x)
    kept = values > 1e-9 * max(float(values[-1]), 1e-12)
    values, vectors = values[kept], vectors[:, kept]
    if rows > columns:
        vectors = x @ vectors / np.sqrt(values)
    return values, vectors
