"""The proof that an entry is in the log, in one file that can be checked offline (C2SP tlog-proof, `.tlog-proof`)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from protocols.audit.checkpoint import Checkpoint, open_checkpoint
from protocols.audit.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from protocols.audit.note import NoteKey
from protocols.errors import VerificationError

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63
_AGAIN = "Make the proof again with `kinlink audit proof`."
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Proof:
    """Which entry, its path to the root, the checkpoint as signed. `extra` is the entry itself: it is not signed, the proof is."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def text(self) -> str:
        """The proof's file."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append("extra " + base64.b64encode(self.extra).decode())
        lines.append(f"index {self.index}")
        lines.extend(base64.b64encode(item).decode() for item in self.path)
        return "\n".join(lines) + "\n\n" + self.checkpoint

    def verify(self, key: NoteKey, body: bytes | None = None) -> Checkpoint:
        """Check that the entry `body` (by default the one carried in `extra`) is in the log. Raises `VerificationError`."""
        entry = self.extra if body is None else body
        if entry is None:
            raise VerificationError("The proof carries no entry.", next_step="Give the entry that it is about.")
        checkpoint = open_checkpoint(self.checkpoint, key)
        verify_inclusion(leaf_hash(entry), self.index, checkpoint.size, self.path, checkpoint.root)
        return checkpoint


def is_proof(path: Path) -> bool:
    """Whether a file says that it is such a proof."""
    with path.open("rb") as source:
        return source.read(len(HEADER) + 1) == HEADER.encode() + b"\n"


def read_proof(data: str) -> Proof:
    """Read a proof's file. Raises `VerificationError`."""
    head, blank, checkpoint = data.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != HEADER or not lines:
        raise VerificationError("The file is not a proof of an audit entry.", next_step=_AGAIN)
    try:
        extra = base64.b64decode(lines.pop(0)[6:], validate=True) if lines[0].startswith("extra ") else None
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        path = tuple(base64.b64decode(line, validate=True) for line in lines)
    except ValueError as error:
        raise VerificationError("The proof is malformed.", next_step=_AGAIN) from error
    if index is None or len(path) > MAX_PATH or any(len(item) != HASH_BYTES for item in path):
        raise VerificationError("The proof is malformed.", next_step=_AGAIN)
    return Proof(int(index.group(1)), path, checkpoint, extra)
