"""What holds after the whole way was run once: the links are there, and nothing went where it must not go."""

from __future__ import annotations

import base64
import csv
import io
import sqlite3
import zipfile
import zlib
from contextlib import closing, suppress

import polars as pl
import pytest

from agencies.folder import AgencyFolder
from agencies.secret import seal_secret
from config.county import generate
from kinlink.demo_steps import AGENCIES
from protocols.errors import KinlinkError


def texts_in_database(path):
    """Every value of every table, as stored, decompressed where that is possible."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {"records", "links", "audit_entries", "profiles"} <= set(tables)
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - a name from the database itself
                for value in row:
                    yield from spellings(value if isinstance(value, bytes) else str(value).encode())


def spellings(data):
    yield data
    for skip in (0, 16, 32):
        with suppress(zlib.error):
            yield zlib.decompress(data[skip:])


def inside_submission(path):
    """A submission as it is, its parts, and its tables as text."""
    yield path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            yield data
            if name.endswith(".parquet"):
                table = pl.read_parquet(io.BytesIO(data))
                yield "\n".join(map(repr, table.iter_rows())).encode()
                yield from (cell for row in table.iter_rows() for cell in row if isinstance(cell, bytes))


@pytest.fixture(scope="module")
def outside(whole):
    """Everything outside the agencies, by where it was: the wire, the service's data and log, submissions, receipts."""
    found = {"the wire": [whole.sent], "the service's log": [(whole.home / "service.log").read_bytes()]}
    for path in whole.data.rglob("*"):
        if path.is_file():
            found[str(path.relative_to(whole.home))] = (
                list(inside_submission(path)) if zipfile.is_zipfile(path) else [path.read_bytes()]
            )
    found["the database's values"] = list(texts_in_database(whole.database))
    for agency in AGENCIES:
        for path in (whole.home / agency / "outbox").glob("*"):
            found[f"{agency}/{path.name}"] = (
                list(inside_submission(path)) if zipfile.is_zipfile(path) else [path.read_bytes()]
            )
    assert sum(name.startswith("service/") for name in found) > len(AGENCIES)
    assert any(b"record_ref" in text for text in found["the wire"])
    return found


def places_of(outside, needles):
    wanted = [needle.lower() for needle in needles]
    return sorted(
        {where for where, texts in outside.items() for text in texts if any(n in text.lower() for n in wanted)}
    )


def test_no_canary_leaves_its_agency(whole, outside):
    needles = [
        form for text in whole.canaries for form in (text.encode(), base64.b64encode(text.encode()).rstrip(b"="))
    ]
    assert places_of(outside, needles) == []


def test_no_name_or_nhs_number_of_anybody_leaves_its_agency(whole, outside):
    with (whole.home / "social_care" / "extract.csv").open(encoding="utf-8-sig", newline="") as source:
        people = list(csv.DictReader(source))
    assert len(people) > 100
    needles = {f"{p['pers_forename']} {p['pers_surname']}" for p in people} | {
        p["pers_common_child_id"] for p in people
    }
    assert places_of(outside, [needle.encode() for needle in needles if len(needle) >= 9]) == []


def test_the_linkage_secret_never_reaches_the_service(whole, outside):
    secret = whole.secret
    assert len(secret) == 32
    forms = [secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret).rstrip(b"=")]
    assert places_of(outside, forms) == []


@pytest.mark.parametrize("recipient", ["service", "workbook"])
def test_the_linkage_secret_is_never_sealed_to_who_must_not_hold_it(whole, recipient):
    with pytest.raises(KinlinkError):
        seal_secret(AgencyFolder(whole.home / "social_care"), recipient, 1)


def test_no_attribute_value_is_readable_outside(outside):
    # Codes that only stand in values of the county's records, and a key worker who is in nobody's list of people.
    needles = [b"IN_TREATMENT", b"UNPLANNED_EXIT", b"CHILD_PRESENT", b'locked_box":', b"Hartmere Hub"]
    leaks = [
        place for place in places_of(outside, needles) if place not in ("the database's values", "service/kinlink.db")
    ]
    assert leaks == []


def test_the_stories_are_linked(whole):
    with closing(sqlite3.connect(f"file:{whole.database}?mode=ro", uri=True)) as database:
        grades = dict(
            database.execute(
                "SELECT agency, count(*) FROM links WHERE grade = 'certain' AND state = 'active' GROUP BY agency"
            )
        )
    assert set(grades) == set(AGENCIES)
    assert "Maya Okafor" in whole.printed
    assert "locked box no" in whole.printed


def test_a_worker_who_is_not_on_the_case_gets_nothing(whole):
    asked = whole.printed.split("--worker w-20588-sw")[1]
    assert "cannot be answered for this worker" in asked.split("7. Anybody")[0]
    assert "Maya" not in asked


def test_the_perpetrators_worker_sees_nothing_of_the_refuge(whole):
    shown = whole.printed.split("--as da-perpetrator-officer")[1].split("kinlink workbook")[0]
    assert "Karim Haddad" in shown
    for word in ("shield", "refuge", "withheld", "hidden", "suppressed", "GP practice"):
        assert word.lower() not in shown.lower(), word


def test_the_audit_log_verifies_offline(whole):
    assert "The audit log verifies" in whole.printed


def test_the_county_is_made_from_its_seed():
    assert generate.county(families=40) == generate.county(families=40)
