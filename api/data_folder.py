"""The service's data folder: what lies where, one process at a time, files whole or not at all."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from protocols.errors import Busy, InputError, Unavailable

SECRET_MODE = 0o600
FOLDER_MODE = 0o700


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The folder. Nothing in it is named after a person."""

    root: Path

    @property
    def keys(self) -> Path:
        """The service's private keys."""
        return self.root / "keys"

    @property
    def operator(self) -> Path:
        """The operator's credential for this service's own commands."""
        return self.root / "operator"

    @property
    def metrics_token(self) -> Path:
        """What whoever collects the service's counts must show."""
        return self.operator / "metrics.token"

    def ensure_metrics_token(self) -> None:
        """Make the token if there is none."""
        if not self.metrics_token.exists():
            self.operator.mkdir(mode=FOLDER_MODE, exist_ok=True)
            write_whole(self.metrics_token, secrets.token_urlsafe(32).encode())

    @property
    def database(self) -> Path:
        """The SQLite file, where there is no PostgreSQL."""
        return self.root / "kinlink.db"

    @property
    def uploads(self) -> Path:
        """Files on their way in, a folder each."""
        return self.root / "uploads"

    @property
    def submissions(self) -> Path:
        """Submissions as they were sent."""
        return self.root / "submissions"

    @property
    def address(self) -> Path:
        """Where the running service listens."""
        return self.root / "address"

    def submission(self, submission: str) -> Path:
        """The file of one submission."""
        return self.submissions / f"{submission}.zip"

    def running_at(self) -> str:
        """The address of the service that runs on this folder. Raises `Unavailable` if there is none."""
        try:
            return self.address.read_text("utf-8").strip()
        except OSError as error:
            raise Unavailable(
                f"No service is running on `{self.root}`.", next_step="Start it with `kinlink serve`."
            ) from error

    def create(self) -> None:
        """Make the folders, readable by this user only."""
        for folder in (self.root, self.keys, self.operator, self.uploads, self.submissions):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)

    def require(self) -> None:
        """Raise `InputError` unless the folder was set up."""
        if not self.keys.is_dir():
            raise InputError(
                f"`{self.root}` is not the data folder of a service.", next_step="Run `kinlink service init` first."
            )

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold the folder for one process. Raises `Busy` if another has it; a process that dies lets go."""
        path = self.root / f"{name}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, SECRET_MODE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(
                    f"Another process serves the data folder `{self.root}`.",
                    next_step="Use the service that runs, or stop it first.",
                ) from None
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            yield
        finally:
            os.close(descriptor)


def write_whole(path: Path, data: bytes, mode: int = SECRET_MODE) -> None:
    """Write a file so that it is there whole or not at all, also after a crash."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise Unavailable(
            "The service cannot write to its disk.", next_step="Ask its operator to make room, then try again."
        ) from error


def sync_folder(folder: Path) -> None:
    """Make sure that a rename in this folder survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
