"""One order for everything a run works on, so that what it finds does not depend on the order in which it was given.

Equal probabilities, sums of floating-point numbers and samples of rows would otherwise follow the order of a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from linkage.records import EncodedRecords, Family


def ordered(records: EncodedRecords) -> EncodedRecords:
    """The same records by their reference, each with its encodings (and their checks) by their bytes and its groups by their names."""
    rows = sorted(range(len(records)), key=records.record_refs.__getitem__)
    place = np.empty(len(records), dtype=np.int32)
    place[rows] = np.arange(len(records), dtype=np.int32)
    owner = place[records.owner]
    encodings = _by_owner_and_bytes(np.hstack([records.clks, records.checked.view(np.uint8)]), owner)
    return replace(
        records,
        record_refs=tuple(records.record_refs[row] for row in rows),
        clks=records.clks[encodings],
        owner=owner[encodings],
        groups=tuple(tuple(sorted(set(records.groups[row]))) for row in rows),
        kind=tuple(records.kind[row] for row in rows),
        checks=records.checked[encodings],
    )


def ordered_families(families: Sequence[Family]) -> list[Family]:
    """The same families by their reference, members by their id."""
    with_members = [
        replace(family, members=tuple(sorted(family.members, key=lambda member: member.member_id)))
        for family in families
    ]
    return sorted(with_members, key=lambda family: (family.family_ref, [m.member_id for m in family.members]))


def _by_owner_and_bytes(clks: NDArray[np.uint8], owner: NDArray[np.int32]) -> NDArray[np.int64]:
    order = np.argsort(owner, kind="stable")
    starts = np.flatnonzero(np.diff(owner[order], prepend=-1))
    lengths = np.diff(starts, append=order.size)
    for start, length in zip(starts[lengths > 1].tolist(), lengths[lengths > 1].tolist(), strict=True):
        run = order[start : start + length]
        order[start : start + length] = sorted(run.tolist(), key=lambda row: clks[row].tobytes())
    return order
