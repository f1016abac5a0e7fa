"""The questions of the council's data protection officer. Each is itself on record."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime

from api import questions
from api.article_30 import article_30 as processing
from api.consent_receipts import consent_receipts as consent_receipts_of
from api.guards import caller, person, service_of
from api.problems import NotFound, described
from api.routes.corrections import AGENCY
from api.routes.families import FamilyRef
from api.subject_access import subject_access as drafted
from protocols.family import RECORD_REF
from protocols.load import LoadedProtocol

router = APIRouter(prefix="/v1/audit", responses=described(401, 403, 404, 422, 429, 503))
RecordRef = Annotated[str, Path(pattern=RECORD_REF)]
Agency = Annotated[str, Path(pattern=AGENCY)]


def _who(request: Request) -> questions.Asking:
    return questions.Asking(caller(request).client, service_of(request).now(), person(request).person)


@router.get("/families/{family_ref}")
def family(family_ref: FamilyRef, request: Request) -> dict[str, Any]:
    """Everyone who asked about a family: answers, refusals, emergency accesses."""
    with service_of(request).store.writing() as tx:
        return questions.who_saw(tx.questions, family_ref, _who(request))


@router.get("/records/{agency}/{record_ref}")
def record(
    agency: Agency, record_ref: RecordRef, request: Request, as_of: AwareDatetime | None = None
) -> dict[str, Any]:
    """What was released about a record as of a moment, to whom, when, which attributes."""
    until: datetime = as_of or service_of(request).now()
    with service_of(request).store.writing() as tx:
        return questions.released_about(tx.questions, agency, record_ref, until, _who(request))


@router.get("/links/{link_id}/breach")
def breach(
    link_id: Annotated[str, Path(pattern=r"^lnk-[0-9a-f]{16,32}$")],
    request: Request,
    aware_at: AwareDatetime | None = None,
) -> dict[str, Any]:
    """Everyone who saw something through a wrong link, and by when the regulator must know."""
    with service_of(request).store.writing() as tx:
        found = tx.links.link(link_id)
        if found is None:
            raise NotFound("There is no such link.", next_step="See the recalls.")
        who = _who(request)
        return questions.breach(tx.questions, found, aware_at or who.now, who)


@router.get("/people/{record_ref}")
def subject_access(record_ref: RecordRef, request: Request) -> dict[str, Any]:
    """A draft of a subject-access answer about a person, for a human to check. Third parties are left out."""
    service = service_of(request)
    with service.store.writing() as tx:
        protocol = service.protocols.last(tx.identity).document
        return drafted(tx.questions, record_ref, protocol, _who(request))


@router.get("/people/{record_ref}/consents")
def consent_receipts(record_ref: RecordRef, request: Request) -> list[dict[str, Any]]:
    """The consents and refusals about a person that are kept, with the fields of ISO/IEC TS 27560."""
    service = service_of(request)
    with service.store.writing() as tx:
        protocol = service.protocols.last(tx.identity).document
        return consent_receipts_of(tx.questions, record_ref, protocol, _who(request))


@router.get("/agencies/{agency}")
def article_30(agency: Agency, request: Request) -> dict[str, Any]:
    """The record of processing of one agency (UK GDPR Art 30), from the agreement that is enforced."""
    service = service_of(request)
    with service.store.writing() as tx:
        protocol = service.protocols.last(tx.identity).document
        return processing(tx.questions, agency, protocol, tx.identity.contacts(agency), _who(request))


@router.get("/decisions/{decision_id}")
def explain(
    decision_id: Annotated[str, Path(pattern=r"^prf-[0-9a-f]{20}\.\d{2}\.\d{2}\.\d{3}$")], request: Request
) -> dict[str, Any]:
    """What a decision was, what it depended on, and the decision made again under its own version, in words."""
    service = service_of(request)
    with service.store.writing() as tx:

        def version(digest: str) -> LoadedProtocol:
            return service.protocols.version(tx.identity, digest)

        return questions.explain(tx.questions, tx.profiles, version, decision_id, _who(request))
