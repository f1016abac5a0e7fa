"""The profile: what one worker may be told about each member of a family at each agency. Pure; the service
brings the facts.

What the caller learns must not depend on what it may not learn. So every state but RELEASED and
PENDING_REVIEW depends on the agency, the protocol, the declared family and the consents alone, never on
whether a link exists; and a record that is withheld, silent or suppressed gives exactly what no record gives,
by the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from protocols.decision import ChildTie, Facts
from protocols.decision_index import CompiledProtocol
from protocols.family import ConsentRecord, FamilyDeclaration, FamilyMember
from protocols.profile_answer import DataKey, Profile, ProfileAgency, ProfileMember, ReleasedValue
from protocols.profile_facts import (
    AgencyStatus,
    Asker,
    Cell,
    CellT,
    DecisionMade,
    FeedsFresh,
    Judged,
    MemberAtAgency,
    RecordAtAgency,
    ReleasedCell,
    Standing,
)
from protocols.profile_scene import Scene
from protocols.profile_send import Sealed, to_wire
from protocols.vocabulary import Contact, Grade, Relationship, Stage

__all__ = [
    "AgencyStatus",
    "Asker",
    "Cell",
    "DataKey",
    "DecisionMade",
    "FeedsFresh",
    "Judged",
    "MemberAtAgency",
    "Profile",
    "ProfileAgency",
    "ProfileMember",
    "RecordAtAgency",
    "ReleasedCell",
    "ReleasedValue",
    "Sealed",
    "Standing",
    "assemble",
    "to_wire",
]


def assemble(
    family: FamilyDeclaration,
    asker: Asker,
    records: Mapping[tuple[str, str], Sequence[RecordAtAgency[CellT]]],
    agencies: Mapping[str, AgencyStatus],
    consents: Iterable[ConsentRecord],
    protocol: CompiledProtocol,
    at: datetime,
    fresh: FeedsFresh = FeedsFresh(),
) -> tuple[MemberAtAgency[CellT], ...]:
    """Every present member at every agency of the protocol, in the order of the declaration and of the
    protocol.

    `records` are the linked records by (member's record_ref, agency id); children's social care's own record
    of a member is one of them, with grade `certain`. `consents` are those that children's social care
    recorded about its members.
    """
    day = at.astimezone(UTC).date()
    present = [member for member in family.members if _present(member, day)]
    shielded, deceased = _shielded(family, records), _deceased(records)
    by_subject: dict[str, list[ConsentRecord]] = {}
    for consent in consents:
        by_subject.setdefault(consent.subject_ref, []).append(consent)
    answer = []
    for member in present:
        person = Facts(
            kind=member.kind,
            children=_ties(family, member, day),
            shielded=member.record_ref in shielded,
            deceased=member.record_ref in deceased,
            break_glass=asker.break_glass,
            protocol_fresh=fresh.protocol,
            stage_fresh=fresh.stage,
            role_fresh=fresh.role,
        )
        scene = Scene(asker, member.record_ref, person, by_subject.get(member.record_ref, []), protocol, at)
        for party in protocol.document.parties:
            status = agencies.get(party.id, AgencyStatus(None))
            answer.append(scene.tell(party, records.get((member.record_ref, party.id), ()), status))
    return tuple(answer)


def _present(member: FamilyMember, day: date) -> bool:
    return member.joined <= day and (member.left is None or day < member.left)


def _ties(family: FamilyDeclaration, member: FamilyMember, day: date) -> tuple[ChildTie, ...]:
    """The children of this family through whom a member counts; an unborn child's mother lives with it.

    A case that is closed has no other stage, whatever the children's last stages were.
    """
    shut = family.closed is not None and family.closed <= day
    if member.stage is not None:
        return (ChildTie(Stage.CLOSED if shut else member.stage),)
    stages = {
        child.record_ref: Stage.CLOSED if shut else child.stage
        for child in family.members
        if child.stage and _present(child, day)
    }
    carried = {child.record_ref for child in family.members if child.mother_ref == member.record_ref} & set(stages)
    ties = [
        ChildTie(stages[tie.child_ref], tie.relationship, tie.contact)
        for tie in family.relationships
        if tie.adult_ref == member.record_ref and tie.child_ref in stages and tie.child_ref not in carried
    ]
    ties += [
        ChildTie(stages[child], Relationship.PARENT, Contact.LIVES_WITH, expecting=True) for child in sorted(carried)
    ]
    return tuple(ties)


def _deceased(records: Mapping[tuple[str, str], Sequence[RecordAtAgency[CellT]]]) -> frozenset[str]:
    """Members who have died, as a record that is certainly theirs says."""
    return frozenset(
        ref
        for (ref, _), found in records.items()
        if any(record.deceased and record.grade is Grade.CERTAIN for record in found)
    )


def _shielded(
    family: FamilyDeclaration, records: Mapping[tuple[str, str], Sequence[RecordAtAgency[CellT]]]
) -> frozenset[str]:
    """Members whose place is protected: flagged at any agency, or living with somebody who is."""
    shielded = {ref for (ref, _), found in records.items() if any(record.shielded for record in found)}
    homes = [{tie.adult_ref, tie.child_ref} for tie in family.relationships if tie.contact is Contact.LIVES_WITH]
    homes += [{child.record_ref, child.mother_ref} for child in family.members if child.mother_ref]
    while spread := [home for home in homes if home & shielded and not home <= shielded]:
        for home in spread:
            shielded |= home
    return frozenset(shielded)
