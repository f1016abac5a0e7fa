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
from linkage.order import OrderedRecords, ordered
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
    return _opened(paths, agency, clk, key)[0]


def open_in_order(
    paths: list[Path], agency: str, clk: str, key: SealingPrivateKey, kept: tuple[OrderedRecords, int] | None = None
) -> OrderedRecords:
    """The same for the matcher. `kept` are records that were opened before, and of how many of the files they are.

    Only the other files are opened. Raises `SubmissionError`.
    """
    records, first = kept or (None, 0)
    if records is not None and first == len(paths):
        return records
    put, removed = _opened(paths[first:], agency, clk, key)
    if records is None:
        return ordered(put)
    if put.terms != records.terms:
        raise _other_terms(agency)
    return records.changed(put, [ref for ref in removed if records.row(ref) is not None])


def _opened(paths: list[Path], agency: str, clk: str, key: SealingPrivateKey) -> tuple[EncodedRecords, set[str]]:
    """The records that are in some files of a chain, the newest of each, and those that are removed."""
    seen: set[str] = set()
    removed: set[str] = set()
    parts: list[_Opened] = []
    for path in reversed(paths):
        opened = _open_file(path, agency, clk, key)
        refs = opened.records.get_column("record_ref").to_list()
        there = opened.records.get_column("op").to_list()
        wanted = [ref not in seen and op == PUT for ref, op in zip(refs, there, strict=True)]
        removed.update(ref for ref, op in zip(refs, there, strict=True) if ref not in seen and op != PUT)
        parts.append(opened.only(np.array(wanted, dtype=bool)))
        seen.update(refs)
    if len({part.terms for part in parts}) > 1:
        raise _other_terms(agency)
    parts.reverse()
    starts = np.cumsum([0, *(part.records.height for part in parts[:-1])], dtype=np.int32)
    records = pl.concat([part.records for part in parts])
    found = EncodedRecords(
        agency=agency,
        record_refs=tuple(records.get_column("record_ref").to_list()),
        clks=np.concatenate([part.clks for part in parts]),
        owner=np.concatenate([part.owner + start for part, start in zip(parts, starts, strict=True)]),
        groups=tuple(tuple(item) for item in records.get_column("groups").to_list()),
        kind=tuple(records.get_column("kind").to_list()),
        terms=parts[0].terms,
        checks=np.concatenate([part.checks for part in parts]),
    )
    return found, removed


def _other_terms(agency: str) -> SubmissionError:
    return SubmissionError(
        f"The newest submission of `{agency}` adds to one that was encoded under other terms.",
        next_step="Have it submit a full extract.",
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
