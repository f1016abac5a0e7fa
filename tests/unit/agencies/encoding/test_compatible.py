"""The CSV → clkhash JSON command: the same file that anonlink's client writes, and clear refusals for everything else."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from clkhash.clk import generate_clk_from_csv
from clkhash.schema import from_json_dict
from clkhash.serialization import serialize_bitarray

from agencies.encoding.compatible import encode_csv_to_clkhash_json, read_text_secret
from protocols.errors import ExtractError, InputError, KeyProblem, KinlinkError

NGRAM = {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerFeature": 80}}
SCHEMA: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 512, "kdf": {"type": "HKDF"}},
    "features": [
        {"identifier": "id", "ignored": True},
        {"identifier": "name", "format": {"type": "string"}, "hashing": NGRAM},
        {"identifier": "born", "format": {"type": "date", "format": "%d/%m/%Y"}, "hashing": NGRAM},
        {
            "identifier": "sex",
            "format": {"type": "enum", "values": ["m", "f"]},
            "hashing": NGRAM | {"missingValue": {"sentinel": ""}},
        },
    ],
}
CSV = "id,name,born,sex\n1,Zqxvanary Smith,01/02/2003,f\n2,  Øyvind  ,29/02/2004,\n"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / name for name in ("people.csv", "schema.json", "secret.txt", "out.json")}
    paths["people.csv"].write_text(CSV, "utf-8")
    paths["schema.json"].write_text(json.dumps(SCHEMA), "utf-8")
    paths["secret.txt"].write_text("horse staple\n", "utf-8")
    return paths


def run(files: dict[str, Path], **options: Any) -> int:
    return encode_csv_to_clkhash_json(
        files["people.csv"], files["schema.json"], files["secret.txt"], files["out.json"], **options
    )


def theirs(files: dict[str, Path], header: bool | str = True) -> str:
    """What `anonlink encode` does: text mode, clkhash, json.dump."""
    with files["people.csv"].open(encoding="utf-8") as text:
        clks = generate_clk_from_csv(
            text, "horse staple", from_json_dict(SCHEMA), header=header, progress_bar=False, max_workers=1
        )
    return json.dumps({"clks": [serialize_bitarray(clk) for clk in clks]})


@pytest.mark.parametrize(
    "text",
    [
        CSV,
        CSV.replace("\n", "\r\n"),
        CSV.replace("\n", "\r"),
        CSV.removesuffix("\n"),
        "id,name,born,sex\n",
        'id,name,born,sex\n1,"Smith, ""Bob""",01/02/2003,m\n2,"two\nlines",01/02/2003,m\n3,"two\r\nlines",01/02/2003,m\n',
        'id,name,born,sex\n1,a"b"c,01/02/2003,m\n2,"a"b,01/02/2003,m\n3,x,01/02/2003,"m',
        "id,name,born,sex\n\u00a01\u00a0,\u3000x\u2003, 1/2/2003\t,m\n",
        "".join(["id,name,born,sex\n", *(f"{i},name {i % 700},{1 + i % 28:02}/03/1990,m\n" for i in range(10_503))]),
    ],
    ids=["plain", "crlf", "cr", "no last newline", "no rows", "quoted", "odd quotes", "odd blanks", "several blocks"],
)  # fmt: skip
def test_the_file_is_byte_for_byte_what_anonlink_writes(files: dict[str, Path], text: str) -> None:
    files["people.csv"].write_bytes(text.encode())
    expected = theirs(files)
    count = run(files)
    assert files["out.json"].read_text("ascii") == expected
    assert count == len(json.loads(expected)["clks"])


def test_header_not_checked_or_not_there(files: dict[str, Path]) -> None:
    files["people.csv"].write_text(CSV.replace("name,born", "who,when"), "utf-8")
    run(files, header="ignore")
    assert files["out.json"].read_text("ascii") == theirs(files, "ignore")
    files["people.csv"].write_text(CSV.partition("\n")[2], "utf-8")
    assert run(files, header=False) == 2
    assert files["out.json"].read_text("ascii") == theirs(files, False)


