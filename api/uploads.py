"""Uploads: a file comes in parts, in any order, as often as it takes; nothing is believed before it is whole and checked."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from api.data_folder import SECRET_MODE, DataFolder, sync_folder
from api.submissions import SubmissionStore, Upload
from protocols.audit.events.submissions import UploadOpened
from protocols.errors import InputError, SubmissionError, Unavailable

WHOLE = "whole"
_BLOCK = 1 << 20
_AGAIN = "Send the part again from the original file."


def open_upload(
    store: SubmissionStore, agency: str, file_sha256: str, size: int, part_bytes: int, now: datetime
) -> Upload:
    """Announce a file, or find the announcement of the same file."""
    found = store.upload_of(agency, file_sha256)
    if found is not None:
        if found.bytes != size:
            raise InputError(
                f"This file was announced with {found.bytes} bytes, now with {size}.",
                next_step="Announce its real length.",
            )
        return found
    upload = Upload(f"up-{secrets.token_hex(12)}", agency, file_sha256, size, part_bytes, "open", now)
    store.open_upload(upload, UploadOpened(actor=agency, upload=upload.upload, file_sha256=file_sha256, bytes=size))
    return upload


class PartWriter:
    """Takes the bytes of one part as they come, bounded by its length, and puts the part in place once its digest is right."""

    def __init__(self, folder: DataFolder, upload: Upload, number: int, sha256: bytes) -> None:
        if not 1 <= number <= upload.parts:
            raise InputError(
                f"Part {number} does not exist; expected 1 to {upload.parts}.", next_step="Send those parts."
            )
        self._path = part_path(folder, upload.upload, number)
        self._expected = upload.length_of(number)
        self._sha256 = sha256
        self._digest = hashlib.sha256()
        self._size = 0
        self._partial = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._target = os.fdopen(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE), "wb")
        except OSError as error:
            raise _disk_full() from error

    def write(self, block: bytes) -> None:
        """Take the next bytes. Raises `SubmissionError` as soon as there are too many."""
        self._size += len(block)
        if self._size > self._expected:
            raise SubmissionError(f"The part is longer than its {self._expected} bytes.", next_step=_AGAIN)
        self._digest.update(block)
        try:
            self._target.write(block)
        except OSError as error:
            raise _disk_full() from error

    def finish(self) -> None:
        """Put the part in place. Raises `SubmissionError` if it is cut off or altered."""
        if self._size != self._expected:
            raise SubmissionError(
                f"The part is cut off: expected {self._expected} bytes, got {self._size}.", next_step=_AGAIN
            )
        if self._digest.digest() != self._sha256:
            raise SubmissionError("The part was altered on its way: its digest is another.", next_step=_AGAIN)
        try:
            self._target.flush()
            os.fsync(self._target.fileno())
            self._target.close()
            self._partial.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise _disk_full() from error

    def abandon(self) -> None:
        """Leave nothing behind, whatever could not be written."""
        with suppress(OSError):
            self._target.close()
        self._partial.unlink(missing_ok=True)


def part_path(folder: DataFolder, upload: str, number: int) -> Path:
    """Where a part lies."""
    return folder.uploads / upload / f"{number:06d}.part"


def received(folder: DataFolder, upload: Upload) -> list[int]:
    """The numbers of the parts that are in."""
    if upload.state != "open":
        return list(range(1, upload.parts + 1))
    return [number for number in range(1, upload.parts + 1) if part_path(folder, upload.upload, number).is_file()]


def assemble(folder: DataFolder, upload: Upload) -> Path:
    """Join the parts. Raises `SubmissionError` if one is missing or the whole is not what was announced."""
    missing = sorted(set(range(1, upload.parts + 1)) - set(received(folder, upload)))
    if missing:
        raise SubmissionError(
            f"{len(missing)} of {upload.parts} parts are missing; the first is {missing[0]}.",
            next_step="Send the missing parts, then complete the upload again.",
        )
    whole = folder.uploads / upload.upload / WHOLE
    partial = whole.with_name(f".{WHOLE}.{secrets.token_hex(4)}")
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE), "wb") as target:
            for block in _blocks(folder, upload):
                digest.update(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        if digest.hexdigest() != upload.file_sha256:
            raise SubmissionError(
                "The file is not the one that was announced: its digest is another.",
                next_step="Announce and send the original file again.",
            )
        partial.replace(whole)
    except OSError as error:
        raise _disk_full() from error
    finally:
        partial.unlink(missing_ok=True)
    return whole


def _blocks(folder: DataFolder, upload: Upload) -> Iterator[bytes]:
    for number in range(1, upload.parts + 1):
        with part_path(folder, upload.upload, number).open("rb") as source:
            while block := source.read(_BLOCK):
                yield block


def keep(folder: DataFolder, whole: Path, submission: str) -> Path:
    """Put a checked file where submissions are kept; doing it twice is the same as once."""
    target = folder.submission(submission)
    whole.replace(target)
    sync_folder(target.parent)
    return target


def discard(folder: DataFolder, upload: str) -> None:
    """Remove everything that is left of an upload."""
    shutil.rmtree(folder.uploads / upload, ignore_errors=True)


def _disk_full() -> Unavailable:
    return Unavailable(
        "The service cannot store the file: nothing of this part was kept.",
        next_step="Ask its operator to make room on the disk, then send it again.",
    )
