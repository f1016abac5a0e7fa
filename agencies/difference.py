"""What changed since the last submission that the service accepted, by keyed digests that stay at the agency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from agencies.files import write_private
from agencies.folder import AgencyFolder
from agencies.records import Record
from protocols.errors import InputError

_CURRENT = "submitted.parquet"
ALARM_SHARE = 0.20
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Difference:
    """Records added, removed, changed and unchanged since the last submission."""

    added: int
    removed: int
    changed: int
    unchanged: int

    @property
    def share(self) -> float:
        """The part of the last submission that is gone or changed, or that was added to it."""
        before = self.removed + self.changed + self.unchanged
        return (self.added + self.removed + self.changed) / before if before else 0.0

    def alarming(self, limit: float = ALARM_SHARE) -> bool:
        """Whether more changed than is usual."""
        return self.share > limit


@dataclass(frozen=True, slots=True)
class Submitted:
    """The state of a submission at the agency: `table` has `record_ref` and `digest` (16 bytes)."""

    submission: str
    protocol_digest: str
    epoch: int
    table: pl.DataFrame


class State:
    """Collects the state of the records that go by."""

    def __init__(self, folder: AgencyFolder) -> None:
        self._references = folder.references
        self._refs: list[str] = []
        self._digests = bytearray()

    def add(self, record: Record) -> tuple[str, bytes]:
        """Note a record; returns its reference and digest."""
        ref = self._references.record(record.local)
        digest = self._references.content(content_of(record))
        self._refs.append(ref)
        self._digests += digest
        return ref, digest

    def table(self) -> pl.DataFrame:
        """The state so far."""
        size = _DIGEST_BYTES
        digests = [bytes(self._digests[at : at + size]) for at in range(0, len(self._digests), size)]
        return pl.DataFrame(
            {"record_ref": self._refs, "digest": digests}, schema={"record_ref": pl.String, "digest": pl.Binary}
        )


def content_of(record: Record) -> str:
    """Everything about a record that a submission carries, as one unambiguous text.

    The date of its rows is left out: in most extracts it is the day of the extract, and would make every record a changed one.
    """
    people = [
        (p.given_name, p.middle_name, p.family_name, p.date_of_birth, p.sex, p.address, p.postcode)
        for p in record.people
    ]
    values = [
        (each.attribute.id, each.as_at.toordinal() if each.as_at and each.own_date else 0, each.value)
        for each in record.values
    ]
    flags = (record.kind, record.silent, record.shielded, record.deceased, record.hold)
    return repr((flags, record.groups, people, values))


def compare(before: Submitted | None, now: pl.DataFrame) -> Difference | None:
    """The difference, or None if nothing was submitted before."""
    if before is None:
        return None
    joined = before.table.join(now, on="record_ref", how="full", suffix="_now", coalesce=True)
    added = joined["digest"].null_count()
    removed = joined["digest_now"].null_count()
    same = joined.filter(pl.col("digest") == pl.col("digest_now")).height
    return Difference(added, removed, joined.height - added - removed - same, same)


def last_submitted(folder: AgencyFolder) -> Submitted | None:
    """The state of the last submission that the service took in; None if there was none."""
    path = folder.place("local") / _CURRENT
    return _read(path) if path.exists() else None


def pending_state(folder: AgencyFolder, submission: str) -> Path:
    """Where the state of a submission waits until the service has taken it in."""
    return folder.place("local") / f"{submission}.state.parquet"


def write_state(path: Path, state: Submitted) -> None:
    """Write a state file."""
    partial = path.with_suffix(".partial")
    meta = {"submission": state.submission, "protocol_digest": state.protocol_digest, "epoch": str(state.epoch)}
    state.table.write_parquet(partial, metadata=meta)
    partial.chmod(0o600)
    partial.replace(path)


def accept_state(folder: AgencyFolder, submission: str) -> None:
    """The service took a submission in: its state is now the last one.

    Where its state is not known any more, nothing is: a difference from another submission would be wrong.
    """
    path = pending_state(folder, submission)
    if path.exists():
        write_private(path.with_name(_CURRENT), path.read_bytes(), replace=True)
        path.unlink()
        return
    before = last_submitted(folder)
    if before is not None and before.submission != submission:
        forget_state(folder)


def sweep_states(folder: AgencyFolder) -> None:
    """Remove the states of submissions that are not in the outbox any more."""
    for path in folder.place("local").glob("*.state.parquet"):
        submission = path.name.removesuffix(".state.parquet")
        if not (folder.place("outbox") / f"{submission}.kinlink").exists():
            path.unlink()


def forget_state(folder: AgencyFolder) -> None:
    """After a withdrawal there is nothing to compare with."""
    (folder.place("local") / _CURRENT).unlink(missing_ok=True)


def _read(path: Path) -> Submitted:
    try:
        meta = pl.read_parquet_metadata(path)
        return Submitted(meta["submission"], meta["protocol_digest"], int(meta["epoch"]), pl.read_parquet(path))
    except (pl.exceptions.PolarsError, KeyError, ValueError, OSError):
        raise InputError(
            f"`local/{path.name}` is damaged: the difference from the last submission cannot be told.",
            next_step="Delete that file, and make a full submission.",
        ) from None
