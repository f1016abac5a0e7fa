"""Keyed comparators beside the CLKs: what their few bits add to an alignment.

A comparator shows whether two records agree in a value. Whoever knows some of the people learns the bits of their values, and so
whether a record can be a listed person with one of those values; each pair that is found on the way teaches another value. Values
that many people share (a year of birth) are soon all known; values that hardly anybody shares teach next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agencies.attack.bits import Floats, Ints

WRONG = 0.02
"""How often a record's value is expected to differ from the listed one, by a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Checks:
    """`seen[i, c]` is victim i's number under comparator c, `values[p, c]` numbers listed person p's value; -1 is none.

    `bits[c]` is how long comparator c's numbers are.
    """

    seen: Ints
    values: Ints
    bits: tuple[int, ...]

    def part(self, victims: Ints, listed: Ints) -> Checks:
        """Some of the victims and some of the listed people."""
        return Checks(self.seen[victims], self.values[listed], self.bits)

    def scores(self, rows: Ints, places: Ints, victims: slice = slice(None)) -> Floats:
        """Log-likelihood of each victim being each listed person, from what pairs of `rows` and `places` teach; 0 is no evidence."""
        total = np.zeros((len(self.seen[victims]), len(self.values)), dtype=np.float32)
        for column, bits in enumerate(self.bits):
            numbers, values = self.seen[victims, column], self.values[:, column]
            taught = _taught(self.seen[rows, column], values[places])
            if not taught:
                continue
            wanted = np.array([taught.get(int(value), -1) for value in values])
            known = np.flatnonzero(wanted >= 0)
            held = np.flatnonzero(numbers >= 0)
            agrees = numbers[held][:, None] == wanted[known][None, :]
            high, low = np.log((1 - WRONG) * 2**bits + WRONG), np.log(WRONG)
            total[np.ix_(held, known)] += np.where(agrees, high, low).astype(np.float32)
        return total


def _taught(numbers: Ints, values: Ints) -> dict[int, int]:
    """For every value that an anchor has, the number that most anchors with it show."""
    counts: dict[int, dict[int, int]] = {}
    for number, value in zip(numbers.tolist(), values.tolist(), strict=True):
        if number >= 0 and value >= 0:
            of = counts.setdefault(value, {})
            of[number] = of.get(number, 0) + 1
    return {value: max(of, key=lambda number: of[number]) for value, of in counts.items()}
