"""A checkpoint: the log's size and root at one moment, signed (C2SP tlog-checkpoint). Who holds one can prove a rewritten history."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from protocols.audit.merkle import HASH_BYTES
from protocols.audit.note import Note, NoteKey, read_note, sign_note
from protocols.errors import VerificationError
from protocols.signing import SigningKey

_AGAIN = "Take the checkpoint again from the service."
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: which log, how many entries, which root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, key: SigningKey) -> Note:
        """The checkpoint as a signed note; the key's name is the log's origin."""
        return sign_note(self.text(), self.origin, key)


def read_checkpoint(note: Note) -> Checkpoint:
    """What the note says, unverified. Raises `VerificationError` for a note that is not a checkpoint."""
    lines = note.text.split("\n")
    try:
        origin, size, root_text = lines[:3]
        root = base64.b64decode(root_text, validate=True)
    except ValueError as error:
        raise VerificationError("The note is not a checkpoint.", next_step=_AGAIN) from error
    if not origin or not _SIZE.fullmatch(size) or len(root) != HASH_BYTES or "" in lines[3:-1]:
        raise VerificationError("The note is not a checkpoint.", next_step=_AGAIN)
    return Checkpoint(origin, int(size), root)


def open_checkpoint(data: str, key: NoteKey) -> Checkpoint:
    """Read a checkpoint and check the log's own signature. Raises `VerificationError`."""
    note = read_note(data)
    note.verified_by([key])
    checkpoint = read_checkpoint(note)
    if checkpoint.origin != key.name:
        raise VerificationError(
            f"The checkpoint is of the log `{checkpoint.origin}`; expected `{key.name}`.", next_step=_AGAIN
        )
    return checkpoint
