"""An agency's table of people, opened: CSV, TSV, Excel or Parquet. Only mapped columns are read, everything as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import NoReturn

import polars as pl

from agencies.mapping import FileMap, Mapping
from agencies.text_table import TextLayout, ends_with_line_break, find_layout, likeliest_delimiter, read_rows
from protocols.errors import ExtractError

_EXCEL = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_PARQUET = {".parquet", ".pq"}
_SLICE = 20_000

Row = tuple[str, ...]
NumberedRow = tuple[int, Row]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the file is: its format and what was found out about it. Safe to show: it holds nothing from the rows."""

    name: str
    format: str
    size: int
    columns: int
    header_row: int
    encoding: str | None = None
    delimiter: str | None = None
    said: tuple[str, ...] = ()


def read_header(path: Path, form: FileMap) -> tuple[str, ...]:
    """The names of a file's columns, whatever a mapping says of them. Raises `ExtractError`."""
    _check_file(path)
    suffix = path.suffix.lower()
    if suffix in _PARQUET:
        return _parquet_columns(path)
    if suffix in _EXCEL:
        top = _sheet(path, form.sheet)[0].head(form.header_row or 1).rows()
        return tuple("" if cell is None else str(cell).strip() for cell in (top[-1] if top else ()))
    return find_layout(path, (), form.encoding, form.delimiter, form.header_row).header


class Extract:
    """A table, opened for reading as often as needed; rows come as tuples in the order of `mapping.columns`.

    A row's number is the one that a spreadsheet program shows (the header is usually row 1); in Parquet the first row is 1.
    """

    def __init__(self, path: Path, mapping: Mapping) -> None:
        self.path = path
        self.mapping = mapping
        self._read: Callable[[], Iterator[tuple[int, Row]]]
        _check_file(path)
        suffix = path.suffix.lower()
        if suffix in _EXCEL:
            self.layout = self._open_excel()
        elif suffix in _PARQUET:
            self.layout = self._open_parquet()
        else:
            self.layout = self._open_text()

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Every row with its number. Raises `ExtractError` at the first that cannot be read."""
        return self._read()

    def _open_text(self) -> Layout:
        file, wanted = self.mapping.file, self.mapping.columns
        layout = find_layout(self.path, wanted, file.encoding, file.delimiter, file.header_row)
        pick = self._picker(layout.header)
        self._read = lambda: self._text_rows(layout, pick)
        said = layout.said
        if not ends_with_line_break(self.path):
            said = (*said, "the file does not end with a line break: check that its last row is whole")
        return Layout(
            name=self.path.name,
            format="delimited text",
            size=self.path.stat().st_size,
            columns=len(layout.header),
            header_row=layout.header_row,
            encoding=layout.encoding,
            delimiter=layout.delimiter,
            said=said,
        )

    def _text_rows(self, layout: TextLayout, pick: Callable[[Sequence[str]], Row]) -> Iterator[tuple[int, Row]]:
        for number, row in read_rows(self.path, layout):
            yield number, pick(row)

    def _open_excel(self) -> Layout:
        frame, sheet = _sheet(self.path, self.mapping.file.sheet)
        top = frame.head(20).rows()
        wanted = self.mapping.columns
        given = self.mapping.file.header_row
        scores = [sum(1 for name in wanted if name in {str(cell).strip() for cell in row}) for row in top]
        at = given - 1 if given else max(range(len(top)), key=lambda each: (scores[each], -each), default=0)
        if at >= len(top):
            raise ExtractError(f"`{self.path.name}` is empty.", next_step="Check the sheet that the mapping names.")
        header = tuple("" if cell is None else str(cell).strip() for cell in top[at])
        pick = self._picker(header)
        body = frame.slice(at + 1)
        self._read = lambda: _frame_rows(body, at + 2, pick)
        return Layout(
            name=self.path.name,
            format="Excel",
            size=self.path.stat().st_size,
            columns=len(header),
            header_row=at + 1,
            said=(f"sheet read: {sheet}", f"header found in row {at + 1}"),
        )

    def _open_parquet(self) -> Layout:
        names = _parquet_columns(self.path)
        self._check_columns(names)
        schema = pl.read_parquet_schema(self.path)
        nested = [name for name in self.mapping.columns if schema[name].is_nested()]
        if nested:
            self._refuse(f"has lists or structures in the column `{nested[0]}`", "Export that column as text.")
        columns = list(self.mapping.columns)
        self._read = lambda: self._parquet_rows(columns)
        return Layout(
            name=self.path.name,
            format="Parquet",
            size=self.path.stat().st_size,
            columns=len(names),
            header_row=0,
        )

    def _parquet_rows(self, columns: list[str]) -> Iterator[tuple[int, Row]]:
        try:
            lazy = pl.scan_parquet(self.path).select(pl.col(columns).cast(pl.String))
            number = 1
            for frame in lazy.collect_batches(chunk_size=_SLICE, maintain_order=True):
                for row in frame.iter_rows():
                    yield number, tuple("" if cell is None else cell for cell in row)
                    number += 1
        except pl.exceptions.PolarsError:
            self._refuse("cannot be read to its end", "Export it again: it may be cut off.")

    def _picker(self, header: Sequence[str]) -> Callable[[Sequence[str]], Row]:
        self._check_columns(header)
        positions = [header.index(name) for name in self.mapping.columns]
        if len(positions) == 1:
            only = positions[0]
            return lambda row: (row[only],)
        return itemgetter(*positions)

    def _check_columns(self, header: Sequence[str]) -> None:
        """Every mapped column is there, once. What the file's first row holds is never shown: it may be a person."""
        wanted = self.mapping.columns
        missing = [name for name in wanted if name not in header]
        if missing:
            near = {_folded(name): name for name in header}
            hints = [f"`{name}` (there is `{near[_folded(name)]}`)" for name in missing if _folded(name) in near]
            plain = [f"`{name}`" for name in missing if _folded(name) not in near]
            found = len(wanted) - len(missing)
            self._refuse(
                f"lacks {len(missing)} of the {len(wanted)} mapped columns: {', '.join((plain + hints)[:12])}; "
                f"{found} were found among {_columns(len(header))}",
                self._why_missing(found, header),
            )
        twice = sorted({name for name in wanted if list(header).count(name) > 1})
        if twice:
            self._refuse(
                f"has the column `{twice[0]}` more than once", "Rename one of them: it is not clear which one is meant."
            )

    def _why_missing(self, found: int, header: Sequence[str]) -> str:
        delimiter = self.mapping.file.delimiter
        if len(header) == 1 and delimiter and self.path.suffix.lower() not in _EXCEL | _PARQUET:
            other = likeliest_delimiter(self.path, self.mapping.file.encoding)
            if other not in (None, delimiter):
                return (
                    f"The mapping says that `{delimiter}` separates columns, and this file looks separated by `{other}`: check that it "
                    "is the right file, or take `file: delimiter:` out of the mapping."
                )
        if not found:
            return "Check that it is the right file for this mapping and that it has its header row."
        return "Correct the column names in the mapping: `kinlink agency columns EXTRACT` shows those of the file."

    def _refuse(self, what: str, next_step: str) -> NoReturn:
        _refuse(self.path, what, next_step)


