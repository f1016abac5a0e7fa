"""What the demo's links are worth: the service's links beside the generator's truth.

Only the demo can do this. It owns every agency's reference key and the service's database, which nobody does outside it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import create_engine, text

from agencies.folder import AgencyFolder
from kinlink.quality import Quality

ANCHOR = "social_care"
_LINKS = text("SELECT member_ref, agency, record_ref, grade FROM links WHERE state = 'active'")
_MEMBERS = text(
    "SELECT DISTINCT record_ref FROM members JOIN families USING (family_ref) WHERE families.closed IS NULL"
)


def measure(home: Path, agencies: Sequence[str], truth: Path, database: str) -> list[Quality]:
    """Precision and recall of the links in the service's database, for each agency but the anchor."""
    people = _people_by_reference(home, agencies, truth)
    engine = create_engine(database)
    with engine.connect() as connection:
        links = {(row.member_ref, row.agency, row.record_ref): row.grade for row in connection.execute(_LINKS)}
        members = {row.record_ref for row in connection.execute(_MEMBERS)}
    engine.dispose()
    records: dict[tuple[str, str], list[str]] = defaultdict(list)
    for agency in agencies:
        for ref, person in people[agency].items():
            records[agency, person].append(ref)
    return [
        _measured(agency, _true_pairs(agency, members, people, records), links)
        for agency in agencies
        if agency != ANCHOR
    ]


def _people_by_reference(home: Path, agencies: Sequence[str], truth: Path) -> dict[str, dict[str, str]]:
    references = {agency: AgencyFolder(home / agency).references for agency in agencies}
    people: dict[str, dict[str, str]] = {agency: {} for agency in agencies}
    with truth.open(encoding="utf-8", newline="") as source:
        for row in csv.DictReader(source):
            if row["agency"] in references:
                people[row["agency"]][references[row["agency"]].record(row["record"])] = row["person_id"]
    return people


def _true_pairs(
    agency: str,
    members: Iterable[str],
    people: dict[str, dict[str, str]],
    records: dict[tuple[str, str], list[str]],
) -> set[tuple[str, str]]:
    known = people[ANCHOR]
    return {(member, ref) for member in members if member in known for ref in records[agency, known[member]]}


def _measured(
    agency: str,
    true_pairs: set[tuple[str, str]],
    links: dict[tuple[str, str, str], str],
) -> Quality:
    found = {(member, ref): grade for (member, at, ref), grade in links.items() if at == agency}
    certain = {pair for pair, grade in found.items() if grade == "certain"}
    probable = set(found) - certain
    return Quality(
        agency=agency,
        certain=len(certain),
        certain_right=len(certain & true_pairs),
        probable=len(probable),
        probable_right=len(probable & true_pairs),
        true_pairs=len(true_pairs),
        wrong_people=len({ref for _, ref in certain - true_pairs}),
        linked_records=len({ref for _, ref in certain}),
    )
