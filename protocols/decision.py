"""The decision: may this worker be told this about this person, now? Default deny; a refusal lists every
failed condition.

`decide` is pure and total: the same request, facts and protocol give the same decision for ever, so a
decision can be replayed as of its time. Prohibitions, the never-release list, holds, silence and shielding
stand before every grant and before break-glass. What the caller may learn of a refusal is decided elsewhere
(`protocols/profile.py`): reasons are for the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Final, NamedTuple

from protocols.consent import ConsentState
from protocols.decision_index import (
    CompiledGrant,
    CompiledProtocol,
    DatedBasis,
    PeopleLine,
    Reason,
    ReasonCode,
    Slot,
    SlotKey,
)
from protocols.vocabulary import Contact, Grade, Kind, Mode, Purpose, Relationship, RoleFunction, Stage

NOON: Final = time(12, tzinfo=UTC)
STAGE_ORDER: Final = {stage: rank for rank, stage in enumerate([Stage.CLOSED, *list(Stage)[:-1]])}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `attribute` is None in the modes EXISTENCE and REVIEW. `at` is an aware time.

    `allocated`: children's social care has the worker on this case. `own_client`: the person asked about is
    the member whom the worker works with.
    """

    role_function: RoleFunction
    purpose: Purpose
    allocated: bool
    own_client: bool
    agency: str
    mode: Mode
    attribute: str | None
    at: datetime

    def on(self, day: date) -> Request:
        """The same request at noon of a day: a decision depends on nothing finer."""
        return replace(self, at=datetime.combine(day, NOON))


