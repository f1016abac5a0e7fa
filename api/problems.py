"""Problems as callers see them (RFC 9457): the sentence of the error, never a value, never a traceback."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from api.logs import log, place_of
from protocols.errors import Busy, InputError, KinlinkError, Refusal

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "The request is malformed",
    401: "The credential is not accepted",
    403: "Refused",
    404: "Not found",
    405: "This method is not known here",
    408: "The request took too long",
    409: "Something else is under way",
    412: "It was changed by someone else",
    413: "Too large",
    415: "Another media type is expected",
    422: "This cannot be used",
    428: "Say which version you mean",
    429: "Too many requests",
    431: "The headers are too large",
    500: "A fault in the service",
    503: "Not available",
}


HTTP_PROBLEMS = {
    404: ("not-found", "See the API's description."),
    405: ("method", "See the API's description."),
    408: ("too-slow", "Send it again, without a pause in the body."),
    413: ("too-large", "Send less at a time."),
    431: ("too-large", "Send shorter headers."),
}


class NotFound(InputError):
    """There is nothing here that this caller may know of."""

    slug = "not-found"
    status = 404


class Changed(InputError):
    """What was to be changed is not what the caller last saw."""

    slug = "changed"
    status = 412


class VersionNeeded(InputError):
    """A change must say which version it is of."""

    slug = "version-needed"
    status = 428


class TooLarge(InputError):
    """The body is longer than it may be."""

    slug = "too-large"
    status = 413


class TooMany(Busy):
    """This caller asks too often."""

    slug = "too-many"
    status = 429


class Scope(Refusal):
    """The token does not allow this."""

    slug = "scope"


class Problem(BaseModel):
    """What every answer but a good one looks like."""

    type: str = Field(description="`urn:kinlink:problem:` and the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What, which one, expected and got.")
    next_step: str = Field(description="What to do next.")
    instance: str = Field(description="The request's id, which the service's own log shows too.")


def problem(request: Request, status: int, slug: str, detail: str, next_step: str) -> JSONResponse:
    """The answer to a request that failed."""
    body = Problem(
        type=f"urn:kinlink:problem:{slug}",
        title=TITLES.get(status, "Problem"),
        status=status,
        detail=detail,
        next_step=next_step,
        instance=f"urn:kinlink:request:{getattr(request.state, 'request_id', 'none')}",
    )
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = (
            'Bearer error="insufficient_user_authentication"' if slug == "step-up" else "Bearer"
        )
    if status == 429:
        headers["Retry-After"] = "60"
    if status == 503:
        headers["Retry-After"] = "5"
    return JSONResponse(body.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every failure a problem."""
    app.add_exception_handler(KinlinkError, _known)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, KinlinkError)  # noqa: S101 - installed for this class
    return problem(request, error.status, error.slug, error.what, error.next_step)


async def _malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - installed for this class
    places = sorted(
        {".".join(str(part) for part in item["loc"] if not isinstance(part, int)) for item in error.errors()}
    )
    if any(
        item["type"] in ("json_invalid", "model_attributes_type", "missing") and item["loc"][:1] == ("body",)
        for item in error.errors()
    ):
        places = places or ["body"]
    named = ", ".join(f"`{place}`" for place in places[:5])
    return problem(
        request,
        422,
        "input",
        f"The request is malformed at: {named}.",
        "See the API's description for the expected form.",
    )


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - installed for this class
    # FastAPI says 400 of a body that is no text at all; it is malformed like any other, and answered alike.
    answer = refuse(request, 422 if error.status_code == 400 else error.status_code)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


def refuse(request: Request, status: int) -> JSONResponse:
    """The answer to a request that is refused for its form."""
    slug, next_step = HTTP_PROBLEMS.get(status, ("input", "See the API's description."))
    return problem(request, status, slug, f"{TITLES.get(status, 'The request failed')}.", next_step)


def fault(request: Request, error: Exception) -> JSONResponse:
    """A bug: its type and place go to the log, nothing of it to the caller."""
    request_id = getattr(request.state, "request_id", "none")
    log().error("fault", error=type(error).__name__, place=place_of(error), request=request_id)
    return problem(
        request, 500, "fault", "The service made a mistake; nothing was changed.", "Tell its operator the request's id."
    )


def leads_to(operation: str, parameter: str, field: str) -> dict[str, Any]:
    """What can be done next with an answer: the field of it that names the thing for another operation."""
    return {operation: {"operationId": operation, "parameters": {parameter: f"$response.body#/{field}"}}}


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route can answer with, for the API's description."""
    return {
        status: {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}
        for status in statuses
    }
