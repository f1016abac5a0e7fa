"""The knock-out table: if exactly these parts of two records agree, is the link certain, probable or none?

It is the page by which a data protection officer judges the match rules, so nothing in it is stated: pairs are encoded and
hardened under the protocol itself (by a callable, since nothing here may see a name), and graded by the matcher's own
code, each alone, and again with another member of the family found in the same group of the agency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from linkage.bits import distances_of, pack
from linkage.calibrate import Calibration
from linkage.candidates import Candidates
from linkage.checks import Checks, count_levels, levels_of
from linkage.family import confirm
from linkage.grade import NOTHING, Pairing, grade
from linkage.sets import Sets, together
from protocols.matching import MatchRules
from protocols.vocabulary import Kind

Part = Literal["given name", "family name", "date of birth", "place"]
How = Literal[
    "agrees",
    "differs",
    "missing",
    "one letter",
    "one digit",
    "day and month swapped",
    "another generation",
    "another year",
]
PARTS: tuple[Part, ...] = ("given name", "family name", "date of birth", "place")


@dataclass(frozen=True)
class Case:
    """One line of the table: what each part of a pair does, whether it may ever be certain on its own, and beside the family.

    The middle name goes with the given name. Sex always agrees: it is weak, and this is the worst case.
    """

    name: str
    how: tuple[tuple[Part, How], ...]
    never_certain: bool = False
    shared: bool = False  # relatives share what agrees, so the family beside it is no further evidence

    def of(self, part: Part) -> How:
        """What this part does."""
        return dict(self.how)[part]


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs of one case: (n, bytes) encodings on both sides, each side's kind, and its (n, comparators) checks."""

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    left_kind: tuple[str, ...]
    right_kind: tuple[str, ...]
    left_checks: Checks
    right_checks: Checks


@dataclass(frozen=True)
class Shares:
    """Shares of the pairs of a case by the grade they are given."""

    certain: float
    probable: float
    none: float


@dataclass(frozen=True)
class Line:
    """A case and the grades of its pairs, alone and with another member of the family in the same group."""

    case: Case
    pairs: int
    alone: Shares
    with_family: Shares


def _case(name: str, never: bool = False, shared: bool = False, **how: How) -> Case:
    parts = {part: how.get(part.replace(" ", "_"), "agrees") for part in PARTS}
    return Case(name, tuple(parts.items()), never, shared)


def _subsets() -> list[Case]:
    """Every subset of the parts that agree; the other parts are another person's."""
    found = []
    for number in range(2 ** len(PARTS) - 1, -1, -1):
        agreeing = [part for place, part in enumerate(PARTS) if number >> (len(PARTS) - 1 - place) & 1]
        named = {"given name", "family name"} <= set(agreeing)
        rest = [part for part in agreeing if part not in ("given name", "family name") or not named]
        words = (["name"] if named else []) + rest
        text = " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])) or "nothing"
        shape: dict[Part, How] = {part: "agrees" if part in agreeing else "differs" for part in PARTS}
        without_date = "date of birth" not in agreeing
        alone = len(agreeing) == 1
        found.append(Case(f"only {text}" if number < 15 else "all", tuple(shape.items()), without_date or alone))
    return found


CASES: tuple[Case, ...] = (
    *_subsets(),
    _case("one letter of the given name wrong", given_name="one letter"),
    _case("one letter of the family name wrong", family_name="one letter"),
    _case("day and month swapped", date_of_birth="day and month swapped"),
    _case("one digit of the date wrong", date_of_birth="one digit"),
    _case("another family name (marriage)", family_name="differs"),
    _case("moved", place="differs"),
    _case("moved, one letter of the given name wrong", place="differs", given_name="one letter"),
    _case("moved, one digit of the date wrong", place="differs", date_of_birth="one digit"),
    _case("moved, another family name", place="differs", family_name="differs"),
    _case("given name missing", given_name="missing"),
    _case("family name missing", family_name="missing"),
    _case("place missing", place="missing"),
    _case("date missing: name and place agree", True, date_of_birth="missing"),
    _case("date missing, moved: only the name agrees", True, date_of_birth="missing", place="differs"),
    _case("twins: all but the given name", True, True, given_name="differs"),
    _case("father and son of one name and place", True, True, date_of_birth="another generation"),
    _case("father and son of one name, place and birthday", True, True, date_of_birth="another year"),
)


def knock_out(
    encode: Callable[[Case], EncodedPairs],
    calibration: Calibration,
    agency: str,
    rules: MatchRules,
    cases: Sequence[Case] = CASES,
) -> tuple[Line, ...]:
    """Grade the pairs of every case under a calibration learnt at `agency` of a reference population."""
    lines = []
    for case in cases:
        pairs = encode(case)
        lines.append(
            Line(
                case,
                len(pairs.left_kind),
                _graded(pairs, calibration, agency, rules, with_family=False),
                _graded(pairs, calibration, agency, rules, with_family=True),
            )
        )
    return tuple(lines)


def failures(lines: Sequence[Line]) -> tuple[str, ...]:
    """Names of the cases that are certain and may never be, on their own or even beside the family.

    With any, a protocol cannot go live.
    """
    return tuple(
        line.case.name
        for line in lines
        if (line.case.never_certain and line.alone.certain > 0.0)
        or (line.case.shared and line.with_family.certain > 0.0)
    )


def _graded(
    pairs: EncodedPairs, calibration: Calibration, agency: str, rules: MatchRules, *, with_family: bool
) -> Shares:
    """Each pair in a family and group of its own; with the family, beside a pair of equal encodings in both."""
    count = len(pairs.left_kind)
    rows = np.arange(count, dtype=np.int64)
    distance = distances_of(pack(pairs.left), pack(pairs.right), rows, rows)
    kinds = list(pairs.left_kind), list(pairs.right_kind)
    level = levels_of(pairs.left_checks, pairs.right_checks)
    if with_family:
        distance = np.concatenate([distance, np.zeros(count, dtype=np.int32)])
        level = np.concatenate([level, np.full(count, count_levels(pairs.left_checks.shape[1]) - 1, dtype=np.int8)])
        kinds[0].extend([Kind.ADULT] * count)
        kinds[1].extend([Kind.ADULT] * count)
    sets = Sets.of([np.array([k, count + k] if with_family else [k], dtype=np.int32) for k in range(count)])
    everybody = np.arange(distance.size, dtype=np.int32)
    candidates = Candidates(everybody, everybody, distance, level)
    bins = calibration.scale.bins(distance)
    met = together(everybody, everybody, sets, sets)
    confirmed = confirm(
        everybody,
        everybody,
        calibration.log_odds[agency][level, bins],
        calibration.family_log_ratio[agency][level, bins],
        met,
        distance.size,
        rules.context,
    )
    likeness = np.clip(1.0 - 2.0 * distance / calibration.scale.bits, 0.0, 1.0)
    pairing = Pairing(
        candidates,
        confirmed.probability,
        confirmed.unaided,
        likeness,
        np.zeros(distance.size, dtype=bool),
        np.array(kinds[0]),
        np.array(kinds[1]),
        met,
        np.full(distance.size, NOTHING, dtype=np.int8),
        pairs.left_checks.shape[1] > 0,
    )
    unlimited = rules.model_copy(update={"review": rules.review.model_copy(update={"most_share": 10.0})})
    found = {item.person: item.grade for item in grade(pairing, unlimited) if item.person < count}
    certain = sum(value == "certain" for value in found.values())
    return Shares(certain / count, (len(found) - certain) / count, (count - len(found)) / count)
