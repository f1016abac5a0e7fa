"""Families as children's social care declares them: what the service keeps, and what it checks before it believes a declaration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from protocols.audit.events.linking import FamilyDeclared
from protocols.document import SharingProtocol
from protocols.errors import InputError
from protocols.family import FamilyDeclaration


@dataclass(frozen=True, slots=True)
class StoredFamily:
    """A declared family with the times that matter: when it was declared, and when it was last confirmed to be so."""

    declaration: FamilyDeclaration
    version: int
    declared_at: datetime
    confirmed_at: datetime

    @property
    def etag(self) -> str:
        """Changes with every change of the declaration."""
        return f'"{declaration_digest(self.declaration)[:32]}"'


class FamilyStore(Protocol):
    """The storage that declaring needs."""

    def family(self, ref: str) -> StoredFamily | None:
        """A family by its reference or an alias."""

    def unknown_records(self, agency: str, refs: Iterable[str]) -> list[str]:
        """Those of `refs` that the agency's newest submission does not have."""

    def declare(self, declaration: FamilyDeclaration, at: datetime, actor: str) -> StoredFamily:
        """Keep a declaration: one that says the same is only confirmed."""


def declaration_digest(declaration: FamilyDeclaration) -> str:
    """The SHA-256 of a declaration's canonical form."""
    return hashlib.sha256(declaration.canonical()).hexdigest()


def check_declaration(declaration: FamilyDeclaration, protocol: SharingProtocol, today: date) -> None:
    """Raise `InputError` if the declaration goes beyond what the sharing protocol bounds. References are in backticks, no person."""
    ref = declaration.family_ref
    if len(declaration.members) > protocol.limits.members_per_family:
        raise InputError(
            f"Family `{ref}` has {len(declaration.members)} members; expected at most {protocol.limits.members_per_family}.",
            next_step="Declare separate cases as separate families.",
        )
    if declaration.opened > today:
        raise InputError(f"Family `{ref}` was opened in the future.", next_step="Correct its opening date.")
    if ref in declaration.aliases:
        raise InputError(f"Family `{ref}` has itself as an alias.", next_step="Leave the alias out.")


def check_members(declaration: FamilyDeclaration, unknown: list[str]) -> None:
    """Raise `InputError` for members that are no record of children's social care's newest submission."""
    if unknown:
        raise InputError(
            f"Family `{declaration.family_ref}` has {len(unknown)} members that are no record of the last submission; "
            f"the first is `{unknown[0]}`.",
            next_step="Submit an extract that has them, then declare the family.",
        )


def declared_event(actor: str, declaration: FamilyDeclaration, version: int, links_closed: int) -> FamilyDeclared:
    """The event of a declaration."""
    return FamilyDeclared(
        actor=actor,
        family=declaration.family_ref,
        declaration=declaration_digest(declaration),
        version=version,
        members=len(declaration.members),
        links_closed=links_closed,
    )
