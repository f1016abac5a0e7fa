"""The county on disk: an extract and a mapping for every agency, social care's declarations, and the truth."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from config.county.cases import Case
from config.county.consents import Consent
from config.county.layouts import LAYOUTS
from config.county.people import Person
from config.county.records import Record

_FAMILIES = ("family_ref", "aliases", "opened", "closed")
_MEMBERS = (
    "family_ref", "member_ref", "role", "kind", "stage", "stage_since", "expected_date", "mother_ref", "joined", "left",
)  # fmt: skip
_RELATIONSHIPS = ("family_ref", "adult_ref", "child_ref", "relationship", "contact")
_ALLOCATIONS = ("family_ref", "worker", "role_function", "for_ref", "from", "until")
_CONSENTS = (
    "member_ref", "given_by_ref", "capacity", "scope", "purpose", "notice_version", "method", "status", "given_at",
    "expires_at", "withdrawn_at",
)  # fmt: skip
_TRUTH = ("agency", "record", "person_id", "family_ref")
_PEOPLE = ("person_id", "sex", "age_band", "name_origin")


@dataclass
class Dataset:
    """All that is written."""

    records: dict[str, list[Record]]
    cases: list[Case]
    consents: list[Consent]
    people: dict[str, Person] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Records per agency, and declared families that are open."""
        open_families = sum(case.closed is None for case in self.cases)
        return {agency: len(records) for agency, records in self.records.items()} | {"open families": open_families}


def files(dataset: Dataset) -> dict[str, bytes]:
    """Every file of the county by its path inside the folder."""
    found: dict[str, bytes] = {}
    for layout in LAYOUTS:
        found[f"{layout.agency}/extract.csv"] = layout.csv_bytes(dataset.records[layout.agency])
        found[f"{layout.agency}/mapping.yaml"] = layout.mapping().encode()
    cases = sorted(dataset.cases, key=lambda case: case.ref)
    found["social_care/families.csv"] = _table(_FAMILIES, _families(cases))
    found["social_care/members.csv"] = _table(_MEMBERS, _members(cases))
    found["social_care/relationships.csv"] = _table(_RELATIONSHIPS, _relationships(cases))
    found["social_care/allocations.csv"] = _table(_ALLOCATIONS, _allocations(cases))
    found["social_care/consents.csv"] = _table(_CONSENTS, _consents(dataset.consents))
    found["truth.csv"] = _table(_TRUTH, _truth(dataset))
    found["people.csv"] = _table(_PEOPLE, _people(dataset))
    return found


def write(dataset: Dataset, folder: Path) -> None:
    """Write every file, over what may be there."""
    for name, content in files(dataset).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


Row = Iterable[str | date | None]


def _table(columns: tuple[str, ...], rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(item) for item in row])
    return text.getvalue().encode()


def _cell(item: str | date | None) -> str:
    if isinstance(item, datetime):
        return item.strftime("%Y-%m-%dT%H:%M:%SZ")
    return item.isoformat() if isinstance(item, date) else item or ""


def _families(cases: list[Case]) -> Iterable[Row]:
    for case in cases:
        yield case.ref, "|".join(case.aliases), case.opened, case.closed


def _members(cases: list[Case]) -> Iterable[Row]:
    for case in cases:
        for adult, role in case.family.adults:
            if ref := case.refs.get(adult.id):
                yield case.ref, ref, role, "ADULT", None, None, None, None, case.opened, case.left.get(adult.id)
        for child in case.family.children:
            stage, since = case.stages[child.id]
            joined = max(case.opened, child.born)
            yield case.ref, case.refs[child.id], "CHILD", "CHILD", stage, since, None, None, joined, None
        if case.unborn_ref and case.unborn_stage:
            stage, since = case.unborn_stage
            mother = case.refs[case.family.adults[0][0].id]
            yield case.ref, case.unborn_ref, "UNBORN", "UNBORN", stage, since, case.family.due, mother, since, None


def _relationships(cases: list[Case]) -> Iterable[Row]:
    for case in cases:
        for bond in case.bonds():
            adult, child = case.refs[bond.adult.id], case.refs[bond.child.id]
            yield case.ref, adult, child, bond.relationship, bond.contact


def _allocations(cases: list[Case]) -> Iterable[Row]:
    for case in cases:
        for worker in case.workers:
            since = worker.since or case.opened
            yield case.ref, worker.worker, worker.role_function, worker.client, since, worker.until


def _consents(consents: list[Consent]) -> Iterable[Row]:
    for given in consents:
        scope = "|".join(given.scope)
        yield (
            *(given.member, given.given_by, given.capacity, scope, given.purpose, given.notice, given.method),
            *(given.status, given.given_at, given.expires_at, given.withdrawn_at),
        )


def _truth(dataset: Dataset) -> Iterable[Row]:
    families: dict[str, list[str]] = {}
    for case in sorted(dataset.cases, key=lambda case: case.ref):
        for person in case.refs:
            families.setdefault(person, []).append(case.ref)
        if case.unborn_ref:
            families[f"{case.family.adults[0][0].id}-unborn"] = [case.ref]
    for agency, records in dataset.records.items():
        for record in records:
            yield agency, record.ref, record.person, "|".join(families.get(record.person, []))


def _people(dataset: Dataset) -> Iterable[Row]:
    held = {record.person for records in dataset.records.values() for record in records}
    for person in dataset.people.values():
        if person.id in held:
            yield person.id, person.sex, _age_band(person.age), person.origin


def _age_band(age: int) -> str:
    for first, last in ((0, 4), (5, 11), (12, 17), (18, 29), (30, 44), (45, 64)):
        if age <= last:
            return f"{first}-{last}"
    return "65+"
