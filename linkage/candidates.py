"""Candidate pairs of declared people and one agency's records: every pair close enough to be one person at all."""

from __future__ import annotations

from collections.abc import Collection
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

    def find(self, pairs: Collection[tuple[int, int]]) -> NDArray[np.int64]:
        """The places of these pairs of a person and a record; -1 for those that are no candidates."""
        wanted = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
        if len(self) == 0:
            return np.full(len(wanted), -1, dtype=np.int64)
        span = max(int(self.record.max()), int(wanted[:, 1].max(initial=0))) + 1
        keys, asked = self.person.astype(np.int64) * span + self.record, wanted[:, 0] * span + wanted[:, 1]
        place = np.minimum(np.searchsorted(keys, asked), len(self) - 1)
        return np.where(keys[place] == asked, place, -1)

    def are(self, pairs: Collection[tuple[int, int]]) -> NDArray[np.bool_]:
        """Which of the candidates are among these pairs."""
        found = np.zeros(len(self), dtype=bool)
        place = self.find(pairs)
        found[place[place >= 0]] = True
        return found

    def chosen(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Candidates:
        """Some of the pairs."""
        return Candidates(self.person[keep], self.record[keep], self.distance[keep], self.level[keep])


def closest(people: Side, records: EncodedRecords, pairs: Pairs) -> Candidates:
    """Pairs of encodings as pairs of people and records, each at its smallest distance; of equals, at the highest level."""
    person, record = people.owner[pairs.left], records.owner[pairs.right]
    level = levels_of(people.checks[pairs.left], records.checked[pairs.right])
    if _ascending(person, record):  # one encoding each: no pair comes twice
        return Candidates(person, record, pairs.distance, level)
    order = np.lexsort((-level, pairs.distance, record, person))
    person, record = person[order], record[order]
    first = np.ones(person.size, dtype=bool)
    first[1:] = (person[1:] != person[:-1]) | (record[1:] != record[:-1])
    return Candidates(person[first], record[first], pairs.distance[order][first], level[order][first])


def _ascending(person: Rows, record: Rows) -> bool:
    more = np.diff(person)
    return bool(((more > 0) | ((more == 0) & (np.diff(record) > 0))).all())


def affordable_distance(counts: Counts, every: int, farthest: int) -> int:
    """`farthest`, or the largest smaller distance within which at most `MOST_CANDIDATES` pairs lie."""
    within = np.cumsum(counts[: farthest + 1]) * every
    return int(np.searchsorted(within, MOST_CANDIDATES, side="right")) - 1 if within[-1] > MOST_CANDIDATES else farthest
