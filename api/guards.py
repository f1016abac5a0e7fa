"""Who may call what: one table of every route and its guard. A route that is not in the table answers nobody."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from fastapi import Request
from fastapi.routing import APIRoute

from api.identity import DECLARING_AGENCY, authenticate
from api.people import SEEN_EVERY, Person, acting, person_of, present, require_recent
from api.problems import Scope
from api.service import Service
from api.store.store import Transaction
from protocols.errors import KeyProblem, Refusal
from protocols.identity import WORKER_HEADER
from protocols.lifecycle import Office


class Guard(StrEnum):
    """What it takes to call a route."""

    OPEN = "open"  # no credential: says nothing about anyone
    CLIENT = "client"  # any party with a token
    SUBMIT = "submit"  # an agency, for its own submissions
    DECLARE = "declare"  # children's social care
    QUERY = "query"  # the Workbook
    OPERATE = "operate"  # the operator
    AUDIT = "the council's data protection officer, signed in"  # a person: no machine's key answers who is known where
    START = "operate or declare"
    CHALLENGE = "query, declare or submit"
    PERSON = "signed in"  # any person with a session
    OFFICE = "an office"  # a person who holds an office under the sharing protocol
    APPROVE = "an office, signed in a moment ago"
    AGREE = "submit or operate"
    READ = "any party, or any person in an office"
    METRICS = "the operator's metrics token"  # counts of requests tell who is at work: not for agencies


ROUTES: dict[tuple[str, str], Guard] = {
    ("GET", "/v1/service"): Guard.OPEN,
    ("GET", "/v1/openapi.json"): Guard.OPEN,
    ("GET", "/v1/protocol"): Guard.CLIENT,
    ("GET", "/v1/protocols"): Guard.READ,
    ("POST", "/v1/protocols"): Guard.OPERATE,
    ("GET", "/v1/protocols/{digest}"): Guard.READ,
    ("GET", "/v1/protocols/{digest}/text"): Guard.READ,
    ("POST", "/v1/protocols/{digest}/acts"): Guard.AGREE,
    ("POST", "/v1/protocols/{digest}/rehearsal"): Guard.AGREE,
    ("POST", "/v1/me/protocols/{digest}/acts"): Guard.APPROVE,
    ("POST", "/v1/me/protocols/{digest}/stop"): Guard.OFFICE,
    ("POST", "/v1/me/protocols/{digest}/rehearsal"): Guard.OFFICE,
    ("GET", "/v1/rehearsals/{rehearsal_id}"): Guard.AGREE,
    ("GET", "/v1/me/rehearsals/{rehearsal_id}"): Guard.OFFICE,
    ("POST", "/v1/token"): Guard.OPEN,
    ("GET", "/v1/sign-in"): Guard.OPEN,
    ("GET", "/v1/sign-in/callback"): Guard.OPEN,
    ("GET", "/v1/sign-in/link"): Guard.OPEN,
    ("GET", "/v1/me"): Guard.PERSON,
    ("POST", "/v1/sign-out"): Guard.PERSON,
    ("GET", "/v1/sessions"): Guard.PERSON,
    ("DELETE", "/v1/sessions/{session}"): Guard.PERSON,
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
    ("GET", "/v1/attack-overrides"): Guard.CLIENT,
    ("POST", "/v1/canaries"): Guard.OPERATE,
    ("GET", "/v1/canaries"): Guard.OPERATE,
    ("POST", "/v1/gate-passes"): Guard.OPERATE,
    ("GET", "/v1/audit/checkpoint"): Guard.CLIENT,
    ("GET", "/v1/audit/consistency"): Guard.CLIENT,
    ("POST", "/v1/audit/cosignatures"): Guard.SUBMIT,
    ("GET", "/v1/audit/families/{family_ref}"): Guard.AUDIT,
    ("GET", "/v1/audit/records/{agency}/{record_ref}"): Guard.AUDIT,
    ("GET", "/v1/audit/links/{link_id}/breach"): Guard.AUDIT,
    ("GET", "/v1/audit/people/{record_ref}"): Guard.AUDIT,
    ("GET", "/v1/audit/people/{record_ref}/consents"): Guard.AUDIT,
    ("GET", "/v1/audit/agencies/{agency}"): Guard.AUDIT,
    ("GET", "/v1/audit/decisions/{decision_id}"): Guard.AUDIT,
    ("GET", "/v1/audit/decision-inputs"): Guard.AUDIT,
    ("GET", "/v1/certificates"): Guard.CLIENT,
    ("GET", "/v1/certificates/{day}"): Guard.CLIENT,
    ("GET", "/metrics"): Guard.METRICS,
    ("GET", "/health/live"): Guard.OPEN,
    ("GET", "/health/ready"): Guard.OPEN,
}
_SCOPES: dict[Guard, tuple[str, ...]] = {
    Guard.SUBMIT: ("submit:{client}",),
    Guard.DECLARE: ("declare",),
    Guard.QUERY: ("query",),
    Guard.OPERATE: ("operate",),
    Guard.START: ("operate", "declare"),
    Guard.CHALLENGE: ("query", "declare", "submit:{client}"),
    Guard.AGREE: ("submit:{client}", "operate"),
}


# Asked most by far: whoever asks is let in by the same look at the database that the answer is decided from.
QUESTION = ("GET", "/v1/families/{family_ref}/profile")
_PEOPLE = (Guard.PERSON, Guard.OFFICE, Guard.APPROVE)
_SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Caller:
    """The party that calls, with what its token allows."""

    client: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credential:
    """A machine's token as it was shown to a guard: nobody is let in yet."""

    service: Service
    guard: Guard
    token: str

    def admit(self, tx: Transaction) -> Caller:
        """Let the party in whose token it is, and count its request. Raises `KeyProblem`, `TooMany` or `Scope`."""
        found = authenticate(tx.identity, self.token, self.service.now())
        self.service.limiter.request(found.client, self.service.settings.requests_per_client_minute)
        wanted = [scope.format(client=found.client) for scope in _SCOPES.get(self.guard, ())]
        if self.guard not in (Guard.CLIENT, Guard.READ) and not set(wanted) & set(found.scopes):
            raise Scope(
                "This credential does not allow this.", next_step="Use the credential of the party whose task it is."
            )
        return Caller(found.client, found.scopes)


