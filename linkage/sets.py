"""Numbered sets: which people are a family, which records a group; and which pairs meet in a family and a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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

    @cached_property
    def _starts(self) -> Indices:
        """The first membership of each item; the last place stands for all items that have none."""
        times = np.bincount(self.item, minlength=1) if self.item.size else np.zeros(1, dtype=np.int64)
        return np.concatenate([[0], np.cumsum(times), [self.item.size]])

    def where(self, items: Rows) -> tuple[Indices, Indices]:
        """For each item the first of its memberships, and how many it has."""
        place = np.minimum(items, self._starts.size - 2)
        first = self._starts[place]
        return first, self._starts[place + 1] - first

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
    """Which pair meets in which family and group: one line for each, by pair. Lines of one `meeting` meet.

    `family_size` and `group_size` are those of each line's family and group.
    """

    pair: Indices
    meeting: Indices
    family: Rows
    group: Rows
    family_size: Indices
    group_size: Indices

    def only(self, lines: NDArray[np.bool_] | Indices) -> Together:
        """Some of the lines."""
        return Together(
            self.pair[lines],
            self.meeting[lines],
            self.family[lines],
            self.group[lines],
            self.family_size[lines],
            self.group_size[lines],
        )


def together(person: Rows, record: Rows, families: Sets, groups: Sets) -> Together:
    """Every meeting of a person's family and a record's group, over all pairs."""
    (first_family, of_person), (first_group, of_record) = families.where(person), groups.where(record)
    times = of_person * of_record
    if times.max(initial=0) <= 1:  # nearly everybody is in one family, and a record in one group
        pair = np.flatnonzero(times)
        family, group = families.number[first_family[pair]], groups.number[first_group[pair]]
    else:
        pair = np.repeat(np.arange(person.size), times)
        within = np.arange(pair.size) - np.repeat(np.cumsum(times) - times, times)
        family_place, group_place = np.divmod(within, np.maximum(of_record, 1)[pair])
        family = families.number[first_family[pair] + family_place]
        group = groups.number[first_group[pair] + group_place]
    meeting = family.astype(np.int64) * max(1, groups.sizes.size) + group
    return Together(pair, meeting, family, group, families.sizes[family], groups.sizes[group])
