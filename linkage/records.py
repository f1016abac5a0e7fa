"""What the matcher works on: encoded records, declared families, markers, and the links of the last run.

Nothing here identifies a person: references are the agencies' own pseudonyms, groups are keyed. Everything is checked when
it is built, so the matcher itself never meets a malformed value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InputError
from protocols.vocabulary import Kind

MarkerKind = Literal["must", "never"]
GradeName = Literal["certain", "probable"]

_KINDS = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, eq=False)
class EncodedRecords:
    """One agency's records.

    `clks` is (m, bytes), one row for each encoding; `owner[k]` is the row of `record_refs` that encoding k belongs to.
    `checks` is (m, comparators), the numbers of the keyed comparators beside each encoding (-1: nothing to compare).
    A record may have several encodings (aliases, former addresses) or, when its kind is UNBORN, none. `groups` holds
    each record's keyed group references (a household, a case), `kind` what the person is. `terms` says under what the
    encodings were made (epoch, protocol, schema): agencies are linked only if they say the same.
    """

    agency: str
    record_refs: tuple[str, ...]
    clks: NDArray[np.uint8]
    owner: NDArray[np.int32]
    groups: tuple[tuple[str, ...], ...]
    kind: tuple[str, ...]
    terms: str = ""
    checks: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        who = f"agency `{self.agency}`"
        count = len(self.record_refs)
        if len(self.groups) != count or len(self.kind) != count:
            raise InputError(
                f"{who}: {count} records came with {len(self.groups)} lists of groups and {len(self.kind)} kinds; "
                "expected one of each for every record."
            )
        repeated = [ref for ref, times in Counter(self.record_refs).items() if times > 1]
        if repeated:
            raise InputError(f"{who}: record `{repeated[0]}` appears more than once.")
        unknown = sorted(set(self.kind) - _KINDS)
        if unknown:
            raise InputError(f"{who}: kind `{unknown[0]}` is not one of {', '.join(sorted(_KINDS))}.")
        self._check_encodings(who, count)

    def _check_encodings(self, who: str, count: int) -> None:
        if self.clks.ndim != 2 or self.clks.dtype != np.uint8:
            raise InputError(
                f"{who}: encodings must be one table of bytes, all of one length; got {self.clks.ndim} dimension(s) of "
                f"{self.clks.dtype}."
            )
        if self.owner.shape != (self.clks.shape[0],) or not np.issubdtype(self.owner.dtype, np.integer):
            raise InputError(
                f"{who}: {self.clks.shape[0]} encodings came with {self.owner.size} owners; expected one each."
            )
        if self.owner.size and (self.owner.min() < 0 or self.owner.max() >= count):
            raise InputError(
                f"{who}: an encoding belongs to a record that is not there; expected rows 0 to {count - 1}."
            )
        with_clk = np.zeros(count, dtype=bool)
        with_clk[self.owner] = True
        for row in np.flatnonzero(~with_clk):
            if self.kind[row] != Kind.UNBORN:
                raise InputError(f"{who}: record `{self.record_refs[row]}` has no encoding, and is not UNBORN.")
        for row in np.flatnonzero(with_clk):
            if self.kind[row] == Kind.UNBORN:
                raise InputError(
                    f"{who}: record `{self.record_refs[row]}` is UNBORN and has an encoding; expected none."
                )
        if self.checks is not None and (
            self.checks.ndim != 2
            or len(self.checks) != len(self.clks)
            or not np.issubdtype(self.checks.dtype, np.integer)
        ):
            raise InputError(
                f"{who}: {self.clks.shape[0]} encodings came with comparators of shape {self.checks.shape}; expected a "
                "row of whole numbers for each."
            )
        if self.clks.shape[0]:
            same = self.clks.shape[1] == 0 or (self.clks.max(axis=1) == self.clks.min(axis=1))
            flat = np.flatnonzero(same & np.isin(self.clks[:, 0], (0, 255))) if np.ndim(same) else np.arange(1)
            if flat.size:
                ref = self.record_refs[int(self.owner[flat[0]])]
                raise InputError(
                    f"{who}: record `{ref}` has an encoding of only zeros or only ones, which encodes nobody.",
                    next_step="Encode the extract again.",
                )

    @property
    def bits(self) -> int:
        """Length of one encoding."""
        return 8 * int(self.clks.shape[1])

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """The row of each record."""
        return {ref: row for row, ref in enumerate(self.record_refs)}

    @property
    def checked(self) -> NDArray[np.int32]:
        """The checks of each encoding, (m, comparators); no column where the sharing protocol names no comparator."""
        if self.checks is None:
            return np.empty((self.clks.shape[0], 0), dtype=np.int32)
        return np.ascontiguousarray(self.checks, dtype=np.int32)

    def __len__(self) -> int:
        return len(self.record_refs)


@dataclass(frozen=True)
class Member:
    """A person in a declared family; `record_ref` is the person's record at the declaring agency, if there is one.

    Two members with one `record_ref`, or without a record but with one `person`, are the same person in two families.
    `mother` is the `record_ref` of the mother whom an unborn child's declaration names.
    """

    member_id: str
    record_ref: str | None
    kind: str
    role: str
    person: str | None = None
    mother: str | None = None


@dataclass(frozen=True)
class Family:
    """A family as children's social care declared it."""

    family_ref: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Marker:
    """A human's decision about one member and one record; it outlives every run."""

    member_id: str
    agency: str
    record_ref: str
    kind: MarkerKind


@dataclass(frozen=True)
class PreviousLink:
    """A link of the last run; `unborn` if it hung on the mother."""

    member_id: str
    agency: str
    record_ref: str
    grade: GradeName
    link_id: str
    unborn: bool = False
