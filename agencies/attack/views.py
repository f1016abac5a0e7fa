"""Similarities as an attack needs them: whole columns, computed when asked for, so that no square matrix has to fit in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agencies.attack.bits import Clks, Floats, Ints, signs

DENSE_UP_TO = 6000
_BLOCK = 4096


class View(Protocol):
    """The similarities of n records among themselves."""

    @property
    def size(self) -> int:
        """Number of records."""
        ...

    def columns(self, chosen: Ints) -> Floats:
        """Similarities of all records to the chosen ones, shape (n, chosen)."""
        ...


@dataclass(frozen=True, slots=True)
class Dense:
    """A similarity matrix that is there already, shape (n, n)."""

    matrix: Floats

    @property
    def size(self) -> int:
        return len(self.matrix)

    def columns(self, chosen: Ints) -> Floats:
        return self.matrix[:, chosen]

    def part(self, rows: Ints) -> Dense:
        """The similarities among some of the records."""
        return Dense(self.matrix[np.ix_(rows, rows)])


@dataclass(frozen=True, slots=True)
class Encoded:
    """Simple-matching similarities, averaged over several encodings of the same records (under different keys)."""

    encodings: Sequence[Clks]

    @property
    def size(self) -> int:
        return len(self.encodings[0])

    def part(self, rows: Ints) -> Encoded:
        """The similarities among some of the records."""
        return Encoded([clks[rows] for clks in self.encodings])

    def columns(self, chosen: Ints) -> Floats:
        total = np.zeros((self.size, len(chosen)), dtype=np.float32)
        for clks in self.encodings:
            right = signs(clks[chosen]).T / np.float32(clks.shape[1] * 8 * len(self.encodings))
            for start in range(0, self.size, _BLOCK):
                total[start : start + _BLOCK] += signs(clks[start : start + _BLOCK]) @ right
        return total


def dense(view: View) -> Dense:
    """The whole matrix of a view."""
    return view if isinstance(view, Dense) else Dense(view.columns(np.arange(view.size)))
