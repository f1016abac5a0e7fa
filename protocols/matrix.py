"""Who may be told what from which stage on: worked out by asking the decision itself, not by reading the
rules.

Every function, stage, relationship, level of contact and attribute is asked about; nothing else stands in the
way (a certain link, a worker on the case, nothing held, silent or shielded). So what the page shows is what
is enforced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from protocols.consent import ConsentState
from protocols.decision import ChildTie, Facts, Granted, Request, decide
from protocols.decision_index import CompiledProtocol, SlotKey
from protocols.vocabulary import Contact, Grade, Kind, Mode, Purpose, Relationship, RoleFunction, Stage

OPEN_STAGES = tuple(stage for stage in Stage if stage is not Stage.CLOSED)


@dataclass(frozen=True, slots=True, order=True)
class Person:
    """A kind of person and what ties them to the child."""

    kind: Kind
    relationship: Relationship | None = None
    contact: Contact | None = None
    expecting: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What it takes besides function, stage and person."""

    own_client: bool
    consent: bool

    def __str__(self) -> str:
        words = [word for word, needed in (("own client", self.own_client), ("consent", self.consent)) if needed]
        return " + ".join(words)


PEOPLE = (
    Person(Kind.CHILD),
    Person(Kind.UNBORN),
    *(Person(Kind.ADULT, r, c) for r, c in product(Relationship, Contact)),
    Person(Kind.ADULT, Relationship.PARENT, Contact.LIVES_WITH, expecting=True),
)
_CONDITIONS = (
    Condition(own_client=False, consent=False),
    Condition(own_client=True, consent=False),
    Condition(own_client=False, consent=True),
    Condition(own_client=True, consent=True),
)
Matrix = Mapping[tuple[SlotKey, RoleFunction, Stage, Person], Condition]


def full_matrix(protocol: CompiledProtocol, at: datetime, purpose: Purpose = Purpose.SAFEGUARDING) -> Matrix:
    """Every cell that is granted at that time, with the least that it takes."""
    found = {}
    for key, function, stage, person in product(protocol.slots, RoleFunction, Stage, PEOPLE):
        condition = _least(protocol, key, function, stage, person, at, purpose)
        if condition is not None:
            found[key, function, stage, person] = condition
    return found


def _least(
    protocol: CompiledProtocol,
    key: SlotKey,
    function: RoleFunction,
    stage: Stage,
    person: Person,
    at: datetime,
    purpose: Purpose,
) -> Condition | None:
    agency, attribute, mode = key
    known = protocol.attributes.get(attribute) if attribute else None
    if known is not None and person.kind not in known.about.kinds:
        return None
    tie = ChildTie(stage, person.relationship, person.contact, person.expecting)

    def granted(condition: Condition) -> bool:
        request = Request(
            role_function=function,
            purpose=purpose,
            allocated=True,
            own_client=condition.own_client,
            agency=agency,
            mode=mode,
            attribute=attribute,
            at=at,
        )
        facts = Facts(
            kind=person.kind,
            children=(tie,),
            grade=Grade.PROBABLE if mode is Mode.REVIEW else Grade.CERTAIN,
            consent=ConsentState.GIVEN if condition.consent else ConsentState.NOT_ASKED,
        )
        return isinstance(decide(request, facts, protocol), Granted)

    # An own client's consent never closes what is open without: if this is refused, so is everything less.
    if not granted(_CONDITIONS[-1]):
        return None
    return next(condition for condition in _CONDITIONS if granted(condition))


def cell_words(matrix: Matrix, key: SlotKey, function: RoleFunction) -> str:
    """One cell for people: from which stage on, and under which condition: `CIN consent; S47`, `CP own
    client`, `-`.
    """
    by_stage = {stage: _at(matrix, key, function, stage) for stage in OPEN_STAGES}
    words, last = [], None
    for stage, condition in by_stage.items():
        if condition != last:
            words.append(f"{stage} {condition}".strip() if condition is not None else f"not {stage}")
        last = condition
    if words and by_stage[OPEN_STAGES[0]] is None:
        words = words[1:] if words[0].startswith("not ") else words
    return "; ".join(words) or "-"


def _at(matrix: Matrix, key: SlotKey, function: RoleFunction, stage: Stage) -> Condition | None:
    found = [c for person in PEOPLE if (c := matrix.get((key, function, stage, person))) is not None]
    return min(found, key=_CONDITIONS.index) if found else None


def people_of(matrix: Matrix, key: SlotKey) -> Iterator[Person]:
    """The people about whom anything in this slot is told to anybody."""
    told = {person for slot, _, _, person in matrix if slot == key}
    return (person for person in PEOPLE if person in told)
