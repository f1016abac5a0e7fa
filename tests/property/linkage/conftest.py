"""A small county full of doubt, and the run over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from linkage.grade import Rule
from linkage.matcher import link
from linkage.memory import Memory
from linkage.records import EncodedRecords, Family, Marker, Member, PreviousLink
from linkage.result import LinkResult
from protocols.matching import GuardRules, MatchRules, ReviewRules
from protocols.vocabulary import Kind, Role

BITS = 256
FAMILIES = 24
ROLES = (Role.MOTHER, Role.FATHER, Role.CHILD, Role.CHILD)
KINDS = (Kind.ADULT, Kind.ADULT, Kind.CHILD, Kind.CHILD)
RULES = MatchRules(
    certain=0.9,
    stay_certain=0.6,
    probable=0.2,
    stay_probable=0.02,
    review=ReviewRules(most_per_member=1, most_share=0.3),
    guards=GuardRules(closeness=0.5),
)


@dataclass(frozen=True)
class World:
    """Everything that a run is given."""

    anchor: EncodedRecords
    families: tuple[Family, ...]
    agencies: tuple[EncodedRecords, ...]
    markers: tuple[Marker, ...]
    previous: tuple[PreviousLink, ...]

    def with_links(self, result: LinkResult) -> World:
        """The same with the links of a run as those of the last one."""
        return replace(
            self,
            previous=tuple(
                PreviousLink(
                    item.member_id,
                    item.agency,
                    item.record_ref,
                    item.grade,
                    item.link_id,
                    unborn=item.rule == Rule.UNBORN,
                )
                for item in result.links
            ),
        )

    def linked(self, memory: Memory | None = None) -> LinkResult:
        """The run."""
        return link(
            self.anchor,
            self.families,
            self.agencies,
            RULES,
            markers=self.markers,
            previous=self.previous,
            memory=memory,
            remember=True,
            threads=1,
        )


def _records(
    agency: str, rng: np.random.Generator, people: NDArray[np.bool_], known: list[int], groups: list[str]
) -> EncodedRecords:
    """A record for each person known, some with a second encoding, and an unborn record in every fifth group."""
    count = len(known)
    twice = np.flatnonzero(rng.random(count) < 0.2)
    owner = np.concatenate([np.arange(count), twice]).astype(np.int32)
    bits = people[np.array(known)[owner]]
    bits = bits ^ (rng.random(bits.shape) < rng.choice([0.0, 0.1, 0.2, 0.25, 0.27, 0.3], size=(len(owner), 1)))
    unborn = sorted(set(groups))[::5]
    return EncodedRecords(
        agency,
        (*(f"{agency}-{row}" for row in range(count)), *(f"{agency}-u-{group}" for group in unborn)),
        np.packbits(bits, axis=1),
        owner,
        (*((group,) for group in groups), *((group,) for group in unborn)),
        (*(str(KINDS[row % 4]) for row in known), *(Kind.UNBORN for _ in unborn)),
    )


def county_of(seed: int) -> World:
    """A small county full of doubt: noisy copies, twins of one encoding, an unborn child in many families, a person in two."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.random((FAMILIES, BITS)) < 0.5, 4, axis=0)
    people = shared ^ (rng.random(shared.shape) < 0.3)
    people[3::8] = people[2::8]
    refs = [f"c{row}" for row in range(len(people))]
    anchor = EncodedRecords(
        "council",
        tuple(refs),
        np.packbits(people, axis=1),
        np.arange(len(people), dtype=np.int32),
        tuple((f"h{row // 4}",) for row in range(len(people))),
        tuple(str(KINDS[row % 4]) for row in range(len(people))),
    )
    families = []
    for number in range(FAMILIES):
        own = [Member(f"m{number}-{p}", refs[4 * number + p], KINDS[p], ROLES[p]) for p in range(4)]
        if number % 2:
            own.append(Member(f"m{number}-u", None, Kind.UNBORN, Role.UNBORN, person=f"unborn{number // 4}"))
        if number % 6 == 0:
            father = families[-1].members[1] if families else own[1]
            own.append(Member(f"m{number}-second", father.record_ref, father.kind, Role.PARTNER))
        families.append(Family(f"f{number}", tuple(own)))
    agencies = []
    for agency in ("school", "health"):
        known = [row for row in range(len(people)) if rng.random() < 0.7]
        groups = [f"g{row // 4 if rng.random() < 0.8 else row // 8}" for row in known]
        agencies.append(_records(agency, rng, people, known, groups))
    ids = [member.member_id for family in families for member in family.members]
    pairs = [
        (ids[int(rng.integers(len(ids)))], agency.agency, agency.record_refs[int(rng.integers(len(agency)))])
        for agency in agencies
        for _ in range(30)
    ]
    of_record = {(agency, ref): member for member, agency, ref in pairs}
    markers = [
        Marker(member, agency, ref, "must" if number % 4 == 0 else "never")
        for number, ((agency, ref), member) in enumerate(list(of_record.items())[:8])
    ]
    previous = [
        PreviousLink(*pair, "certain" if rng.random() < 0.5 else "probable", f"lnk-{number}", bool(number % 3 == 0))
        for number, pair in enumerate(sorted(set(pairs)))
    ]
    return World(anchor, tuple(families), tuple(agencies), tuple(markers), tuple(previous))


@pytest.fixture(scope="session")
def made() -> Callable[[int], World]:
    """Make a county from a seed."""
    return county_of
