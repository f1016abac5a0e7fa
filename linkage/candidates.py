"""Candidate pairs of declared people and one agency's records: every pair close enough to be one person at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.bits import Words
from linkage.calibrate import Counts
from linkage.checks import Checks, Levels, levels_of
from linkage.compete import Rows
from linkage.records import EncodedRecords
from linkage.search_exact import Pairs

MOST_CANDIDATES = 50_000_000


@dataclass(frozen=True)
class Side:
    """The people's encodings, packed, which person each belongs to, how many people there are, and each one's checks."""

    words: Words
    owner: NDArray[np.int32]
    count: int
    checks: Checks


@dataclass(frozen=True)
class Candidates:
    """Pairs sorted by person, then record; distance and level (`linkage.checks`) are those of their closest encodings."""

    person: Rows
    record: Rows
    distance: NDArray[np.int32]
    level: Levels

    def __len__(self) -> int:
        return self.person.size

    def chosen(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Candidates:
        """Some of the pairs."""
        return Candidates(self.person[keep], self.record[keep], self.distance[keep], self.level[keep])


def closest(people: Side, records: EncodedRecords, pairs: Pairs) -> Candidates:
    """Pairs of encodings as pairs of people and records, each at its smallest distance; of equals, at the highest level."""
    person, record = people.owner[pairs.left], records.owner[pairs.right]
    level = levels_of(people.checks[pairs.left], records.checked[pairs.right])
    order = np.lexsort((-level, pairs.distance, record, person))
    person, record = person[order], record[order]
    first = np.ones(person.size, dtype=bool)
    first[1:] = (person[1:] != person[:-1]) | (record[1:] != record[:-1])
    return Candidates(person[first], record[first], pairs.distance[order][first], level[order][first])


def affordable_distance(counts: Counts, every: int, farthest: int) -> int:
    """`farthest`, or the largest smaller distance within which at most `MOST_CANDIDATES` pairs lie."""
    within = np.cumsum(counts[: farthest + 1]) * every
    return int(np.searchsorted(within, MOST_CANDIDATES, side="right")) - 1 if within[-1] > MOST_CANDIDATES else farthest
