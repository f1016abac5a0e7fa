"""Families and consents as children's social care keeps them (plain CSV, dates ISO 8601), turned into what the service is told.

A member who is suppressed is taken out, with every relationship, allocation and consent that names them, as if they had never been
written down. A reference that the extract does not have is an error: nothing is submitted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from agencies.quality.findings import Findings
from agencies.text_table import find_layout, read_rows
from protocols.errors import InputError
from protocols.family import (
    Allocation,
    ConsentRecord,
    FamilyDeclaration,
    FamilyMember,
    FamilyRelationship,
)
from protocols.vocabulary import Kind, Relationship

FAMILIES, MEMBERS, RELATIONSHIPS = "families.csv", "members.csv", "relationships.csv"
ALLOCATIONS, CONSENTS = "allocations.csv", "consents.csv"
COLUMNS = {
    FAMILIES: ("family_ref", "aliases", "opened", "closed"),
    MEMBERS: (
        "family_ref", "member_ref", "role", "kind", "stage", "stage_since", "expected_date", "mother_ref", "joined", "left",
    ),
    RELATIONSHIPS: ("family_ref", "adult_ref", "child_ref", "relationship", "contact"),
    ALLOCATIONS: ("family_ref", "worker", "role_function", "for_ref", "from", "until"),
    CONSENTS: (
        "member_ref", "given_by_ref", "capacity", "scope", "purpose", "notice_version", "method", "status", "given_at",
        "expires_at", "withdrawn_at",
    ),
}  # fmt: skip
PARENT_AGE = 12

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of one of the files."""

    file: str
    row: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def wrong(self, what: str, next_step: str = "Correct it there.") -> InputError:
        """An error at this row; `what` names columns and local references only, never a person."""
        return InputError(f"`{self.file}`, row {self.row}: {what}.", next_step=next_step)


@dataclass(frozen=True, slots=True)
class Known:
    """What the extract said about one reference that a declaration names."""

    kind: Kind
    born: date | None = None


@dataclass
class Declarations:
    """The files, read; local references still in them."""

    families: list[Line] = field(default_factory=list)
    members: list[Line] = field(default_factory=list)
    relationships: list[Line] = field(default_factory=list)
    allocations: list[Line] = field(default_factory=list)
    consents: list[Line] = field(default_factory=list)

    @property
    def references(self) -> set[str]:
        """Every local reference that is named."""
        named = {line["member_ref"] for line in (*self.members, *self.consents)}
        return named | {line["given_by_ref"] for line in self.consents}

    @property
    def unborn(self) -> list[str]:
        """The local references of unborn members, in the order of the file, each once."""
        return list(dict.fromkeys(line["member_ref"] for line in self.members if line["kind"] == Kind.UNBORN))


def read_declarations(folder: Path) -> Declarations:
    """Read what is there: families with all their files, and consents. Raises `InputError`, `ExtractError`."""
    found = Declarations()
    if (folder / FAMILIES).exists():
        found.families = list(_lines(folder / FAMILIES))
        found.members = list(_lines(folder / MEMBERS))
        found.relationships = list(_lines(folder / RELATIONSHIPS))
        found.allocations = list(_lines(folder / ALLOCATIONS))
    if (folder / CONSENTS).exists():
        found.consents = list(_lines(folder / CONSENTS))
    return found


def build_families(
    read: Declarations, known: Mapping[str, Known], suppressed: frozenset[str], keyed: Callable[[str], str]
) -> list[FamilyDeclaration]:
    """The families as they are declared. Raises `InputError` with file and row for the first thing that is wrong."""
    members = _by_family(read, read.members)
    relationships = _by_family(read, read.relationships)
    allocations = _by_family(read, read.allocations)
    families, seen = [], set[str]()
    for line in read.families:
        ref = line["family_ref"]
        if ref in seen:
            raise line.wrong(f"the family `{ref[:30]}` is declared twice")
        seen.add(ref)
        own = {each["member_ref"] for each in members.get(ref, [])}
        kept = [each for each in members.get(ref, []) if _stays(each, known, suppressed)]
        refs = {each["member_ref"] for each in kept}
        if not kept and own:
            continue
        if not own:
            raise line.wrong(f"the family `{ref[:30]}` has no members", f"Add them to `{MEMBERS}`.")
        families.append(
            _built(
                FamilyDeclaration,
                line,
                {
                    "family_ref": ref,
                    "aliases": _split(line["aliases"]),
                    "opened": line["opened"],
                    "closed": line["closed"],
                    "members": [_member(each, keyed) for each in kept],
                    "relationships": [
                        _relationship(each, keyed)
                        for each in relationships.get(ref, [])
                        if _named(each, ("adult_ref", "child_ref"), own) <= refs
                    ],
                    "allocations": [
                        _allocation(each, keyed)
                        for each in allocations.get(ref, [])
                        if _named(each, ("for_ref",), own) <= refs
                    ],
                },
            )
        )
    return families


