"""Sending a submission: in parts, resumable, idempotent by the file's digest; ends with a verified receipt."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agencies.client import ServiceClient
from agencies.difference import accept_state, forget_state, last_submitted
from agencies.folder import AgencyFolder
from agencies.progress import Progress, no_progress
from agencies.receipts import file_digest, keep_receipt
from agencies.submission import SUFFIX
from protocols.errors import InputError, KeyProblem, SubmissionError, VerificationError
from protocols.submission import Manifest, Receipt, open_submission

_SUBMISSION = re.compile(r"sub-[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class Sent:
    """A submission that is in: its receipt, and how many of its parts were sent now and how many the service had already."""

    receipt: Receipt
    sent_parts: int
    held_parts: int


def submit(folder: AgencyFolder, path: Path, client: ServiceClient, progress: Progress = no_progress) -> Sent:
    """Send one file of the outbox and keep its receipt.

    The file is verified before a byte of it leaves. A run that was cut off continues where it stopped; a submission that is in already
    gives the same receipt. Raises `SubmissionError`, `KeyProblem`, `Refusal`, `Unavailable`, `VerificationError`.
    """
    with folder.lock():
        manifest = _verified(folder, path)
        _check_service(folder, client, manifest)
        digest = file_digest(path)
        scope = f"submit:{folder.party}"
        upload = client.json(
            "POST", "/v1/uploads", scope=scope, json={"file_sha256": digest, "bytes": path.stat().st_size}
        )
        held, sent = 0, 0
        if upload.get("state") == "complete" and upload.get("receipt"):
            token = str(upload["receipt"])
        else:
            held, sent = _send_parts(client, scope, upload, path, progress)
            answer = client.json("POST", f"/v1/uploads/{upload['upload_id']}/complete", scope=scope)
            token = str(answer["receipt"])
        receipt = keep_receipt(folder, token, manifest, digest)
        accept_state(folder, manifest.submission_id)
        return Sent(receipt, sent, held)


def newest_in_outbox(folder: AgencyFolder) -> Path:
    """The submission that was made last. Raises `InputError`."""
    made = sorted(folder.place("outbox").glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    if not made:
        raise InputError(
            f"The outbox of `{folder.path.name}` is empty.",
            next_step="Make a submission: kinlink agency encode EXTRACT",
        )
    return made[-1]


def withdraw(folder: AgencyFolder, submission: str, client: ServiceClient) -> dict[str, Any]:
    """Take a submission back. Raises `InputError`; `Refusal` if it is not this agency's."""
    if not _SUBMISSION.fullmatch(submission):
        raise InputError(
            f"`{submission[:40]}` is not a submission's id.",
            next_step="Ids are listed by: kinlink agency submissions",
        )
    answer = client.json("POST", f"/v1/submissions/{submission}/withdraw", scope=f"submit:{folder.party}")
    before = last_submitted(folder)
    if before and before.submission == submission:
        forget_state(folder)
    return dict(answer) if isinstance(answer, dict) else {}


def submissions(folder: AgencyFolder, client: ServiceClient) -> list[dict[str, Any]]:
    """This agency's submissions as the service sees them."""
    answer = client.json("GET", "/v1/submissions", scope=f"submit:{folder.party}")
    listed = answer.get("submissions", []) if isinstance(answer, dict) else answer
    return [dict(each) for each in listed]


def _verified(folder: AgencyFolder, path: Path) -> Manifest:
    if not path.is_file():
        raise InputError(f"There is no file `{path.name}` there.", next_step="Check the path, or look into `outbox/`.")
    try:
        return _verified_manifest(folder, path)
    except SubmissionError as error:
        raise SubmissionError(
            f"`{path.name}` cannot be sent. {error.what}",
            next_step="Name a whole file of `outbox/`, or make the submission again: kinlink agency encode EXTRACT",
        ) from None


def _verified_manifest(folder: AgencyFolder, path: Path) -> Manifest:
    with open_submission(path) as submission:
        manifest = submission.manifest
        if manifest.agency != folder.party:
            raise KeyProblem(
                f"`{path.name}` is a submission of `{manifest.agency}`; this folder is `{folder.party}`'s.",
                next_step="Submit it from its own agency's folder.",
            )
        submission.verify(folder.signing_key.public)
    return manifest


def _check_service(folder: AgencyFolder, client: ServiceClient, manifest: Manifest) -> None:
    """The service is the one that we trust, it lives under the same protocol, and the file is sealed to its key."""
    card, facts = folder.only_card("service"), client.facts()
    if facts.card != card:
        raise VerificationError(
            "The service that answers shows other keys than the card that this agency trusts. Nothing was sent.",
            next_step="Call the operator and compare fingerprints; then trust the new card, or check the address.",
        )
    if manifest.matcher.key != card.sealing_public_key.fingerprint:
        raise SubmissionError(
            "The submission is sealed to a key that the service does not use any more.",
            next_step="Make it again: kinlink agency encode EXTRACT",
        )
    if facts.protocol_digest != manifest.protocol_digest:
        raise SubmissionError(
            f"The service lives under version {facts.protocol_version} of `{facts.protocol_id}` "
            f"({facts.protocol_digest[:12]}…); the submission was made under version {manifest.protocol_version} "
            f"({manifest.protocol_digest[:12]}…). Nothing was sent.",
            next_step="Get the live protocol file, and make the submission again.",
        )


def _send_parts(
    client: ServiceClient, scope: str, upload: dict[str, Any], path: Path, progress: Progress
) -> tuple[int, int]:
    """Send what the service does not have yet; returns how many parts it had, and how many were sent."""
    upload_id, size, parts = str(upload["upload_id"]), int(upload["part_bytes"]), int(upload["parts"])
    received = {int(number) for number in upload.get("received", [])}
    total, sent = path.stat().st_size, 0
    with path.open("rb") as source:
        for number in range(1, parts + 1):
            if number in received:
                continue
            source.seek((number - 1) * size)
            data = source.read(size)
            digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
            client.call(
                "PUT",
                f"/v1/uploads/{upload_id}/parts/{number}",
                scope=scope,
                content=data,
                headers={"Content-Type": "application/octet-stream", "Content-Digest": f"sha-256=:{digest}:"},
            )
            sent += 1
            progress("sending", min(total, number * size), total)
    return len(received), sent
