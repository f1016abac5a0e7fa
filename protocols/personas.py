"""Golden personas: made-up people of whom everybody agrees what may be told. A draft that treats one
differently cannot be scheduled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from protocols.consent import ConsentState
from protocols.decision import ChildTie, Facts, Granted, Request, decide
from protocols.decision_index import CompiledProtocol
from protocols.document_parts import Id, Line, Part
from protocols.errors import InputError
from protocols.load import read_yaml
from protocols.vocabulary import Contact, Grade, Kind, Mode, Purpose, Relationship, RoleFunction, Stage


class Tie(Part):
    """A child of the persona's family."""

    stage: Stage
    relationship: Relationship | None = None
    contact: Contact | None = None
    expecting: bool = False


class Asking(Part):
    """One worker's view: everything in `may` is told, everything in `may_not` is not.

    Entries are attributes, `agency EXISTENCE` or `agency REVIEW`; `agency *` in `may_not` stands for all of
    an agency.
    """

    by: RoleFunction
    own_client: bool = False
    purpose: Purpose = Purpose.SAFEGUARDING
    break_glass: bool = False
    may: tuple[Line, ...] = ()
    may_not: tuple[Line, ...] = ()


class Persona(Part):
    """A made-up person, what is so about them on a day, and who may be told what."""

    id: Id
    story: Line
    on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    kind: Kind
    children: tuple[Tie, ...]
    grade: Grade = Grade.CERTAIN
    flags: tuple[Literal["held", "silent", "shielded", "deceased", "stopped"], ...] = ()
    consents: dict[str, ConsentState] = Field(default_factory=dict)
    asked: Annotated[tuple[Asking, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class PersonaFailure:
    """A persona that a protocol treats otherwise than agreed."""

    persona: str
    by: RoleFunction
    what: str
    expected: Literal["told", "not told"]

    def __str__(self) -> str:
        return f"`{self.persona}`: `{self.what}` to `{self.by}`: expected {self.expected}"


def load_personas(path: Path) -> tuple[Persona, ...]:
    """Read personas. Raises `InputError` that names the field, `ProtocolError` for what is not YAML."""
    try:
        return TypeAdapter(tuple[Persona, ...]).validate_json(read_yaml(path), strict=True)
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"])
        raise InputError(
            f"`{path.name}`: `{where}`: {error.errors()[0]['msg']}.", next_step="Correct the personas."
        ) from None


def check_personas(personas: tuple[Persona, ...], protocol: CompiledProtocol) -> tuple[PersonaFailure, ...]:
    """Every persona that the protocol treats otherwise than agreed."""
    return tuple(failure for persona in personas for failure in _check(persona, protocol))


def _check(persona: Persona, protocol: CompiledProtocol) -> Iterator[PersonaFailure]:
    for asking in persona.asked:
        for what in asking.may:
            if not _told(persona, asking, what, protocol):
                yield PersonaFailure(persona.id, asking.by, what, "told")
        for what in asking.may_not:
            for each in _each(what, protocol):
                if _told(persona, asking, each, protocol):
                    yield PersonaFailure(persona.id, asking.by, each, "not told")


def _each(what: str, protocol: CompiledProtocol) -> Iterator[str]:
    agency, _, rest = what.partition(" ")
    if rest != "*":
        yield what
        return
    yield f"{agency} EXISTENCE"
    yield from (attribute.id for attribute in protocol.by_agency.get(agency, ()))


def _told(persona: Persona, asking: Asking, what: str, protocol: CompiledProtocol) -> bool:
    first, _, mode = what.partition(" ")
    known = protocol.attributes.get(first) if not mode else None
    request = Request(
        role_function=asking.by,
        purpose=asking.purpose,
        allocated=True,
        own_client=asking.own_client,
        agency=known.agency if known else first if mode else first.partition(".")[0],
        mode=known.mode if known else Mode(mode) if mode else Mode.CONTENT,
        attribute=None if mode else first,
        at=datetime.fromisoformat(persona.on).replace(hour=12, tzinfo=UTC),
    )
    facts = Facts(
        kind=persona.kind,
        children=tuple(ChildTie(t.stage, t.relationship, t.contact, t.expecting) for t in persona.children),
        grade=persona.grade,
        held="held" in persona.flags,
        silent="silent" in persona.flags,
        shielded="shielded" in persona.flags,
        deceased="deceased" in persona.flags,
        stopped="stopped" in persona.flags,
        consent=persona.consents.get(first, ConsentState.NOT_ASKED),
        break_glass=asking.break_glass,
    )
    return isinstance(decide(request, facts, protocol), Granted)
