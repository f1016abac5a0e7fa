"""Tokens for machines (OAuth 2 client credentials with a signed client assertion)."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.guards import service_of
from api.identity import Issued, issue_token
from api.problems import described
from api.service import Service
from protocols.errors import InputError, KeyProblem
from protocols.identity import ASSERTION_TYPE

router = APIRouter()
_FORM = "application/x-www-form-urlencoded"
_FIELDS = {
    "grant_type": {"type": "string", "const": "client_credentials"},
    "client_assertion_type": {"type": "string", "const": ASSERTION_TYPE},
    "client_assertion": {"type": "string", "maxLength": 4096},
    "scope": {"type": "string", "maxLength": 400},
}
_SCHEMA = {"type": "object", "properties": _FIELDS, "required": list(_FIELDS)[:3]}


class TokenView(BaseModel):
    """A token. It is shown once and kept only as a hash."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the kind of token
    expires_in: int
    scope: str


@router.post(
    "/v1/token",
    responses=described(401, 413, 415, 422, 429, 503),
    openapi_extra={"requestBody": {"required": True, "content": {_FORM: {"schema": _SCHEMA}}}},
)
async def token(request: Request) -> TokenView:
    """A short token for a credential that is good for one use."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise InputError(f"The credential comes as `{_FORM}`.", next_step="Send it as a form.")
    try:
        fields = dict(parse_qsl((await request.body()).decode("ascii"), max_num_fields=10, keep_blank_values=True))
    except (UnicodeDecodeError, ValueError):
        raise InputError("The form is malformed.", next_step="Send it as a form.") from None
    address = request.client.host if request.client else "unknown"
    return await run_in_threadpool(_issue, service_of(request), fields, address)


def _issue(service: Service, fields: dict[str, str], address: str) -> TokenView:
    service.limiter.token(address, service.settings.tokens_per_address_minute)
    expected = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    wrong = [name for name, value in expected.items() if fields.get(name) != value]
    if wrong or len(fields.get("client_assertion", "")) > 4096:
        raise InputError(
            f"The form is malformed at: {', '.join(f'`{name}`' for name in wrong) or '`client_assertion`'}.",
            next_step="Send the fields that the API's description names.",
        )
    with service.store.writing() as tx:
        issued = issue_token(
            tx.identity,
            fields.get("client_assertion", ""),
            service.settings.audience,
            fields.get("scope"),
            service.now(),
        )
    if isinstance(issued, KeyProblem):
        raise issued
    assert isinstance(issued, Issued)  # noqa: S101 - the only other outcome
    return TokenView(access_token=issued.access_token, expires_in=issued.expires_in, scope=" ".join(issued.scopes))
