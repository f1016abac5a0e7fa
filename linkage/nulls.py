"""What pairs that are not one person look like: strangers, and two people of one family, as an agency's own records show.

An agency knows its own people apart, siblings, twins and homonyms included. So the pairs inside it are a null model that
needs no labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.bits import distances_of, pack
from linkage.calibrate import Counts
from linkage.checks import count_pairs, levels_of, tally_checked
from linkage.order import Places, new_rows
from linkage.records import EncodedRecords
from linkage.search_exact import Pairs, search
from protocols.errors import InputError

DUPLICATE_FROM = 0.8  # likeness (1: equal encodings) from which two records of one agency may be one person
ENOUGH_STRANGERS = 200_000
ENOUGH_FAMILY = 200
MOST_ALIKE = 5_000_000
"""Ordered pairs inside one agency that may be as alike as duplicates; more are no duplicates, but encodings of nobody."""


@dataclass(frozen=True)
class Nulls:
    """Counts by distance of strangers and of family pairs (ordered pairs), possible duplicates left out."""

    strangers: Counts
    same_family: Counts


def observe(records: EncodedRecords, families: Sequence[NDArray[np.int32]], threads: int | None) -> Nulls:
    """Count the pairs inside one agency. `families` are the rows of people who belong together."""
    words, checks = pack(records.clks), records.checked
    bits = records.bits
    cut = duplicate_distance(bits)
    counts, every = tally_checked(words, checks, words, checks, bits, threads=threads)

    def count(left: NDArray[np.int64], right: NDArray[np.int64]) -> Counts:
        levels = levels_of(checks[left], checks[right])
        return count_pairs(distances_of(words, words, left, right), levels, counts.shape[0], bits)

    close = int(counts[:, : cut + 1].sum()) * every - len(words)
    if close > MOST_ALIKE:
        raise InputError(
            f"About {close // 2:,} pairs of the records of agency `{records.agency}` have nearly equal encodings: many of them "
            "encode the same thing, and not a person.",
            next_step="Look for placeholder names or dates in the extract, and encode it again.",
        )
    left, right = _together(records.owner, families, len(records))
    seen = left % every == 0
    own_left, own_right = _together(records.owner, (), len(records))
    own = own_left % every == 0
    strangers = np.maximum(counts - count(left[seen], right[seen]) - count(own_left[own], own_right[own]), 0)
    strangers[:, : cut + 1] = 0
    same = count(left, right)
    same[:, :cut] = 0
    return Nulls(strangers, same)


def duplicates(
    records: EncodedRecords, before: tuple[Iterable[tuple[int, int]], Places] | None, threads: int | None
) -> tuple[tuple[int, int], ...]:
    """Pairs of rows that may be one person, each once.

    `before` gives those of an earlier state and where its rows are now; then only what is new is compared with everything.
    """
    pairs, moved = before or ((), np.empty(0, dtype=np.int32))
    there = ((int(moved[a]), int(moved[b])) for a, b in pairs)
    found = {(min(a, b), max(a, b)) for a, b in there if a >= 0 and b >= 0}
    new = np.flatnonzero(new_rows(moved, len(records))[records.owner])
    if new.size:
        words = pack(records.clks)
        limits = np.full(2 * 64 * words.shape[1] + 1, duplicate_distance(records.bits), dtype=np.int64)
        near = Pairs.join(list(search(np.ascontiguousarray(words[new]), words, limits, threads=threads)))
        a, b = records.owner[new[near.left]].tolist(), records.owner[near.right].tolist()
        found.update((min(x, y), max(x, y)) for x, y in zip(a, b, strict=True) if x != y)
    return tuple(sorted(found))


def duplicate_distance(bits: int) -> int:
    """The distance within which two records of one agency may be one person."""
    return int(bits * (1.0 - DUPLICATE_FROM) / 2.0)


def pooled(first: Nulls, others: Sequence[Nulls]) -> Nulls:
    """The anchor's nulls; where its own pairs are too few to show a tail, with those of the agencies added."""
    strangers, same = first.strangers, first.same_family
    if strangers.sum() < ENOUGH_STRANGERS:
        strangers = strangers + sum((n.strangers for n in others), np.zeros_like(strangers))
    if same.sum() < ENOUGH_FAMILY:
        same = same + sum((n.same_family for n in others), np.zeros_like(same))
    return Nulls(strangers, same)


def is_enough(nulls: Nulls) -> bool:
    """Whether the pairs show a tail."""
    return bool(nulls.strangers.sum() >= ENOUGH_STRANGERS and nulls.same_family.sum() >= ENOUGH_FAMILY)


def _together(
    owner: NDArray[np.int32], families: Sequence[NDArray[np.int32]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ordered pairs of encodings of two records that share a family; without families, of one record (itself included)."""
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(count + 1))
    of = [order[starts[row] : starts[row + 1]] for row in range(count)]
    pairs: set[tuple[int, int]] = set()
    for family in families:
        for a in family.tolist():
            for b in family.tolist():
                if a != b:
                    pairs.update((int(x), int(y)) for x in of[a] for y in of[b])
    if not families:
        pairs.update((int(x), int(y)) for rows in of for x in rows for y in rows)
    table = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])
