"""People sign in, see their sessions, end them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from api.guards import browser_cookie, cookie, person, service_of
from api.people import (
    CALLBACK,
    SERVICE,
    SIGN_IN_MINUTES,
    Session,
    SignInNeeded,
    Vouched,
    begin_session,
    digest,
    roles_of,
)
from api.problems import NotFound, described
from api.service import Service
from protocols.audit.events.parties import PersonSignedOut, SignInRefused
from protocols.errors import KeyProblem
from protocols.lifecycle import Office

router = APIRouter()
AFTERWARDS = "/v1/me"
Place = Annotated[str, Query(pattern=r"^/[A-Za-z0-9._~-][A-Za-z0-9/._~-]{0,300}$")]
_REDIRECT: dict[int | str, dict[str, Any]] = {303: {"description": "Go on there."}}


class PersonView(BaseModel):
    """Who is signed in, in which offices."""

    person: str
    session: str
    offices: list[str]
    authenticated_at: datetime


class SessionView(BaseModel):
    """A session."""

    session: str
    person: str
    offices: list[str]
    how: str
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime


@router.get(
    "/v1/sign-in",
    status_code=303,
    response_class=RedirectResponse,
    responses={**_REDIRECT, **described(422, 429, 503)},
)
def sign_in(request: Request, return_to: Place = AFTERWARDS, again: bool = False) -> RedirectResponse:
    """Go to the identity provider. `again` asks it to have the person prove anew who they are (step-up)."""
    service = service_of(request)
    _count(service, request)
    begun = service.provider.begin(_callback(service, request), return_to, again, service.now())
    with service.store.writing() as tx:
        tx.people.begin(begun.state_sha256, begun.sign_in)
    answer = RedirectResponse(begun.address, 303)
    _set(answer, browser_cookie(service), begun.browser, service, 60 * SIGN_IN_MINUTES)
    return answer


@router.get(
    CALLBACK,
    status_code=303,
    response_class=RedirectResponse,
    responses={**_REDIRECT, **described(401, 422, 429, 503)},
)
def come_back(
    request: Request,
    state: Annotated[str, Query(max_length=200)],
    code: Annotated[str | None, Query(max_length=2000)] = None,
    iss: Annotated[str | None, Query(max_length=400)] = None,
    error: Annotated[str | None, Query(max_length=100)] = None,
) -> RedirectResponse:
    """Come back from the identity provider."""
    service = service_of(request)
    _count(service, request)
    with service.store.writing() as tx:
        under_way = tx.people.take_sign_in(digest(state))
    browser = request.cookies.get(browser_cookie(service), "")
    if under_way is None or under_way.expires_at <= service.now() or digest(browser) != under_way.browser_sha256:
        raise SignInNeeded(
            "This sign-in was not begun here, or too long ago.", next_step="Begin again at `/v1/sign-in`."
        )
    try:
        if error is not None or code is None:
            raise KeyProblem("The identity provider signed nobody in.", next_step="Begin again at `/v1/sign-in`.")
        if iss is not None and iss != service.settings.oidc_issuer:
            raise KeyProblem("Another identity provider answered.", next_step="Begin again at `/v1/sign-in`.")
        vouched = service.provider.finish(code, under_way, _callback(service, request), service.now())
    except KeyProblem as problem:
        with service.store.writing() as tx:
            tx.people.refuse(SignInRefused(actor=SERVICE, reason=problem.what))
        raise
    return _let_in(service, request, vouched, under_way.return_to)


@router.get(
    "/v1/sign-in/link",
    status_code=303,
    response_class=RedirectResponse,
    responses={**_REDIRECT, **described(401, 404, 422, 429, 503)},
)
def use_link(request: Request, token: Annotated[str, Query(max_length=100)]) -> RedirectResponse:
    """Sign in with a link that is good for once (demo mode only)."""
    service = service_of(request)
    _count(service, request)
    if service.settings.mode != "demo":
        raise NotFound("Links sign nobody in here.", next_step="Sign in at `/v1/sign-in`.")
    now = service.now()
    with service.store.writing() as tx:
        found = tx.people.take_link(digest(token), now)
    if found is None:
        raise SignInNeeded(
            "This link was used, or has expired.", next_step="Make a new one with `kinlink service sign-in-link`."
        )
    return _let_in(service, request, Vouched(*found, authenticated_at=now, acr=None, how="link"), AFTERWARDS)


@router.get("/v1/me", responses=described(401, 429, 503))
def me(request: Request) -> PersonView:
    """Who you are here, and which offices your identity provider vouches for."""
    who = person(request)
    return PersonView(
        person=who.person,
        session=who.session,
        offices=roles_of(who.offices),
        authenticated_at=who.authenticated_at,
    )


@router.post("/v1/sign-out", status_code=204, responses=described(401, 403, 429, 503))
def sign_out(request: Request, response: Response) -> None:
    """End your session."""
    service, who = service_of(request), person(request)
    with service.store.writing() as tx:
        tx.people.end_session(who.session, PersonSignedOut(actor=SERVICE, session=who.session, by=who.person))
    response.delete_cookie(cookie(service), path="/")


@router.get("/v1/sessions", responses=described(401, 429, 503))
def sessions(request: Request) -> list[SessionView]:
    """Your own sessions; the operator's list has everybody's."""
    service, who = service_of(request), person(request)
    with service.store.reading() as tx:
        found = tx.people.sessions(None if (SERVICE, Office.OPERATOR) in who.offices else who.person)
    return [_view(item) for item in found if item.expires_at > service.now()]


@router.delete("/v1/sessions/{session}", status_code=204, responses=described(401, 403, 404, 422, 429, 503))
def end(session: Annotated[str, Path(pattern=r"^ses-[0-9a-f]{16}$")], request: Request) -> None:
    """End one of your sessions, at once; the operator may end anybody's."""
    service, who = service_of(request), person(request)
    operator = (SERVICE, Office.OPERATOR) in who.offices
    with service.store.writing() as tx:
        listed = {item.session for item in tx.people.sessions(None if operator else who.person)}
        if session not in listed:
            raise NotFound("There is no such session.", next_step="List the sessions.")
        tx.people.end_session(session, PersonSignedOut(actor=SERVICE, session=session, by=who.person))


