"""One member at one agency: everything is decided, and then only what may be said is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from protocols.consent import ConsentState, consent_state
from protocols.decision import Facts, Granted, Request, decide
from protocols.decision_index import CompiledProtocol
from protocols.document import Party
from protocols.document_catalogue import Attribute
from protocols.family import ConsentRecord
from protocols.profile_answer import Freshness
from protocols.profile_facts import (
    AgencyStatus,
    Asker,
    Cell,
    CellT,
    DecisionMade,
    MemberAtAgency,
    RecordAtAgency,
    ReleasedCell,
)
from protocols.vocabulary import Grade, Kind, Mode, Purpose, State

_ASK_FOR = (ConsentState.NOT_ASKED, ConsentState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Scene:
    """One member, one agency, one worker, one moment."""

    asker: Asker
    member_ref: str
    party: Party
    person: Facts
    consents: list[ConsentRecord]
    protocol: CompiledProtocol
    at: datetime
    _requests: dict[str | None, Request] = field(default_factory=dict, repr=False)

    def tell(self, records: Sequence[RecordAtAgency[CellT]], status: AgencyStatus) -> MemberAtAgency[CellT]:
        """Decide everything, then say only what may be said."""
        silent = any(record.silent for record in records)
        decisions: list[DecisionMade] = []
        released: list[ReleasedCell[CellT]] = []
        known = pending = False
        # Without a record the same decisions are made about nothing, so that the time taken tells nothing.
        for record in records or (None,):
            facts = self._facts(record, silent)
            consents = [*self.consents, *(record.consents if record else ())]
            exists = self._decide(Mode.EXISTENCE, None, facts)
            decisions.append(exists)
            certain = _like(facts, grade=Grade.CERTAIN, held=facts.held, silent=facts.silent)
            may_exist = self._decide(Mode.EXISTENCE, None, certain).decision
            known |= isinstance(exists.decision, Granted)
            pending |= facts.grade is Grade.PROBABLE and isinstance(may_exist, Granted)
            cells = {cell.attribute: cell for cell in record.cells} if record else {}
            for attribute in self._attributes():
                consent = self._consent_to(attribute, consents)
                made = self._decide(attribute.mode, attribute, replace(facts, consent=consent) if consents else facts)
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

    def _attributes(self) -> Sequence[Attribute]:
        return self.protocol.about_kind(self.party.id, self.person.kind)

    def _facts(self, record: RecordAtAgency[CellT] | None, silent: bool) -> Facts:
        if record is None:
            return self.person
        return _like(self.person, grade=record.grade, held=record.held, silent=silent)

    def _decide(self, mode: Mode, attribute: Attribute | None, facts: Facts) -> DecisionMade:
        request = self._request(mode, attribute)
        return DecisionMade(request, facts, decide(request, facts, self.protocol))

    def _request(self, mode: Mode, attribute: Attribute | None) -> Request:
        """What is asked about an attribute (or whether there is a record at all): it is asked more than once."""
        name = attribute.id if attribute else None
        found = self._requests.get(name)
        if found is None:
            found = self._requests[name] = self._asked(mode, name)
        return found

    def _asked(self, mode: Mode, attribute: str | None) -> Request:
        return Request(
            role_function=self.asker.role_function,
            purpose=self.asker.purpose,
            allocated=self.asker.allocated,
            own_client=self.member_ref in self.asker.for_refs,
            agency=self.party.id,
            mode=mode,
            attribute=attribute,
            at=self.at,
        )

    def _consent_to(self, attribute: Attribute, consents: Sequence[ConsentRecord]) -> ConsentState:
        purposes = self.protocol.purposes_signed_for(attribute.id, self.asker.purpose)
        return consent_state(
            consents, self.person.kind, attribute.id, purposes, self.at, self.protocol.document.consents
        )

    def _consent(self) -> tuple[bool, bool, tuple[str, ...]]:
        """Whether asking for consent would decide anything here, whether anything can be told without it, and
        which refusals a duty passes over.

        All three are decided about a person with a certain link and nothing that stops it, whoever the person
        is.
        """
        plain = _like(self.person, grade=Grade.CERTAIN, alive_and_open=True)
        may_ask = self._may_ask()
        if not self.consents:
            day = self.at.astimezone(UTC).date()
            return _without_consents(self.protocol, self._request(Mode.EXISTENCE, None).on(day), plain, may_ask)
        consenting = _like(plain, grade=Grade.CERTAIN, consent=ConsentState.GIVEN)
        needed, refused = False, []
        by_duty = isinstance(self._decide(Mode.EXISTENCE, None, plain).decision, Granted)
        for attribute in self._attributes():
            request = self._request(attribute.mode, attribute)
            if isinstance(decide(request, plain, self.protocol), Granted):
                by_duty = True
                if self._refused(attribute):
                    refused.append(attribute.id)
            elif isinstance(decide(request, consenting, self.protocol), Granted):
                needed |= may_ask and self._consent_to(attribute, self.consents) in _ASK_FOR
        return needed, by_duty, tuple(refused)

    def _refused(self, attribute: Attribute) -> bool:
        state = consent_state(
            self.consents, self.person.kind, attribute.id, tuple(Purpose), self.at, self.protocol.document.consents
        )
        return state is ConsentState.REFUSED

    def _may_ask(self) -> bool:
        rules = self.protocol.document.consents
        unsafe = any(tie.contact in rules.not_asked_where_contact for tie in self.person.children)
        return self.asker.role_function in rules.asked_by and self.person.kind is not Kind.UNBORN and not unsafe

    def _freshness(self, attribute: Attribute, cell: Cell) -> Freshness:
        rules = next((f for f in self.protocol.document.freshness if f.id == self.party.id), None)
        if rules is None:
            return Freshness.STALE
        days = rules.exceptions.get(attribute.id, rules.value_days)
        old = self.at.astimezone(UTC).date() - cell.as_at > timedelta(days=days)
        return Freshness.STALE if old else Freshness.FRESH

    def _of_the_agency(self, status: AgencyStatus) -> State | None:
        """The states that depend on the agency, the role and the kind of person alone."""
        day = self.at.astimezone(UTC).date()
        if status.stopped or not self.party.holds_on(day):
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


@lru_cache(maxsize=1 << 13)
def _without_consents(
    protocol: CompiledProtocol, asked: Request, plain: Facts, may_ask: bool
) -> tuple[bool, bool, tuple[str, ...]]:
    """`Scene._consent` where no consent is recorded: the same for all who are alike in what is declared, whatever is linked."""
    needed, by_duty = False, isinstance(decide(asked, plain, protocol), Granted)
    consenting = _like(plain, grade=Grade.CERTAIN, consent=ConsentState.GIVEN)
    for attribute in protocol.about_kind(asked.agency, plain.kind):
        request = replace(asked, mode=attribute.mode, attribute=attribute.id)
        if isinstance(decide(request, plain, protocol), Granted):
            by_duty = True
        elif isinstance(decide(request, consenting, protocol), Granted):
            needed |= may_ask
    return needed, by_duty, ()


def _like(
    facts: Facts,
    grade: Grade | None,
    held: bool = False,
    silent: bool = False,
    consent: ConsentState | None = None,
    alive_and_open: bool = False,
) -> Facts:
    """The same facts with another link. `dataclasses.replace` takes three times as long, and this is done for every decision."""
    return Facts(
        kind=facts.kind,
        children=facts.children,
        grade=grade,
        held=held,
        silent=silent,
        shielded=facts.shielded and not alive_and_open,
        deceased=facts.deceased and not alive_and_open,
        consent=facts.consent if consent is None else consent,
        break_glass=facts.break_glass,
        stopped=facts.stopped,
        protocol_fresh=facts.protocol_fresh,
        stage_fresh=facts.stage_fresh,
        role_fresh=facts.role_fresh,
    )
