"""The sealed cells of linked records: of nobody else are they kept where an answer is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from api.intake_tables import extract_part
from api.service import Service
from api.store.store import Transaction
from protocols.submission import CELLS, RECORDS, open_submission


def bring_in_cells(service: Service, submission: str, refs: Iterable[str], hold: Callable[[Transaction], None]) -> None:
    """Keep the cells of these records of a submission.

    Cells that are kept already are left, and those that the submission before it in its chain has are taken over where
    no later file has the record: only what is new is read out of files. `hold` is called in the writing transaction.
    """
    with service.store.reading() as tx:
        missing = set(refs) - tx.submissions.with_cells(submission)
        chain = tx.submissions.chain(submission)
        before, there = _newest_with_cells(tx, chain[:-1])
    if not missing:
        return
    files = [service.folder.submission(source) for source in chain]
    same: set[str] = set()
    if before is not None:
        same = (missing & there) - _records_in(files[chain.index(before) + 1 :])
    rows = linked_cells(files, missing - same)
    with service.store.writing() as tx:
        hold(tx)
        if before is not None:
            tx.submissions.copy_cells(submission, before, same)
        tx.submissions.add_cells(submission, rows)


def linked_cells(paths: list[Path], refs: set[str]) -> list[dict[str, Any]]:
    """The sealed cells of these records, each with the submission whose data key it is under; of several, the newest."""
    found: list[dict[str, Any]] = []
    wanted = set(refs)
    for path in reversed(paths):
        if not wanted:
            break
        with open_submission(path) as file, TemporaryDirectory(dir=path.parent, prefix=".cells-") as scratch:
            cells = pl.scan_parquet(extract_part(file, CELLS, Path(scratch) / "cells"), glob=False)
            rows = cells.filter(pl.col("record_ref").is_in(sorted(wanted))).collect().to_dicts()
            records = extract_part(file, RECORDS, Path(scratch) / "records")
            here = pl.read_parquet(records, columns=["record_ref"]).get_column("record_ref").to_list()
            found += [{"source": file.manifest.submission_id, **row} for row in rows]
        wanted -= set(here)
    return found


def _newest_with_cells(tx: Transaction, submissions: list[str]) -> tuple[str | None, set[str]]:
    for submission in reversed(submissions):
        refs = tx.submissions.with_cells(submission)
        if refs:
            return submission, refs
    return None, set()


def _records_in(paths: list[Path]) -> set[str]:
    """Every record that one of these files puts or removes."""
    found: set[str] = set()
    for path in paths:
        with open_submission(path) as file, TemporaryDirectory(dir=path.parent, prefix=".cells-") as scratch:
            records = extract_part(file, RECORDS, Path(scratch) / "records")
            found.update(pl.read_parquet(records, columns=["record_ref"]).get_column("record_ref").to_list())
    return found
