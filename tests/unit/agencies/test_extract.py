"""Reading extracts: whatever is found out is said, whatever is wrong is an error with its row and without a value."""

from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest

from agencies.extract import Extract
from agencies.mapping import Mapping
from protocols.errors import ExtractError

CANARY = "Zzcanary"


def mapping(**file: object) -> Mapping:
    return Mapping.model_validate(
        {
            "agency": "police",
            "file": file,
            "record": "REF",
            "identifiers": {"given_name": "FORE", "family_name": "SUR"},
            "as_at": "2026-11-10",
        }
    )


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def rows(path: Path, **file: object) -> list[tuple[int, tuple[str, ...]]]:
    return list(Extract(path, mapping(**file)).rows())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found_and_said(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = [["REF", "FORE", "SUR", "OTHER"], ["1", "Zoë", "Müller", "x"], ["2", "Siân", "O'Neill", ""]]
    path = write(tmp_path / "x.csv", "\r\n".join(delimiter.join(line) for line in lines) + "\r\n", encoding)
    extract = Extract(path, mapping())
    assert list(extract.rows()) == [(2, ("1", "Zoë", "Müller")), (3, ("2", "Siân", "O'Neill"))]
    assert extract.layout.encoding == encoding
    assert extract.layout.delimiter == delimiter
    assert any(encoding in said for said in extract.layout.said)
    assert any("delimiter" in said for said in extract.layout.said)


def test_what_the_mapping_says_is_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "REF;FORE;SUR\n1;Zoë;x\n", "windows-1252")
    extract = Extract(path, mapping(delimiter=";", encoding="windows-1252", header_row=1))
    assert extract.layout.said == ()
    assert list(extract.rows()) == [(2, ("1", "Zoë", "x"))]


def test_a_title_above_the_header_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'Export of people,,\n"run, weekly",,\nREF,FORE,SUR\n1,a,b\n')
    extract = Extract(path, mapping())
    assert extract.layout.header_row == 3
    assert list(extract.rows()) == [(4, ("1", "a", "b"))]


def test_quoted_line_breaks_and_empty_lines_keep_the_count_of_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'REF,FORE,SUR\n1,"a\nb",c\n\n2,"d ""e""",f\n')
    assert rows(path) == [(2, ("1", "a\nb", "c")), (4, ("2", 'd "e"', "f"))]


def test_missing_columns_are_named_and_the_first_row_is_not_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", f"{CANARY},b,c\n1,2,3\n")
    with pytest.raises(ExtractError) as raised:
        Extract(path, mapping())
    assert "lacks 3 of the 3 mapped columns: `REF`, `FORE`, `SUR`" in raised.value.what
    assert "0 were found among 3 columns" in raised.value.what
    assert CANARY not in str(raised.value)


def test_a_column_that_differs_in_spelling_only_is_pointed_out(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "REF,fore ,Sur_\n1,2,3\n")
    with pytest.raises(ExtractError, match=r"`FORE` \(there is `fore`\)"):
        Extract(path, mapping())


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "REF,FORE,SUR,SUR\n1,2,3,4\n")
    with pytest.raises(ExtractError, match="`SUR` more than once"):
        Extract(path, mapping())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("REF,FORE,SUR\n1,a,b\n2,a,b,Zzcanary\n", r"row 3: expected 3 columns as in the header, got 4"),
        ("REF,FORE,SUR\n1,a,b\n2,Zzcanary\n", r"row 3: expected 3 columns as in the header, got 2"),
        ('REF,FORE,SUR\n1,a,b\n2,"Zzcanary,b\n', r"row 3: a quotation mark is opened and not closed"),
        ('REF,FORE,SUR\n1,a,b\n2,"Zz"canary,b\n', r"row 3: a quotation mark"),
        ("", "is empty"),
    ],
)
def test_a_cut_off_or_malformed_row_is_told_with_its_number(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path / "x.csv", text)
    with pytest.raises(ExtractError, match=said) as raised:
        rows(path)
    assert "canary" not in str(raised.value)


def test_a_file_that_does_not_end_with_a_line_break_is_said(tmp_path: Path) -> None:
    extract = Extract(write(tmp_path / "x.csv", "REF,FORE,SUR\n1,a,b"), mapping())
    assert any("line break" in said for said in extract.layout.said)
    assert len(list(extract.rows())) == 1


def test_an_unreadable_byte_in_utf_8_text_is_told_with_its_row(tmp_path: Path) -> None:
    body = "REF,FORE,SUR\n1,Zoë,Müller\n2,Siân,Renée\n3,".encode() + b"Zzcanary\xe9" + b",b\n4,c,d\n"
    path = tmp_path / "x.csv"
    path.write_bytes(body)
    with pytest.raises(ExtractError, match=r"UTF-8 text but for 1 unreadable bytes, the first in row 4") as raised:
        rows(path)
    assert "canary" not in str(raised.value)
    with pytest.raises(ExtractError, match=r"row 4: a byte is not readable as utf-8"):
        rows(path, encoding="utf-8")


def test_a_byte_that_windows_1252_does_not_have_is_told_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"REF,FORE,SUR\n1,a\xe9,b\n2,\x81,b\n")
    with pytest.raises(ExtractError, match=r"row 3: a byte is not readable as windows-1252"):
        rows(path)


