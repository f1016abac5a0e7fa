"""The profile: what one worker may be told about each member of a family at each agency. Pure; the service brings the facts.

What the caller learns must not depend on what it may not learn. So every state but RELEASED and PENDING_REVIEW depends on the agency,
the protocol, the declared family and the consents alone, never on whether a link exists; and a record that is withheld, silent or
suppressed gives exactly what no record gives, by the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Generic, Protocol, TypeVar

from protocols.consent import ConsentState, consent_state
from protocols.decision import ChildTie, Decision, Facts, Granted, Request, decide
from protocols.decision_index import CompiledProtocol
from protocols.document import Party
from protocols.document_catalogue import Attribute
from protocols.family import ConsentRecord, FamilyDeclaration, FamilyMember
from protocols.profile_answer import (
    NOT_PROOF,
    STATE_WORDS,
    AgencyDesk,
    Freshness,
    Profile,
    ProfileAgency,
    ProfileMember,
    ReleasedValue,
    padded,
)
from protocols.sentences import basis_words, grant_sentence
from protocols.vocabulary import Contact, Grade, Kind, Mode, Purpose, Relationship, RoleFunction, State

__all__ = [
    "AgencyStatus",
    "Asker",
    "Cell",
    "DecisionMade",
    "FeedsFresh",
    "MemberAtAgency",
    "Profile",
    "ProfileAgency",
    "ProfileMember",
    "RecordAtAgency",
    "ReleasedCell",
    "ReleasedValue",
    "assemble",
    "to_wire",
]


class Cell(Protocol):
    """A sealed value: opaque here but for its attribute and its as-at date."""

    @property
    def attribute(self) -> str:
        """The attribute's id in the catalogue."""

    @property
    def as_at(self) -> date:
        """The day as of which the value is said."""


CellT = TypeVar("CellT", bound=Cell)


@dataclass(frozen=True, slots=True)
class RecordAtAgency(Generic[CellT]):
    """A record that is linked to a member: the link's grade, what stops it, and its cells.

    `held` is a hold by the agency, or a link restricted while it is contested.
    """

    grade: Grade
    cells: tuple[CellT, ...] = ()
    held: bool = False
    silent: bool = False
    shielded: bool = False
    deceased: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """The worker who asks. `for_refs`: the members whom the worker works with, where children's social care names any."""

    role_function: RoleFunction
    purpose: Purpose
    allocated: bool
    for_refs: frozenset[str] = frozenset()
    break_glass: bool = False


@dataclass(frozen=True, slots=True)
class AgencyStatus:
    """An agency's last accepted submission (its day, None if there is none) and whether it can be read now."""

    submitted: date | None
    available: bool = True


@dataclass(frozen=True, slots=True)
class FeedsFresh:
    """Whether what decisions depend on is young enough. If not, nothing is released."""

    protocol: bool = True
    stage: bool = True
    role: bool = True


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """One decision with everything that it depended on: what is stored so that it can be replayed."""

    request: Request
    facts: Facts
    decision: Decision


@dataclass(frozen=True, slots=True)
class ReleasedCell(Generic[CellT]):
    """A cell that the worker may be told, and why."""

    cell: CellT
    granted: Granted
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class MemberAtAgency(Generic[CellT]):
    """What one worker may be told about one member at one agency; `decisions` are for the audit log only."""

    member_ref: str
    agency: str
    state: State
    known: bool
    released: tuple[ReleasedCell[CellT], ...]
    consent_needed: bool
    refused: tuple[str, ...]
    decisions: tuple[DecisionMade, ...]


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
    """Every present member at every agency of the protocol, in the order of the declaration and of the protocol.

    `records` are the linked records by (member's record_ref, agency id); children's social care's own record of a member is
    one of them, with grade `certain`. `consents` are all consents recorded about the members, by any agency.
    """
    day = at.astimezone(UTC).date()
    present = [member for member in family.members if _present(member, day)]
    shielded = _shielded(family, records)
    by_subject: dict[str, list[ConsentRecord]] = {}
    for consent in consents:
        by_subject.setdefault(consent.subject_ref, []).append(consent)
    answer = []
    for member in present:
        person = Facts(
            kind=member.kind,
            children=_ties(family, member, day),
            shielded=member.record_ref in shielded,
            deceased=_deceased(member.record_ref, records),
            break_glass=asker.break_glass,
            protocol_fresh=fresh.protocol,
            stage_fresh=fresh.stage,
            role_fresh=fresh.role,
        )
        for party in protocol.document.parties:
            scene = _Scene(asker, member.record_ref, party, person, by_subject.get(member.record_ref, []), protocol, at)
            answer.append(
                scene.tell(records.get((member.record_ref, party.id), ()), agencies.get(party.id, AgencyStatus(None)))
            )
    return tuple(answer)


