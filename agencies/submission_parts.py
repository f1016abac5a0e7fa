"""The parts of a submission's file, written shelf by shelf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from agencies.shelves import CELL_SCHEMA, Shelved
from protocols.sealing import CHUNK_BYTES, seal_stream
from protocols.submission import CELLS, RECORDS, cell_context


class CellContexts:
    """The contexts of an agency's cells (`cell_context`), made once for each attribute and date: only the reference differs."""

    _PLACE = "@"

    def __init__(self, agency: str, protocol_digest: str) -> None:
        self._agency = agency
        self._digest = protocol_digest
        self._around: dict[tuple[str, date], tuple[bytes, bytes]] = {}

    def of(self, record_ref: str, attribute: str, as_at: date) -> bytes:
        """The context of one cell. Record references are letters and digits, which canonical JSON writes as they are."""
        around = self._around.get((attribute, as_at))
        if around is None:
            whole = cell_context(self._agency, self._PLACE, attribute, as_at, self._digest)
            before, _, after = whole.partition(self._PLACE.encode())
            around = self._around[attribute, as_at] = (before, after)
        return around[0] + record_ref.encode() + around[1]


class Parts:
    """Collects shelves in order and writes `records.parquet`, `cells.parquet` and the sealed encodings into a folder.

    `sealed` says for each encoder's name which part its bytes become, and that part's context.
    """

    def __init__(self, folder: Path, columns: dict[str, Any], sealed: Mapping[str, tuple[str, bytes]]) -> None:
        self._folder = folder
        self._columns = columns
        self._sealed = sealed
        self._pieces = 0
        self.records = 0
        self.encodings = 0
        self.cells = 0

    def add(self, shelf: Sequence[Shelved]) -> None:
        """Write one shelf, sorted by record reference, behind the last."""
        number = f"{self._pieces:04d}"
        rows = pl.DataFrame([item.row for item in shelf], schema=self._columns, orient="row")
        rows.write_parquet(self._folder / f"records-{number}.piece")
        cells = [(item.row[0], *cell) for item in shelf for cell in item.cells]
        pl.DataFrame(cells, schema=CELL_SCHEMA, orient="row").write_parquet(self._folder / f"cells-{number}.piece")
        for name in self._sealed:
            with self._plain(name).open("ab") as target:
                target.writelines(item.clks[name] for item in shelf)
        self._pieces += 1
        self.records += len(shelf)
        self.encodings += int(rows["encodings"].sum())
        self.cells += len(cells)

    def finish(self, data_key: bytes) -> dict[str, Path]:
        """Join the pieces and seal what the encoders made; returns the file of each part by its name."""
        if self._pieces == 0:
            self.add(())
        parts = {RECORDS: self._joined("records"), CELLS: self._joined("cells")}
        for name, (part, about) in self._sealed.items():
            sealed = self._folder / f"{name}.sealed"
            with sealed.open("wb") as target:
                target.writelines(seal_stream(_chunks(self._plain(name)), data_key, about))
            parts[part] = sealed
        return parts

    def _plain(self, name: str) -> Path:
        return self._folder / f"{name}.plain"

    def _joined(self, name: str) -> Path:
        pieces = sorted(self._folder.glob(f"{name}-*.piece"))
        if len(pieces) == 1:
            return pieces[0]
        joined = self._folder / f"{name}.parquet"
        pl.scan_parquet(pieces, glob=False).sink_parquet(joined, maintain_order=True)
        return joined


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while chunk := source.read(CHUNK_BYTES):
            yield chunk
