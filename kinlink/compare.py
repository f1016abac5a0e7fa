"""Compare two sets of CLKs and write the similar pairs: a drop-in for people who compare clkhash's JSON with anonlink.

The output holds similarities. They are for the owner of both files on this machine; the service never gives one out.
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage.bits import pack, popcounts
from linkage.plan import make_plan, search_by
from linkage.result import SearchReport
from linkage.search_exact import dice_limits, tally
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
    threads: int | None = None,
) -> Compared:
    """Write every pair with a Dice similarity of at least `threshold` (0 < threshold ≤ 1), sorted in neither column.

    `search` `lsh` may miss a share of 1 - `recall` of them; `auto` takes the cheaper search. Raises `InputError` for a threshold out of range, for files that are not CLKs of one length, and for a threshold that would
    give more than `MOST_PAIRS` pairs, with the number that is expected. Memory does not depend on the number of pairs.
    """
    if not math.isfinite(threshold) or not 0.0 < threshold <= 1.0:
        raise InputError("`--threshold` must be above 0 and at most 1.", next_step="For dense CLKs begin with 0.8.")
    a, b = read_clks(left), read_clks(right)
    if a.shape[1] != b.shape[1]:
        raise InputError(
            f"`{left.name}` holds CLKs of {8 * a.shape[1]} bits and `{right.name}` of {8 * b.shape[1]}.",
            next_step="Encode both under one linkage schema.",
        )
    bits = 8 * a.shape[1]
    words = pack(a), pack(b)
    if not math.isfinite(recall) or not 0.0 < recall < 1.0:
        raise InputError("`--recall` must be above 0 and below 1.", next_step="For example 0.999.")
    expected = _expected_pairs(*words, bits, threshold, threads)
    if expected > MOST_PAIRS:
        raise InputError(
            f"A threshold of {threshold:g} would give about {expected:,.0f} pairs; at most {MOST_PAIRS:,} are written.",
            next_step="Raise the threshold: strangers are already this similar in these CLKs.",
        )
    ones = popcounts(words[0]), popcounts(words[1])
    limits = dice_limits(bits, threshold)
    plan = make_plan(*words, bits, limits, SearchRules(kind=search, recall=recall), threads=threads)
    written = 0
    partial = out.with_suffix(out.suffix + ".partial")
    with partial.open("w", encoding="ascii", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(COLUMNS)
        for found in search_by(plan, *words, limits, threads=threads):
            dice = 1.0 - found.distance / np.maximum(1, ones[0][found.left] + ones[1][found.right])
            writer.writerows(
                (i, j, f"{d:.6f}")
                for i, j, d in zip(found.left.tolist(), found.right.tolist(), dice.tolist(), strict=True)
            )
            written += found.left.size
    partial.replace(out)
    return Compared(a.shape[0], b.shape[0], written, plan.report)


def read_clks(path: Path) -> NDArray[np.uint8]:
    """CLKs of a clkhash JSON file (`{"clks": [base64, …]}`): shape (n, bytes). Raises `InputError` that names the entry."""
    try:
        listed = json.loads(path.read_bytes())["clks"]
    except OSError as error:
        raise InputError(f"`{path.name}` cannot be read.", next_step="Check the path.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'`{path.name}` is not a file of CLKs: expected JSON of the form {{"clks": ["…", …]}}.',
            next_step="Make it with: kinlink agency encode people.csv --format clkhash-json",
        ) from error
    if not isinstance(listed, list) or not listed:
        raise InputError(f"`{path.name}` holds no CLK.", next_step="Check the file it was made from.")
    return _table(path.name, listed)


def _table(name: str, listed: list[object]) -> NDArray[np.uint8]:
    rows, size = [], -1
    for number, text in enumerate(listed):
        try:
            row = base64.b64decode(str(text), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError(f"`{name}` entry {number} is not base64.", next_step="Make the file again.") from error
        size = len(row) if size < 0 else size
        if len(row) != size or not row or len(row) % 8:
            raise InputError(
                f"`{name}` entry {number} has {8 * len(row)} bits; expected {8 * size if size % 8 == 0 else 'a multiple of 64'}.",
                next_step="All CLKs of a file must be of one length, a multiple of 64 bits.",
            )
        rows.append(row)
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), size)


def _expected_pairs(
    left: NDArray[np.uint64], right: NDArray[np.uint64], bits: int, threshold: float, threads: int | None
) -> float:
    """About how many pairs reach the threshold, from a sample of pairs and the mean number of 1-bits."""
    counts, every = tally(left, right, bits, threads=threads, most_pairs=_SAMPLE)
    typical = int(popcounts(left).mean() + popcounts(right).mean())
    limit = int(dice_limits(bits, threshold)[min(typical, 2 * bits)])
    return float(counts[: limit + 1].sum()) * every
