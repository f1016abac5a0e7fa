"""What a run learns before it links: how alike strangers and relatives are, and what that makes of each agency's distances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage import nulls as null
from linkage.bits import pack
from linkage.calibrate import Calibration, Counts, Scale, calibrate
from linkage.candidates import Side
from linkage.checks import tally_checked
from linkage.declared import Declared, grouped
from linkage.records import EncodedRecords
from protocols.matching import MatchRules


@dataclass(frozen=True)
class Learnt:
    """The people's encodings, each agency's counts by distance with their sampling step, and the calibration."""

    side: Side
    tallies: Mapping[str, tuple[Counts, int]]
    calibration: Calibration
    duplicates: tuple[tuple[int, int], ...]


def learn(
    anchor: EncodedRecords,
    people: Declared,
    agencies: Sequence[EncodedRecords],
    rules: MatchRules,
    threads: int | None,
    say: Callable[[str, str], None],
) -> Learnt:
    """Compare the anchor with itself and with every agency, and fit the mixture. `say` is told each step and its agency."""
    say("compare the declaring agency's own records", anchor.agency)
    nulls = _nulls(anchor, people, agencies, rules, threads)
    side = _people_side(anchor, people)
    tallies: dict[str, tuple[Counts, int]] = {}
    for records in agencies:
        say("count distances", records.agency)
        if records.clks.shape[0]:
            tallies[records.agency] = tally_checked(
                side.words, side.checks, pack(records.clks), records.checked, records.bits, threads=threads
            )
    sizes: NDArray[np.float64] = np.array([family.size for family in people.families], dtype=np.float64)
    relatives = float((sizes * (sizes - 1)).sum() / max(len(people), 1))
    counts = {name: counted for name, (counted, _) in tallies.items()}
    calibration = calibrate(Scale.of(anchor.bits), nulls.strangers, nulls.same_family, counts, relatives)
    return Learnt(side, tallies, calibration, nulls.duplicates)


def _nulls(
    anchor: EncodedRecords,
    people: Declared,
    agencies: Sequence[EncodedRecords],
    rules: MatchRules,
    threads: int | None,
) -> null.Nulls:
    """The anchor's own pairs; for a small anchor, those inside the agencies too."""
    largest = rules.context.largest_group
    families = tuple(people.rows[numbers] for numbers in people.families)
    own = null.observe(anchor, (*families, *grouped(anchor, largest)), threads)
    if null.is_enough(own):
        return own
    others = (records for records in agencies if records.clks.shape[0])
    return null.pooled(
        own, [null.observe(records, grouped(records, largest), threads, duplicates=False) for records in others]
    )


def _people_side(anchor: EncodedRecords, people: Declared) -> Side:
    number = np.full(len(anchor), -1, dtype=np.int32)
    number[people.rows] = np.arange(len(people), dtype=np.int32)
    owner = number[anchor.owner]
    known = owner >= 0
    return Side(pack(anchor.clks[known]), owner[known], len(people), anchor.checked[known])