def test_a_spreadsheet_that_is_called_csv_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"PK\x03\x04\x00\x00\x00abc\n")
    with pytest.raises(ExtractError, match="not a text file"):
        rows(path)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04", "a ZIP file"),
        (b"\x1f\x8b", "a gzip file"),
        (b"\xd0\xcf\x11\xe0", "with a password"),
        (b"PAR1", "Parquet"),
    ],
)
def test_a_packed_file_is_told_whatever_the_mapping_says(tmp_path: Path, start: bytes, what: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(start + b"\0" * 40)
    for options in ({}, {"encoding": "windows-1252"}):
        with pytest.raises(ExtractError, match=what):
            rows(path, **options)


def test_a_byte_order_mark_and_the_mapping_agree_or_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    text = "REF,FORE,SUR\n1,Zoë,b\n"
    path.write_text(text, encoding="utf-8-sig")
    assert rows(path, encoding="utf-8") == rows(path, encoding="UTF8") == [(2, ("1", "Zoë", "b"))]
    with pytest.raises(ExtractError, match="is marked as utf-8, and the mapping says windows-1252"):
        rows(path, encoding="windows-1252")
    path.write_text(text, encoding="utf-16")
    assert rows(path, encoding="utf-16-le") == [(2, ("1", "Zoë", "b"))]
    with pytest.raises(ExtractError, match="is marked as utf-16, and the mapping says utf-8"):
        rows(path, encoding="utf-8")


def test_another_delimiter_than_the_mappings_is_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("REF|FORE|SUR\n1|a|b\n")
    with pytest.raises(ExtractError) as refused:
        rows(path, delimiter=";")
    assert "looks separated by `|`" in refused.value.next_step


def test_an_unknown_encoding_and_a_missing_file_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "REF,FORE,SUR\n1,a,b\n")
    with pytest.raises(ExtractError, match="`klingon` is not a text encoding"):
        rows(path, encoding="klingon")
    with pytest.raises(ExtractError, match="not a text encoding"):
        rows(path, encoding="hex")
    with pytest.raises(ExtractError, match=r"no file `absent.csv`"):
        rows(tmp_path / "absent.csv")
    with pytest.raises(ExtractError, match="no row 9 to be the header"):
        rows(path, header_row=9)


def test_parquet_is_read_as_text_and_only_what_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    frame = {"REF": [7, 8], "FORE": ["a", None], "SUR": ["b", "c"], "OTHER": ["x", "y"]}
    pl.DataFrame(frame).write_parquet(path)
    assert rows(path) == [(1, ("7", "a", "b")), (2, ("8", "", "c"))]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ExtractError, match="cannot be read as Parquet"):
        rows(path)
    pl.DataFrame({"REF": [1], "FORE": [["a", "b"]], "SUR": ["c"]}).write_parquet(path)
    with pytest.raises(ExtractError, match="lists or structures in the column `FORE`"):
        rows(path)
    pl.DataFrame({"REF": [1]}).write_parquet(path)
    with pytest.raises(ExtractError, match="lacks 2 of the 3 mapped columns"):
        rows(path)


def test_excel_is_read_as_text_with_its_own_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    write_xlsx(
        path,
        {"People": [["Weekly export"], ["REF", "FORE", "SUR"], ["007", "Zoë", "Müller"], [], [9990102481, "a", "b"]]},
    )
    extract = Extract(path, mapping())
    assert list(extract.rows()) == [(3, ("007", "Zoë", "Müller")), (5, ("9990102481", "a", "b"))]
    assert extract.layout.header_row == 2
    assert "sheet read: People" in extract.layout.said


def test_the_sheet_that_the_mapping_names_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    write_xlsx(path, {"Notes": [["x"]], "People": [["REF", "FORE", "SUR"], ["1", "a", "b"]]})
    assert rows(path, sheet="People") == [(2, ("1", "a", "b"))]
    with pytest.raises(ExtractError, match="no sheet `Absent`"):
        rows(path, sheet="Absent")
    path.write_bytes(b"not a spreadsheet")
    with pytest.raises(ExtractError, match="cannot be read as a spreadsheet"):
        rows(path)


def write_xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    """The smallest workbook that spreadsheet programs open (ECMA-376), with inline texts and numbers."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    names = list(sheets)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
            + "".join(
                f'<Override PartName="/xl/worksheets/sheet{at}.xml" '
                'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
                for at in range(1, len(names) + 1)
            )
            + "</Types>",
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(f'<sheet name="{name}" sheetId="{at}" r:id="r{at}"/>' for at, name in enumerate(names, 1))
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{listed}</sheets></workbook>'
        )
        linked = "".join(
            f'<Relationship Id="r{at}" Type="{relations}/worksheet" Target="worksheets/sheet{at}.xml"/>'
            for at in range(1, len(names) + 1)
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{linked}</Relationships>'
        )
        for at, name in enumerate(names, 1):
            body = "".join(
                f'<row r="{number}">'
                + "".join(_xlsx_cell(number, column, cell) for column, cell in enumerate(row))
                + "</row>"
                for number, row in enumerate(sheets[name], 1)
            )
            archive.writestr(
                f"xl/worksheets/sheet{at}.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
            )


def _xlsx_cell(row: int, column: int, value: object) -> str:
    place = f"{chr(ord('A') + column)}{row}"
    if isinstance(value, int):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
