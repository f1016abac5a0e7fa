"""The files of submissions in use are there and unchanged, and the records that are stored are the ones in them.

A flag or a hold that somebody takes away in the database would release what the agency keeps back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from api.intake_tables import PUT, extract_part, read_records, record_lines
from api.store.tables import ChainRow, RecordRow, SubmissionRow
from api.submissions import RecordLine
from protocols.errors import SubmissionError
from protocols.submission import RECORDS, open_submission
from protocols.vocabulary import HoldReason, Kind


def check_files(session: Session, folder: Path) -> Iterator[str]:
    """Everything that is missing or was altered, as sentences.

    The service may be at work: a file is deleted once it is on record that its submission has ended. What was found is looked for
    again among what is in use by then, in a view of the database of its own.
    """
    chains = _chains(session)
    found = list(_found(session, folder, chains))
    if not found:
        return
    with session.get_bind().engine.connect() as later:
        in_use = _chains(later)
    needed = {source for chain in in_use.values() for source in chain}
    for submission, said in found:
        if submission in needed:
            yield said


def _chains(db: Session | Connection) -> dict[str, list[str]]:
    """The submissions in use, each with those whose files it is made of, oldest first."""
    in_use = select(SubmissionRow.submission).where(
        SubmissionRow.state.in_(("received", "current")), SubmissionRow.encodings_purged_at.is_(None)
    )
    chains: dict[str, list[str]] = {}
    for submission, source in db.execute(
        select(ChainRow.submission, ChainRow.source)
        .where(ChainRow.submission.in_(in_use))
        .order_by(ChainRow.submission, ChainRow.position)
    ):
        chains.setdefault(submission, []).append(source)
    return chains


def _found(session: Session, folder: Path, chains: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """What does not fit: of which submission, and a sentence."""
    damaged = set()
    needed = {source for chain in chains.values() for source in chain}
    for source, file_sha256 in session.execute(select(SubmissionRow.submission, SubmissionRow.file_sha256)):
        if source in needed and (what := _damage(folder / f"{source}.zip", file_sha256)):
            damaged.add(source)
            yield source, f"the file of submission `{source}` {what}"
    for submission, chain in chains.items():
        if not damaged & set(chain):
            for said in _records(session, folder, submission, chain):
                yield submission, said


def _damage(path: Path, file_sha256: str) -> str:
    try:
        with path.open("rb") as source:
            return "" if hashlib.file_digest(source, "sha256").hexdigest() == file_sha256 else "was altered"
    except FileNotFoundError:
        return "is missing"


def _records(session: Session, folder: Path, submission: str, chain: Sequence[str]) -> Iterator[str]:
    """How many stored records of a submission are not as its files have them; which ones they are is not said."""
    try:
        sent = _sent([folder / f"{source}.zip" for source in chain])
    except SubmissionError as error:
        yield f"the records of submission `{submission}` cannot be read: {error.what}"
        return
    columns = (RecordRow.kind, RecordRow.shielded, RecordRow.silent, RecordRow.deceased, RecordRow.hold)
    stored = {
        ref: RecordLine(ref, Kind(kind), shielded, silent, deceased, HoldReason(hold) if hold else None)
        for ref, kind, shielded, silent, deceased, hold in session.execute(
            select(RecordRow.record_ref, *columns).where(RecordRow.submission == submission)
        )
    }
    other = sum(stored.get(ref) != sent.get(ref) for ref in stored.keys() | sent.keys())
    if other:
        yield f"{other} stored records of submission `{submission}` are not as its files have them"


def _sent(paths: Sequence[Path]) -> dict[str, RecordLine]:
    """The records in a chain of files, a full one and the deltas on it, oldest first."""
    found: dict[str, RecordLine] = {}
    for path in paths:
        with open_submission(path) as file, TemporaryDirectory(dir=path.parent, prefix=".fsck-") as scratch:
            table = extract_part(file, RECORDS, Path(scratch) / "records")
            records = read_records(table, RECORDS, file.manifest.kind == "delta")
        for ref in records.filter(pl.col("op") != PUT).get_column("record_ref"):
            found.pop(ref, None)
        found |= {line.record_ref: line for line in record_lines(records.filter(pl.col("op") == PUT))}
    return found