def test_a_byte_order_mark_before_a_header_does_no_harm(files: dict[str, Path]) -> None:
    expected = theirs(files)
    files["people.csv"].write_text("\ufeff" + CSV, "utf-8")
    run(files)
    assert files["out.json"].read_text("ascii") == expected
    files["people.csv"].write_text("\ufeff" + CSV.partition("\n")[2], "utf-8")
    with pytest.raises(ExtractError, match="byte-order mark"):
        run(files, header=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "`people.csv` is empty"),
        ("\n", "it has 0 columns, the schema 4 features"),
        ("id;name;born;sex\n1;Zqxvanary;01/02/2003;f\n", "separated by semicolons"),
        ("id\tname\tborn\tsex\n", "separated by tabs"),
        ("name,id,born,sex\n", "another order.*id, name, born, sex"),
        ("id,Name ,born,sex\n", "column 2 must be `name` exactly"),
        ("id,born,name,when\n", "column 2 must be `name`; got `born`"),
        ("1,Zqxvanary,01/02/2003,f\n", "column 1 must be `id`.*If the file has no header"),
        ("id,name,born\n", "it has 3 columns, the schema 4 features"),
        (CSV + "3,Zqxvanary,01/02/2003\n", "Line 4 of `people.csv` has 3 values; the schema has 4 features"),
        (CSV + "\n4,a,01/02/2003,f\n", "Line 4 of `people.csv` is blank"),
        (CSV + '3,"Zq\nxv",30/02/2003,f\n', r"Line 4, column `born`: expected a real date in the format `%d/%m/%Y`"),
        (CSV + '3,"Zq\nxv",01/02/2003,f\n4,a,Zqxvanary,f\n', "Line 6, column `born`"),
        (
            CSV + "3,a,01/02/2003,Zqxvanary\n4,a,Zqxvanary,f\n",
            r"Line 4, column `sex`: expected one of `f`, `m`, or ``.*Also refused: line 5 \(`born`\)",
        ),
        (CSV + '3,"Zqxvanary,01/02/2003,m\n', "Line 4 of `people.csv` has 2 values"),
        (CSV + '3,"' + "Zqxvanary" * 20_000, "line 4 on has a value that is too long"),
    ],
)
def test_a_wrong_csv_is_refused_with_its_place_and_never_a_value(files: dict[str, Path], text: str, says: str) -> None:
    files["people.csv"].write_text(text, "utf-8")
    with pytest.raises(KinlinkError, match=says) as problem:
        run(files)
    assert "Zqxvanary" not in "".join(traceback.format_exception(problem.value))
    assert "Zqxvanary" not in repr(problem.value.__context__)
    assert not files["out.json"].exists()
    assert [path.name for path in files["out.json"].parent.glob(".*")] == [], "nothing half-written stays behind"


def test_text_that_is_not_utf_8_is_found_by_line(files: dict[str, Path]) -> None:
    files["people.csv"].write_bytes(CSV.encode() * 1 + "3,Zqxvanary Müller,01/02/2003,f\n".encode("windows-1252"))
    with pytest.raises(ExtractError, match="line 4 is not UTF-8") as problem:
        run(files)
    assert "Zqxvanary" not in "".join(traceback.format_exception(problem.value)) + repr(problem.value.__context__)
    files["people.csv"].write_bytes(CSV.encode("utf-16"))
    with pytest.raises(ExtractError, match="UTF-16"):
        run(files)


def test_the_secret_is_the_line_without_its_end(files: dict[str, Path]) -> None:
    for content in (b"horse staple", b"horse staple\n", b"horse staple\r\n", b"\xef\xbb\xbfhorse staple\n"):
        files["secret.txt"].write_bytes(content)
        assert read_text_secret(files["secret.txt"]) == b"horse staple"
    files["secret.txt"].write_bytes(b" horse \n")
    assert read_text_secret(files["secret.txt"]) == b" horse "
    files["secret.txt"].write_bytes(b"\xff\x00\n")
    assert read_text_secret(files["secret.txt"]) == b"\xff\x00\n", "bytes that are no text are taken as they are"


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", "wide".encode("utf-16"), b"x" * 5000])
def test_a_secret_that_cannot_be_is_refused_without_showing_it(files: dict[str, Path], content: bytes) -> None:
    files["secret.txt"].write_bytes(content)
    with pytest.raises(KeyProblem, match=r"`secret\.txt`") as problem:
        run(files)
    assert "lines" not in str(problem.value).replace("more than one line", "")
    assert not files["out.json"].exists()


def test_paths_that_cannot_be(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match=r"`absent\.csv` does not exist"):
        run(files | {"people.csv": tmp_path / "absent.csv"})
    with pytest.raises(InputError, match=r"folder for `out\.json` does not exist"):
        run(files | {"out.json": tmp_path / "no" / "out.json"})
    with pytest.raises(InputError, match="the CSV itself"):
        run(files | {"out.json": files["people.csv"]})
    with pytest.raises(KeyProblem, match="cannot be read"):
        run(files | {"secret.txt": tmp_path / "none"})
    assert files["people.csv"].read_text("utf-8") == CSV


def test_a_refused_file_leaves_an_earlier_result_as_it_was(files: dict[str, Path]) -> None:
    run(files)
    before = files["out.json"].read_bytes()
    assert files["out.json"].stat().st_mode & 0o077 == 0, "CLKs are personal data: for the owner only"
    files["people.csv"].write_text(CSV + "broken\n", "utf-8")
    with pytest.raises(ExtractError):
        run(files)
    assert files["out.json"].read_bytes() == before


def test_progress_counts_rows(files: dict[str, Path]) -> None:
    seen: list[int] = []
    run(files, progress=seen.append)
    assert seen == [2]
