"""Delimited text: its encoding, delimiter and header found out and said, every row of the right width or an error with its number.

The standard library's parser in strict mode reads it, because a short row, a stray quote or a cut-off file must stop the work with
a row number; parsers made for speed fill short rows in silence.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from protocols.errors import ExtractError

_BLOCK = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_HEADER_WITHIN = 20
_LONGEST_FIELD = 1 << 16
_LONE = re.compile("[\udc80-\udcff]")
_PACKED = {
    b"PK\x03\x04": "a ZIP file or an Excel workbook",
    b"\x1f\x8b": "a gzip file",
    b"7z\xbc\xaf": "a 7z file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook, or one with a password",
    b"PAR1": "a Parquet file",
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How a delimited text is written. `header_row` counts from 1; `said` tells what was found out rather than given."""

    encoding: str
    delimiter: str
    header_row: int
    header: tuple[str, ...]
    said: tuple[str, ...]


def find_layout(
    path: Path, wanted: Sequence[str], encoding: str | None, delimiter: str | None, header_row: int | None
) -> TextLayout:
    """Find out what is not given. Raises `ExtractError`; its message names mapped columns only, never what the file holds."""
    said = []
    _refuse_packed(path)
    if encoding is None:
        encoding = _find_encoding(path)
        said.append(f"encoding found: {encoding}")
    else:
        encoding = _as_marked(path, encoding)
        _check_encoding(path, encoding)
    first = _first_lines(path, encoding)
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda each: _header_score(first, each, wanted))
        said.append(f"delimiter found: {_NAMES[delimiter]}")
    rows = _parsed(first, delimiter)
    if header_row is None:
        header_row = _find_header(rows, wanted)
        said.append(f"header found in row {header_row}")
    if header_row > len(rows):
        raise ExtractError(
            f"`{path.name}` has no row {header_row} to be the header.", next_step="Check the file and its mapping."
        )
    return TextLayout(
        encoding=encoding,
        delimiter=delimiter,
        header_row=header_row,
        header=tuple(name.strip() for name in rows[header_row - 1]),
        said=tuple(said),
    )


def read_rows(path: Path, layout: TextLayout) -> Iterator[tuple[int, list[str]]]:
    """Every row after the header with its number, as the file has it; empty rows are skipped. Raises `ExtractError`."""
    width = len(layout.header)
    number = 0
    try:
        with path.open(encoding=layout.encoding, errors="strict", newline="") as source:
            csv.field_size_limit(_LONGEST_FIELD)
            reader = csv.reader(source, delimiter=layout.delimiter, strict=True)
            for number, row in enumerate(reader, start=1):
                if number <= layout.header_row or not row:
                    continue
                if len(row) != width:
                    _wrong_width(path, number, width, len(row))
                yield number, row
    except csv.Error:
        raise ExtractError(
            f"`{path.name}`, row {number + 1}: a quotation mark is opened and not closed, or it stands inside a value.",
            next_step="Correct that row in the source, or export the file again.",
        ) from None
    except UnicodeError:
        _unreadable(path, layout.encoding)


def likeliest_delimiter(path: Path, encoding: str | None) -> str | None:
    """The delimiter that makes most columns of the first lines; None if none makes two."""
    try:
        first = _first_lines(path, encoding or _find_encoding(path))
    except (ExtractError, UnicodeError, LookupError):
        return None
    widths = {each: max((len(row) for row in _parsed(first, each)), default=0) for each in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda each: widths[each])
    return best if widths[best] > 1 else None


def ends_with_line_break(path: Path) -> bool:
    """Whether the last byte ends a line: if not, the last row may be cut off."""
    size = path.stat().st_size
    if size == 0:
        return True
    with path.open("rb") as source:
        source.seek(max(0, size - 2))
        return source.read().rstrip(b"\0").endswith((b"\n", b"\r"))


def _refuse_packed(path: Path) -> None:
    with path.open("rb") as source:
        start = source.read(8)
    for mark, what in _PACKED.items():
        if start.startswith(mark):
            raise ExtractError(
                f"`{path.name}` is not a text file: it is {what}.",
                next_step="Unpack it, or give a workbook its own ending (`.xlsx`, `.xls`).",
            )


def _as_marked(path: Path, encoding: str) -> str:
    """The encoding that the mapping gives, unless the file's byte-order mark says another."""
    with path.open("rb") as source:
        start = source.read(4)
    marked = next((name for mark, name in _BOMS if start.startswith(mark)), None)
    if marked is None:
        return encoding
    try:
        given = codecs.lookup(encoding).name
    except LookupError:
        return encoding
    if marked == "utf-8-sig" and given in ("utf-8", "utf-8-sig"):
        return marked
    if marked == "utf-16" and given.startswith("utf-16"):
        return marked
    raise ExtractError(
        f"`{path.name}` is marked as {marked.removesuffix('-sig')}, and the mapping says {encoding[:40]}.",
        next_step="Take `file: encoding:` out of the mapping, or correct it; check that it is the right file.",
    )


