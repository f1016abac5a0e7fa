"""Encodings as numbers: unpacked bits, signs, similarities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Clks = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


def bits_of(clks: Clks) -> NDArray[np.uint8]:
    """Packed CLKs, shape (n, bytes), to bits, shape (n, 8 x bytes), values 0 and 1."""
    return np.unpackbits(clks, axis=1)


def signs(clks: Clks) -> Floats:
    """Packed CLKs to signs, shape (n, 8 x bytes), values -1 and 1: a product of two rows counts agreements."""
    return bits_of(clks).astype(np.float32) * 2 - 1


def similarity(left: Clks, right: Clks) -> Floats:
    """Simple matching on [-1, 1], shape (left, right): 1 for equal CLKs, about 0 for two half-full strangers."""
    return signs(left) @ signs(right).T / np.float32(left.shape[1] * 8)


def dice(left: Clks, right: Clks) -> Floats:
    """Dice similarity on [0, 1], shape (left, right); 0 where both CLKs are empty."""
    a, b = bits_of(left).astype(np.float32), bits_of(right).astype(np.float32)
    total = a.sum(1)[:, None] + b.sum(1)[None, :]
    shared: Floats = np.divide(2 * (a @ b.T), total, out=np.zeros_like(total), where=total > 0)
    return shared


def upper(matrix: Floats) -> Floats:
    """The entries above the diagonal of a square matrix, as a vector."""
    return matrix[np.triu_indices(len(matrix), 1)]


def correlation(left: NDArray[np.floating], right: NDArray[np.floating]) -> float:
    """Pearson's correlation of two vectors; 0 where one of them does not vary."""
    a, b = (
        left.astype(np.float64) - left.mean(dtype=np.float64),
        right.astype(np.float64) - right.mean(dtype=np.float64),
    )
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def row_numbers(values: NDArray[np.uint8]) -> Ints:
    """Each row's number among the distinct rows: equal rows have equal numbers."""
    packed = np.ascontiguousarray(values).view(np.dtype((np.void, values.shape[1]))).ravel()
    return np.unique(packed, return_inverse=True)[1].astype(np.int64)