def _refuse(path: Path, what: str, next_step: str) -> NoReturn:
    raise ExtractError(f"`{path.name}` {what}.", next_step=next_step) from None


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ExtractError(f"`{path.resolve().name}` is a folder.", next_step="Name the extract's file.")
    if not path.is_file():
        raise ExtractError(f"There is no file `{path.name}` there.", next_step="Check the path.")


def _sheet(path: Path, wanted: str | None) -> tuple[pl.DataFrame, str]:
    """One sheet of a spreadsheet as text, and its name; the first unless one is named."""
    import fastexcel

    try:
        book = fastexcel.read_excel(path)
        name = wanted or book.sheet_names[0]
        if name not in book.sheet_names:
            _refuse(path, f"has no sheet `{name[:40]}`", "Correct `file: sheet:` in the mapping.")
        frame = book.load_sheet(name, header_row=None, dtypes="string", skip_rows=0).to_polars()
    except fastexcel.FastExcelError:
        _refuse(
            path, "cannot be read as a spreadsheet", "Open it, take off a password if it has one, and save it again."
        )
    return frame, name


def _parquet_columns(path: Path) -> tuple[str, ...]:
    try:
        return tuple(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        _refuse(path, "cannot be read as Parquet", "Export it again: it may be cut off.")


def _columns(count: int) -> str:
    return f"{count} column{'' if count == 1 else 's'}"


def _folded(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _frame_rows(frame: pl.DataFrame, first: int, pick: Callable[[Sequence[str]], Row]) -> Iterator[tuple[int, Row]]:
    for number, row in enumerate(frame.iter_rows(), start=first):
        cells = ["" if cell is None else cell for cell in row]
        if any(cells):
            yield number, pick(cells)
