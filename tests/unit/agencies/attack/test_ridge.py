"""Ridge regression against scikit-learn's, and its choice of penalty."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference

from agencies.attack.ridge import PENALTIES, fit_ridge


@pytest.mark.parametrize("rows", [40, 200])
def test_weights_are_those_of_a_reference_at_the_chosen_penalty(rows: int) -> None:
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(rows, 60)).astype(np.float32)
    targets = (inputs[:, :3] @ rng.normal(size=(3, 2)) + rng.normal(size=(rows, 2))).astype(np.float32)
    fitted = fit_ridge(inputs, targets)
    centred = inputs - inputs.mean(axis=0)
    scale = float((centred**2).sum() / rows)
    new = rng.normal(size=(5, 60)).astype(np.float32)
    close = [
        np.allclose(Reference(alpha=factor * scale).fit(inputs, targets).predict(new), fitted.predict(new), atol=1e-2)
        for factor in PENALTIES
    ]
    assert sum(close) == 1


def test_the_error_is_that_of_leaving_one_out() -> None:
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(50, 4)).astype(np.float32)
    targets = (inputs @ np.ones((4, 1)) + rng.normal(size=(50, 1))).astype(np.float32)
    fitted = fit_ridge(inputs, targets)
    left_out = []
    for row in range(50):
        rest = np.arange(50) != row
        model = np.linalg.lstsq(np.c_[np.ones(49), inputs[rest]], targets[rest], rcond=None)[0]
        left_out.append(float((targets[row] - np.r_[1, inputs[row]] @ model)[0] ** 2))
    assert float(fitted.error[0]) == pytest.approx(np.mean(left_out), rel=0.02)


def test_noise_is_shrunk_away() -> None:
    rng = np.random.default_rng(3)
    inputs, targets = rng.normal(size=(60, 100)).astype(np.float32), rng.normal(size=(60, 3)).astype(np.float32)
    predicted = fit_ridge(inputs, targets).predict(rng.normal(size=(20, 100)).astype(np.float32))
    assert np.abs(predicted - targets.mean(axis=0)).max() < 0.3
