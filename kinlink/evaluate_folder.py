"""A folder of extracts as `kinlink evaluate` reads it: one CSV an agency, all with the same columns, and the truth if it is known."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson, standardise
from protocols.errors import InputError
from protocols.vocabulary import Kind

TRUTH = "truth.csv"
COLUMNS = (
    "record_id",
    "family_ref",
    "given_name",
    "middle",
    "family_name",
    "date_of_birth",
    "sex",
    "address",
    "postcode",
)
TRUTH_COLUMNS = ("agency", "record_id", "person_id")
ADULT_YEARS = 18


@dataclass(frozen=True, slots=True)
class FolderRecord:
    """One row of a file: its reference, its family or household, and the person as every agency would standardise it."""

    record_id: str
    family_ref: str
    person: StandardPerson


@dataclass(frozen=True)
class FolderOfExtracts:
    """The extracts by agency, in the order of their names, and person ids by agency and record if the truth is there."""

    extracts: dict[str, list[FolderRecord]]
    truth: dict[tuple[str, str], str] | None

    @cached_property
    def year(self) -> int:
        """The year that the extracts are taken to be from: the latest year of birth that more than a slip would give."""
        years = sorted(
            int(record.person.date_of_birth[:4])
            for records in self.extracts.values()
            for record in records
            if record.person.date_of_birth[:4].isdecimal()
        )
        return years[max(0, int(len(years) * 0.999) - 1)] if years else 0

    def kind(self, person: StandardPerson) -> Kind:
        """Adult or child by year of birth; unknown without one."""
        born = person.date_of_birth[:4]
        if not born.isdecimal():
            return Kind.UNKNOWN
        return Kind.CHILD if int(born) > self.year - ADULT_YEARS else Kind.ADULT


def read_folder(folder: Path, anchor: str, rules: StandardiseRules) -> FolderOfExtracts:
    """Read every `<agency>.csv`, and `truth.csv` if it is there. Raises `InputError` that names file, row and column."""
    if not folder.is_dir():
        raise InputError(
            f"There is no folder `{folder}`.", next_step="Name a folder with one CSV file for each agency."
        )
    names = sorted(path.stem for path in folder.glob("*.csv") if path.name != TRUTH)
    if anchor not in names:
        raise InputError(
            f"`{folder.name}` has no `{anchor}.csv`: it has {', '.join(names) or 'no CSV file'}.",
            next_step="Name the agency that declares the families with --anchor.",
        )
    if len(names) == 1:
        raise InputError(f"`{folder.name}` holds one agency only.", next_step="Put the other agencies' files there.")
    extracts = {name: _records(folder / f"{name}.csv", rules) for name in names}
    return FolderOfExtracts(extracts, _truth(folder / TRUTH) if (folder / TRUTH).exists() else None)


def _records(path: Path, rules: StandardiseRules) -> list[FolderRecord]:
    found, seen = [], dict[str, int]()
    for number, row in _rows(path, COLUMNS):
        ref = row["record_id"].strip()
        if not ref or ref in seen:
            what = f"the same `record_id` as row {seen[ref]}" if ref else "no `record_id`"
            raise InputError(
                f"`{path.name}` row {number} has {what}.", next_step="Give every row a reference of its own."
            )
        seen[ref] = number
        raw = RawPerson(
            given_name=row["given_name"],
            middle_name=row["middle"],
            family_name=row["family_name"],
            date_of_birth=row["date_of_birth"],
            sex=row["sex"],
            address=row["address"],
            postcode=row["postcode"],
        )
        found.append(FolderRecord(ref, row["family_ref"].strip(), standardise(raw, rules)))
    return found


def _truth(path: Path) -> dict[tuple[str, str], str]:
    return {(row["agency"], row["record_id"]): row["person_id"] for _, row in _rows(path, TRUTH_COLUMNS)}


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by the number a person sees (the header is row 1), every wanted column a text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(
                    f"`{path.name}` has no column {', '.join(f'`{name}`' for name in missing)}.",
                    next_step=f"Its header must name {', '.join(columns)}.",
                )
            for number, row in enumerate(reader, start=2):
                if None in row or any(row[name] is None for name in columns):
                    raise InputError(
                        f"`{path.name}` row {number} does not have as many values as the header.",
                        next_step="Correct the row: a comma in a value needs quotation marks round it.",
                    )
                yield number, row
    except UnicodeDecodeError as error:
        raise InputError(f"`{path.name}` is not UTF-8 text.", next_step="Save it as UTF-8.") from error
    except (OSError, csv.Error) as error:
        raise InputError(f"`{path.name}` cannot be read as CSV.", next_step="Check the file.") from error