def build_consents(
    read: Declarations,
    known: Mapping[str, Known],
    suppressed: frozenset[str],
    keyed: Callable[[str], str],
    catalogue: frozenset[str],
) -> list[ConsentRecord]:
    """The consents as they are told. Raises `InputError` with file and row for the first thing that is wrong."""
    consents = []
    for line in read.consents:
        refs = {line["member_ref"], line["given_by_ref"] or line["member_ref"]}
        if refs & suppressed:
            continue
        for ref in refs:
            if ref not in known:
                raise line.wrong(f"the reference `{ref[:40]}` is not in the extract", "Add the person to the extract.")
        scope = _split(line["scope"])
        foreign = [each for each in scope if each not in catalogue]
        if foreign:
            raise line.wrong(f"`{foreign[0][:60]}` is not an attribute of the sharing protocol", "Correct the scope.")
        value = {
            "subject_ref": keyed(line["member_ref"]),
            "given_by_ref": keyed(line["given_by_ref"] or line["member_ref"]),
            "scope": scope,
            **{name: line[name] for name in ("capacity", "purpose", "notice_version", "method", "status", "given_at")},
            **{name: line[name] for name in ("expires_at", "withdrawn_at")},
        }
        consents.append(_built(ConsentRecord, line, value))
    return consents


def check_parents(read: Declarations, known: Mapping[str, Known], findings: Findings) -> None:
    """Note parents who are less than twelve years older than their child; rows are those of `relationships.csv`."""
    for line in read.relationships:
        adult, child = known.get(line["adult_ref"]), known.get(line["child_ref"])
        if line["relationship"] != Relationship.PARENT or adult is None or child is None:
            continue
        if adult.born and child.born and (child.born - adult.born).days < PARENT_AGE * 365.25:
            findings.add("PARENT_TOO_YOUNG", line.row, RELATIONSHIPS)


def _lines(path: Path) -> Iterator[Line]:
    columns = COLUMNS[path.name]
    if not path.is_file():
        raise InputError(
            f"`{path.name}` is missing beside `{FAMILIES}`.",
            next_step="Export it too; it may have its header row only.",
        )
    layout = find_layout(path, columns, "utf-8-sig", ",", 1)
    if set(layout.header) != set(columns) or len(layout.header) != len(columns):
        missing = [f"`{name}`" for name in columns if name not in layout.header]
        raise InputError(
            f"`{path.name}` must have exactly the columns {', '.join(columns)}; "
            f"{'missing: ' + ', '.join(missing) if missing else f'it has {len(layout.header)} columns'}.",
            next_step="Correct its header row.",
        )
    for number, row in read_rows(path, layout):
        yield Line(path.name, number, {name: cell.strip() for name, cell in zip(layout.header, row, strict=True)})


def _by_family(read: Declarations, lines: list[Line]) -> dict[str, list[Line]]:
    declared = {line["family_ref"] for line in read.families}
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line["family_ref"] not in declared:
            raise line.wrong(
                f"the family `{line['family_ref'][:30]}` is not in `{FAMILIES}`", "Add it there, or take this row out."
            )
        found.setdefault(line["family_ref"], []).append(line)
    return found


def _stays(line: Line, known: Mapping[str, Known], suppressed: frozenset[str]) -> bool:
    ref, mother = line["member_ref"], line["mother_ref"]
    if ref in suppressed or (mother and mother in suppressed):
        return False
    for each in (ref, mother):
        if each and each not in known:
            raise line.wrong(
                f"the member `{each[:40]}` is not in the extract",
                "Add the person to the extract, or correct the reference. Nothing was submitted.",
            )
    return True


def _named(line: Line, columns: tuple[str, ...], own: set[str]) -> set[str]:
    named = {line[column] for column in columns if line[column]}
    for ref in named - own:
        raise line.wrong(
            f"`{ref[:40]}` is not a member of the family `{line['family_ref'][:30]}`", f"Add it to `{MEMBERS}`."
        )
    return named


def _member(line: Line, keyed: Callable[[str], str]) -> dict[str, object]:
    value = {
        "record_ref": keyed(line["member_ref"]),
        "mother_ref": keyed(line["mother_ref"]) if line["mother_ref"] else None,
        **{name: line[name] for name in ("role", "kind", "stage", "stage_since", "expected_date", "joined", "left")},
    }
    return _plain(_built(FamilyMember, line, value))


def _relationship(line: Line, keyed: Callable[[str], str]) -> dict[str, object]:
    value = {
        "adult_ref": keyed(line["adult_ref"]),
        "child_ref": keyed(line["child_ref"]),
        "relationship": line["relationship"],
        "contact": line["contact"],
    }
    return _plain(_built(FamilyRelationship, line, value))


def _allocation(line: Line, keyed: Callable[[str], str]) -> dict[str, object]:
    value = {
        "worker": line["worker"],
        "role_function": line["role_function"],
        "for_ref": keyed(line["for_ref"]) if line["for_ref"] else None,
        "since": line["from"],
        "until": line["until"],
    }
    return _plain(_built(Allocation, line, value))


def _built(model: type[_Model], line: Line, value: Mapping[str, object]) -> _Model:
    """The model of a row; blank cells are absent. A refusal names columns and what is expected, never what stands there."""
    given = {name: held for name, held in value.items() if held not in ("", None)}
    try:
        return model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        column = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise line.wrong(f"`{column}`: {said[:1].lower()}{said[1:]}" if column else said) from None


def _plain(model: BaseModel) -> dict[str, object]:
    return model.model_dump(mode="json")


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split("|") if part.strip()]
