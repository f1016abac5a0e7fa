"""The answer put into the shape that crosses the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from protocols.decision_index import CompiledProtocol
from protocols.family import FamilyDeclaration, FamilyMember
from protocols.profile_answer import (
    NOT_PROOF,
    STATE_WORDS,
    AgencyDesk,
    DataKey,
    Profile,
    ProfileAgency,
    ProfileMember,
    ReleasedValue,
    padded,
)
from protocols.profile_facts import Asker, CellT, MemberAtAgency, ReleasedCell
from protocols.sentences import basis_words, grant_sentence


class Sealed(NamedTuple):
    """A cell's ciphertext in base64, the id of its data key, and the record that it is bound to."""

    ciphertext: str
    key: str
    record_ref: str


def to_wire(
    told: Iterable[MemberAtAgency[CellT]],
    family: FamilyDeclaration,
    asker: Asker,
    protocol: CompiledProtocol,
    at: datetime,
    sealed: Callable[[CellT], Sealed],
    decision_id: Callable[[str, str, str | None], str],
    keys: Iterable[DataKey] = (),
) -> Profile:
    """The answer as it crosses the wire, padded.

    `sealed` gives what there is of a cell, `keys` are the data keys of the released cells. `decision_id` gives the id under which a decision is
    on record, by member, agency and attribute (None for the member at the agency as a whole): all ids have one length.
    """
    document = protocol.document
    parties = {party.id: party for party in document.parties}
    by_member: dict[str, list[ProfileAgency]] = {}
    for item in told:
        party = parties[item.agency]
        by_member.setdefault(item.member_ref, []).append(
            ProfileAgency(
                agency=party.id,
                name=party.name,
                state=item.state,
                words=STATE_WORDS[item.state],
                known=item.known,
                values=tuple(_value(item, cell, protocol, sealed, decision_id) for cell in item.released),
                consent_needed=item.consent_needed,
                refused=item.refused,
                desk=AgencyDesk(team=party.desk.team, phone=party.desk.phone),
                decision_id=decision_id(item.member_ref, item.agency, None),
            )
        )
    return padded(
        Profile(
            family_ref=family.family_ref,
            protocol_id=document.id,
            protocol_version=document.version,
            protocol_digest=protocol.digest,
            asked_at=at,
            valid_until=at + timedelta(hours=document.retention.profile_cache_hours),
            role_function=asker.role_function,
            purpose=asker.purpose,
            break_glass=asker.break_glass,
            notice=NOT_PROOF,
            members=tuple(_member(m, by_member) for m in family.members if m.record_ref in by_member),
            keys=tuple(keys),
        )
    )


def _member(member: FamilyMember, by_member: Mapping[str, list[ProfileAgency]]) -> ProfileMember:
    return ProfileMember(
        record_ref=member.record_ref,
        role=member.role,
        kind=member.kind,
        stage=member.stage,
        agencies=tuple(by_member[member.record_ref]),
    )


@lru_cache(maxsize=4096)
def _words(protocol: CompiledProtocol, rule: str, basis: str) -> tuple[str, str]:
    """The sentences of a grant and of its basis: they say the same of everybody."""
    return grant_sentence(protocol.document, rule), basis_words(protocol.document, basis)


def _value(
    item: MemberAtAgency[CellT],
    released: ReleasedCell[CellT],
    protocol: CompiledProtocol,
    sealed: Callable[[CellT], Sealed],
    decision_id: Callable[[str, str, str | None], str],
) -> ReleasedValue:
    attribute = protocol.attributes[released.cell.attribute]
    there = sealed(released.cell)
    sentence, basis = _words(protocol, released.granted.rule, released.granted.basis)
    return ReleasedValue(
        attribute=attribute.id,
        title=attribute.title,
        as_at=released.cell.as_at,
        assertion=attribute.assertion,
        freshness=released.freshness,
        sentence=sentence,
        basis=basis,
        rule=released.granted.rule,
        decision_id=decision_id(item.member_ref, item.agency, attribute.id),
        court_derived=attribute.court_derived,
        break_glass=released.granted.break_glass,
        sealed=there.ciphertext,
        key=there.key,
        record_ref=there.record_ref,
    )