def _wrong_width(path: Path, number: int, expected: int, got: int) -> NoReturn:
    reason = (
        "The file may be cut off there" if got < expected else "A value may hold a delimiter without quotation marks"
    )
    raise ExtractError(
        f"`{path.name}`, row {number}: expected {expected} columns as in the header, got {got}.",
        next_step=f"{reason}: export it again, or correct that row.",
    )


def _find_encoding(path: Path) -> str:
    with path.open("rb") as source:
        start = source.read(4)
    for mark, name in _BOMS:
        if start.startswith(mark):
            _check_encoding(path, name)
            return name
    tally = _tally_utf8(path)
    if tally.zeros:
        raise ExtractError(
            f"`{path.name}` is not a text file: it has zero bytes (first in row {tally.first_zero_row}).",
            next_step="Export it as CSV in UTF-8, or name its encoding in the mapping (`file: encoding:`).",
        )
    if not tally.bad:
        return "utf-8"
    if tally.good > tally.bad:
        raise ExtractError(
            f"`{path.name}` is UTF-8 text but for {tally.bad} unreadable bytes, the first in row {tally.first_bad_row}.",
            next_step="Export it again; if it really is in another encoding, name it in the mapping (`file: encoding:`).",
        )
    _check_encoding(path, "windows-1252")
    return "windows-1252"


@dataclass(slots=True)
class _Tally:
    good: int = 0
    bad: int = 0
    zeros: int = 0
    first_bad_row: int = 0
    first_zero_row: int = 0


def _tally_utf8(path: Path) -> _Tally:
    """Count what is and what is not UTF-8 beyond ASCII, line by line and block by block."""
    tally, rows = _Tally(), 0
    with path.open("rb") as source:
        for block in _blocks(source):
            if not tally.zeros and b"\0" in block:
                tally.zeros, tally.first_zero_row = 1, rows + block[: block.index(b"\0")].count(b"\n") + 1
            if not block.isascii():
                # Lone surrogates stand for the bytes that are not UTF-8; well-formed text cannot hold them.
                text = block.decode("utf-8", errors="surrogateescape")
                bad = len(_LONE.findall(text))
                tally.good += sum(1 for character in text if character > "\x7f") - bad
                if bad and not tally.bad:
                    tally.first_bad_row = rows + text[: _LONE.search(text).start()].count("\n") + 1  # type: ignore[union-attr]
                tally.bad += bad
            rows += block.count(b"\n")
    return tally


def _blocks(source: object) -> Iterator[bytes]:
    """Blocks that end at a line break, so that no character is cut in two."""
    held = b""
    while block := source.read(_BLOCK):  # type: ignore[attr-defined]
        held += block
        cut = held.rfind(b"\n") + 1
        if cut:
            yield held[:cut]
            held = held[cut:]
    if held:
        yield held


def _check_encoding(path: Path, encoding: str) -> None:
    try:
        "a".encode(encoding)
        decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
        with path.open("rb") as source:
            while block := source.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except LookupError:
        raise ExtractError(
            f"`{encoding[:40]}` is not a text encoding.", next_step="Use `utf-8` or `windows-1252` in the mapping."
        ) from None
    except UnicodeError:
        _unreadable(path, encoding)


def _unreadable(path: Path, encoding: str) -> NoReturn:
    """Say in which row the first byte stands that the encoding does not have."""
    row = 1
    with path.open("rb") as source:
        decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
        for line in source:
            try:
                decoder.decode(line)
            except UnicodeError:
                break
            row += 1
    raise ExtractError(
        f"`{path.name}`, row {row}: a byte is not readable as {encoding}.",
        next_step="Export it again as UTF-8, or name the right encoding in the mapping (`file: encoding:`).",
    ) from None


def _first_lines(path: Path, encoding: str) -> list[str]:
    lines = []
    with path.open(encoding=encoding, newline="") as source:
        for _ in range(_HEADER_WITHIN):
            line = source.readline(_LONGEST_FIELD)
            if not line:
                break
            lines.append(line)
    if not lines:
        raise ExtractError(f"`{path.name}` is empty.", next_step="Export it again.")
    return lines


def _parsed(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows.extend(csv.reader(lines, delimiter=delimiter))
    return rows


def _hits(row: Sequence[str], wanted: Sequence[str]) -> int:
    present = {name.strip() for name in row}
    return sum(1 for name in wanted if name in present)


def _header_score(lines: Sequence[str], delimiter: str, wanted: Sequence[str]) -> tuple[int, int]:
    rows = _parsed(lines, delimiter)
    return max(((_hits(row, wanted), len(row)) for row in rows), default=(0, 0))


def _find_header(rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> int:
    best = max(range(len(rows)), key=lambda at: (_hits(rows[at], wanted), -at))
    return best + 1 if _hits(rows[best], wanted) else 1
