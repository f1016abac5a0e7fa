"""What a profile is made from, and what comes out of it before it crosses the wire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, NamedTuple, Protocol, TypeVar

from protocols.decision import Decision, Facts, Granted, Ground, Request
from protocols.decision_index import Reason
from protocols.family import ConsentRecord
from protocols.profile_answer import Freshness
from protocols.profile_sheet import Line, Sheet
from protocols.vocabulary import Grade, Mode, Purpose, RoleFunction, State


class Cell(Protocol):
    """A sealed value: opaque here but for its attribute and its as-at date."""

    @property
    def attribute(self) -> str:
        """The attribute's id in the catalogue."""

    @property
    def as_at(self) -> date:
        """The day as of which the value is said."""


CellT = TypeVar("CellT", bound=Cell)


class RecordAtAgency(NamedTuple, Generic[CellT]):
    """A record that is linked to a member: the link's grade, what stops it, and its cells.

    `held` is a hold by the agency, or a link restricted while it is contested. `consents` are those that the
    agency itself recorded about this record: they count for this record only, because what comes over a link
    must not show where there is none.
    """

    grade: Grade
    cells: tuple[CellT, ...] = ()
    consents: tuple[ConsentRecord, ...] = ()
    held: bool = False
    silent: bool = False
    shielded: bool = False
    deceased: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """The worker who asks. `for_refs`: the members whom the worker works with, where children's social care
    names any.
    """

    role_function: RoleFunction
    purpose: Purpose
    allocated: bool
    for_refs: frozenset[str] = frozenset()
    break_glass: bool = False


@dataclass(frozen=True, slots=True)
class AgencyStatus:
    """An agency's last accepted submission (its extract date, None if there is none) and whether it can be
    read now.

    `stopped`: its data protection officer has stopped its releases.
    """

    submitted: date | None
    available: bool = True
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class FeedsFresh:
    """Whether what decisions depend on is young enough. If not, nothing is released."""

    protocol: bool = True
    stage: bool = True
    role: bool = True


class DecisionMade(NamedTuple):
    """One decision with everything that it depended on: what is stored so that it can be replayed."""

    mode: Mode
    attribute: str | None
    facts: Facts
    decision: Decision


class Standing(NamedTuple):
    """What was so about a person and a record, or that there is none, and what stands against it for that.

    `anywhere` stands against what tells nothing of a protected place, `in_its_place` against what does: all of the first, and the
    protection if there is one.
    """

    facts: Facts
    anywhere: tuple[Reason, ...]
    in_its_place: tuple[Reason, ...]

    def against(self, ground: Ground) -> tuple[Reason, ...]:
        """What stands against the record on a ground."""
        return self.in_its_place if ground.located else self.anywhere


class Judged(NamedTuple):
    """A record, or that there is none, with all that is decided about it.

    `consented` are the decisions about the attributes where consents are recorded, one for each; without any, all stand on the
    sheet's grounds.
    """

    sheet: Sheet
    standing: Standing
    consented: tuple[DecisionMade, ...] = ()

    def known(self) -> bool:
        """Whether it may be told that the person is known there."""
        exists = self.sheet.exists
        return exists.granted is not None and not self.standing.against(exists)

    def grants(self) -> Sequence[tuple[Line, Granted]]:
        """The attributes that may be told."""
        if self.consented:
            made = zip(self.sheet.lines, self.consented, strict=True)
            return [(line, one.decision) for line, one in made if isinstance(one.decision, Granted)]
        if self.standing.anywhere:
            return ()
        return self.sheet.unlocated if self.standing.in_its_place else self.sheet.plain

    def decisions(self) -> Iterator[DecisionMade]:
        """Every decision: whether the person is known there, then the attributes."""
        facts, exists = self.standing.facts, self.sheet.exists
        yield DecisionMade(Mode.EXISTENCE, None, facts, exists.decision(self.standing.against(exists)))
        yield from self.consented
        for line in () if self.consented else self.sheet.lines:
            decision = line.ground.decision(self.standing.against(line.ground))
            yield DecisionMade(line.attribute.mode, line.attribute.id, facts, decision)


class ReleasedCell(NamedTuple, Generic[CellT]):
    """A cell that the worker may be told, and why."""

    cell: CellT
    granted: Granted
    freshness: Freshness


class MemberAtAgency(NamedTuple, Generic[CellT]):
    """What one worker may be told about one member at one agency; what is decided is for the audit log only.

    `asked` is what all decisions share: who asked, what for and when.
    """

    member_ref: str
    agency: str
    state: State
    known: bool
    released: tuple[ReleasedCell[CellT], ...]
    consent_needed: bool
    refused: tuple[str, ...]
    asked: Request
    judged: tuple[Judged, ...]

    @property
    def decisions(self) -> tuple[DecisionMade, ...]:
        """Every decision that was made."""
        return tuple(made for each in self.judged for made in each.decisions())