@dataclass(frozen=True, slots=True)
class _Scene:
    """One member, one agency, one worker, one moment."""

    asker: Asker
    member_ref: str
    party: Party
    person: Facts
    consents: list[ConsentRecord]
    protocol: CompiledProtocol
    at: datetime

    def tell(self, records: Sequence[RecordAtAgency[CellT]], status: AgencyStatus) -> MemberAtAgency[CellT]:
        """Decide everything, then say only what may be said."""
        silent = any(record.silent for record in records)
        decisions: list[DecisionMade] = []
        released: list[ReleasedCell[CellT]] = []
        known = pending = False
        # Without a record the same decisions are made about nothing, so that the time taken tells nothing.
        for record in records or (None,):
            facts = self._facts(record, silent)
            exists = self._decide(Mode.EXISTENCE, None, facts)
            decisions.append(exists)
            may_exist = self._decide(Mode.EXISTENCE, None, replace(facts, grade=Grade.CERTAIN)).decision
            known |= isinstance(exists.decision, Granted)
            pending |= facts.grade is Grade.PROBABLE and isinstance(may_exist, Granted)
            cells = {cell.attribute: cell for cell in record.cells} if record else {}
            for attribute in self._attributes():
                made = self._decide(attribute.mode, attribute, facts)
                decisions.append(made)
                cell = cells.get(attribute.id)
                if isinstance(made.decision, Granted) and cell is not None:
                    released.append(ReleasedCell(cell, made.decision, self._freshness(attribute, cell)))
        consent_needed, by_duty, refused = self._consent()
        state = self._of_the_agency(status)
        if state is None:
            state = self._of_the_member(bool(released) or known, pending, consent_needed and not by_duty)
        told = state is State.RELEASED
        return MemberAtAgency(
            member_ref=self.member_ref,
            agency=self.party.id,
            state=state,
            known=told,
            released=tuple(released) if told else (),
            consent_needed=consent_needed,
            refused=refused,
            decisions=tuple(decisions),
        )

    def _attributes(self) -> Iterable[Attribute]:
        return (a for a in self.protocol.by_agency[self.party.id] if self.person.kind in a.about.kinds)

    def _facts(self, record: RecordAtAgency[CellT] | None, silent: bool) -> Facts:
        if record is None:
            return self.person
        return replace(self.person, grade=record.grade, held=record.held, silent=silent)

    def _decide(self, mode: Mode, attribute: Attribute | None, facts: Facts) -> DecisionMade:
        request = Request(
            role_function=self.asker.role_function,
            purpose=self.asker.purpose,
            allocated=self.asker.allocated,
            own_client=self.member_ref in self.asker.for_refs,
            agency=self.party.id,
            mode=mode,
            attribute=attribute.id if attribute else None,
            at=self.at,
        )
        if attribute is not None:
            facts = replace(facts, consent=self._consent_to(attribute))
        return DecisionMade(request, facts, decide(request, facts, self.protocol))

    def _consent_to(self, attribute: Attribute) -> ConsentState:
        purposes = self.protocol.purposes_signed_for(attribute.id, self.asker.purpose)
        return consent_state(self.consents, self.person.kind, attribute.id, purposes, self.at)

    def _consent(self) -> tuple[bool, bool, tuple[str, ...]]:
        """Whether asking for consent would decide anything here, whether anything can be told without it, and which refusals a duty
        passes over.

        All three are decided about a person with a certain link and nothing that stops it, whoever the person is.
        """
        plain = replace(self.person, grade=Grade.CERTAIN, shielded=False, deceased=False)
        needed, refused, may_ask = False, [], self._may_ask()
        by_duty = isinstance(self._decide(Mode.EXISTENCE, None, plain).decision, Granted)
        for attribute in self._attributes():
            given = self._decide_as(attribute, plain, ConsentState.GIVEN)
            without = self._decide_as(attribute, plain, ConsentState.NOT_ASKED)
            state = self._consent_to(attribute)
            if isinstance(without, Granted):
                by_duty = True
                if self._refused(attribute):
                    refused.append(attribute.id)
            elif isinstance(given, Granted) and state in (ConsentState.NOT_ASKED, ConsentState.EXPIRED):
                needed |= may_ask
        return needed, by_duty, tuple(refused)

    def _decide_as(self, attribute: Attribute, facts: Facts, consent: ConsentState) -> Decision:
        request = self._decide(attribute.mode, attribute, facts).request
        return decide(request, replace(facts, consent=consent), self.protocol)

    def _refused(self, attribute: Attribute) -> bool:
        state = consent_state(self.consents, self.person.kind, attribute.id, tuple(Purpose), self.at)
        return state is ConsentState.REFUSED

    def _may_ask(self) -> bool:
        rules = self.protocol.document.consents
        unsafe = any(tie.contact in rules.not_asked_where_contact for tie in self.person.children)
        return self.asker.role_function in rules.asked_by and self.person.kind is not Kind.UNBORN and not unsafe

    def _freshness(self, attribute: Attribute, cell: Cell) -> Freshness:
        rules = next((f for f in self.protocol.document.freshness if f.id == self.party.id), None)
        days = rules.exceptions.get(attribute.id, rules.value_days) if rules else 0
        old = self.at.astimezone(UTC).date() - cell.as_at > timedelta(days=days)
        return Freshness.STALE if old else Freshness.FRESH

    def _of_the_agency(self, status: AgencyStatus) -> State | None:
        """The states that depend on the agency, the role and the kind of person alone."""
        day = self.at.astimezone(UTC).date()
        if not self.party.holds_on(day):
            return State.AGENCY_NOT_PARTICIPATING
        role, kind = self.asker.role_function, self.person.kind
        emergency = self.asker.break_glass and role in self.protocol.break_functions
        reachable = (role, self.party.id, kind) in self.protocol.reachable
        if not reachable and not (emergency and (self.party.id, kind) in self.protocol.emergency):
            return State.NOT_FOR_YOUR_ROLE
        if not status.available or status.submitted is None:
            return State.SOURCE_UNAVAILABLE
        rules = next((f for f in self.protocol.document.freshness if f.id == self.party.id), None)
        if rules is None or day - status.submitted > timedelta(days=rules.source_days):
            return State.SOURCE_STALE
        return None

    def _of_the_member(self, told: bool, pending: bool, consent_decides: bool) -> State:
        if told:
            return State.RELEASED
        if pending:
            return State.PENDING_REVIEW
        return State.CONSENT_NEEDED if consent_decides else State.NOTHING_TO_SHARE


