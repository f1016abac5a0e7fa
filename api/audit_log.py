"""The audit log's checkpoints, exports and proofs, on top of the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Protocol

from protocols.audit.checkpoint import Checkpoint
from protocols.audit.entries import Opening
from protocols.audit.events.keeping import AuditExported
from protocols.audit.merkle import inclusion_proof, leaf_hash
from protocols.audit.note import NoteKey
from protocols.audit.proof import Proof
from protocols.audit.verify import Row
from protocols.errors import InputError
from protocols.signing import SigningKey

EXPORT_FORMAT = "kinlink-audit-export/1"


class LogStore(Protocol):
    """The storage that the log's outside needs."""

    def size(self) -> int:
        """How many entries there are."""

    def root(self, size: int) -> bytes:
        """The root of the first `size` entries."""

    def node(self, level: int, position: int) -> bytes:
        """The node function of the tree."""

    def body(self, index: int) -> bytes | None:
        """The bytes of one entry."""

    def rows(self, stop: int) -> Iterator[tuple[Row, tuple[Opening, ...]]]:
        """The first `stop` entries."""

    def checkpointed(self) -> int:
        """The size of the newest checkpoint; -1 if there is none."""

    def last_checkpoint(self) -> str | None:
        """The newest signed checkpoint."""

    def checkpoints(self) -> list[str]:
        """Every signed checkpoint."""

    def add_checkpoint(self, size: int, note: str) -> None:
        """Keep a signed checkpoint."""

    def append(self, event: AuditExported) -> int:
        """Add an entry."""


def sign_checkpoint(log: LogStore, origin: str, key: SigningKey) -> str:
    """The log's signed head: a new checkpoint if the log has grown since the last."""
    size = log.size()
    last = log.last_checkpoint()
    if last is not None and log.checkpointed() == size:
        return last
    note = str(Checkpoint(origin, size, log.root(size)).sign(key))
    log.add_checkpoint(size, note)
    return note


def prove(log: LogStore, index: int) -> Proof:
    """The proof that an entry is under the newest checkpoint. Raises `InputError` if it is not yet."""
    size, note, body = log.checkpointed(), log.last_checkpoint(), log.body(index)
    if note is None or body is None or index >= size:
        raise InputError(
            f"Entry {index} is under no checkpoint; the newest covers {max(size, 0)} entries.",
            next_step="Give an index below that, or sign a checkpoint first.",
        )
    return Proof(index, tuple(inclusion_proof(index, size, log.node)), note, body)


def export_lines(log: LogStore, key: NoteKey, openings: bool) -> Iterator[str]:
    """The log as lines of JSON: a head, every entry under the newest checkpoint, every checkpoint.

    Openings hold personal data and are left out by default. Each entry's leaf hash goes with it, so that a change names its own entry.
    """
    size = max(log.checkpointed(), 0)
    yield json.dumps({"format": EXPORT_FORMAT, "origin": key.name, "key": key.text(), "size": size})
    for row, opened in log.rows(size):
        line: dict[str, object] = {"index": row.index, "entry": row.body.decode(), "leaf": leaf_hash(row.body).hex()}
        if openings and opened:
            line["openings"] = [{"field": o.field, "salt": o.salt.hex(), "value": o.value} for o in opened]
        yield json.dumps(line, ensure_ascii=False)
    for note in log.checkpoints():
        yield json.dumps({"checkpoint": note}, ensure_ascii=False)
