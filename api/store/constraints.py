"""What a person reads when the database refuses a row: one sentence for each constraint that a request can run into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, OperationalError

from protocols.errors import Busy, InputError, KinlinkError, Unavailable

SENTENCES: dict[str, str] = {
    "pk_assertions": "This credential was used before.",
    "uq_uploads_agency_file_sha256": "This file was announced before.",
    "pk_submissions": "This submission is already here.",
    "uq_protocols_protocol_version": "This version of the sharing protocol is already here with another content.",
    "uq_protocols_live": "Another version of the sharing protocol is live.",
    "uq_submissions_current": "Another submission of this agency is in force.",
    "uq_links_active": "This member already has this link.",
    "uq_markers_member_ref_agency_record_ref": "There is already a decision about this member and this record.",
    "pk_family_aliases": "Another family has this reference as its alias.",
    "uq_jobs_key": "This work is already waiting.",
    "pk_client_keys": "This key is already registered.",
}
_SQLITE_COLUMNS = {
    "assertions.jti_sha256": "pk_assertions",
    "uploads.agency, uploads.file_sha256": "uq_uploads_agency_file_sha256",
    "submissions.submission": "pk_submissions",
    "protocols.protocol, protocols.version": "uq_protocols_protocol_version",
    "protocols.state": "uq_protocols_live",
    "submissions.agency": "uq_submissions_current",
    "links.family_ref, links.member_ref, links.agency, links.record_ref": "uq_links_active",
    "markers.member_ref, markers.agency, markers.record_ref": "uq_markers_member_ref_agency_record_ref",
    "family_aliases.alias": "pk_family_aliases",
    "jobs.key": "uq_jobs_key",
    "client_keys.kid": "pk_client_keys",
}


def constraint_of(error: IntegrityError) -> str | None:
    """The name of the constraint that was broken. SQLite tells columns, PostgreSQL tells names."""
    diagnostics = getattr(error.orig, "diag", None)
    if diagnostics is not None:
        name: str | None = diagnostics.constraint_name
        return name
    text = str(error.orig)
    _, _, columns = text.partition("constraint failed: ")
    if columns.startswith("index '"):
        return columns.split("'")[1]
    return _SQLITE_COLUMNS.get(columns)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the database says into what a person reads. A driver's text may hold values, so none of it is passed on."""
    try:
        yield
    except KinlinkError:
        raise
    except IntegrityError as error:
        name = constraint_of(error)
        if name not in SENTENCES:
            raise
        raise InputError(SENTENCES[name], next_step="Look at what is there before sending it again.") from None
    except OperationalError as error:
        if "locked" in str(error.orig):
            raise Busy("The database is busy.", next_step="Try again in a moment.") from None
        if "full" in str(error.orig):
            raise Unavailable(
                "The service's disk is full; nothing was stored.",
                next_step="Ask its operator to make room, then try again.",
            ) from None
        raise Unavailable("The service's database does not answer.", next_step="Try again in a moment.") from None
    except DataError:
        raise InputError(
            "A text holds a character that cannot be stored, or a number is too large.",
            next_step="Leave out control characters, and send it again.",
        ) from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("The service's database went away.", next_step="Try again in a moment.") from None
        if (
            type(error) is DatabaseError
        ):  # SQLite's word for a file that is damaged or is no database; the others are its kinds
            raise Unavailable(
                "The service's database is damaged.", next_step="Ask its operator to restore the last backup."
            ) from None
        raise