def _present(member: FamilyMember, day: date) -> bool:
    return member.joined <= day and (member.left is None or day < member.left)


def _ties(family: FamilyDeclaration, member: FamilyMember, day: date) -> tuple[ChildTie, ...]:
    """The children of this family through whom a member counts; an unborn child's mother lives with it."""
    if member.stage is not None:
        return (ChildTie(member.stage),)
    stages = {child.record_ref: child.stage for child in family.members if child.stage and _present(child, day)}
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


def _deceased(member_ref: str, records: Mapping[tuple[str, str], Sequence[RecordAtAgency[CellT]]]) -> bool:
    return any(
        record.deceased and record.grade is Grade.CERTAIN
        for (ref, _), found in records.items()
        if ref == member_ref
        for record in found
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


def to_wire(
    told: Iterable[MemberAtAgency[CellT]],
    family: FamilyDeclaration,
    asker: Asker,
    protocol: CompiledProtocol,
    at: datetime,
    sealed: Callable[[CellT], tuple[str, str]],
    decision_id: Callable[[str, str, str | None], str],
) -> Profile:
    """The answer as it crosses the wire, padded.

    `sealed` gives a cell's base64 ciphertext and the reference of its data key. `decision_id` gives the id under which a decision is
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


def _value(
    item: MemberAtAgency[CellT],
    released: ReleasedCell[CellT],
    protocol: CompiledProtocol,
    sealed: Callable[[CellT], tuple[str, str]],
    decision_id: Callable[[str, str, str | None], str],
) -> ReleasedValue:
    attribute = protocol.attributes[released.cell.attribute]
    ciphertext, key = sealed(released.cell)
    return ReleasedValue(
        attribute=attribute.id,
        title=attribute.title,
        as_at=released.cell.as_at,
        assertion=attribute.assertion,
        freshness=released.freshness,
        sentence=grant_sentence(protocol.document, released.granted.rule),
        basis=basis_words(protocol.document, released.granted.basis),
        rule=released.granted.rule,
        decision_id=decision_id(item.member_ref, item.agency, attribute.id),
        court_derived=attribute.court_derived,
        break_glass=released.granted.break_glass,
        sealed=ciphertext,
        key=key,
    )
