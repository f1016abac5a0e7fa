"""Uploads and submissions. An agency sees its own and nothing else: another's does not exist for it."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.guards import caller, service_of
from api.problems import NotFound, TooLarge, described, leads_to
from api.receiving import complete
from api.service import Service
from api.submissions import StoredSubmission, Upload
from api.uploads import PartWriter, open_upload, received
from protocols.audit.events.submissions import SubmissionWithdrawn
from protocols.errors import InputError, SubmissionError
from protocols.submission import SHA256, Counts

router = APIRouter()
UploadId = Annotated[str, Path(pattern=r"^up-[0-9a-f]{24}$")]
SubmissionId = Annotated[str, Path(pattern=r"^sub-[0-9a-f]{24}$")]
MOST_PART_BYTES = 64 << 20  # what a sharing protocol may set at most; the part's own length is checked as it comes
_PART_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {
            "name": "Content-Digest",
            "in": "header",
            "required": True,
            "description": "SHA-256 of the part (RFC 9530): `sha-256=:…:`.",
            "schema": {"type": "string"},
        }
    ],
}


class NewUpload(BaseModel):
    """What an agency is about to send."""

    model_config = ConfigDict(extra="forbid", strict=True)
    file_sha256: str = Field(
        pattern=SHA256, examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
    )
    bytes: int = Field(ge=1, le=1 << 50, examples=[8_388_608])


class UploadView(BaseModel):
    """How far an upload is."""

    upload_id: str
    part_bytes: int
    parts: int
    received: list[int]
    state: str
    submission: str | None = None
    receipt: str | None = None
    problem: str | None = None


class ReceiptView(BaseModel):
    """The service's signed receipt for a submission."""

    submission: str
    receipt: str


class SubmissionView(BaseModel):
    """A submission of the agency that asks.

    A `full` one that deltas stand on is superseded by them and still needed: `base` of a `delta` is the submission that it changes.
    """

    id: str
    kind: Literal["full", "delta"]
    base: str | None
    state: str
    counts: Counts
    received_at: datetime
    extract_date: str
    receipt: str


class Withdrawn(BaseModel):
    """A submission that was taken back. How many links that ends is not said: an agency never learns who is linked, nor how many."""

    id: str
    state: str


_UPLOAD_LINKS = {
    **leads_to("progress", "upload_id", "upload_id"),
    **leads_to("part", "upload_id", "upload_id"),
    **leads_to("finish", "upload_id", "upload_id"),
}


@router.post(
    "/v1/uploads",
    status_code=201,
    responses={
        **described(401, 403, 413, 422, 429, 503),
        200: {"model": UploadView, "description": "The file was announced before.", "links": _UPLOAD_LINKS},
        201: {"description": "The file is announced.", "links": _UPLOAD_LINKS},
    },
)
def announce(new: NewUpload, request: Request, response: Response) -> UploadView:
    """Announce a file; the same file again gives the same upload, with what is in already."""
    service, agency = service_of(request), caller(request).client
    if new.bytes > service.settings.most_file_bytes:
        raise TooLarge(
            f"The file has {new.bytes} bytes; at most {service.settings.most_file_bytes} are taken.",
            next_step="Ask the service's operator.",
        )
    with service.store.reading() as tx:
        part_bytes = service.protocols.live(tx.identity).document.limits.upload_part_bytes
        known = tx.submissions.upload_of(agency, new.file_sha256)
    if known is None:
        with service.store.writing() as tx:
            known = open_upload(tx.submissions, agency, new.file_sha256, new.bytes, part_bytes, service.now())
    else:
        response.status_code = 200
        if known.bytes != new.bytes:
            raise InputError(
                f"This file was announced with {known.bytes} bytes.", next_step="Announce its real length."
            )
    return _view(service, known)


@router.get("/v1/uploads/{upload_id}", responses=described(401, 403, 404, 422, 429, 503))
def progress(upload_id: UploadId, request: Request) -> UploadView:
    """How far an upload is."""
    return _view(service_of(request), _own_upload(request, upload_id))


