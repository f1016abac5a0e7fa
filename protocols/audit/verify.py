"""Check a whole log offline: every entry, the chain, the root and the checkpoints that people hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from protocols.audit.checkpoint import open_checkpoint
from protocols.audit.entries import NO_PREVIOUS, Entry, Opening, opens, read_entry
from protocols.audit.events.vocabulary import EventKind
from protocols.audit.merkle import leaf_hash, nodes_of, root
from protocols.audit.note import NoteKey
from protocols.errors import VerificationError


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as it was stored: its place, its claimed leaf hash (None in an export), its bytes."""

    index: int
    body: bytes
    leaf: bytes | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold, and at which entry it shows (None: about the log as a whole)."""

    index: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.index is None else f"entry {self.index}: {self.what}"


@dataclass(slots=True)
class LogReport:
    """What the check found: how many entries, how many of them are under a signed checkpoint, how many checkpoints hold."""

    size: int = 0
    signed: int = 0
    root: bytes = b""
    checkpoints: int = 0
    openings: int = 0
    findings: list[Finding] = field(default_factory=list)

    def raise_for_findings(self) -> None:
        """Raise `VerificationError` with the first findings, if there are any."""
        if self.findings:
            more = f" ({len(self.findings) - 3} more.)" if len(self.findings) > 3 else ""
            raise VerificationError(
                "The audit log does not verify: "
                + "; ".join(str(item).rstrip(".") for item in self.findings[:3])
                + "."
                + more,
                next_step="Keep this copy, compare it with the checkpoints that the agencies hold, and tell the data protection officer.",
            )


class LogCheck:
    """Reads a log entry by entry, then judges it against checkpoints."""

    def __init__(self) -> None:
        self.report = LogReport()
        self.answers: set[str] = set()
        """The ids of the answers that the log tells of."""

        self._leaves: list[bytes] = []
        self._next = 0
        self._previous = {NO_PREVIOUS}

    def add(self, row: Row, openings: Iterable[Opening] = ()) -> Entry | None:
        """Check one row; rows come in the order of their index. Returns the entry if it can be read."""
        follows = row.index == self._next
        if row.index > self._next:
            self._found(self._next, f"missing: the next entry that is there is {row.index}")
        elif row.index < self._next:
            self._found(row.index, "added: there is another entry with this index")
        leaf = leaf_hash(row.body)
        if row.leaf is not None and row.leaf != leaf:
            self._found(row.index, "altered: its bytes do not fit its leaf hash")
        entry = self._read(row)
        if entry is not None:
            self._check_place(entry, row, follows)
            self._check_openings(entry, openings)
            if entry.kind is EventKind.PROFILE_ANSWERED:
                self.answers.add(str(entry.facts["profile"]))
        self._leaves.append(leaf)
        self._next = row.index + 1
        self._previous = {leaf.hex(), (row.leaf or leaf).hex()}
        return entry

    def _read(self, row: Row) -> Entry | None:
        try:
            return read_entry(row.body)
        except VerificationError as error:
            self._found(row.index, f"not an audit entry: {error.what}")
            return None

    def _check_place(self, entry: Entry, row: Row, follows: bool) -> None:
        if entry.index != row.index:
            self._found(row.index, f"out of place: it says that it is entry {entry.index}")
        elif follows and entry.previous not in self._previous:
            self._found(
                row.index, "does not follow the entry before it: one of the two was altered, added, removed or moved"
            )

    def _check_openings(self, entry: Entry, openings: Iterable[Opening]) -> None:
        for opening in openings:
            if opens(entry, opening):
                self.report.openings += 1
            else:
                self._found(entry.index, f"what is kept for `{opening.field}` is not what the entry commits to")

    def finish(self, checkpoints: Sequence[str], key: NoteKey | None, said: int | None = None) -> LogReport:
        """Check the root against every checkpoint; without `key` only the log's inner order is checked.

        `said` is how many entries there should be, in a copy that says so: then each of them is under a checkpoint too.
        """
        report, node = self.report, nodes_of(self._leaves)
        report.size, report.root = len(self._leaves), root(len(self._leaves), node)
        if not self._leaves:
            self._found(0, "missing: there is no entry at all, and a service's log begins with its own making")
        if said is not None and self._next < said:
            self._found(self._next, f"missing: the copy was made of {said} entries")
        if key is None:
            return report
        for size, text in sorted((_claimed_size(text), text) for text in checkpoints):
            try:
                checkpoint = open_checkpoint(text, key)
            except VerificationError as error:
                self._found(None, f"the checkpoint of {size} entries is not the service's: {error.what}")
                continue
            if checkpoint.size > report.size:
                self._found(report.size, f"missing: a checkpoint was signed for {checkpoint.size} entries")
            elif root(checkpoint.size, node) != checkpoint.root:
                where = f"entries {report.signed} to {checkpoint.size - 1}"
                self._found(report.signed, f"rewritten: {where} are not the ones that the service signed")
                return report
            else:
                report.signed = checkpoint.size
                report.checkpoints += 1
        if report.size and not report.checkpoints and not report.findings:
            self._found(None, "no checkpoint signed by the service covers this log")
        elif said is not None and report.signed < report.size and not report.findings:
            self._found(report.signed, "added: it, and what follows, is under no checkpoint that the service signed")
        return report

    def _found(self, index: int | None, what: str) -> None:
        self.report.findings.append(Finding(index, what))


def _claimed_size(text: str) -> int:
    line = text.split("\n", 2)[1:2]
    return int(line[0]) if line and line[0].isdigit() else 0


def read_key_file(path: Path) -> NoteKey:
    """The log's key from a file that holds its vkey. Raises `VerificationError`."""
    try:
        return NoteKey.from_text(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise VerificationError(f"`{path}` cannot be read.", next_step="Give the file with the log's key.") from error
