"""The first reading of an extract: what can only be seen across rows. It keeps 64-bit hashes, never the identifiers themselves.

The hashes are Python's own (SipHash under a key that is random for each process): good for equality inside one run, and for nothing
else.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from agencies.extract import Extract
from agencies.identifiers import Columns
from agencies.quality.findings import Findings
from agencies.quality.numbers import NUMBERS
from agencies.quality.places import building_and_unit
from agencies.standardise.person import StandardiseRules, standardise

SHARED_BY = 10
SHARED_NAMES = 5
_TICK = 5_000

Tick = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first reading found: for each row whether it is the last of its reference; the shared addresses' hashes; as-at dates as typed."""

    rows: int
    references: int
    last_of_reference: NDArray[np.bool_]
    shared_addresses: frozenset[int]
    as_at_texts: frozenset[str]


def survey(
    extract: Extract, columns: Columns, rules: StandardiseRules, findings: Findings, tick: Tick = lambda done: None
) -> Survey:
    """Read every row once. Notes repeated rows, shared numbers, shared addresses, missing flats and people under two references."""
    numbers, refs, whole, places, buildings, units, families, people = (array("q") for _ in range(8))
    held = {name: array("q") for name in columns.numbers}
    as_at_texts = set()
    for done, (number, row) in enumerate(extract.rows()):
        as_at_texts.add(columns.as_at(row))
        raw = columns.person(row)
        person = standardise(raw, rules)
        numbers.append(number)
        refs.append(hash(columns.reference(row)))
        whole.append(hash(row))
        for name, (_, get) in columns.numbers.items():
            _, compared, defect = NUMBERS[name]
            text = get(row)
            held[name].append(hash(compared(text)) if text and defect(text) is None else 0)
        places.append(address_hash(person.address, person.postcode) if person.address else 0)
        building, unit = building_and_unit(person.address) if person.address and person.postcode else ("", "")
        buildings.append(address_hash(building, person.postcode) if building else 0)
        units.append(hash(unit) if unit else 0)
        families.append(hash(person.family_name))
        named = person.given_name and person.family_name and len(person.date_of_birth) == 8
        people.append(hash((person.given_name, person.family_name, person.date_of_birth)) if named else 0)
        if done % _TICK == 0:
            tick(done)
    table = pl.DataFrame(
        {
            "number": np.array(numbers, dtype=np.int64),
            "ref": np.array(refs, dtype=np.int64),
            "whole": np.array(whole, dtype=np.int64),
            "place": np.array(places, dtype=np.int64),
            "building": np.array(buildings, dtype=np.int64),
            "unit": np.array(units, dtype=np.int64),
            "family": np.array(families, dtype=np.int64),
            "person": np.array(people, dtype=np.int64),
            **{name: np.array(found, dtype=np.int64) for name, found in held.items()},
        }
    )
    _note(findings, "ROW_REPEATED", table.filter(~pl.col("whole").is_first_distinct()))
    for name, (column, _) in columns.numbers.items():
        _note(findings, f"{NUMBERS[name][0]}_SHARED", _under_several(table, name), column)
    _note(findings, "ADDRESS_FLAT_MISSING", _without_flat(table), columns.column_of("address"))
    _note(findings, "PERSON_TWICE", _under_several(table, "person"))
    last = table.select(pl.col("ref").is_last_distinct()).to_series().to_numpy()
    tick(len(table))
    return Survey(
        rows=len(table),
        references=table["ref"].n_unique(),
        last_of_reference=last,
        shared_addresses=_shared_addresses(table),
        as_at_texts=frozenset(as_at_texts),
    )


def address_hash(address: str, postcode: str) -> int:
    """How a standardised address is known during one run."""
    return hash((address, postcode)) or 1


def _under_several(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows of which a value that is not blank stands under more than one reference."""
    known = table.lazy().filter(pl.col(column) != 0)
    several = known.group_by(column).agg(pl.col("ref").n_unique().alias("n")).filter(pl.col("n") > 1)
    return known.join(several, on=column, how="semi").collect()


def _without_flat(table: pl.DataFrame) -> pl.DataFrame:
    """The rows without a flat in a building of which other rows name at least two."""
    known = table.lazy().filter(pl.col("building") != 0)
    flats = (
        known.filter(pl.col("unit") != 0)
        .group_by("building")
        .agg(pl.col("unit").n_unique().alias("n"))
        .filter(pl.col("n") > 1)
    )
    return known.filter(pl.col("unit") == 0).join(flats, on="building", how="semi").sort("number").collect()


def _shared_addresses(table: pl.DataFrame) -> frozenset[int]:
    """Addresses of at least `SHARED_BY` references with at least `SHARED_NAMES` family names: hostels, refuges, placeholders."""
    shared = (
        table.lazy()
        .filter(pl.col("place") != 0)
        .group_by("place")
        .agg(pl.col("ref").n_unique().alias("refs"), pl.col("family").n_unique().alias("names"))
        .filter((pl.col("refs") >= SHARED_BY) & (pl.col("names") >= SHARED_NAMES))
        .collect()
    )
    return frozenset(shared["place"].to_list())


def _note(findings: Findings, code: str, rows: pl.DataFrame, column: str | None = None) -> None:
    for number in rows["number"].to_list():
        findings.add(code, number, column)