@router.put(
    "/v1/uploads/{upload_id}/parts/{number}",
    status_code=204,
    max_body_size=MOST_PART_BYTES,
    responses=described(401, 403, 404, 408, 413, 422, 429, 503),
    openapi_extra=_PART_BODY,
)
async def part(upload_id: UploadId, number: Annotated[int, Path(ge=1, le=1 << 20)], request: Request) -> Response:
    """One part of the file; sending it again is the same as once."""
    service = service_of(request)
    upload = await run_in_threadpool(_own_upload, request, upload_id)
    digest = _content_digest(request.headers.get("content-digest", ""))
    if upload.state != "open":
        return Response(status_code=204)
    writer = await run_in_threadpool(PartWriter, service.folder, upload, number, digest)
    try:
        async for block in request.stream():
            await run_in_threadpool(writer.write, block)
        await run_in_threadpool(writer.finish)
    except ClientDisconnect:
        raise SubmissionError("The part was cut off.", next_step="Send it again.") from None
    finally:
        await run_in_threadpool(writer.abandon)
    return Response(status_code=204)


@router.post(
    "/v1/uploads/{upload_id}/complete", status_code=201, responses=described(401, 403, 404, 409, 422, 429, 503)
)
def finish(upload_id: UploadId, request: Request) -> ReceiptView:
    """Check the whole file and keep it. A file that fails a check is put aside, and nothing of it is used."""
    stored = complete(service_of(request), _own_upload(request, upload_id))
    return ReceiptView(submission=stored.submission, receipt=stored.receipt)


@router.get("/v1/submissions", responses=described(401, 403, 429, 503))
def own(request: Request) -> list[SubmissionView]:
    """The submissions of the agency that asks, newest first."""
    with service_of(request).store.reading() as tx:
        found = tx.submissions.submissions_of(caller(request).client)
    return [_submission(item) for item in found]


@router.post("/v1/submissions/{submission_id}/withdraw", responses=described(401, 403, 404, 422, 429, 503))
def withdraw(submission_id: SubmissionId, request: Request) -> Withdrawn:
    """Take a submission back: nothing of it is released any more, from now."""
    service, agency = service_of(request), caller(request).client
    with service.store.writing() as tx:
        found = tx.submissions.submission(submission_id)
        if found is None or found.agency != agency:
            raise NotFound("There is no such submission of this agency.", next_step="List its submissions.")
        links = tx.submissions.links_through(agency) if found.state == "current" else 0
        if found.state in ("received", "current"):
            event = SubmissionWithdrawn(actor=agency, submission=submission_id, links_closed=links)
            tx.submissions.withdraw(submission_id, service.now(), event)
            state = "withdrawn"
        else:
            state = found.state
    return Withdrawn(id=submission_id, state=state)


def _own_upload(request: Request, upload_id: str) -> Upload:
    with service_of(request).store.reading() as tx:
        found = tx.submissions.upload(upload_id)
    if found is None or found.agency != caller(request).client:
        raise NotFound("There is no such upload of this agency.", next_step="Announce the file again.")
    return found


def _view(service: Service, upload: Upload) -> UploadView:
    receipt = None
    if upload.submission is not None:
        with service.store.reading() as tx:
            stored = tx.submissions.submission(upload.submission)
        receipt = stored.receipt if stored else None
    return UploadView(
        upload_id=upload.upload,
        part_bytes=upload.part_bytes,
        parts=upload.parts,
        received=received(service.folder, upload),
        state=upload.state,
        submission=upload.submission,
        receipt=receipt,
        problem=upload.problem,
    )


def _submission(item: StoredSubmission) -> SubmissionView:
    return SubmissionView(
        id=item.submission,
        kind=item.manifest.kind,
        base=item.manifest.base,
        state=item.state,
        counts=item.manifest.counts,
        received_at=item.received_at,
        extract_date=item.extract_date.isoformat(),
        receipt=item.receipt,
    )


def _content_digest(header: str) -> bytes:
    for item in header.split(","):
        name, _, value = item.strip().partition("=")
        if name.lower() == "sha-256" and value.startswith(":") and value.endswith(":") and len(value) > 2:
            try:
                digest = base64.b64decode(value[1:-1], validate=True)
            except (binascii.Error, ValueError):
                break
            if len(digest) == 32:
                return digest
    raise InputError("The part has no `Content-Digest` header with its SHA-256.", next_step="Send it as RFC 9530 says.")
