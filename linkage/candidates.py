"""Candidate pairs of declared people and one agency's records: every pair close enough to be one person at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.bits import Words
from linkage.calibrate import Counts
from linkage.compete import Rows
from linkage.search_exact import Pairs

MOST_CANDIDATES = 50_000_000


@dataclass(frozen=True)
class Side:
    """Encodings of one side, packed, and which person or record each belongs to."""

    words: Words
    owner: NDArray[np.int32]
    count: int


@dataclass(frozen=True)
class Candidates:
    """Pairs sorted by person, then record; the distance is that of their closest encodings."""

    person: Rows
    record: Rows
    distance: NDArray[np.int32]

    def __len__(self) -> int:
        return self.person.size

    def chosen(self, keep: NDArray[np.bool_]) -> Candidates:
        """Some of the pairs."""
        return Candidates(self.person[keep], self.record[keep], self.distance[keep])


def closest(people: Side, records: Side, pairs: Pairs) -> Candidates:
    """Pairs of encodings as pairs of people and records, each at its smallest distance."""
    person, record = people.owner[pairs.left], records.owner[pairs.right]
    order = np.lexsort((pairs.distance, record, person))
    person, record, distance = person[order], record[order], pairs.distance[order]
    first = np.ones(person.size, dtype=bool)
    first[1:] = (person[1:] != person[:-1]) | (record[1:] != record[:-1])
    return Candidates(person[first], record[first], distance[first])


def affordable_distance(counts: Counts, every: int, farthest: int) -> int:
    """`farthest`, or the largest smaller distance within which at most `MOST_CANDIDATES` pairs lie."""
    within = np.cumsum(counts[: farthest + 1]) * every
    return int(np.searchsorted(within, MOST_CANDIDATES, side="right")) - 1 if within[-1] > MOST_CANDIDATES else farthest
