"""Opening a submission's encodings: in memory, for the matcher and for the gate, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray

from api.intake import open_data_key, read_checks
from api.intake_tables import PUT, extract_part, read_records
from linkage.records import EncodedRecords
from protocols.errors import SubmissionError
from protocols.sealing import SealingPrivateKey, open_stream
from protocols.submission import NO_CHECK, RECORDS, clk_context, clk_part, open_submission


@dataclass(frozen=True, slots=True)
class _Opened:
    """One file's records with their encodings, in their order."""

    records: pl.DataFrame
    clks: NDArray[np.uint8]
    owner: NDArray[np.int32]
    terms: str
    checks: NDArray[np.int32]

    def only(self, wanted: NDArray[np.bool_]) -> _Opened:
        """The chosen records."""
        number = np.cumsum(wanted, dtype=np.int32) - 1
        keep = wanted[self.owner]
        records = self.records.filter(pl.Series(wanted))
        return _Opened(records, self.clks[keep], number[self.owner[keep]], self.terms, self.checks[keep])


def open_encodings(paths: list[Path], agency: str, clk: str, key: SealingPrivateKey) -> EncodedRecords:
    """A submission's encodings, opened in memory; of a record in several files of a chain, the newest. Raises `SubmissionError`."""
    seen: set[str] = set()
    parts: list[_Opened] = []
    for path in reversed(paths):
        opened = _open_file(path, agency, clk, key)
        refs = opened.records.get_column("record_ref").to_list()
        there = opened.records.get_column("op").to_list()
        parts.append(
            opened.only(
                np.array([ref not in seen and op == PUT for ref, op in zip(refs, there, strict=True)], dtype=bool)
            )
        )
        seen.update(refs)
    if len({part.terms for part in parts}) > 1:
        raise SubmissionError(
            f"The newest submission of `{agency}` adds to one that was encoded under other terms.",
            next_step="Have it submit a full extract.",
        )
    parts.reverse()
    starts = np.cumsum([0, *(part.records.height for part in parts[:-1])], dtype=np.int32)
    records = pl.concat([part.records for part in parts])
    return EncodedRecords(
        agency=agency,
        record_refs=tuple(records.get_column("record_ref").to_list()),
        clks=np.concatenate([part.clks for part in parts]),
        owner=np.concatenate([part.owner + start for part, start in zip(parts, starts, strict=True)]),
        groups=tuple(tuple(item) for item in records.get_column("groups").to_list()),
        kind=tuple(records.get_column("kind").to_list()),
        terms=parts[0].terms,
        checks=np.concatenate([part.checks for part in parts]),
    )


def _open_file(path: Path, agency: str, clk: str, key: SealingPrivateKey) -> _Opened:
    with open_submission(path) as file, TemporaryDirectory(dir=path.parent, prefix=".link-") as scratch:
        manifest = file.manifest
        part = next((item for item in manifest.clks if item.name == clk), None)
        if part is None:
            raise SubmissionError(
                f"The submission of `{agency}` has no encoding `{clk}`.", next_step="Have it encode again."
            )
        table = extract_part(file, RECORDS, Path(scratch) / "records")
        records = read_records(table, RECORDS, manifest.kind == "delta")
        about, data_key = clk_context(agency, clk, manifest.protocol_digest), open_data_key(manifest, key)
        with file.open(clk_part(clk)) as source:
            data = b"".join(open_stream(source, data_key, about))  # type: ignore[arg-type]
        numbers = read_checks(file, manifest, data_key).astype(np.int32)
    counts = records.get_column("encodings").to_numpy()
    clks = np.frombuffer(data, dtype=np.uint8).reshape(part.rows, part.bits // 8)
    checks = np.where(numbers == NO_CHECK, np.int32(-1), numbers)
    terms = (
        f"epoch {manifest.epoch} of sharing protocol {manifest.protocol_digest}, linkage schema {part.schema_digest}"
    )
    return _Opened(records, clks, np.repeat(np.arange(len(counts), dtype=np.int32), counts), terms, checks)
