"""The errors that people see, and the exit code and problem type of each.

    KinlinkError
    ├── InputError            11  a file or value that a person gave is not usable
    │   └── ExtractError      11  an agency's table of people
    ├── ProtocolError         10  a sharing protocol document cannot be used
    ├── KeyProblem            12  a key, secret or credential is missing, wrong, expired or foreign
    ├── SubmissionError       13  a submission is truncated, altered or does not fit the protocol
    ├── Refusal               14  the central service said no
    ├── Unavailable           15  the central service, or a part of it, cannot be reached
    ├── VerificationError     16  a signature, seal, digest or proof does not hold
    └── Busy                  17  something else holds what this needs

A message says what, which one (in backticks), expected and got, and what to do next. It never holds a personal value, a
secret, or text taken from an extract. Anything that is not a `KinlinkError` is a bug and ends with exit code 70.
"""

from __future__ import annotations

from typing import ClassVar

BUG_EXIT_CODE = 70


class KinlinkError(Exception):
    """A problem to show to a person, without a traceback."""

    exit_code: ClassVar[int] = 1
    slug: ClassVar[str] = "error"
    status: ClassVar[int] = 400

    def __init__(self, what: str, *, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}".strip()


class InputError(KinlinkError):
    """A file or value that a person gave is not usable."""

    exit_code = 11
    slug = "input"
    status = 422


class ExtractError(InputError):
    """An agency's table of people cannot be read as mapped."""

    slug = "extract"


class ProtocolError(KinlinkError):
    """A sharing protocol document cannot be used."""

    exit_code = 10
    slug = "protocol"
    status = 422


class KeyProblem(KinlinkError):
    """A key, secret or credential is missing, wrong, expired or foreign."""

    exit_code = 12
    slug = "key"
    status = 401


class SubmissionError(KinlinkError):
    """A submission is truncated, altered or does not fit the protocol."""

    exit_code = 13
    slug = "submission"
    status = 422


class Refusal(KinlinkError):
    """The central service said no."""

    exit_code = 14
    slug = "refused"
    status = 403


class Unavailable(KinlinkError):
    """The central service, or a part of it, cannot be reached."""

    exit_code = 15
    slug = "unavailable"
    status = 503


class VerificationError(KinlinkError):
    """A signature, seal, digest or proof does not hold. Every malformed input to a verifier becomes this."""

    exit_code = 16
    slug = "verification"
    status = 422


class Busy(KinlinkError):
    """Something else holds what this needs."""

    exit_code = 17
    slug = "busy"
    status = 409
