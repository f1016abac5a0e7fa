"""The agency watches the service's audit log: the log may only grow, and the agency keeps the proof of what it was shown.

Each time, the agency checks that the log's head follows from the one that it saw last, keeps the new one, and cosigns it. Somebody who
rewrites the log cannot rewrite what the agencies keep.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from agencies.client import ServiceClient
from agencies.files import write_private
from agencies.folder import AgencyFolder
from protocols.audit.checkpoint import Checkpoint, open_checkpoint, read_checkpoint
from protocols.audit.merkle import EMPTY_ROOT, verify_consistency
from protocols.audit.note import NoteKey, cosign_note, read_note
from protocols.errors import VerificationError

KEPT = "log.checkpoint"
_ALARM = "Keep the folder's `local/log.checkpoint`, and call every agency's data protection officer."


@dataclass(frozen=True, slots=True)
class Watched:
    """How long the log was when it was last seen (0: never), and how long it is."""

    before: int
    size: int


def watch_log(folder: AgencyFolder, client: ServiceClient) -> Watched:
    """Check that the log has only grown, keep its head, cosign it. Raises `VerificationError` if it was rewritten."""
    path = folder.place("local") / KEPT
    key = folder.only_card("service").verifying_key
    before = _kept(path, folder)
    answer = client.json("GET", "/v1/audit/consistency", params={"old": str(before.size)})
    try:
        text = str(answer["checkpoint"])
        proof = [base64.b64decode(item, validate=True) for item in answer["proof"]]
    except (KeyError, TypeError, ValueError):
        raise VerificationError("The service's answer is not a proof.", next_step=_ALARM) from None
    note = read_note(text)
    origin = before.origin or read_checkpoint(note).origin
    checkpoint = open_checkpoint(text, NoteKey.of(origin, key))
    try:
        verify_consistency(before.size, checkpoint.size, before.root, checkpoint.root, proof)
    except VerificationError as error:
        raise VerificationError(error.what, next_step=_ALARM) from None
    cosigned = cosign_note(note, folder.party, folder.signing_key)
    write_private(path, str(cosigned).encode(), replace=True)
    client.call("POST", "/v1/audit/cosignatures", json={"checkpoint": str(cosigned)})
    return Watched(before.size, checkpoint.size)


def _kept(path: Path, folder: AgencyFolder) -> Checkpoint:
    """The head that was seen last, checked again; an empty log before the first time."""
    if not path.is_file():
        return Checkpoint("", 0, EMPTY_ROOT)
    text = path.read_text("utf-8")
    origin = read_checkpoint(read_note(text)).origin
    return open_checkpoint(text, NoteKey.of(origin, folder.only_card("service").verifying_key))
