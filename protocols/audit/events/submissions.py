"""What agencies send, and what the gates made of it."""

from __future__ import annotations

from protocols.audit.events.vocabulary import Counts, Event, EventKind, Personal


class UploadOpened(Event):
    """An agency announced a file."""

    kind = EventKind.UPLOAD_OPENED
    decides = False
    upload: str
    file_sha256: str
    bytes: int


class SubmissionReceived(Event):
    """A submission passed every check and is stored."""

    kind = EventKind.SUBMISSION_RECEIVED
    submission: str
    manifest_sha256: str
    protocol_digest: str
    epoch: int
    counts: Counts
    supersedes: str | None = None


class SubmissionQuarantined(Event):
    """A file failed a check; nothing of it is used."""

    kind = EventKind.SUBMISSION_QUARANTINED
    decides = False
    upload: str
    file_sha256: str
    problem: str


class SubmissionWithdrawn(Event):
    """An agency took a submission back."""

    kind = EventKind.SUBMISSION_WITHDRAWN
    submission: str
    links_closed: int


class SubmissionPurged(Event):
    """A submission's file and rows were deleted."""

    kind = EventKind.SUBMISSION_PURGED
    submission: str
    records: int
    reason: str


class ReportOverridden(Event):
    """A submission was made although its attack report stood in the way (`tests`), or was old or missing."""

    kind = EventKind.REPORT_OVERRIDDEN
    decides = False
    submission: str
    tests: tuple[str, ...]
    reason: Personal
    report: str | None = None


class BatchPassGranted(Event):
    """The operator lets one batch of an agency through the gate."""

    kind = EventKind.BATCH_PASS_GRANTED
    decides = False
    agency: str
    reason: Personal


class BatchPassUsed(Event):
    """A batch went through the gate unexamined."""

    kind = EventKind.BATCH_PASS_USED
    decides = False
    agency: str
    submission: str


class CanariesPlanted(Event):
    """An auditor's made-up people are in an agency's extract."""

    kind = EventKind.CANARIES_PLANTED
    decides = False
    agency: str
    records: int


class CanaryLinked(Event):
    """An agency linked to made-up people whom it cannot know: `planted_at` is the agency that has them."""

    kind = EventKind.CANARY_LINKED
    decides = False
    run: str
    agency: str
    planted_at: str
    links: int
