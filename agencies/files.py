"""Writing files that nobody else may read, whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from protocols.errors import InputError, KeyProblem

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_OTHERS = 0o077


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner can enter, with its parents."""
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    path.chmod(PRIVATE_FOLDER)
    return path


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Write a file of mode 0600 atomically: a crash leaves the old file or the new one. Raises `InputError` if it is there."""
    if path.exists() and not replace:
        raise InputError(
            f"`{path.name}` is there already, and it is not overwritten.",
            next_step="Move it away first, if it is really not needed any more.",
        )
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def read_private(path: Path, what: str) -> bytes:
    """Read a file that holds a secret. Raises `KeyProblem` if it is missing or if others may read it."""
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise KeyProblem(
            f"The {what} (`{path.name}`) cannot be read: {error.strerror}.",
            next_step="Restore the file from its backup, or see docs/key-ceremony.md for a lost key.",
        ) from None
    if os.name == "posix" and mode & _OTHERS:
        raise KeyProblem(
            f"Other users of this machine may read the {what} (`{path.name}`, mode {mode & 0o777:o}; expected 600).",
            next_step=f"Find out who could have read it, then run: chmod 600 {path.name}",
        )
    return data