def _let_in(service: Service, request: Request, vouched: Vouched, return_to: str) -> RedirectResponse:
    """Open a session under a new name; one that this browser had is ended, so that nothing set before is carried over."""
    before = request.cookies.get(cookie(service))
    with service.store.writing() as tx:
        old = tx.people.session(digest(before)) if before else None
        if old is not None:
            tx.people.end_session(old.session, PersonSignedOut(actor=SERVICE, session=old.session, by=vouched.person))
        text, _ = begin_session(tx.people, vouched, service.now(), service.settings.session_hours)
    answer = RedirectResponse(return_to, 303)
    _set(answer, cookie(service), text, service, 3600 * service.settings.session_hours)
    answer.delete_cookie(browser_cookie(service), path="/")
    return answer


def _set(answer: Response, name: str, value: str, service: Service, seconds: int) -> None:
    answer.set_cookie(
        name, value, max_age=seconds, path="/", secure=service.settings.encrypted, httponly=True, samesite="lax"
    )


def _count(service: Service, request: Request) -> None:
    address = request.client.host if request.client else "unknown"
    service.limiter.token(address, service.settings.tokens_per_address_minute)


def _callback(service: Service, request: Request) -> str:
    return f"{(service.settings.public_url or str(request.base_url)).rstrip('/')}{CALLBACK}"


def _view(item: Session) -> SessionView:
    return SessionView(
        session=item.session,
        person=item.person,
        offices=roles_of(item.offices),
        how=item.how,
        opened_at=item.opened_at,
        seen_at=item.seen_at,
        expires_at=item.expires_at,
    )
