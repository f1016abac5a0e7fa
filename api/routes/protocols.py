"""Versions of the sharing protocol: what they say, where they stand, and what people do to them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from api.agreement import SignedAct, signed_act, standing, take
from api.guards import caller, person, service_of
from api.kept_inputs import export_inputs, kept_since
from api.people import acting
from api.problems import NotFound, described
from api.protocol_versions import add
from api.routes.about import ProtocolText
from api.routes.corrections import AGENCY, Given
from api.service import Service
from api.soundness import require_sound
from protocols.acts import sign_act
from protocols.errors import InputError
from protocols.lifecycle import (
    Act,
    Deed,
    Office,
    Standing,
    Verdict,
    missing_advice,
    missing_approvals,
    open_objections,
)
from protocols.load import MAX_BYTES, LoadedProtocol, load_protocol_text

router = APIRouter()
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


class VersionView(BaseModel):
    """One version by name, and where it stands."""

    id: str
    version: int
    digest: str
    status: str


class ActView(BaseModel):
    """One act on record."""

    deed: str
    agency: str
    office: str
    person: str
    at: datetime
    verdict: str | None
    reasons: str
    day: date | None


class Missing(BaseModel):
    """An approval that is still to come."""

    agency: str
    office: Office


class StandingView(VersionView):
    """Where a version stands, how it came there, and what is still missing."""

    day: date | None
    acts: list[ActView]
    missing_advice: list[str]
    missing_approvals: list[Missing]
    objections: list[str]
    stopped: list[str]


class NewVersion(Given):
    """A draft: its text, as it was written."""

    text: str = Field(max_length=MAX_BYTES)


class NewAct(Given):
    """An act, signed by the party that vouches for the person and the office (`kinlink protocol` makes it)."""

    act: str = Field(max_length=16_384, pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")


class PersonsAct(Given):
    """What somebody in an office does to a version. The person is who is signed in."""

    agency: str = Field(pattern=AGENCY, examples=["police"])
    office: Office
    deed: Literal[
        Deed.ADVISE,
        Deed.OVERRIDE,
        Deed.APPROVE,
        Deed.SCHEDULE,
        Deed.GO_LIVE,
        Deed.START_OWN,
        Deed.RESUME,
        Deed.RETIRE,
    ]
    verdict: Verdict | None = None
    reasons: str = Field(default="", max_length=2000)
    day: date | None = None
    rehearsal: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class PersonsStop(Given):
    """Who stops what, and why."""

    agency: str = Field(pattern=AGENCY, examples=["police"])
    office: Office
    deed: Literal[Deed.STOP_OWN, Deed.SUSPEND]
    reasons: str = Field(min_length=1, max_length=2000)


@router.get("/v1/protocols", responses=described(401, 403, 429, 503))
def versions(request: Request) -> list[VersionView]:
    """Every version, newest first."""
    with service_of(request).store.reading() as tx:
        found = tx.agreement.versions()
    return [
        VersionView(id=item.protocol, version=item.version, digest=item.digest, status=item.state) for item in found
    ]


@router.post("/v1/protocols", status_code=201, responses=described(401, 403, 409, 413, 422, 429, 503))
def new_version(new: NewVersion, request: Request, response: Response) -> StandingView:
    """Keep a draft. What cannot be loaded is refused with every error at its line."""
    service = service_of(request)
    loaded = load_protocol_text(new.text, "draft")
    with service.store.writing() as tx:
        for item in tx.agreement.versions():
            same = (item.protocol, item.version) == (loaded.document.id, loaded.document.version)
            if same and item.digest != loaded.digest:
                raise InputError(
                    f"There is another `{item.protocol}` version {item.version}.",
                    next_step="Give the draft the next version number.",
                )
        add(tx.identity, loaded, caller(request).client, service.now())
        return _view(standing(tx.agreement, loaded))


@router.get("/v1/protocols/{digest}", responses=described(401, 403, 404, 422, 429, 503))
def version(digest: Digest, request: Request) -> StandingView:
    """Where a version stands: who advised and approved, what is missing, who objects, whose releases are stopped."""
    service = service_of(request)
    with service.store.reading() as tx:
        return _view(standing(tx.agreement, service.protocols.version(tx.identity, digest)))


@router.get("/v1/protocols/{digest}/text", responses=described(401, 403, 404, 422, 429, 503))
def text(digest: Digest, request: Request) -> ProtocolText:
    """A version's text, to be read, explained and compared before anybody signs anything about it."""
    with service_of(request).store.reading() as tx:
        found = tx.identity.protocol(digest)
    if found is None:
        raise NotFound("There is no such version of the sharing protocol.", next_step="List the versions.")
    return ProtocolText(id=found.protocol, version=found.version, digest=found.digest, text=found.text)


