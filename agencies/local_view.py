"""What the council's own screen needs to show a profile with names: kept in the agency's folder, protected, never sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict, ValidationError

from agencies.folder import AgencyFolder
from protocols.errors import InputError
from protocols.family import FamilyDeclaration
from protocols.vocabulary import RoleFunction

FILE = "local/display"


class LocalMember(BaseModel):
    """A declared member as the council knows them."""

    model_config = ConfigDict(frozen=True)

    name: str
    born: date | None = None


class LocalAllocation(BaseModel):
    """A worker on a case, as declared."""

    model_config = ConfigDict(frozen=True)

    worker: str
    role_function: RoleFunction
    for_ref: str | None = None
    since: date
    until: date | None = None


class LocalView(BaseModel):
    """Members by record reference; allocations and other references by family."""

    model_config = ConfigDict(frozen=True)

    members: dict[str, LocalMember] = {}
    allocations: dict[str, tuple[LocalAllocation, ...]] = {}
    aliases: dict[str, str] = {}

    def family(self, ref: str) -> str:
        """The family's own reference, for it or one of its other references."""
        return ref if ref in self.allocations else self.aliases.get(ref, ref)

    def workers(self, ref: str, role: RoleFunction, day: date) -> list[str]:
        """Who works on a case in a role on a day, in the order declared."""
        held = self.allocations.get(self.family(ref), ())
        found = [
            each.worker
            for each in held
            if each.role_function is role and each.since <= day and (each.until is None or day <= each.until)
        ]
        return list(dict.fromkeys(found))


def make_view(families: Iterable[FamilyDeclaration], members: Mapping[str, LocalMember]) -> LocalView:
    """The view of these families; only their declared members are in it."""
    families = list(families)
    refs = {member.record_ref for family in families for member in family.members}
    return LocalView(
        members={ref: member for ref, member in members.items() if ref in refs},
        allocations={
            family.family_ref: tuple(
                LocalAllocation(
                    worker=each.worker,
                    role_function=each.role_function,
                    for_ref=each.for_ref,
                    since=each.since,
                    until=each.until,
                )
                for each in family.allocations
            )
            for family in families
        },
        aliases={alias: family.family_ref for family in families for alias in family.aliases},
    )


def write_view(folder: AgencyFolder, view: LocalView) -> None:
    """Keep the view, protected like a key."""
    folder.vault.write(FILE, view.model_dump_json().encode(), replace=True)


def read_view(folder: AgencyFolder) -> LocalView:
    """The view of the last submission that was made; empty if there is none. Raises `KeyProblem`, `InputError`."""
    if not folder.vault.has(FILE):
        return LocalView()
    try:
        return LocalView.model_validate_json(folder.vault.read(FILE, "local names"))
    except (ValidationError, json.JSONDecodeError):
        raise InputError("`local/display` is damaged.", next_step="Make the submission again.") from None
