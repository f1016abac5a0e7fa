"""One member at every agency: everything is decided, and then only what may be said is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from protocols.consent import ConsentState, consent_state
from protocols.decision import Facts, Request, decide, stands_against
from protocols.decision_index import CompiledProtocol
from protocols.document import Party
from protocols.document_catalogue import Attribute
from protocols.family import ConsentRecord
from protocols.profile_answer import Freshness
from protocols.profile_facts import (
    AgencyStatus,
    Asker,
    CellT,
    DecisionMade,
    Judged,
    MemberAtAgency,
    RecordAtAgency,
    ReleasedCell,
    Standing,
)
from protocols.profile_sheet import Line, Sheet, about, sheets
from protocols.vocabulary import Grade, Kind, Mode, Purpose, State

_ASK_FOR = (ConsentState.NOT_ASKED, ConsentState.EXPIRED)


class Scene:
    """One member, one worker, one moment."""

    def __init__(
        self,
        asker: Asker,
        member_ref: str,
        person: Facts,
        consents: Sequence[ConsentRecord],
        protocol: CompiledProtocol,
        at: datetime,
    ) -> None:
        self._asker, self._member_ref, self._consents, self._protocol = asker, member_ref, consents, protocol
        self._person, self._at, self._day = person, at, at.astimezone(UTC).date()
        self._asked = Request(
            role_function=asker.role_function,
            purpose=asker.purpose,
            allocated=asker.allocated,
            own_client=member_ref in asker.for_refs,
            agency="",
            mode=Mode.EXISTENCE,
            attribute=None,
            at=at,
        )
        self._standings: dict[tuple[Grade | None, bool, bool, bool], Standing] = {}
        self._may_ask = self._asks()
        self._sheets = sheets(protocol, self._asked.on(self._day), _declared(person))

    def tell(
        self, party: Party, records: Sequence[RecordAtAgency[CellT]], status: AgencyStatus
    ) -> MemberAtAgency[CellT]:
        """Decide everything about the member at an agency, then say only what may be said."""
        sheet = self._sheet(party, status)
        silent = any(record.silent for record in records)
        judged: list[Judged] = []
        released: list[ReleasedCell[CellT]] = []
        known = pending = False
        # Without a record the same decisions are made about nothing, so that the time taken tells nothing.
        for record in records or (None,):
            grade, held = (None, False) if record is None else (record.grade, record.held)
            standing = self._standing(grade, held, silent, status.stopped)
            consents = [*self._consents, *record.consents] if record else self._consents
            one = Judged(sheet, standing, self._consented(sheet, standing.facts, consents))
            judged.append(one)
            known |= one.known()
            only_unsure = grade is Grade.PROBABLE and len(standing.against(sheet.exists)) == 1
            pending |= only_unsure and sheet.exists.granted is not None
            cells = {cell.attribute: cell for cell in record.cells} if record else {}
            for line, granted in one.grants():
                cell = cells.get(line.attribute.id)
                if cell is not None:
                    fresh = Freshness.FRESH if cell.as_at >= line.fresh_since else Freshness.STALE
                    released.append(ReleasedCell(cell, granted, fresh))
        consent_needed, by_duty, refused = self._consent(sheet)
        state = self._of_the_agency(party, status)
        if state is None:
            state = _of_the_member(bool(released) or known, pending, consent_needed and not by_duty)
        told = state is State.RELEASED
        return MemberAtAgency(
            member_ref=self._member_ref,
            agency=party.id,
            state=state,
            known=told,
            released=tuple(released) if told else (),
            consent_needed=consent_needed,
            refused=refused,
            asked=self._asked,
            judged=tuple(judged),
        )

    def _sheet(self, party: Party, status: AgencyStatus) -> Sheet:
        """What is declared and agreed here; an agency may have stopped its releases."""
        if not status.stopped:
            return self._sheets[party.id]
        declared = replace(_declared(self._person), stopped=True)
        return sheets(self._protocol, self._asked.on(self._day), declared)[party.id]

    def _standing(self, grade: Grade | None, held: bool, silent: bool, stopped: bool) -> Standing:
        """How the member stands with such a record, or none: the same at every agency."""
        key = (grade, held, silent, stopped)
        found = self._standings.get(key)
        if found is None:
            facts = replace(self._person, grade=grade, held=held, silent=silent, stopped=stopped)
            anywhere, in_its_place = (stands_against(facts, Mode.EXISTENCE, located) for located in (False, True))
            found = self._standings[key] = Standing(facts, anywhere, in_its_place)
        return found

    def _consented(self, sheet: Sheet, facts: Facts, consents: Sequence[ConsentRecord]) -> tuple[DecisionMade, ...]:
        """What is decided about each attribute where consents are recorded."""
        return tuple(self._with_consents(line, facts, consents) for line in sheet.lines) if consents else ()

    def _with_consents(self, line: Line, facts: Facts, consents: Sequence[ConsentRecord]) -> DecisionMade:
        request = about(self._asked, line.attribute)
        so = replace(facts, consent=self._consent_to(line.attribute, consents))
        return DecisionMade(request.mode, request.attribute, so, decide(request, so, self._protocol))

    def _consent_to(self, attribute: Attribute, consents: Sequence[ConsentRecord]) -> ConsentState:
        purposes = self._protocol.purposes_signed_for(attribute.id, self._asker.purpose)
        return consent_state(
            consents, self._person.kind, attribute.id, purposes, self._at, self._protocol.document.consents
        )

    def _consent(self, sheet: Sheet) -> tuple[bool, bool, tuple[str, ...]]:
        """Whether asking for consent would decide anything here, whether anything can be told without it, and
        which refusals a duty passes over.

        All three are decided about a person with a certain link and nothing that stops it, whoever the person
        is.
        """
        if not self._consents:
            return sheet.by_consent and self._may_ask, sheet.by_duty, ()
        needed, refused = False, []
        for line in sheet.lines:
            if line.ground.granted is not None:
                if self._refused(line.attribute):
                    refused.append(line.attribute.id)
            elif line.with_consent.granted is not None:
                needed |= self._may_ask and self._consent_to(line.attribute, self._consents) in _ASK_FOR
        return needed, sheet.by_duty, tuple(refused)

    def _refused(self, attribute: Attribute) -> bool:
        state = consent_state(
            self._consents, self._person.kind, attribute.id, tuple(Purpose), self._at, self._protocol.document.consents
        )
        return state is ConsentState.REFUSED

    def _asks(self) -> bool:
        rules = self._protocol.document.consents
        unsafe = any(tie.contact in rules.not_asked_where_contact for tie in self._person.children)
        return self._asker.role_function in rules.asked_by and self._person.kind is not Kind.UNBORN and not unsafe

    def _of_the_agency(self, party: Party, status: AgencyStatus) -> State | None:
        """The states that depend on the agency, the role and the kind of person alone."""
        if status.stopped or not party.holds_on(self._day):
            return State.AGENCY_NOT_PARTICIPATING
        role, kind = self._asker.role_function, self._person.kind
        emergency = self._asker.break_glass and role in self._protocol.break_functions
        reachable = (role, party.id, kind) in self._protocol.reachable
        if not reachable and not (emergency and (party.id, kind) in self._protocol.emergency):
            return State.NOT_FOR_YOUR_ROLE
        if not status.available or status.submitted is None:
            return State.SOURCE_UNAVAILABLE
        rules = self._protocol.freshness.get(party.id)
        if rules is None or self._day - status.submitted > timedelta(days=rules.source_days):
            return State.SOURCE_STALE
        return None


def _of_the_member(told: bool, pending: bool, consent_decides: bool) -> State:
    if told:
        return State.RELEASED
    if pending:
        return State.PENDING_REVIEW
    return State.CONSENT_NEEDED if consent_decides else State.NOTHING_TO_SHARE


def _declared(person: Facts) -> Facts:
    """The person as far as the family declares them. Two children who count alike count as one."""
    return Facts(
        kind=person.kind,
        children=tuple(dict.fromkeys(person.children)),
        consent=person.consent,
        break_glass=person.break_glass,
        protocol_fresh=person.protocol_fresh,
        stage_fresh=person.stage_fresh,
        role_fresh=person.role_fresh,
    )
