"""A family, its records and a worker, and what the protocol tells of them: for tests of profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from protocols.decision_index import CompiledProtocol
from protocols.family import ConsentRecord, FamilyDeclaration, FamilyMember, FamilyRelationship
from protocols.profile import (
    AgencyStatus,
    Asker,
    FeedsFresh,
    MemberAtAgency,
    Profile,
    RecordAtAgency,
    Sealed,
    assemble,
    to_wire,
)
from protocols.vocabulary import (
    Capacity,
    ConsentStatus,
    Contact,
    Grade,
    Kind,
    Purpose,
    Relationship,
    Role,
    RoleFunction,
    Stage,
)

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
OPENED = date(2026, 5, 1)
MOTHER, FATHER, CHILD, UNBORN = "mother-0001", "father-0001", "child-00001", "unborn-0001"
FRESH = AgencyStatus(date(2026, 11, 12))


@dataclass(frozen=True)
class SealedCell:
    """A cell as the tests need it."""

    attribute: str
    as_at: date


Records = Mapping[tuple[str, str], Sequence[RecordAtAgency[SealedCell]]]


def family(stage: Stage = Stage.S47, contact: Contact = Contact.LIVES_WITH) -> FamilyDeclaration:
    """A mother, a father and their child; the contact is the father's."""
    return FamilyDeclaration(
        family_ref="WB-1",
        opened=OPENED,
        members=(
            FamilyMember(record_ref=MOTHER, role=Role.MOTHER, kind=Kind.ADULT, joined=OPENED),
            FamilyMember(record_ref=FATHER, role=Role.FATHER, kind=Kind.ADULT, joined=OPENED),
            FamilyMember(record_ref=CHILD, role=Role.CHILD, kind=Kind.CHILD, stage=stage, joined=OPENED),
        ),
        relationships=(
            FamilyRelationship(
                adult_ref=MOTHER, child_ref=CHILD, relationship=Relationship.PARENT, contact=Contact.LIVES_WITH
            ),
            FamilyRelationship(adult_ref=FATHER, child_ref=CHILD, relationship=Relationship.PARENT, contact=contact),
        ),
    )


def record(protocol: CompiledProtocol, agency: str, grade: Grade = Grade.CERTAIN, **more: Any) -> Any:
    """A record with a cell for every attribute of its agency."""
    as_at = more.pop("as_at", date(2026, 11, 10))
    cells = tuple(SealedCell(attribute.id, as_at) for attribute in protocol.by_agency[agency])
    return RecordAtAgency(grade, cells, **more)


def worker(function: RoleFunction = RoleFunction.SOCIAL_WORKER, **more: Any) -> Asker:
    """A worker on the case."""
    return Asker(function, more.pop("purpose", Purpose.SAFEGUARDING), more.pop("allocated", True), **more)


def tell(
    protocol: CompiledProtocol,
    records: Records,
    asker: Asker | None = None,
    declared: FamilyDeclaration | None = None,
    consents: Sequence[ConsentRecord] = (),
    agencies: Mapping[str, AgencyStatus] | None = None,
    fresh: FeedsFresh = FeedsFresh(),
) -> dict[tuple[str, str], MemberAtAgency[SealedCell]]:
    """The answer, by member and agency."""
    status = agencies if agencies is not None else {party.id: FRESH for party in protocol.document.parties}
    told = assemble(declared or family(), asker or worker(), records, status, consents, protocol, NOW, fresh)
    return {(item.member_ref, item.agency): item for item in told}


def wire(protocol: CompiledProtocol, told: Mapping[Any, MemberAtAgency[SealedCell]], asker: Asker) -> Profile:
    """The answer as it crosses the wire: what the model reads in it is all that it says."""
    body = to_wire(
        told.values(),
        family(),
        asker,
        protocol,
        NOW,
        lambda cell: Sealed(b"AAAA", "key-1", "record-0001"),
        lambda member, agency, attribute: f"{hash((member, agency, attribute)) & 0xFFFFFF:08d}",
    )
    profile = Profile.model_validate_json(body)
    assert profile.model_dump_json().encode() == body
    return profile


def consented(status: ConsentStatus, by: str = MOTHER, **more: Any) -> ConsentRecord:
    """What somebody said about treatment and care."""
    return ConsentRecord(
        subject_ref=by,
        given_by_ref=by,
        capacity=Capacity.ADULT,
        scope=("recovery.episode", "recovery.attendance_90d", "mh.open_referral", "mh.care_plan", "mh.dna_6m"),
        purpose=Purpose.FAMILY_SUPPORT,
        notice_version="v3",
        method="online-form",
        status=status,
        given_at=NOW - timedelta(days=9),
        withdrawn_at=NOW if status is ConsentStatus.WITHDRAWN else None,
        **more,
    )
