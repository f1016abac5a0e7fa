"""Agencies stand by the log's head: each checks that it follows from what it saw before, and puts its own line under it.

A checkpoint that several agencies have cosigned cannot be taken back by the operator alone: another history would need their keys.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Protocol

from api.audit_log import LogStore, sign_checkpoint
from api.identity import ClientKey
from protocols.audit.checkpoint import open_checkpoint
from protocols.audit.events.keeping import CheckpointCosigned
from protocols.audit.merkle import consistency_proof
from protocols.audit.note import COSIGNATURE, NoteKey, read_note
from protocols.errors import VerificationError
from protocols.signing import SigningKey


class CosignatureStore(LogStore, Protocol):
    """The storage that cosigning needs."""

    def checkpoint(self, size: int) -> str | None:
        """The signed checkpoint of a size."""

    def add_cosignature(self, line: str, event: CheckpointCosigned) -> None:
        """Keep an agency's cosignature."""


def follow(log: CosignatureStore, old: int, origin: str, key: SigningKey) -> tuple[str, list[str]]:
    """The log's signed head, and the proof (base64) that the log of `old` entries is its beginning. Raises `VerificationError`."""
    note = sign_checkpoint(log, origin, key)
    size = log.checkpointed()
    if old > size:
        raise VerificationError(
            f"The log has {size} entries; somebody was shown {old}.",
            next_step="Keep the checkpoint that you were shown, and tell every agency's data protection officer.",
        )
    return note, [base64.b64encode(item).decode() for item in consistency_proof(old, size, log.node)]


def accept(log: CosignatureStore, client: str, keys: Iterable[ClientKey], log_key: NoteKey, text: str) -> str:
    """Keep an agency's cosignature under a checkpoint of ours; returns the checkpoint with all of them. Raises `VerificationError`."""
    checkpoint, note = open_checkpoint(text, log_key), read_note(text)
    ours = log.checkpoint(checkpoint.size)
    if ours is None or read_note(ours).text != note.text:
        raise VerificationError("The checkpoint is not one of this log.", next_step="Take the log's head again.")
    theirs = [NoteKey.of(client, item.verifying_key, COSIGNATURE) for item in keys if item.retired_at is None]
    held = note.verified_by(theirs)
    line = next(
        item.line() for item in note.signatures if (item.name, item.key_id) in {(key.name, key.key_id) for key in held}
    )
    log.add_cosignature(line, CheckpointCosigned(actor=client, size=checkpoint.size))
    return log.checkpoint(checkpoint.size) or ours
