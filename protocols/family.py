"""Families as children's social care declares them, and consents as agencies record them: how both look on the wire.

A family is declared, never inferred: members, roles, each child's own stage, who is related to whom, and who works with whom.
"""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from protocols.signing import Wire
from protocols.vocabulary import (
    Capacity,
    ConsentStatus,
    Contact,
    Kind,
    Purpose,
    Relationship,
    Role,
    RoleFunction,
    Stage,
)

FAMILY_REF = r"^[A-Z]{1,6}-[A-Z0-9]{1,20}$"
RECORD_REF = r"^[A-Za-z0-9_-]{8,64}$"
WORKER = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class FamilyMember(Wire):
    """One member. `record_ref` is children's social care's own; `stage` belongs to a child or an unborn child only."""

    record_ref: str = Field(pattern=RECORD_REF)
    role: Role
    kind: Kind
    stage: Stage | None = None
    stage_since: date | None = None
    expected_date: date | None = None
    mother_ref: str | None = Field(default=None, pattern=RECORD_REF)
    joined: date
    left: date | None = None

    @model_validator(mode="after")
    def _stage_belongs_to_a_child(self) -> Self:
        if (self.kind in (Kind.CHILD, Kind.UNBORN)) != (self.stage is not None):
            raise ValueError("a child or unborn child has a stage, an adult has none")
        if (self.kind is Kind.UNBORN) != (self.mother_ref is not None):
            raise ValueError("an unborn child names its mother, nobody else does")
        return self


class FamilyRelationship(Wire):
    """What an adult is to a child of the family, and how much contact there is."""

    adult_ref: str = Field(pattern=RECORD_REF)
    child_ref: str = Field(pattern=RECORD_REF)
    relationship: Relationship
    contact: Contact


class Allocation(Wire):
    """A worker on this case. `for_ref` names the one member the worker works with, where there is one."""

    worker: str = Field(pattern=WORKER)
    role_function: RoleFunction
    for_ref: str | None = Field(default=None, pattern=RECORD_REF)
    since: date
    until: date | None = None


class FamilyDeclaration(Wire):
    """One declared family, whole: a new declaration replaces the last."""

    family_ref: str = Field(pattern=FAMILY_REF)
    aliases: tuple[str, ...] = ()
    opened: date
    closed: date | None = None
    members: tuple[FamilyMember, ...] = Field(min_length=1, max_length=60)
    relationships: tuple[FamilyRelationship, ...] = ()
    allocations: tuple[Allocation, ...] = ()

    @model_validator(mode="after")
    def _refers_to_its_own_members(self) -> Self:
        refs = {member.record_ref for member in self.members}
        if len(refs) != len(self.members):
            raise ValueError("a member is declared twice")
        children = {member.record_ref for member in self.members if member.stage is not None}
        adults = {member.mother_ref for member in self.members if member.mother_ref}
        adults |= {relationship.adult_ref for relationship in self.relationships}
        clients = {allocation.for_ref for allocation in self.allocations if allocation.for_ref}
        if not adults <= refs - children or not clients <= refs:
            raise ValueError("a mother, an adult of a relationship or a worker's client is not a member")
        if not {relationship.child_ref for relationship in self.relationships} <= children:
            raise ValueError("a child of a relationship is not a child of this family")
        return self


class ConsentRecord(Wire):
    """A consent (or its refusal) by one person for themselves, or by a holder of parental responsibility for a child.

    Fields after ISO/IEC TS 27560:2023. `scope` lists attributes of the sharing protocol's catalogue.
    """

    subject_ref: str = Field(pattern=RECORD_REF)
    given_by_ref: str = Field(pattern=RECORD_REF)
    capacity: Capacity
    scope: tuple[str, ...] = Field(min_length=1)
    purpose: Purpose
    notice_version: str = Field(max_length=20)
    method: str = Field(pattern=r"^[a-z-]{1,30}$")
    status: ConsentStatus
    given_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    withdrawn_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one_parent_never_consents_for_the_other(self) -> Self:
        if self.capacity is not Capacity.PR_HOLDER and self.given_by_ref != self.subject_ref:
            raise ValueError("an adult or a competent child consents for themselves only")
        if (self.status is ConsentStatus.WITHDRAWN) != (self.withdrawn_at is not None):
            raise ValueError("a withdrawn consent has its time of withdrawal, no other has one")
        return self
