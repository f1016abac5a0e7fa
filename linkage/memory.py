"""What a run keeps for the next one, so that a small change costs little and moves no link that it does not touch.

Whoever calls the matcher keeps this between runs, in memory only: it holds the encodings of the last run, and is as
confidential as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from linkage.declared import Declared
from linkage.family import Said
from linkage.learn import Learnt
from linkage.order import OrderedRecords, Places, places
from linkage.records import Family
from linkage.remember import Remembered


@dataclass(frozen=True, eq=False)
class AgencyMemory:
    """An agency's records, the pairs of encodings that were close (if they are remembered), and what families' meetings said."""

    records: OrderedRecords
    search: Remembered | None
    said: Said


@dataclass(frozen=True, eq=False)
class Memory:
    """The last run: the declaring agency's records, the families and the people they declare, which records may be one
    person, what was learnt, and each agency.
    """

    anchor: OrderedRecords
    families: list[Family]
    people: Declared
    duplicates: tuple[tuple[int, int], ...]
    learnt: Learnt
    agencies: Mapping[str, AgencyMemory]


@dataclass(frozen=True, eq=False)
class Moved:
    """Where everything of the last run is now, and -1 for what is gone or has other encodings."""

    anchor: Places
    people: Places
    agencies: Mapping[str, Places]


def moved(memory: Memory, anchor: OrderedRecords, people: Declared, agencies: list[OrderedRecords]) -> Moved:
    """Compare the last run's encodings with this run's."""
    rows = places(memory.anchor, anchor)
    number = np.full(len(anchor) + 1, -1, dtype=np.int32)  # the last place stands for "nowhere"
    number[people.rows] = np.arange(len(people), dtype=np.int32)
    return Moved(
        rows,
        number[rows[memory.people.rows]],
        {
            records.agency: places(memory.agencies[records.agency].records, records)
            for records in agencies
            if records.agency in memory.agencies
        },
    )
