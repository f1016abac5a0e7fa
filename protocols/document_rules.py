"""The rules of a sharing protocol: bases, people, grants, prohibitions, the never-release list, shielding,
break-glass.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from protocols.document_parts import AttributeId, Dated, Id, Line, Part
from protocols.vocabulary import (
    BasisType,
    Contact,
    Kind,
    Mode,
    PartyClass,
    Purpose,
    Relationship,
    RoleFunction,
    Sensitivity,
    Stage,
)


class Basis(Dated):
    """A typed authority to share, with the days on which it is law.

    `before` names the basis that serves until this one begins. `cldc_route` is the way past the common-law
    duty of confidentiality. `authorised_by_law` is what DPA 2018 s.36(4) asks for when law-enforcement data
    is used for something else.
    """

    id: Id
    title: Line
    type: BasisType
    statute: Line
    art6: Annotated[str, Field(pattern=r"^6\(1\)\([a-f]a?\)$")]
    art9: Annotated[str, Field(pattern=r"^9\(2\)\([a-j]\)$")] | None = None
    schedule1: Line | None = None
    art10: Line | None = None
    authorised_by_law: Line | None = None
    cldc_route: Line | None = None
    party_classes: Annotated[tuple[PartyClass, ...], Field(min_length=1)]
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z ]{2,30}$")]
    detriment_exception: bool = False
    before: Id | None = None


class People(Part):
    """Whom a grant is about: a kind of person and, for an adult, what the adult is to the child whose stage
    counts.

    `expecting` narrows adults to the mothers of unborn children, and the child whose stage counts to the
    unborn one.
    """

    id: Id
    title: Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[a-z][^\x00-\x1f\x7f;]*$")]
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    relationships: tuple[Relationship, ...] = ()
    contact: tuple[Contact, ...] = ()
    expecting: bool = False

    @model_validator(mode="after")
    def _adults_by_relationship(self) -> Self:
        named = bool(self.relationships) and bool(self.contact)
        adults = Kind.ADULT in self.kinds
        if Kind.UNKNOWN in self.kinds or (adults and (len(self.kinds) > 1 or not named)):
            raise ValueError("adults stand alone, with their relationships and their levels of contact")
        if not adults and (self.relationships or self.contact or self.expecting):
            raise ValueError("children and unborn children have no relationships or contact of their own here")
        return self


class Grant(Dated):
    """One permission: this agency may tell these functions this, about these people, at these stages, on this
    basis.
    """

    id: Id
    agency: Id
    mode: Mode
    attributes: tuple[AttributeId, ...] = ()
    to: Annotated[tuple[RoleFunction, ...], Field(min_length=1)]
    own_client: bool = False
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]
    about: Annotated[tuple[Id, ...], Field(min_length=1)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    basis: Id
    break_glass: bool = False
    reason: Line
    agreed: date
    review: date

    @model_validator(mode="after")
    def _attributes_by_mode(self) -> Self:
        if (self.mode in (Mode.CONTACT, Mode.CONTENT)) != bool(self.attributes):
            raise ValueError("CONTACT and CONTENT name attributes, EXISTENCE and REVIEW name none")
        return self


class Prohibition(Part):
    """One refusal that no grant and no break-glass can lift. An empty list means: whatever it is."""

    id: Id
    title: Line
    reason: Line
    agencies: tuple[Id, ...] = ()
    attributes: tuple[AttributeId, ...] = ()
    sensitivities: tuple[Sensitivity, ...] = ()
    location_revealing: bool = False
    court_derived: bool = False
    modes: tuple[Mode, ...] = ()
    to: tuple[RoleFunction, ...] = ()
    except_to: tuple[RoleFunction, ...] = ()
    not_own_client: bool = False

    @model_validator(mode="after")
    def _some_functions(self) -> Self:
        if self.to and self.except_to:
            raise ValueError("name `to` or `except_to`, not both")
        return self


class NeverRelease(Part):
    """A class of data that is never catalogued, never granted and never released.

    `words` are what an attribute or field of the class would be called: `home_address` or `hiv`. `attributes`
    names whole attributes.
    """

    id: Annotated[str, Field(pattern=r"^N[1-9][0-9]?$")]
    title: Line
    words: Annotated[tuple[Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")], ...], Field(min_length=1)]
    attributes: tuple[AttributeId, ...] = ()

    def covers(self, name: str) -> bool:
        """Whether an attribute's or a field's name is of this class: by whole words, in any agency's
        namespace.
        """
        tail = "_" + name.rpartition(".")[2] + "_"
        return name in self.attributes or any(f"_{word}_" in tail for word in self.words)


class Shielding(Part):
    """Who may still see location-revealing attributes of a shielded person. Nobody sees the never-release
    list.
    """

    location_seen_by: tuple[RoleFunction, ...]


class BreakGlass(Part):
    """Emergency access. It widens function and stage for the grants that say so, and nothing else.

    `on_a_rota` are functions that no case allocates: for these, and only during break-glass, the recorded
    reason stands in for the allocation.
    """

    functions: Annotated[tuple[RoleFunction, ...], Field(min_length=1)]
    on_a_rota: tuple[RoleFunction, ...] = ()
    reasons: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z_]{2,30}$")], ...], Field(min_length=1)]
    hours: Annotated[int, Field(ge=1, le=24)]
    review_working_days: Annotated[int, Field(ge=1, le=5)]
