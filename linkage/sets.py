"""Numbered sets: which people are a family, which records a group; and which pairs meet in a family and a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sets:
    """Memberships sorted by item: `item[k]` is in set `number[k]`; `sizes` has the number of items of each set."""

    item: Rows
    number: Rows
    sizes: Indices

    @staticmethod
    def of(sets: Sequence[Rows]) -> Sets:
        """From lists of items, numbered as they come."""
        sizes = np.array([len(items) for items in sets], dtype=np.int64)
        items = np.concatenate(sets) if len(sets) else np.empty(0, dtype=np.int32)
        order = np.argsort(items, kind="stable")
        return Sets(items[order], np.repeat(np.arange(sizes.size, dtype=np.int32), sizes)[order], sizes)

    def where(self, items: Rows) -> tuple[Indices, Indices]:
        """For each item the first of its memberships, and how many it has."""
        first = np.searchsorted(self.item, items, "left")
        return first, np.searchsorted(self.item, items, "right") - first

    def among(self, items: Rows) -> Sets:
        """The memberships of these items (ascending, different), which are numbered 0, 1, ... in their place."""
        first, times = self.where(items)
        within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        item = np.repeat(np.arange(items.size, dtype=np.int32), times)
        return Sets(item, self.number[first[item] + within], self.sizes)

    def members(self, numbers: Rows, wanted: NDArray[np.bool_]) -> dict[int, list[int]]:
        """Of each of these sets the items that are wanted, ascending; sets without any are left out."""
        asked = np.zeros(self.sizes.size, dtype=bool)
        asked[numbers] = True
        lines = np.flatnonzero(asked[self.number] & wanted[self.item])
        found: dict[int, list[int]] = {}
        for number, item in zip(self.number[lines].tolist(), self.item[lines].tolist(), strict=True):
            found.setdefault(number, []).append(item)
        return found


@dataclass(frozen=True, eq=False)
class Together:
    """Which pair meets in which family and group: one line for each, sorted by meeting, then pair.

    `family_size` and `group_size` are those of each line's family and group.
    """

    pair: Indices
    meeting: Indices
    family: Rows
    group: Rows
    family_size: Indices
    group_size: Indices


def together(person: Rows, record: Rows, families: Sets, groups: Sets) -> Together:
    """Every meeting of a person's family and a record's group, over all pairs."""
    (first_family, of_person), (first_group, of_record) = families.where(person), groups.where(record)
    times = of_person * of_record
    pair = np.repeat(np.arange(person.size), times)
    within = np.arange(pair.size) - np.repeat(np.cumsum(times) - times, times)
    family = families.number[first_family[pair] + within // np.maximum(of_record[pair], 1)]
    group = groups.number[first_group[pair] + within % np.maximum(of_record[pair], 1)]
    order = np.lexsort((pair, group, family))
    pair, family, group = pair[order], family[order], group[order]
    new = (np.diff(family, prepend=-1) != 0) | (np.diff(group, prepend=-1) != 0)
    return Together(pair, np.cumsum(new) - 1, family, group, families.sizes[family], groups.sizes[group])
