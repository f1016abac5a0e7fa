"""The committed county, read only by what its own mappings say."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

DATA = Path(__file__).parents[3] / "config" / "county" / "data"
AGENCIES = ("social_care", "police", "probation", "recovery", "mental_health", "health")


@dataclass
class Extract:
    """One agency's extract and mapping."""

    agency: str

    @cached_property
    def mapping(self) -> dict[str, Any]:
        return YAML(typ="safe").load(self.path("mapping.yaml").read_text(encoding="utf-8"))

    def path(self, name: str) -> Path:
        return DATA / self.agency / name

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        text = self.path("extract.csv").read_bytes().decode(self.mapping["file"]["encoding"])
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=self.mapping["file"]["delimiter"]))

    def column(self, identifier: str) -> str:
        return self.mapping["identifiers"][identifier]

    def day(self, text: str) -> date:
        for form in self.mapping["dates"]:
            try:
                return datetime.strptime(text, form).date()
            except ValueError:
                continue
        raise ValueError(f"no date of {self.agency}: {text}")

    def value(self, row: dict[str, str], attribute: str) -> dict[str, str]:
        """The fields that are not blank, in the codes of the catalogue."""
        fields = self.mapping["attributes"][attribute]
        codes = self.mapping.get("codes", {})
        found = {name: row[column] for name, column in fields.items() if row[column]}
        return {name: codes.get(f"{attribute}.{name}", {}).get(text, text) for name, text in found.items()}

    def flagged(self, row: dict[str, str], flag: str) -> bool:
        rule = self.mapping.get("flags", {}).get(flag)
        return rule is not None and row[rule["column"]] in rule["yes"]

    def named(self, given: str, family: str) -> list[dict[str, str]]:
        return [
            row
            for row in self.rows
            if (row[self.column("given_name")], row[self.column("family_name")]) == (given, family)
        ]


@dataclass
class CountyFolder:
    """The folder: extracts by agency, social care's declarations, the truth."""

    extracts: dict[str, Extract]

    def table(self, name: str) -> list[dict[str, str]]:
        with (DATA / name).open(encoding="utf-8", newline="") as source:
            return list(csv.DictReader(source))

    @cached_property
    def truth(self) -> list[dict[str, str]]:
        return self.table("truth.csv")

    @cached_property
    def members(self) -> list[dict[str, str]]:
        return self.table("social_care/members.csv")

    def family(self, ref: str) -> list[dict[str, str]]:
        return [member for member in self.members if member["family_ref"] == ref]

    @cached_property
    def _person_by_record(self) -> dict[tuple[str, str], str]:
        return {(row["agency"], row["record"]): row["person_id"] for row in self.truth}

    @cached_property
    def _age_band(self) -> dict[str, str]:
        return {row["person_id"]: row["age_band"] for row in self.table("people.csv")}

    def person_of(self, agency: str, record: str) -> str:
        return self._person_by_record[agency, record]

    def true_kind(self, agency: str, record: str) -> str:
        """adult, child or unborn, whatever the agency wrote."""
        person = self.person_of(agency, record)
        if person.endswith("-unborn"):
            return "unborn"
        return "child" if self._age_band[person] in ("0-4", "5-11", "12-17") else "adult"

    def held_of(self, agency: str, person: str) -> list[dict[str, str]]:
        """The rows at an agency that are truly of a person."""
        refs = {row["record"] for row in self.truth if (row["agency"], row["person_id"]) == (agency, person)}
        extract = self.extracts[agency]
        return [row for row in extract.rows if row[extract.mapping["record"]] in refs]

    def agencies_of(self, person: str) -> set[str]:
        return {row["agency"] for row in self.truth if row["person_id"] == person}


@pytest.fixture(scope="session")
def folder() -> CountyFolder:
    return CountyFolder({agency: Extract(agency) for agency in AGENCIES})


@pytest.fixture(params=AGENCIES)
def extract(request: pytest.FixtureRequest, folder: CountyFolder) -> Extract:
    return folder.extracts[request.param]