class ChildTie(NamedTuple):
    """One child of this family through whom the person counts: the child's stage, and what an adult is to the
    child.

    A child or unborn child has one tie, to itself, without relationship and contact. `expecting`: the adult
    is the mother of this unborn child.
    """

    stage: Stage
    relationship: Relationship | None = None
    contact: Contact | None = None
    expecting: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is so about the person, the link and the moment. The defaults release nothing.

    `stopped`: the agency's data protection officer has stopped its releases.
    """

    kind: Kind
    children: tuple[ChildTie, ...]
    grade: Grade | None = None
    held: bool = False
    silent: bool = False
    shielded: bool = False
    deceased: bool = False
    consent: ConsentState = ConsentState.NOT_ASKED
    break_glass: bool = False
    stopped: bool = False
    protocol_fresh: bool = True
    stage_fresh: bool = True
    role_fresh: bool = True


@dataclass(frozen=True, slots=True)
class Granted:
    """Yes, by exactly one rule, on one basis. `stage` is the stage that counted; `break_glass` if only that
    made it so.
    """

    rule: str
    basis: str
    sentence: str
    stage: Stage
    break_glass: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """No, with every failed condition."""

    reasons: tuple[Reason, ...]


Decision = Granted | Refused

_NOT_ALLOCATED: Final = Reason(ReasonCode.NOT_ALLOCATED)
_NOT_PARTICIPATING: Final = Reason(ReasonCode.NOT_PARTICIPATING)
_STOPPED: Final = Reason(ReasonCode.STOPPED)
_NO_LINK: Final = Reason(ReasonCode.NO_LINK)
_LINK_GRADE: Final = Reason(ReasonCode.LINK_GRADE)
_HELD: Final = Reason(ReasonCode.HELD)
_SILENT: Final = Reason(ReasonCode.SILENT)
_SHIELDED: Final = Reason(ReasonCode.SHIELDED)
_DECEASED: Final = Reason(ReasonCode.DECEASED)
_PROTOCOL_STALE: Final = Reason(ReasonCode.PROTOCOL_STALE)
_STAGE_STALE: Final = Reason(ReasonCode.STAGE_STALE)
_ROLE_STALE: Final = Reason(ReasonCode.ROLE_STALE)


class Ground(NamedTuple):
    """What of a decision is so whatever the record is: it hangs on what is asked, declared and agreed alone.

    `granted` is what is said of a record that nothing stands against. `before` and `after` are the conditions that failed, in the
    order in which a refusal names them, the record's own between them. `located`: a protected place hides this from the asker.
    """

    granted: Granted | None
    before: tuple[Reason, ...]
    after: tuple[Reason, ...]
    located: bool

    def decision(self, against: tuple[Reason, ...]) -> Decision:
        """The decision about a record; `against` is what stands against it."""
        if self.granted is not None and not against:
            return self.granted
        return Refused((*self.before, *against, *self.after))


def decide(request: Request, facts: Facts, protocol: CompiledProtocol) -> Decision:
    """Decide one request. Granted names exactly one rule; Refused lists every condition that failed."""
    ground = ground_of(request, facts, protocol)
    return ground.decision(stands_against(facts, request.mode, ground.located))


def ground_of(request: Request, facts: Facts, protocol: CompiledProtocol) -> Ground:
    """What of a decision does not hang on the record: `facts` count as far as the family declares them, and by their consent."""
    slot = protocol.slot(request.agency, request.attribute, request.mode)
    day = request.at.astimezone(UTC).date()
    emergency = facts.break_glass and request.role_function in protocol.break_functions
    before = (*slot.general, *_about_the_moment(request, facts, protocol, slot, day, emergency))
    after = [
        item.reason
        for item in slot.prohibitions
        if request.role_function not in item.except_to
        and not (item.to and request.role_function not in item.to)
        and not (item.not_own_client and request.own_client)
    ]
    best, unmet = _by_its_grants(
        protocol,
        (request.agency, request.attribute, request.mode),
        request.role_function,
        request.purpose,
        request.own_client,
        facts.kind,
        facts.children,
        facts.consent,
        day,
        emergency,
    )
    located = slot.location_revealing and request.role_function not in protocol.location_seen_by
    if best is not None and not before and not after:
        return Ground(best, (), (), located)
    return Ground(None, before, (*after, *(unmet if best is None else ())), located)


def stands_against(facts: Facts, mode: Mode, located: bool) -> tuple[Reason, ...]:
    """What stands against a record; `located`: a protected place hides what is asked."""
    found = []
    if facts.grade is None:
        found.append(_NO_LINK)
    elif (facts.grade is Grade.PROBABLE) != (mode is Mode.REVIEW):
        found.append(_LINK_GRADE)
    if facts.held:
        found.append(_HELD)
    if facts.silent:
        found.append(_SILENT)
    if facts.shielded and located:
        found.append(_SHIELDED)
    if facts.deceased:
        found.append(_DECEASED)
    return tuple(found)


@lru_cache(maxsize=1 << 15)
def _by_its_grants(
    protocol: CompiledProtocol,
    key: SlotKey,
    function: RoleFunction,
    purpose: Purpose,
    own_client: bool,
    kind: Kind,
    children: tuple[ChildTie, ...],
    consent: ConsentState,
    day: date,
    emergency: bool,
) -> tuple[Granted | None, tuple[Reason, ...]]:
    """What the grants alone say, which is the same for everybody who is alike in this; never what the link or the record is.

    Only what is declared and agreed is in the key, so what was remembered tells nothing about any record.
    """
    best: Granted | None = None
    unmet: list[Reason] = []
    for grant in protocol.slot(*key).grants:
        stage = stage_that_counts(kind, children, grant.people)
        basis = _basis_on(grant, day)
        widened = emergency and grant.break_glass
        reasons = _unmet(grant, function, purpose, own_client, consent, stage, basis, day, widened)
        if reasons or stage is None or basis is None:
            unmet += reasons
            continue
        plain = function in grant.to and stage in grant.stages
        if best is None or plain:
            best = Granted(grant.id, basis.id, f"{protocol.label}/{grant.id}", stage, not plain)
    return best, tuple(unmet)


@dataclass(frozen=True, slots=True)
class Considered:
    """One grant that could have decided, and what it asked for in vain; nothing in vain: it applies."""

    rule: str
    unmet: tuple[Reason, ...]


def considered(request: Request, facts: Facts, protocol: CompiledProtocol) -> tuple[Considered, ...]:
    """Every grant about what was asked, and why each did or did not apply: the answer to "why not another
    rule?".
    """
    day = request.at.astimezone(UTC).date()
    emergency = facts.break_glass and request.role_function in protocol.break_functions
    found = []
    for grant in protocol.slot(request.agency, request.attribute, request.mode).grants:
        stage, basis = stage_that_counts(facts.kind, facts.children, grant.people), _basis_on(grant, day)
        unmet = _unmet(
            grant,
            request.role_function,
            request.purpose,
            request.own_client,
            facts.consent,
            stage,
            basis,
            day,
            emergency and grant.break_glass,
        )
        found.append(Considered(grant.id, tuple(unmet)))
    return tuple(found)


def stage_that_counts(kind: Kind, children: tuple[ChildTie, ...], people: tuple[PeopleLine, ...]) -> Stage | None:
    """The highest stage among the children through whom this person is one of these people; None if there is
    none.
    """
    stages = [child.stage for line in people if kind in line.kinds for child in children if _counts(child, line)]
    return max(stages, key=STAGE_ORDER.__getitem__, default=None)


def _counts(child: ChildTie, line: PeopleLine) -> bool:
    if line.relationships and (child.relationship not in line.relationships or child.contact not in line.contact):
        return False
    return child.expecting or not line.expecting


def _about_the_moment(
    request: Request, facts: Facts, protocol: CompiledProtocol, slot: Slot, day: date, emergency: bool
) -> list[Reason]:
    failed = []
    if not slot.since <= day <= slot.until:
        failed.append(_NOT_PARTICIPATING)
    if facts.stopped:
        failed.append(_STOPPED)
    if not request.allocated and not (emergency and request.role_function in protocol.rota):
        failed.append(_NOT_ALLOCATED)
    if not facts.protocol_fresh:
        failed.append(_PROTOCOL_STALE)
    if not facts.stage_fresh:
        failed.append(_STAGE_STALE)
    if not facts.role_fresh:
        failed.append(_ROLE_STALE)
    return failed


def _basis_on(grant: CompiledGrant, day: date) -> DatedBasis | None:
    for basis in grant.bases:
        if basis.since <= day <= basis.until:
            return basis
    return None


def _unmet(
    grant: CompiledGrant,
    function: RoleFunction,
    purpose: Purpose,
    own_client: bool,
    consent: ConsentState,
    stage: Stage | None,
    basis: DatedBasis | None,
    day: date,
    widened: bool,
) -> list[Reason]:
    unmet = []
    if function not in grant.to and not widened:
        unmet.append(grant.reasons[ReasonCode.FUNCTION])
    if purpose not in grant.purposes:
        unmet.append(grant.reasons[ReasonCode.PURPOSE])
    if stage is None:
        unmet.append(grant.reasons[ReasonCode.PEOPLE])
    elif stage not in grant.stages and (not widened or stage is Stage.CLOSED):
        unmet.append(grant.reasons[ReasonCode.STAGE])
    if grant.own_client and not own_client:
        unmet.append(grant.reasons[ReasonCode.OWN_CLIENT])
    if basis is not None and basis.by_consent and consent is not ConsentState.GIVEN:
        unmet.append(grant.reasons[ReasonCode.CONSENT])
    if not grant.since <= day <= grant.until:
        unmet.append(grant.reasons[ReasonCode.GRANT_DATES])
    if basis is None:
        unmet.append(grant.reasons[ReasonCode.BASIS_DATES])
    return unmet
