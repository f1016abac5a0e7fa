"""One order for everything a run works on, so that what it finds does not depend on the order in which it was given.

Equal probabilities, sums of floating-point numbers and samples of rows would otherwise follow the order of a file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from linkage.records import EncodedRecords, Family
from linkage.sets import Sets
from protocols.errors import InputError
from protocols.vocabulary import Kind

Places = NDArray[np.int32]
"""For each record of before its row now, if its encodings and checks are still the same; otherwise -1."""

_KIND = f"<U{max(len(kind) for kind in Kind)}"
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class OrderedRecords(EncodedRecords):
    """Records by their reference, each with its encodings by their bytes and its groups by their names.

    Made by `ordered` and `changed`, and by nothing else: what they are made from was checked. `made_from` is the mark of
    the records that these were made from by a change, with the places of their records here.
    """

    mark: object = field(default_factory=object, init=False, repr=False)
    made_from: tuple[object, Places] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Nothing is left to check."""

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first encoding of each record, and the number of all encodings: (records + 1)."""
        return np.searchsorted(self.owner, np.arange(len(self) + 1))

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How many encodings each record has."""
        return np.diff(self.starts)

    @cached_property
    def kinds(self) -> NDArray[np.str_]:
        """The kind of each record."""
        return np.array(self.kind, dtype=_KIND)

    @cached_property
    def in_groups(self) -> tuple[NDArray[np.int32], NDArray[np.int32], dict[str, int]]:
        """Every record in every group: rows (ascending), numbers of groups, and the number that each group's name has.

        A group keeps its number when records change, and one that no record is in any more keeps its name there.
        """
        numbers: dict[str, int] = {}
        lines = _numbered(self.groups, numbers)
        rows = np.repeat(np.arange(len(self), dtype=np.int32), [len(groups) for groups in self.groups])
        return rows, lines, numbers

    def households(self, largest: int) -> Sets:
        """The groups that have at most `largest` records: larger ones are no household."""
        rows, group, numbers = self.in_groups
        sizes = np.bincount(group, minlength=len(numbers))
        small = sizes[group] <= largest
        return Sets(rows[small], group[small], sizes)

    @property
    def unborn(self) -> list[int]:
        """The rows of unborn children: they have no encoding."""
        found: list[int] = np.flatnonzero(self.sizes == 0).tolist()
        return found

    def row(self, ref: str) -> int | None:
        """The row of a record, if it is there."""
        place = bisect_left(self.record_refs, ref)
        return place if place < len(self.record_refs) and self.record_refs[place] == ref else None

    def kind_of(self, ref: str) -> str | None:
        """The kind of a record, if it is there."""
        row = self.row(ref)
        return None if row is None else self.kind[row]

    def changed(self, put: EncodedRecords, removed: Collection[str] = ()) -> OrderedRecords:
        """These records, with some added or replaced and some removed: what `ordered` would make of the whole.

        Costs little more than copying the encodings. Raises `InputError` if what is put is of another kind, or what is
        removed is not there.
        """
        if (put.agency, put.terms) != (self.agency, self.terms) or (
            put.clks.shape[0] and (put.bits, put.checked.shape[1]) != (self.bits, self.checked.shape[1])
        ):
            raise InputError(f"Records of agency `{self.agency}` cannot be changed by records made under other terms.")
        rows_gone = [self.row(ref) for ref in removed]
        if None in rows_gone:
            raise InputError(f"A change removes records of agency `{self.agency}` that are not there.")
        return _merged(self, ordered(put), np.array(rows_gone, dtype=np.int64))


def ordered(records: EncodedRecords) -> OrderedRecords:
    """The same records in the one order."""
    if isinstance(records, OrderedRecords):
        return records
    rows = sorted(range(len(records)), key=records.record_refs.__getitem__)
    place = np.empty(len(records), dtype=np.int32)
    place[rows] = np.arange(len(records), dtype=np.int32)
    owner = place[records.owner]
    encodings = _by_owner_and_bytes(np.hstack([records.clks, records.checked.view(np.uint8)]), owner)
    return OrderedRecords(
        agency=records.agency,
        record_refs=tuple(records.record_refs[row] for row in rows),
        clks=records.clks[encodings],
        owner=owner[encodings],
        groups=tuple(tuple(sorted(set(records.groups[row]))) for row in rows),
        kind=tuple(records.kind[row] for row in rows),
        terms=records.terms,
        checks=records.checked[encodings],
    )


