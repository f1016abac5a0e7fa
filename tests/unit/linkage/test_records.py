"""Malformed input never reaches the matcher: every fault is refused with a message that names it and no bit of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from linkage.records import EncodedRecords
from protocols.errors import InputError
from protocols.vocabulary import Kind


def _clks(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(1, 255, size=(count, 16), dtype=np.uint8)


def _owners(*rows: int) -> NDArray[np.int32]:
    return np.array(rows, dtype=np.int32)


@dataclass(frozen=True)
class Parts:
    """Three good records, the last of them unborn and without an encoding."""

    record_refs: tuple[str, ...] = ("a", "b", "u")
    clks: NDArray[np.generic] = field(default_factory=lambda: _clks(3))
    owner: NDArray[np.generic] = field(default_factory=lambda: _owners(0, 1, 0))
    groups: tuple[tuple[str, ...], ...] = (("g",), (), ("g",))
    kind: tuple[str, ...] = (Kind.ADULT, Kind.CHILD, Kind.UNBORN)

    def build(self) -> EncodedRecords:
        return EncodedRecords("school", self.record_refs, self.clks, self.owner, self.groups, self.kind)  # type: ignore[arg-type]


def _same_byte(value: int) -> NDArray[np.uint8]:
    clks = _clks(3)
    clks[1] = value
    return clks


def test_good_records_are_taken() -> None:
    """A record may have two encodings, and an unborn child none."""
    made = Parts().build()
    assert len(made) == 3
    assert made.bits == 128


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"clks": np.array([b"x" * 16, b"y" * 8, b"z" * 16], dtype=object)}, "all of one length"),
        ({"clks": _clks(3).astype(np.int64)}, "one table of bytes"),
        ({"clks": _clks(3).ravel()}, "one table of bytes"),
        ({"clks": np.empty((3, 0), dtype=np.uint8)}, "record `a` has an encoding of only zeros or only ones"),
        ({"clks": _same_byte(0)}, "record `b` has an encoding of only zeros or only ones"),
        ({"clks": _same_byte(255)}, "record `b` has an encoding of only zeros or only ones"),
        ({"owner": _owners(0, 1)}, "3 encodings came with 2 owners"),
        ({"owner": np.array([0.0, 1.0, 0.0])}, "owners; expected one each"),
        ({"owner": _owners(0, 1, 3)}, "belongs to a record that is not there; expected rows 0 to 2"),
        ({"owner": _owners(0, 1, -1)}, "belongs to a record that is not there"),
        ({"record_refs": ("a", "a", "u")}, "record `a` appears more than once"),
        ({"groups": ((), ())}, "3 records came with 2 lists of groups"),
        ({"kind": (Kind.ADULT, Kind.CHILD)}, "2 kinds"),
        ({"kind": (Kind.ADULT, "PET", Kind.UNBORN)}, "kind `PET` is not one of ADULT, CHILD, UNBORN, UNKNOWN"),
        ({"kind": (Kind.ADULT, Kind.UNBORN, Kind.UNBORN)}, "record `b` is UNBORN and has an encoding"),
        ({"kind": (Kind.ADULT, Kind.CHILD, Kind.CHILD)}, "record `u` has no encoding, and is not UNBORN"),
    ],
)
def test_each_fault_is_refused_by_name(fault: dict[str, object], says: str) -> None:
    """The message names the agency and what is wrong."""
    with pytest.raises(InputError) as refused:
        replace(Parts(), **fault).build()  # type: ignore[arg-type]
    assert says in str(refused.value)
    assert "agency `school`" in str(refused.value)


def test_no_records_at_all_are_records() -> None:
    """An agency that knows nobody takes part with nothing."""
    made = EncodedRecords("school", (), np.empty((0, 16), dtype=np.uint8), _owners(), (), ())
    assert len(made) == 0
    assert made.bits == 128
