"""Small synthetic counties of random bits: people are random encodings, relatives share bits, copies differ in a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from linkage.records import EncodedRecords, Family, Member
from protocols.vocabulary import Kind, Role

BITS = 1024
FAMILIES = 120
STRANGERS = 200
ROLES = (Role.MOTHER, Role.FATHER, Role.CHILD, Role.CHILD)
KINDS = (Kind.ADULT, Kind.ADULT, Kind.CHILD, Kind.CHILD)

Records = Callable[..., EncodedRecords]


def copies(rng: np.random.Generator, people: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """The same people with a share of their bits flipped."""
    return people ^ (rng.random(people.shape) < share)


def encoded(
    agency: str,
    refs: Sequence[str],
    people: NDArray[np.bool_],
    groups: Sequence[tuple[str, ...]],
    kinds: Sequence[str],
    owner: Sequence[int] | None = None,
) -> EncodedRecords:
    """Bits as one agency's records; without `owner`, one encoding for each record."""
    rows = range(len(refs)) if owner is None else owner
    clks = np.packbits(people, axis=1) if people.shape[0] else np.empty((0, BITS // 8), dtype=np.uint8)
    return EncodedRecords(agency, tuple(refs), clks, np.array(rows, dtype=np.int32), tuple(groups), tuple(kinds))


@dataclass(frozen=True)
class County:
    """A declaring agency with its families, one other agency, and who is who: record_ref at the agency → member ids."""

    anchor: EncodedRecords
    families: tuple[Family, ...]
    agency: EncodedRecords
    truth: dict[str, str]
    people: NDArray[np.bool_]


def person_of(family: int, place: int) -> int:
    """The number of a family's person."""
    return 4 * family + place


@pytest.fixture(scope="session")
def county() -> County:
    """120 families of four at the council; a school knows two of three families, one child twice, and 200 strangers.

    Family members share more bits than strangers do (distance about 430 of 1,024 bits, strangers 512); a copy of a person
    is about 120 away.
    """
    rng = np.random.default_rng(20_260_101)
    shared = np.repeat(rng.random((FAMILIES, BITS)) < 0.5, 4, axis=0)
    people = copies(rng, shared, 0.3)
    refs = [f"c{i:03}" for i in range(len(people))]
    anchor = encoded("council", refs, people, [(f"h{i // 4}",) for i in range(len(people))], KINDS * FAMILIES)
    families = tuple(
        Family(f"f{f}", tuple(Member(f"m{f}-{p}", refs[person_of(f, p)], KINDS[p], ROLES[p]) for p in range(4)))
        for f in range(FAMILIES)
    )
    known = [person_of(f, p) for f in range(FAMILIES) if f % 3 for p in range(4)]
    known += [person_of(f, 2) for f in range(1, 30, 3)]  # ten children have a second record, in no group
    bits = np.vstack([copies(rng, people[known], 0.12), rng.random((STRANGERS, BITS)) < 0.5])
    count = len(known)
    first = FAMILIES * 2 // 3 * 4
    groups: list[tuple[str, ...]] = [(f"g{k // 4}",) if k < first else () for k in range(count)]
    groups += [(f"s{k // 2}",) for k in range(STRANGERS)]
    kinds = [KINDS[k % 4] for k in known] + [Kind.ADULT] * STRANGERS
    agency = encoded("school", [f"r{k:03}" for k in range(len(bits))], bits, groups, kinds)
    truth = {f"r{k:03}": f"m{person // 4}-{person % 4}" for k, person in enumerate(known)}
    return County(anchor, families, agency, truth, people)


@pytest.fixture(scope="session")
def records() -> Records:
    """Build one agency's records of bits."""
    return encoded


@pytest.fixture(scope="session")
def noisy() -> Callable[[NDArray[np.bool_], float, int], NDArray[np.bool_]]:
    """Copies of people: bits, share of flipped bits, seed."""
    return lambda people, share, seed: copies(np.random.default_rng(seed), people, share)


def without(found: EncodedRecords, ref: str) -> EncodedRecords:
    """The records less one."""
    gone = found.record_refs.index(ref)
    keep = found.owner != gone
    owner = found.owner[keep]
    drop = [row for row in range(len(found)) if row != gone]
    return replace(
        found,
        record_refs=tuple(found.record_refs[row] for row in drop),
        clks=found.clks[keep],
        owner=(owner - (owner > gone)).astype(np.int32),
        groups=tuple(found.groups[row] for row in drop),
        kind=tuple(found.kind[row] for row in drop),
    )


@pytest.fixture(scope="session")
def less() -> Callable[[EncodedRecords, str], EncodedRecords]:
    """The records less one."""
    return without


def and_unborn(found: EncodedRecords, ref: str, group: str) -> EncodedRecords:
    """The records and one unborn child's, in a group."""
    return replace(
        found,
        record_refs=(*found.record_refs, ref),
        groups=(*found.groups, (group,)),
        kind=(*found.kind, Kind.UNBORN),
    )


@pytest.fixture(scope="session")
def with_unborn() -> Callable[[EncodedRecords, str, str], EncodedRecords]:
    """The records and one unborn child's, in a group: records, record_ref, group."""
    return and_unborn
