"""Which families or groups each row is in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def memberships(sets: Sequence[NDArray[np.int32]]) -> dict[int, list[int]]:
    """For each row, the numbers of the sets that hold it."""
    found: dict[int, list[int]] = {}
    for number, rows in enumerate(sets):
        for row in rows.tolist():
            found.setdefault(row, []).append(number)
    return found
