"""Submissions as the service keeps them, and the storage that taking them in needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from protocols.audit.events.submissions import (
    SubmissionQuarantined,
    SubmissionReceived,
    SubmissionWithdrawn,
    UploadOpened,
)
from protocols.family import ConsentRecord
from protocols.submission import Manifest
from protocols.vocabulary import HoldReason, Kind


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that an agency announced."""

    upload: str
    agency: str
    file_sha256: str
    bytes: int
    part_bytes: int
    state: str
    opened_at: datetime
    problem: str | None = None
    submission: str | None = None

    @property
    def parts(self) -> int:
        """How many parts the file has."""
        return max(1, -(-self.bytes // self.part_bytes))

    def length_of(self, number: int) -> int:
        """How many bytes part `number` (from 1) has."""
        return min(self.part_bytes, self.bytes - (number - 1) * self.part_bytes)


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One record of a submission as it is seen in clear."""

    record_ref: str
    kind: Kind
    shielded: bool
    silent: bool
    deceased: bool
    hold: HoldReason | None


@dataclass(frozen=True, slots=True)
class StoredSubmission:
    """A submission that passed every check."""

    submission: str
    agency: str
    manifest: Manifest
    file_sha256: str
    state: str
    receipt: str
    received_at: datetime

    @property
    def extract_date(self) -> date:
        """The day as of which the agency made its extract."""
        return self.manifest.extract_date


@dataclass(frozen=True, slots=True)
class Accepted:
    """Everything that is stored of a submission besides its file.

    Of a delta, `records` are the new and changed ones, and `replaced` are those of `base` that it changes or removes.
    """

    submission: StoredSubmission
    records: Iterable[RecordLine]
    consents: tuple[ConsentRecord, ...]
    base: str | None = None
    replaced: frozenset[str] = frozenset()


class SubmissionStore(Protocol):
    """The storage that uploads and submissions need."""

    def open_upload(self, upload: Upload, event: UploadOpened) -> None:
        """Keep an announcement."""

    def upload(self, upload: str) -> Upload | None:
        """An announced file."""

    def upload_of(self, agency: str, file_sha256: str) -> Upload | None:
        """The agency's announcement of this very file."""

    def quarantine(self, upload: str, problem: str, event: SubmissionQuarantined) -> None:
        """Note that a file failed a check."""

    def accept(self, upload: str, accepted: Accepted, event: SubmissionReceived) -> None:
        """Keep a submission."""

    def submission(self, submission: str) -> StoredSubmission | None:
        """A submission by its id."""

    def submissions_of(self, agency: str) -> list[StoredSubmission]:
        """All submissions of an agency, newest first."""

    def withdraw(self, submission: str, at: datetime, event: SubmissionWithdrawn) -> None:
        """Take a submission out of use, and end the links to its records."""

    def key_check(self, protocol: str, epoch: int) -> str | None:
        """The key-check value of an epoch, if an agency has shown one."""

    def set_key_check(self, protocol: str, epoch: int, value: str, agency: str) -> None:
        """Keep the key-check value that the first agency of an epoch shows."""