def service_of(request: Request) -> Service:
    """The service that a request is for."""
    found: Service = request.app.state.service
    return found


async def enforce(request: Request) -> None:
    """Let a request through, or not. Runs before every route; puts the caller where `caller` finds it.

    A question of the Workbook brings its `credential` to where it is answered, and is let in there.
    """
    route = request.scope.get("route")
    called = (request.method, route.path if isinstance(route, APIRoute) else "")
    guard = ROUTES.get(called)
    if guard is None:
        raise Refusal("This route has no guard, so it answers nobody.", next_step="Tell the service's operator.")
    if guard is Guard.OPEN:
        return
    if called == QUESTION and WORKER_HEADER in request.headers:
        request.state.credential = Credential(service_of(request), guard, _bearer(request))
        return
    await run_sync(_look, request, guard)


def _look(request: Request, guard: Guard) -> None:
    """See who calls, and whether the guard lets them through."""
    service = service_of(request)
    if guard is Guard.METRICS:
        _collector(service, request)
        return
    if guard in _PEOPLE:
        request.state.person = _somebody(service, request, guard)
        return
    if guard is Guard.READ and cookie(service) in request.cookies and "authorization" not in request.headers:
        request.state.person = _somebody(service, request, Guard.OFFICE)
        return
    if guard is Guard.AUDIT:
        who = _somebody(service, request, Guard.OFFICE)
        acting(who, DECLARING_AGENCY, Office.DATA_PROTECTION_OFFICER)
        request.state.person, request.state.caller = who, Caller(DECLARING_AGENCY, ())
        return
    credential = Credential(service, guard, _bearer(request))
    with service.store.reading() as tx:
        request.state.caller = credential.admit(tx)


def credential(request: Request) -> Credential:
    """What a question of the Workbook is asked with; only on the route of questions."""
    found: Credential = request.state.credential
    return found


def caller(request: Request) -> Caller:
    """Who calls; only behind a guard that is not open."""
    found: Caller = request.state.caller
    return found


def person(request: Request) -> Person:
    """Who is signed in; only behind a guard for people."""
    found: Person = request.state.person
    return found


def cookie(service: Service) -> str:
    """The name of the cookie that holds a session: one that only this host can set, wherever there is TLS."""
    return "__Host-kinlink-session" if service.settings.encrypted else "kinlink-session"


def browser_cookie(service: Service) -> str:
    """The name of the cookie that ties a sign-in to the browser that began it."""
    return "__Host-kinlink-sign-in" if service.settings.encrypted else "kinlink-sign-in"


def _collector(service: Service, request: Request) -> None:
    """Let through who shows the token that lies in the data folder."""
    try:
        expected = service.folder.metrics_token.read_bytes()
    except OSError:
        expected = b""
    if not expected or not hmac.compare_digest(expected, _bearer(request).encode()):
        raise KeyProblem(
            "The token is not the one for metrics.",
            next_step="Send what is in `operator/metrics.token` of the data folder.",
        )


def _somebody(service: Service, request: Request, guard: Guard) -> Person:
    """The person whose session this is, if they may come in here."""
    now, settings = service.now(), service.settings
    with service.store.reading() as tx:
        session = present(tx.people, request.cookies.get(cookie(service)), now, settings.session_idle_minutes)
    who = person_of(session)
    service.limiter.request(f"person {who.person}", settings.requests_per_client_minute)
    if request.method not in _SAFE:
        _same_origin(request, settings.public_url)
    if guard is not Guard.PERSON and not who.offices:
        raise Scope("You hold no office here.", next_step="Ask who grants roles at your identity provider.")
    if guard is Guard.APPROVE:
        require_recent(who, now, settings.step_up_seconds, settings.step_up_acr)
    if now - session.seen_at > SEEN_EVERY:
        with service.store.writing() as tx:
            tx.people.see(session.session, now)
    return who


def _same_origin(request: Request, public_url: str | None) -> None:
    """Refuse a change that another site's page asks for with this person's cookie."""
    base = urlsplit(public_url or str(request.base_url))
    origin, fetched = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin == f"{base.scheme}://{base.netloc}" and fetched in (None, "same-origin"):
        return
    raise Scope("The request does not come from this service's own pages.", next_step="Send its `Origin`.")


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token or len(token) > 200:
        raise KeyProblem("The request has no token.", next_step="Get one at `/v1/token` and send it as a bearer token.")
    return token
