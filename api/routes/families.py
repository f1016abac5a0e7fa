"""Families: children's social care declares them, one by one or with its submission."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from pydantic import BaseModel

from api.families import StoredFamily, check_declaration, check_members
from api.guards import caller, service_of
from api.identity import DECLARING_AGENCY
from api.problems import Changed, NotFound, VersionNeeded, described
from api.routes.bodies import described_body, wire
from protocols.audit.events.linking import FeedConfirmed
from protocols.errors import InputError
from protocols.family import FAMILY_REF, FamilyDeclaration

router = APIRouter()
FamilyRef = Annotated[str, Path(pattern=FAMILY_REF)]


class FamilyView(BaseModel):
    """A declared family, with how it is known here."""

    version: int
    declared_at: datetime
    confirmed_at: datetime
    declaration: FamilyDeclaration


class Confirmation(BaseModel):
    """When stages and allocations were last said to be as declared."""

    confirmed_at: datetime
    families: int


@router.post("/v1/families/confirmation", responses=described(401, 403, 429, 503))
def confirm(request: Request) -> Confirmation:
    """Say that stages and allocations are as declared: answers stop when this was not said for longer than agreed."""
    service, now = service_of(request), service_of(request).now()
    with service.store.writing() as tx:
        families = tx.families.count()
        tx.families.confirm(now, FeedConfirmed(actor=caller(request).client, families=families))
    return Confirmation(confirmed_at=now, families=families)


@router.get("/v1/families/{family_ref}", responses=described(401, 403, 404, 422, 429, 503))
def read(family_ref: FamilyRef, request: Request, response: Response) -> FamilyView:
    """A family as it is declared now."""
    with service_of(request).store.reading() as tx:
        found = tx.families.family(family_ref)
    if found is None:
        raise NotFound("There is no family with this reference.", next_step="Declare it first.")
    response.headers["ETag"] = found.etag
    return _view(found)


@router.put(
    "/v1/families/{family_ref}",
    responses=described(401, 403, 408, 412, 413, 422, 428, 429, 503),
    openapi_extra=described_body(FamilyDeclaration),
)
def declare(
    family_ref: FamilyRef,
    declaration: Annotated[FamilyDeclaration, Depends(wire(FamilyDeclaration, "declaration"))],
    request: Request,
    response: Response,
    if_match: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> FamilyView:
    """Declare a family whole. A change says which version it is of (`If-Match`), so that nothing is overwritten unseen."""
    if declaration.family_ref != family_ref:
        raise InputError("The family's reference differs from the one in the address.", next_step="Use one reference.")
    service = service_of(request)
    with service.store.writing() as tx:
        protocol = service.protocols.live(tx.identity)
        check_declaration(declaration, protocol.document, service.now().date())
        known = tx.families.family(family_ref)
        if known is not None and known.declaration.family_ref != family_ref:
            raise InputError(
                f"Reference `{family_ref}` is an alias of family `{known.declaration.family_ref}`.",
                next_step="Declare it under that reference.",
            )
        _check_version(known, declaration, if_match, if_none_match)
        refs = [member.record_ref for member in declaration.members]
        check_members(declaration, tx.families.unknown_records(DECLARING_AGENCY, refs))
        stored = tx.families.declare(declaration, service.now(), caller(request).client)
    response.headers["ETag"] = stored.etag
    return _view(stored)


def _check_version(
    known: StoredFamily | None, declaration: FamilyDeclaration, if_match: str | None, if_none_match: str | None
) -> None:
    seen = "Read the family again, and declare it anew."
    if known is None:
        if if_match is not None:
            raise Changed("There is no such family any more.", next_step=seen)
    elif if_none_match == "*":
        raise Changed("The family is already declared.", next_step=seen)
    elif if_match is not None:
        if if_match not in (known.etag, "*"):
            raise Changed("The family was changed since it was read.", next_step=seen)
    elif known.declaration != declaration:
        raise VersionNeeded("The family is already declared otherwise.", next_step="Send `If-Match` with its `ETag`.")


def _view(stored: StoredFamily) -> FamilyView:
    return FamilyView(
        version=stored.version,
        declared_at=stored.declared_at,
        confirmed_at=stored.confirmed_at,
        declaration=stored.declaration,
    )
