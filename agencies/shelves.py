"""Where the parts of a submission wait until they can be written in the order of the record references.

The order of an extract tells things (an alphabet, an age, a date of entry). A submission is therefore ordered by record reference,
which is random to everybody without the key. Records go to one of several shelves by the first digits of their reference as they come;
at the end one shelf at a time is sorted and written: memory is bounded by the largest shelf. What waits here is pseudonymised or
sealed already, in a private folder that is removed afterwards.
"""

from __future__ import annotations

import json
import shutil
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl

from agencies.files import private_folder

# A shelf for each beginning of a reference (hexadecimal digits): so many digits up to so many records, two beyond that.
_DIGITS_UP_TO = {0: 20_000, 1: 320_000}
_FLUSH = 4_000
_ROWS = ".records"
_CELL = struct.Struct("<HII")

RECORD_SCHEMA: dict[str, Any] = {
    "record_ref": pl.String,
    "groups": pl.List(pl.String),
    "kind": pl.String,
    "shielded": pl.Boolean,
    "silent": pl.Boolean,
    "deceased": pl.Boolean,
    "hold": pl.String,
    "encodings": pl.Int32,
}
CELL_SCHEMA: dict[str, Any] = {
    "record_ref": pl.String,
    "attribute": pl.String,
    "as_at": pl.Date,
    "sealed": pl.Binary,
}


@dataclass(frozen=True, slots=True)
class Shelved:
    """One record as it leaves: its row, its CLKs by name (rows of bytes, one after the other), its sealed cells."""

    row: tuple[Any, ...]
    clks: dict[str, bytes]
    cells: Sequence[tuple[str, date, bytes]]


class Shelves:
    """A private folder of waiting records. Use as a context: it is removed at the end, whatever happens."""

    def __init__(
        self, parent: Path, expected: int, clks: dict[str, int], attributes: Sequence[str], columns: dict[str, Any]
    ) -> None:
        sweep(parent)
        self.folder = Path(tempfile.mkdtemp(prefix=".making-", dir=private_folder(parent)))
        self._digits = next((digits for digits, most in _DIGITS_UP_TO.items() if expected <= most), 2)
        self._clks = clks
        self._attributes = list(attributes)
        self._number = {name: at for at, name in enumerate(attributes)}
        self._columns = columns
        self._waiting: dict[str, list[Shelved]] = {}
        self._count = 0
        self.empty = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, item: Shelved) -> None:
        """Put one record on its shelf."""
        self.empty = False
        self._waiting.setdefault(item.row[0][: self._digits], []).append(item)
        self._count += 1
        if self._count >= _FLUSH:
            self._flush()

    def sorted_shelves(self) -> Iterator[list[Shelved]]:
        """Every shelf in order, each sorted by record reference."""
        self._flush()
        for shelf in sorted(path.name.removesuffix(_ROWS) for path in self.folder.glob(f"*{_ROWS}")):
            held = list(self._read(shelf))
            held.sort(key=lambda item: item.row[0])
            if held:
                yield held

    def _flush(self) -> None:
        for shelf, items in self._waiting.items():
            with (self.folder / f"{shelf}{_ROWS}").open("a", encoding="ascii") as rows:
                rows.writelines(json.dumps([item.row, len(item.cells)]) + "\n" for item in items)
            for name in self._clks:
                with (self.folder / f"{shelf}.{name}.clks").open("ab") as target:
                    target.writelines(item.clks[name] for item in items)
            with (self.folder / f"{shelf}.cells").open("ab") as target:
                for item in items:
                    for attribute, as_at, sealed in item.cells:
                        target.write(_CELL.pack(self._number[attribute], as_at.toordinal(), len(sealed)))
                        target.write(sealed)
        self._waiting.clear()
        self._count = 0

    def _read(self, shelf: str) -> Iterator[Shelved]:
        rows = self.folder / f"{shelf}{_ROWS}"
        if not rows.exists():
            return
        encodings = list(self._columns).index("encodings")
        clks = {name: (self.folder / f"{shelf}.{name}.clks").read_bytes() for name in self._clks}
        cells = (self.folder / f"{shelf}.cells").read_bytes()
        at, position = dict.fromkeys(clks, 0), 0
        with rows.open(encoding="ascii") as lines:
            for line in lines:
                row, count = json.loads(line)
                own = {}
                for name, size in self._clks.items():
                    end = at[name] + row[encodings] * size
                    own[name], at[name] = clks[name][at[name] : end], end
                held = []
                for _ in range(count):
                    attribute, day, size = _CELL.unpack_from(cells, position)
                    position += _CELL.size
                    held.append((self._attributes[attribute], date.fromordinal(day), cells[position : position + size]))
                    position += size
                yield Shelved(tuple(row), own, held)


def sweep(parent: Path) -> None:
    """Remove what a killed run left behind."""
    for left in parent.glob(".making-*"):
        shutil.rmtree(left, ignore_errors=True)
    for unfinished in parent.glob("*.partial"):
        unfinished.unlink(missing_ok=True)
