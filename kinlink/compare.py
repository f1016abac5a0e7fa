"""Compare two sets of CLKs and write the similar pairs: a drop-in for people who compare CLKs with anonlink.

The output holds similarities. They are for the owner of both files on this machine; the service never gives one out.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from kinlink.clk_files import ClkFile, check_comparable, read_clks
from linkage.bits import pack, popcounts
from linkage.plan import make_plan, search_by
from linkage.result import SearchReport
from linkage.search_exact import Pairs, dice_limits, tally
from protocols.errors import InputError
from protocols.matching import SearchKind, SearchRules

COLUMNS = ("index_a", "index_b", "dice")
MOST_PAIRS = 100_000_000
_SAMPLE = 1 << 24


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison did: rows on both sides, pairs written, and the search that found them."""

    left: int
    right: int
    pairs: int
    search: SearchReport


def compare_files(
    left: Path,
    right: Path,
    threshold: float,
    out: Path,
    *,
    search: SearchKind = SearchKind.EXACT,
    recall: float = 0.999,
    service: Path | None = None,
    threads: int | None = None,
) -> Compared:
    """Write every pair with a Dice similarity of at least `threshold` (0 < threshold ≤ 1), in no particular order.

    A row is named by its place in the file, or in a submission (sealed to the service whose data folder is `service`) by
    its record. `lsh` may miss a share of 1 - `recall` of the pairs; `auto` takes the cheaper search. Raises `InputError` for
    a threshold out of range, for files that are not CLKs of one length and terms, and for a threshold that would give more
    than `MOST_PAIRS` pairs, with the number that is expected. Memory does not depend on the number of pairs.
    """
    if not math.isfinite(threshold) or not 0.0 < threshold <= 1.0:
        raise InputError("`--threshold` must be above 0 and at most 1.", next_step="For dense CLKs begin with 0.8.")
    if not math.isfinite(recall) or not 0.0 < recall < 1.0:
        raise InputError("`--recall` must be above 0 and below 1.", next_step="For example 0.999.")
    a, b = read_clks(left, service), read_clks(right, service)
    check_comparable(a, b)
    bits = a.bits
    words = pack(a.clks), pack(b.clks)
    expected = _expected_pairs(*words, bits, threshold, threads)
    if expected > MOST_PAIRS:
        raise InputError(
            f"A threshold of {threshold:g} would give about {expected:,.0f} pairs; at most {MOST_PAIRS:,} are written.",
            next_step="Raise the threshold: strangers are already this similar in these CLKs.",
        )
    ones = popcounts(words[0]), popcounts(words[1])
    limits = dice_limits(bits, threshold)
    plan = make_plan(*words, bits, limits, SearchRules(kind=search, recall=recall), threads=threads)
    partial = out.with_suffix(out.suffix + ".partial")
    try:
        with partial.open("w", encoding="ascii", newline="") as target:
            written = _write(target, search_by(plan, *words, limits, threads=threads), a, b, ones)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return Compared(a.clks.shape[0], b.clks.shape[0], written, plan.report)


def _write(
    target: TextIO,
    parts: Iterable[Pairs],
    a: ClkFile,
    b: ClkFile,
    ones: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> int:
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    written = 0
    for found in parts:
        dice = 1.0 - found.distance / np.maximum(1, ones[0][found.left] + ones[1][found.right])
        writer.writerows(
            (a.label(i), b.label(j), f"{d:.6f}")
            for i, j, d in zip(found.left.tolist(), found.right.tolist(), dice.tolist(), strict=True)
        )
        written += found.left.size
    return written


def _expected_pairs(
    left: NDArray[np.uint64], right: NDArray[np.uint64], bits: int, threshold: float, threads: int | None
) -> float:
    """About how many pairs reach the threshold, from a sample of pairs and the mean number of 1-bits."""
    counts, every = tally(left, right, bits, threads=threads, most_pairs=_SAMPLE)
    typical = int(popcounts(left).mean() + popcounts(right).mean())
    limit = int(dice_limits(bits, threshold)[min(typical, 2 * bits)])
    return float(counts[: limit + 1].sum()) * every
