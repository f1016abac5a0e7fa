"""Whatever stands in an extract: it is read or refused with a sentence, and no value comes out of the reading."""

from __future__ import annotations

import csv
import json
import traceback
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agencies.check import check_extract
from agencies.extract import Extract
from agencies.folder import AgencyFolder, init_folder
from agencies.mapping import Mapping
from agencies.reading import open_reading
from config.resources import PROTOCOL_FILE
from protocols.errors import KinlinkError

MAPPING = """\
agency: police
dates: ["%d/%m/%Y"]
record: REF
groups: {columns: [GRP], separator: "|"}
identifiers: {given_name: FORE, middle_name: MID, family_name: SUR, date_of_birth: DOB, sex: SEX, address: [ADDR], postcode: PC, nhs_number: NHS}
aliases: [{family_name: MAIDEN}]
former: [{address: [OLD]}]
kind: {column: KIND, adult: [A], child: [C], unborn: [U]}
expected_date: EDD
flags:
  suppressed: {column: PROT, yes: ["Y"]}
  silent: {column: SIL, yes: ["Y"]}
hold: {column: HOLD}
as_at: AS_AT
attributes:
  police.da_incidents_12m: {count: DA}
  police.da_last_incident: {date: DAL, subject_role: DAR}
  police.relevant_conviction: {class: CLS, years: YRS}
"""
COLUMNS = [
    "REF", "GRP", "FORE", "MID", "SUR", "DOB", "SEX", "ADDR", "PC", "NHS", "MAIDEN", "OLD", "KIND", "EDD", "PROT", "SIL", "HOLD",
    "AS_AT", "DA", "DAL", "DAR", "CLS", "YRS",
]  # fmt: skip
LIKELY = [
    "", " ", "Y", "N", "A", "U", "C", "R1", "R2", "14/02/1988", "02/14/1988", "31/02/1990", "00/00/0000", "9999-99-99", "1e5", "-1", "3",
    "SG99 5TH", "NFA", "999 010 2481", "Müller", "O'Neill", "李雷", "\u202eabc", "VICTIM", "2010-2014", "𝔘𝔫𝔦", "null", "nan", "a" * 300,
]  # fmt: skip
CELL = st.one_of(
    st.sampled_from(LIKELY),
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), max_size=12),
)
ROWS = st.lists(st.lists(CELL, min_size=len(COLUMNS), max_size=len(COLUMNS)), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> AgencyFolder:
    path = tmp_path_factory.mktemp("any") / "police"
    made = init_folder(path, "police", service="http://127.0.0.1:9", protocol=PROTOCOL_FILE, passphrase=None)
    (path / "mapping.yaml").write_text(MAPPING)
    return made


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_any_rows_are_checked_and_no_value_comes_out(folder: AgencyFolder, rows: list[list[str]]) -> None:
    path = folder.path / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(COLUMNS)
        writer.writerows(
            [f"canary{at}x{cell}" if at in (2, 4) else cell for at, cell in enumerate(row)] for row in rows
        )
    report = check_extract(folder, open_reading(folder, path))
    assert report.rows == len(rows)
    tally = report.tally
    assert tally.records + tally.left_out + tally.suppressed <= len(rows)
    assert "canary" not in json.dumps(report.as_json())
    for each in report.findings:
        assert set(each.rows) <= set(range(2, len(rows) + 2))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda text: ("REF,FORE\n" + text).encode("utf-8", "ignore"))
    )
)
def test_any_bytes_are_read_or_refused_with_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes.csv"
    path.write_bytes(data)
    mapping = Mapping.model_validate(
        {"agency": "police", "record": "REF", "identifiers": {"given_name": "FORE"}, "as_at": "2026-11-10"}
    )
    try:
        rows = list(Extract(path, mapping).rows())
    except KinlinkError as error:
        assert error.what
        assert error.next_step
        shown = "".join(traceback.format_exception(error))
        assert "UnicodeDecodeError" not in shown
    else:
        assert all(len(row) == 2 for _, row in rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), name=st.sampled_from(["x.xlsx", "x.parquet", "x.ods"]))
def test_any_bytes_that_are_called_a_spreadsheet_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / name
    path.write_bytes(data)
    mapping = Mapping.model_validate(
        {"agency": "police", "record": "REF", "identifiers": {"given_name": "FORE"}, "as_at": "2026-11-10"}
    )
    with pytest.raises(KinlinkError):
        list(Extract(path, mapping).rows())
