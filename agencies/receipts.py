"""Receipts: what the service signed when a submission was in. Verified with the service's card alone, offline."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from agencies.files import write_private
from agencies.folder import AgencyFolder
from protocols.errors import InputError, VerificationError
from protocols.signing import Card
from protocols.submission import Manifest, Receipt, open_submission

SUFFIX = ".json"


def receipt_path(folder: AgencyFolder, submission: str) -> Path:
    """Where the receipt of a submission is kept."""
    return folder.place("receipts") / f"{submission}{SUFFIX}"


def verify_receipt(token: str, service: Card) -> Receipt:
    """Check the service's signature. Raises `VerificationError`."""
    payload = service.verifying_key.verify(token.strip(), what="receipt's signature")
    return Receipt.read(payload, "receipt")


def check_receipt(receipt: Receipt, manifest: Manifest, file_sha256: str) -> None:
    """Check that a receipt is for this very submission. Raises `VerificationError` that names what differs."""
    expected = {
        "submission": manifest.submission_id,
        "agency": manifest.agency,
        "file_sha256": file_sha256,
        "manifest_sha256": hashlib.sha256(manifest.canonical()).hexdigest(),
        "protocol_digest": manifest.protocol_digest,
        "counts": manifest.counts,
    }
    wrong = [name for name, value in expected.items() if getattr(receipt, name) != value]
    if wrong:
        raise VerificationError(
            f"The receipt is not for this submission: {', '.join(f'`{name}`' for name in wrong)} differ.",
            next_step="Keep the file and the receipt, and call the operator of the service.",
        )


def keep_receipt(folder: AgencyFolder, token: str, manifest: Manifest, file_sha256: str) -> Receipt:
    """Verify a receipt and keep it; a kept one is not replaced by another. Raises `VerificationError`."""
    receipt = verify_receipt(token, folder.only_card("service"))
    check_receipt(receipt, manifest, file_sha256)
    path = receipt_path(folder, receipt.submission)
    if not path.exists():
        write_private(path, _file_text(receipt, token).encode())
    elif _token(path) != token.strip():
        raise VerificationError(
            f"The service gave another receipt for `{receipt.submission}` than before.",
            next_step="Keep both files, and call the operator of the service.",
        )
    return receipt


def read_receipt(folder: AgencyFolder, given: str) -> Receipt:
    """A kept receipt, by its file or its submission's id, verified offline. Raises `InputError`, `VerificationError`."""
    path = Path(given)
    if not path.is_file():
        path = receipt_path(folder, path.name)
    if not path.is_file():
        raise InputError(
            f"There is no receipt `{path.stem[:60]}`.",
            next_step="Receipts are in the folder's `receipts/`; a submission gets one when it is submitted.",
        )
    return _read(path, folder.only_card("service"))


def receipts(folder: AgencyFolder) -> list[Receipt]:
    """Every kept receipt, verified, newest last."""
    card = folder.only_card("service")
    kept = [_read(path, card) for path in folder.place("receipts").glob(f"*{SUFFIX}")]
    return sorted(kept, key=lambda receipt: receipt.received_at)


def _file_text(receipt: Receipt, token: str) -> str:
    """The receipt's fields for people, and the signed receipt, which alone counts."""
    return json.dumps({**receipt.model_dump(mode="json"), "jws": token.strip()}, indent=2) + "\n"


def _token(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["jws"])
    except (OSError, ValueError, KeyError, TypeError):
        raise VerificationError(
            f"`{path.name}` is not a receipt, or it is damaged.",
            next_step="Ask the service for it: submit the file again.",
        ) from None


def _read(path: Path, service: Card) -> Receipt:
    receipt = verify_receipt(_token(path), service)
    if json.loads(path.read_bytes()) != json.loads(_file_text(receipt, _token(path))):
        raise VerificationError(
            f"`{path.name}` was altered: what it says is not what the service signed.",
            next_step="Trust the signed part only: submit the file again to get the receipt anew.",
        )
    return receipt


def file_digest(path: Path) -> str:
    """The SHA-256 in hex of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check_file(path: Path, receipt: Receipt) -> None:
    """Check that a submission's file is the one that a receipt is for. Raises `VerificationError`, `SubmissionError`."""
    with open_submission(path) as submission:
        check_receipt(receipt, submission.manifest, file_digest(path))
