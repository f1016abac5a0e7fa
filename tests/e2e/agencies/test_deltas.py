"""Full, delta, delta on delta, replaced, withdrawn: what the service has after each is what the agency's extract says."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import text

from agencies.client import ServiceClient
from agencies.difference import last_submitted
from agencies.reading import open_reading
from agencies.submission import Made, Options, make_submission
from agencies.submit import newest_in_outbox, submissions, submit, withdraw
from api.service import open_service
from api.settings import load_settings
from protocols.catalogue import decode_dated_value
from protocols.errors import InputError, KinlinkError
from protocols.sealing import open_box, open_cell
from protocols.submission import CELLS, box_context, cell_context, open_submission

AGENCY = "recovery"


class Desk:
    """The recovery service's data officer: an extract that changes from week to week."""

    def __init__(self, county: Any, root: Path) -> None:
        self.county, self.path = county, root / "weekly.csv"
        self.folder = county.folder(AGENCY)
        source = county.extract(AGENCY)
        reading = open_reading(self.folder, source)
        layout = reading.extract.layout
        with source.open(encoding=layout.encoding, newline="") as file:
            self.rows = list(csv.reader(file, delimiter=layout.delimiter or ","))
        self.layout, self.record = layout, reading.mapping.record
        header = self.rows[layout.header_row - 1]
        self.at = header.index(self.record)
        self.columns = {name: header.index(name) for name in header}

    @property
    def people(self) -> list[list[str]]:
        return self.rows[self.layout.header_row :]

    def make(self, **options: Any) -> Made:
        with self.path.open("w", encoding=self.layout.encoding, newline="") as file:
            csv.writer(file, delimiter=self.layout.delimiter or ",").writerows(self.rows)
        return make_submission(
            self.folder,
            open_reading(self.folder, self.path),
            Options(accept_difference=True, attack_report="a" * 64, **options),
        )

    def send(self, made: Made) -> Any:
        with ServiceClient(self.folder, pause=lambda seconds: None) as client:
            return submit(self.folder, made.path, client)

    def states(self) -> dict[str, str]:
        with ServiceClient(self.folder) as client:
            return {each["id"]: each["state"] for each in submissions(self.folder, client)}

    def held(self) -> set[str]:
        """The records that the service would link now."""
        newest = next(name for name, state in self.states().items() if state in ("received", "current"))
        service = open_service(load_settings(self.county.root / "service"))
        try:
            with service.store.engine.connect() as connection:
                found = connection.execute(text("SELECT record_ref FROM records WHERE submission = :s"), {"s": newest})
                return set(found.scalars())
        finally:
            service.close()

    def expected(self) -> set[str]:
        """The records of the extract as it stands, by the agency's own reading."""
        reading = open_reading(self.folder, self.path)
        return {self.folder.references.record(each.local) for each in reading.records() if hasattr(each, "people")}

    def ref(self, row: list[str]) -> str:
        return str(self.folder.references.record(row[self.at].strip()))


@pytest.fixture
def desk(county: Any, tmp_path: Path) -> Iterator[Desk]:
    before = county.folder(AGENCY).path / "local" / "submitted.parquet"
    before.unlink(missing_ok=True)
    yield Desk(county, tmp_path)


def test_the_whole_life_of_submissions(desk: Desk) -> None:
    with pytest.raises(InputError, match="no submission to be the base"):
        desk.make(delta=True)
    full = desk.make()
    desk.send(full)
    assert desk.held() == desk.expected()

    gone, changed = desk.people[3], desk.people[7]
    desk.rows = [row for row in desk.rows if row[desk.at] != gone[desk.at]]
    status = desk.columns["EpisodeStatus"]
    changed[status] = "COMP" if changed[status] != "COMP" else "REF"
    added = [*changed]
    added[desk.at], added[desk.columns["LastName"]] = "NEW-0001", "Quillfeather"
    desk.rows.append(added)
    weekly = desk.make(delta=True)
    counts = weekly.manifest.counts
    assert (weekly.manifest.kind, weekly.manifest.base) == ("delta", full.submission)
    assert (counts.records, counts.removed) == (2, 1)
    stale = desk.make(delta=True)
    receipt = desk.send(weekly).receipt
    assert receipt.counts.removed == 1
    assert desk.held() == desk.expected()
    assert desk.ref(gone) not in desk.held()
    assert desk.ref(added) in desk.held()
    assert desk.states()[weekly.submission] in ("received", "current")

    # One that was made on the same base comes too late; nothing changes.
    with pytest.raises(KinlinkError, match=r"[Dd]elta|newest submission"):
        desk.send(stale)
    assert desk.states()[weekly.submission] in ("received", "current")
    assert desk.held() == desk.expected()

    with pytest.raises(InputError, match="Nothing changed"):
        desk.make(delta=True)
    desk.rows = [row for row in desk.rows if row[desk.at] != "NEW-0001"]
    second = desk.make(delta=True)
    assert (second.manifest.base, second.manifest.counts.removed) == (weekly.submission, 1)
    desk.send(second)
    assert desk.held() == desk.expected()

    replaced = desk.make()
    desk.send(replaced)
    states = desk.states()
    assert states[replaced.submission] in ("received", "current")
    assert {states[each.submission] for each in (full, weekly, second)} == {"superseded"}
    assert desk.held() == desk.expected()

    with ServiceClient(desk.folder) as client:
        withdraw(desk.folder, replaced.submission, client)
    assert not {"received", "current"} & set(desk.states().values())
    assert last_submitted(desk.folder) is None
    with pytest.raises(InputError, match="Make a full one first"):
        desk.make(delta=True)


def test_a_changed_value_travels_alone_and_opens_with_the_workbooks_key(desk: Desk) -> None:
    desk.send(desk.make())
    changed = next(row for row in desk.people if row[desk.columns["EpisodeStatus"]])
    status = desk.columns["EpisodeStatus"]
    changed[status] = "COMP" if changed[status] != "COMP" else "REF"
    made = desk.make(delta=True)
    manifest = made.manifest
    assert (manifest.counts.records, manifest.counts.removed) == (1, 0)
    workbook = desk.county.folder("workbook")
    about = box_context("workbook", AGENCY, manifest.protocol_digest, manifest.epoch)
    key = open_box(base64.b64decode(manifest.workbook.box), workbook.sealing_key, about)
    attributes = {each.id: each for each in desk.folder.protocol.document.attributes}
    with open_submission(made.path) as file, file.open(CELLS) as source:
        cells = pl.read_parquet(io.BytesIO(source.read()))
    assert set(cells["record_ref"]) == {desk.ref(changed)}
    (row,) = [each for each in cells.iter_rows() if each[1] == "recovery.episode"]
    ref, name, as_at, sealed = row
    context = cell_context(AGENCY, ref, name, as_at, manifest.protocol_digest)
    value, day = decode_dated_value(attributes[name], open_cell(sealed, key, context))
    assert value is not None
    assert value["status"] == ("COMPLETED" if changed[status] == "COMP" else "REFERRED")
    assert isinstance(day, date)
    assert newest_in_outbox(desk.folder) == made.path
