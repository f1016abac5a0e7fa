"""Who may call what: one table of every route and its guard. A route that is not in the table answers nobody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fastapi import Request
from fastapi.routing import APIRoute

from api.identity import authenticate
from api.problems import Scope
from api.service import Service
from protocols.errors import KeyProblem, Refusal


class Guard(StrEnum):
    """What it takes to call a route."""

    OPEN = "open"  # no credential: says nothing about anyone
    CLIENT = "client"  # any party with a token
    SUBMIT = "submit"  # an agency, for its own submissions
    DECLARE = "declare"  # children's social care
    QUERY = "query"  # the Workbook
    OPERATE = "operate"  # the operator
    AUDIT = "audit"  # the council's data protection officer
    START = "operate or declare"
    CHALLENGE = "query, declare or submit"


ROUTES: dict[tuple[str, str], Guard] = {
    ("GET", "/v1/service"): Guard.OPEN,
    ("GET", "/v1/openapi.json"): Guard.OPEN,
    ("GET", "/v1/protocol"): Guard.CLIENT,
    ("POST", "/v1/token"): Guard.OPEN,
    ("POST", "/v1/uploads"): Guard.SUBMIT,
    ("GET", "/v1/uploads/{upload_id}"): Guard.SUBMIT,
    ("PUT", "/v1/uploads/{upload_id}/parts/{number}"): Guard.SUBMIT,
    ("POST", "/v1/uploads/{upload_id}/complete"): Guard.SUBMIT,
    ("GET", "/v1/submissions"): Guard.SUBMIT,
    ("POST", "/v1/submissions/{submission_id}/withdraw"): Guard.SUBMIT,
    ("GET", "/v1/families/{family_ref}"): Guard.DECLARE,
    ("PUT", "/v1/families/{family_ref}"): Guard.DECLARE,
    ("POST", "/v1/families/confirmation"): Guard.DECLARE,
    ("POST", "/v1/runs"): Guard.START,
    ("GET", "/v1/runs"): Guard.START,
    ("GET", "/v1/runs/{run_id}"): Guard.START,
    ("GET", "/v1/families/{family_ref}/profile"): Guard.QUERY,
    ("GET", "/v1/changes"): Guard.QUERY,
    ("POST", "/v1/challenges"): Guard.CHALLENGE,
    ("POST", "/v1/challenges/{challenge_id}/verdict"): Guard.DECLARE,
    ("POST", "/v1/markers"): Guard.DECLARE,
    ("GET", "/v1/recalls"): Guard.QUERY,
    ("POST", "/v1/recalls/{recall_id}/acknowledgement"): Guard.QUERY,
    ("POST", "/v1/break-glass"): Guard.QUERY,
    ("GET", "/v1/break-glass"): Guard.DECLARE,
    ("POST", "/v1/break-glass/{access_id}/review"): Guard.DECLARE,
    ("GET", "/v1/alerts"): Guard.CLIENT,
    ("POST", "/v1/alerts/{alert_id}/seen"): Guard.CLIENT,
    ("PUT", "/v1/workers/{worker}/conflicts"): Guard.DECLARE,
    ("GET", "/v1/audit/checkpoint"): Guard.CLIENT,
    ("GET", "/v1/audit/families/{family_ref}"): Guard.AUDIT,
    ("GET", "/v1/audit/records/{agency}/{record_ref}"): Guard.AUDIT,
    ("GET", "/v1/audit/links/{link_id}/breach"): Guard.AUDIT,
    ("GET", "/v1/audit/people/{record_ref}"): Guard.AUDIT,
    ("GET", "/v1/audit/agencies/{agency}"): Guard.AUDIT,
    ("GET", "/v1/audit/decisions/{decision_id}"): Guard.AUDIT,
    ("GET", "/v1/certificates"): Guard.CLIENT,
    ("GET", "/v1/certificates/{day}"): Guard.CLIENT,
    ("GET", "/metrics"): Guard.OPEN,
    ("GET", "/health/live"): Guard.OPEN,
    ("GET", "/health/ready"): Guard.OPEN,
}
_SCOPES: dict[Guard, tuple[str, ...]] = {
    Guard.SUBMIT: ("submit:{client}",),
    Guard.DECLARE: ("declare",),
    Guard.QUERY: ("query",),
    Guard.OPERATE: ("operate",),
    Guard.AUDIT: ("declare",),
    Guard.START: ("operate", "declare"),
    Guard.CHALLENGE: ("query", "declare", "submit:{client}"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The party that calls, with what its token allows."""

    client: str
    scopes: tuple[str, ...]


def service_of(request: Request) -> Service:
    """The service that a request is for."""
    found: Service = request.app.state.service
    return found


def enforce(request: Request) -> None:
    """Let a request through, or not. Runs before every route; puts the caller where `caller` finds it."""
    route = request.scope.get("route")
    guard = ROUTES.get((request.method, route.path)) if isinstance(route, APIRoute) else None
    if guard is None:
        raise Refusal("This route has no guard, so it answers nobody.", next_step="Tell the service's operator.")
    if guard is Guard.OPEN:
        return
    service = service_of(request)
    token = _bearer(request)
    with service.store.reading() as tx:
        found = authenticate(tx.identity, token, service.now())
    service.limiter.request(found.client, service.settings.requests_per_client_minute)
    wanted = [scope.format(client=found.client) for scope in _SCOPES.get(guard, ())]
    if guard is not Guard.CLIENT and not set(wanted) & set(found.scopes):
        raise Scope(
            "This credential does not allow this.", next_step="Use the credential of the party whose task it is."
        )
    request.state.caller = Caller(found.client, found.scopes)


def caller(request: Request) -> Caller:
    """Who calls; only behind a guard that is not open."""
    found: Caller = request.state.caller
    return found


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token or len(token) > 200:
        raise KeyProblem("The request has no token.", next_step="Get one at `/v1/token` and send it as a bearer token.")
    return token