@router.post("/v1/protocols/{digest}/acts", status_code=201, responses=described(401, 403, 404, 422, 429, 503))
def act(digest: Digest, new: NewAct, request: Request) -> StandingView:
    """Do what a signed act says: a party's own credential and signature vouch for the person and the office."""
    service, client = service_of(request), caller(request).client
    with service.store.reading() as tx:
        loaded = service.protocols.version(tx.identity, digest)
        signed = signed_act(tx.identity, new.act, client, service.now())
    return _take(service, loaded, signed, client)


@router.post("/v1/me/protocols/{digest}/acts", status_code=201, responses=described(401, 403, 404, 422, 429, 503))
def act_in_person(digest: Digest, new: PersonsAct, request: Request) -> StandingView:
    """Advise, approve, override, schedule, go live, start, resume, retire: by somebody who signed in a moment ago."""
    return _act(digest, new, request)


@router.post("/v1/me/protocols/{digest}/stop", status_code=201, responses=described(401, 403, 404, 422, 429, 503))
def stop_in_person(digest: Digest, new: PersonsStop, request: Request) -> StandingView:
    """The kill switch: a data protection officer stops the own agency's releases, an approver or the operator everybody's."""
    return _act(digest, new, request)


def _act(digest: str, new: PersonsAct | PersonsStop, request: Request) -> StandingView:
    """Do what a person in an office does. The service signs what it saw: who was signed in, and what they asked for."""
    service, who = service_of(request), person(request)
    acting(who, new.agency, new.office)
    done = Act(digest=digest, person=who.person, at=service.now(), **new.model_dump())
    with service.store.reading() as tx:
        loaded = service.protocols.version(tx.identity, digest)
    return _take(service, loaded, SignedAct(done, sign_act(done, service.keys.signing)), new.agency)


def _take(service: Service, loaded: LoadedProtocol, signed: SignedAct, actor: str) -> StandingView:
    """Put an act into effect. Match rules are judged before the transaction begins: that takes seconds."""
    if signed.act.deed in (Deed.SCHEDULE, Deed.GO_LIVE):
        require_sound(loaded)
    with service.store.writing() as tx:
        return _view(take(tx.agreement, loaded, signed, actor, service.now()))


@router.get("/v1/audit/decision-inputs", response_class=Response, responses=described(401, 403, 422, 429, 503))
def decision_inputs(request: Request, days: Annotated[int, Query(ge=1, le=366)] = 366) -> Response:
    """The kept inputs of decisions as JSON lines, without names or references: to rehearse a draft elsewhere."""
    service, who = service_of(request), person(request)
    with service.store.writing() as tx:
        since = kept_since(service.protocols.live(tx.identity), service.now(), days)
        lines = "".join(f"{line}\n" for line in export_inputs(tx, since, caller(request).client, who.person))
    return Response(lines, media_type="application/jsonl", headers={"Cache-Control": "no-store"})


def _view(item: Standing) -> StandingView:
    document = item.document
    return StandingView(
        id=document.id,
        version=document.version,
        digest=item.digest,
        status=item.status,
        day=item.day,
        acts=[
            ActView(
                deed=act.deed,
                agency=act.agency,
                office=act.office,
                person=act.person,
                at=act.at,
                verdict=act.verdict,
                reasons=act.reasons,
                day=act.day,
            )
            for act in item.acts
        ],
        missing_advice=sorted(missing_advice(item)),
        missing_approvals=[Missing(agency=a, office=office) for a, office in sorted(missing_approvals(item))],
        objections=sorted(open_objections(item)),
        stopped=sorted(item.stopped),
    )