def places(before: OrderedRecords, now: OrderedRecords) -> Places:
    """Where the records of before are now."""
    if now is before:
        return np.arange(len(before), dtype=np.int32)
    if now.made_from is not None and now.made_from[0] is before.mark:
        return now.made_from[1]
    found = np.full(len(before), -1, dtype=np.int32)
    if now.clks.shape[1:] != before.clks.shape[1:] or now.checked.shape[1:] != before.checked.shape[1:]:
        return found
    row_of = dict(zip(now.record_refs, range(len(now)), strict=True))
    rows = np.array([row_of.get(ref, -1) for ref in before.record_refs], dtype=np.int32)
    there = np.flatnonzero(rows >= 0)
    there = there[_same(before, there, now, rows[there])]
    found[there] = rows[there]
    return found


def _same(
    one: OrderedRecords, rows: NDArray[np.integer], other: OrderedRecords, other_rows: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Whether each row of one has the encodings and checks of the row of the other beside it."""
    counts = one.sizes[rows]
    same: NDArray[np.bool_] = counts == other.sizes[other_rows]
    times = np.where(same, counts, 0)
    of = np.repeat(np.arange(rows.size), times)
    within = np.arange(of.size) - np.repeat(np.cumsum(times) - times, times)
    for part in np.array_split(np.arange(of.size), max(1, of.size >> 17)):
        at, place = of[part], within[part]
        a, b = one.starts[rows[at]] + place, other.starts[other_rows[at]] + place
        differs = (one.clks[a] != other.clks[b]).any(axis=1) | (one.checked[a] != other.checked[b]).any(axis=1)
        same[at[differs]] = False
    return same


def new_rows(places: Places, count: int) -> NDArray[np.bool_]:
    """Whether each of `count` records of now is new, or not what it was before."""
    new = np.ones(count, dtype=bool)
    new[places[places >= 0]] = False
    return new


def ordered_families(families: Sequence[Family]) -> list[Family]:
    """The same families by their reference, members by their id."""
    with_members = []
    for family in families:
        members = tuple(sorted(family.members, key=lambda member: member.member_id))
        with_members.append(family if members == family.members else replace(family, members=members))
    return sorted(with_members, key=lambda family: (family.family_ref, [m.member_id for m in family.members]))


def _merged(base: OrderedRecords, put: OrderedRecords, gone: NDArray[np.int64]) -> OrderedRecords:
    """Two ordered lists as one: the base less what is gone or replaced, and what is put."""
    at = np.array([bisect_left(base.record_refs, ref) for ref in put.record_refs], dtype=np.int64)
    replaces = [
        place < len(base) and base.record_refs[place] == ref
        for place, ref in zip(at.tolist(), put.record_refs, strict=True)
    ]
    replacing = np.flatnonzero(replaces)
    keep = np.ones(len(base), dtype=bool)
    keep[gone] = False
    keep[at[replacing]] = False
    cuts = list(_cuts(keep, at))
    count = int(np.count_nonzero(keep)) + len(put)
    plain = bool((base.sizes == 1).all() and (put.sizes == 1).all())  # one encoding for each record
    like = base if base.clks.shape[0] else put
    encodings = count if plain else int(base.sizes[keep].sum() + put.sizes.sum())
    clks = np.empty((encodings, like.clks.shape[1]), dtype=np.uint8)
    checks = np.empty((encodings, like.checked.shape[1]), dtype=np.int32)
    sizes = np.ones(count, dtype=np.int64)
    kinds = np.empty(count, dtype=_KIND)
    numbers = np.arange(count, dtype=np.int32)
    found, put_rows = np.full(len(base), -1, dtype=np.int32), np.empty(len(put), dtype=np.int64)
    all_checks = base.checked, put.checked
    row = filled = 0
    for first, last, from_put in cuts:
        source, rows = put if from_put else base, last - first
        a, b = (first, last) if plain else (int(source.starts[first]), int(source.starts[last]))
        clks[filled : filled + b - a] = source.clks[a:b]
        if checks.shape[1]:
            checks[filled : filled + b - a] = all_checks[from_put][a:b]
        kinds[row : row + rows] = source.kinds[first:last]
        (put_rows if from_put else found)[first:last] = numbers[row : row + rows]
        if not plain:
            sizes[row : row + rows] = source.sizes[first:last]
        filled += b - a
        row += rows
    made = OrderedRecords(
        agency=base.agency,
        record_refs=_spliced(base.record_refs, put.record_refs, cuts),
        clks=clks,
        owner=numbers if plain else np.repeat(numbers, sizes),
        groups=_spliced(base.groups, put.groups, cuts),
        kind=_spliced(base.kind, put.kind, cuts),
        terms=base.terms,
        checks=checks,
    )
    in_groups = _regrouped(base, put, keep, found, put_rows)
    if base.clks.shape[1:] == put.clks.shape[1:] and base.checked.shape[1:] == put.checked.shape[1:]:
        as_before = replacing[_same(base, at[replacing], put, replacing)]
        found[at[as_before]] = put_rows[as_before]
    object.__setattr__(made, "made_from", (base.mark, found))
    object.__setattr__(made, "starts", np.concatenate([[0], np.cumsum(sizes)]))
    object.__setattr__(made, "kinds", kinds)
    object.__setattr__(made, "in_groups", in_groups)
    return made


def _cuts(keep: NDArray[np.bool_], at: NDArray[np.int64]) -> Iterator[tuple[int, int, bool]]:
    """What the merged list is made of, in order: first and last row (exclusive) of a stretch, and whether it is put."""
    edges = np.unique(np.concatenate([[0], np.flatnonzero(np.diff(keep)) + 1, at, [keep.size]]))
    put_at = np.searchsorted(at, edges, "left").tolist()
    put_to = np.searchsorted(at, edges, "right").tolist()
    rows = edges.tolist()
    for number, row in enumerate(rows):
        if put_to[number] > put_at[number]:
            yield put_at[number], put_to[number], True
        if number + 1 < len(rows) and keep[row]:
            yield row, rows[number + 1], False


def _spliced(base: tuple[T, ...], put: tuple[T, ...], cuts: Sequence[tuple[int, int, bool]]) -> tuple[T, ...]:
    found: list[T] = []
    for first, last, from_put in cuts:
        found += (put if from_put else base)[first:last]
    return tuple(found)


def _numbered(groups: Sequence[Sequence[str]], numbers: dict[str, int]) -> NDArray[np.int32]:
    """The number of each group, list by list; names that have none yet get the next ones."""
    return np.array([numbers.setdefault(name, len(numbers)) for each in groups for name in each], dtype=np.int32)


def _regrouped(
    base: OrderedRecords, put: OrderedRecords, keep: NDArray[np.bool_], places: Places, put_rows: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], dict[str, int]]:
    rows, group, numbers = base.in_groups
    numbers = dict(numbers)
    there = keep[rows]
    new = np.repeat(put_rows, [len(groups) for groups in put.groups]).astype(np.int32)
    row = np.concatenate([places[rows[there]], new])
    order = np.argsort(row, kind="stable")
    return row[order], np.concatenate([group[there], _numbered(put.groups, numbers)])[order], numbers


def _by_owner_and_bytes(clks: NDArray[np.uint8], owner: NDArray[np.int32]) -> NDArray[np.int64]:
    order = np.argsort(owner, kind="stable")
    starts = np.flatnonzero(np.diff(owner[order], prepend=-1))
    lengths = np.diff(starts, append=order.size)
    for start, length in zip(starts[lengths > 1].tolist(), lengths[lengths > 1].tolist(), strict=True):
        run = order[start : start + length]
        order[start : start + length] = sorted(run.tolist(), key=lambda row: clks[row].tobytes())
    return order
