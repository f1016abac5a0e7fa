"""Ask, decide, log, answer: the way of every question of the Workbook.

The question's facts are read in one view of the database and decided on; then, in one transaction, the decisions and the event are
written, provided that nothing that could change a decision has happened in between. Only then is there an answer. Every refusal of a
whole question looks the same from outside; the log knows why.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from api.families import StoredFamily
from protocols.audit.events.answers import AlertRaised, ProfileAnswered, ProfileRefused
from protocols.decision import Decision, Facts, Granted
from protocols.decision_inputs import pack_asking, pack_facts
from protocols.errors import Busy, Refusal
from protocols.family import ConsentRecord
from protocols.identity import WorkerAssertion
from protocols.load import LoadedProtocol
from protocols.profile import (
    AgencyStatus,
    Asker,
    DataKey,
    FeedsFresh,
    MemberAtAgency,
    Profile,
    RecordAtAgency,
    Sealed,
    assemble,
    to_wire,
)
from protocols.vocabulary import Grade

_NEXT = "Check the family's reference and that children's social care has you on its case, or ask its duty desk."
MOST_TRIES = 3


class Why(StrEnum):
    """Why a whole question is refused. It is on record; the asker never learns which."""

    UNKNOWN_FAMILY = "unknown-family"
    OTHER_CASE = "other-case"
    NOT_ALLOCATED = "not-allocated"
    OWN_FAMILY = "own-family"


class SealedCell(NamedTuple):
    """A sealed value of a record that is linked; `source` is the submission whose data key it is under."""

    attribute: str
    as_at: date
    record_ref: str
    source: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class LinkedRecord:
    """A record that is linked to a member, by which link."""

    link: str
    member_ref: str
    agency: str
    record_ref: str
    record: RecordAtAgency[SealedCell]


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that a question about one family depends on, as of one state of the database."""

    generation: int
    linked: tuple[LinkedRecord, ...]
    agencies: Mapping[str, AgencyStatus]
    consents: tuple[ConsentRecord, ...]
    stages_confirmed: datetime | None
    roles_confirmed: datetime | None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it is kept: every decision in it, and the links through which something was released."""

    profile: str
    at: datetime
    family_ref: str
    worker: str
    role_function: str
    purpose: str
    protocol_digest: str
    decisions: bytes
    views: Mapping[str, int]


class ProfileStore(Protocol):
    """The storage that answering needs."""

    def picture(self, family: StoredFamily, protocol_agencies: Sequence[str]) -> Picture:
        """Everything that a question about the family depends on."""

    def data_keys(self, submissions: Sequence[str]) -> list[DataKey]:
        """The boxed data keys of submissions."""

    def in_conflict(self, worker: str, refs: Sequence[str]) -> bool:
        """Whether the worker must not ask about one of these people."""

    def generation(self) -> int:
        """How long the log was after the last event that can change a decision."""

    def keep_answer(self, answer: StoredAnswer, event: ProfileAnswered) -> None:
        """Keep an answer."""

    def keep_refusal(self, event: ProfileRefused, alert: AlertRaised, at: datetime) -> None:
        """Record a refused question and alert the agency whose case it is."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the Workbook: about which family, on whose behalf, under which agreement, when."""

    ref: str
    client: str
    assertion: WorkerAssertion
    protocol: LoadedProtocol
    at: datetime

    @property
    def today(self) -> date:
        """The day."""
        return self.at.date()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told, with what is kept about it."""

    profile: Profile
    stored: StoredAnswer
    event: ProfileAnswered
    generation: int
    by_emergency: frozenset[str] = frozenset()


def refusal() -> Refusal:
    """The one refusal of a whole question."""
    return Refusal("The question cannot be answered for this worker.", next_step=_NEXT)


def busy() -> Busy:
    """What is said when the family changes faster than it can be decided about."""
    return Busy("The family is being changed at this moment.", next_step="Ask again.")


def why_refused(
    question: Question, family: StoredFamily | None, store: ProfileStore, stands_in: bool = False
) -> Why | None:
    """Why this worker is not answered at all, if so. Allocation is checked here and not believed.

    `stands_in`: an emergency access stands in for the allocation.
    """
    if family is None:
        return Why.UNKNOWN_FAMILY
    declaration = family.declaration
    if question.assertion.case not in (question.ref, declaration.family_ref, *declaration.aliases):
        return Why.OTHER_CASE
    if not stands_in and not allocations(question.assertion, family, question.today):
        return Why.NOT_ALLOCATED
    if store.in_conflict(question.assertion.worker, [member.record_ref for member in declaration.members]):
        return Why.OWN_FAMILY
    return None


def refused_events(question: Question, why: Why) -> tuple[ProfileRefused, AlertRaised]:
    """The events of a refused question."""
    claims = question.assertion
    event = ProfileRefused(
        actor=question.client,
        reason=why.value,
        role_function=claims.role_function.value,
        purpose=claims.purpose.value,
        family=question.ref,
        worker=claims.worker,
        session=claims.session,
    )
    alert = AlertRaised(
        actor="service",
        alert=f"alr-{secrets.token_hex(8)}",
        about=f"question-refused:{why.value}",
        recipient="social_care",
        family=question.ref,
        worker=claims.worker,
    )
    return event, alert


def emergency_alert(question: Question, about: str, agency: str) -> AlertRaised:
    """What an agency is told when something of its was released by an emergency access alone."""
    return AlertRaised(
        actor="service",
        alert=f"alr-{secrets.token_hex(8)}",
        about=about,
        recipient=agency,
        family=question.ref,
        worker=question.assertion.worker,
    )


def allocations(claims: WorkerAssertion, family: StoredFamily, today: date) -> list[str | None]:
    """The members that the worker is on this case for (None: for the family), today and in the function that is claimed."""
    return [
        item.for_ref
        for item in family.declaration.allocations
        if item.worker == claims.worker
        and item.role_function is claims.role_function
        and item.since <= today
        and (item.until is None or today <= item.until)
    ]


def is_open(family: StoredFamily, today: date) -> bool:
    """Whether the family's case is open."""
    closed = family.declaration.closed
    return closed is None or today < closed


def decide(
    question: Question, family: StoredFamily, picture: Picture, store: ProfileStore, break_glass: bool = False
) -> Answer:
    """Decide about every member at every agency, and put together what is told and what is kept."""
    claims, protocol = question.assertion, question.protocol
    on_the_case = allocations(claims, family, question.today)
    asker = Asker(
        role_function=claims.role_function,
        purpose=claims.purpose,
        allocated=bool(on_the_case),
        for_refs=frozenset(ref for ref in on_the_case if ref is not None),
        break_glass=break_glass,
    )
    records: dict[tuple[str, str], list[RecordAtAgency[SealedCell]]] = {}
    for linked in picture.linked:
        records.setdefault((linked.member_ref, linked.agency), []).append(linked.record)
    told = assemble(
        family.declaration,
        asker,
        records,
        picture.agencies,
        picture.consents,
        protocol.compiled,
        question.at,
        _fresh(protocol, family, picture, question.at),
    )
    profile_id = f"prf-{secrets.token_hex(10)}"
    ids = _DecisionIds(profile_id, told, protocol)
    profile = to_wire(
        told,
        family.declaration,
        asker,
        protocol.compiled,
        question.at,
        lambda cell: Sealed(b64encode(cell.sealed).decode(), cell.source, cell.record_ref),
        ids,
        store.data_keys(sorted({item.cell.source for member in told for item in member.released})),
    )
    stored, event = _kept(question, family, picture, told, profile_id)
    emergency = frozenset(item.agency for item in told if any(cell.granted.break_glass for cell in item.released))
    return Answer(profile, stored, event, picture.generation, emergency)


def _fresh(protocol: LoadedProtocol, family: StoredFamily, picture: Picture, at: datetime) -> FeedsFresh:
    feeds = protocol.document.feeds

    def young(confirmed: datetime | None, minutes: int) -> bool:
        last = max(confirmed or family.confirmed_at, family.confirmed_at)
        return timedelta() <= at - last + timedelta(minutes=1) and at - last <= timedelta(minutes=minutes)

    return FeedsFresh(
        protocol=True,
        stage=young(picture.stages_confirmed, feeds.stage_minutes),
        role=young(picture.roles_confirmed, feeds.role_minutes),
    )


class _DecisionIds:
    """Decision ids of one length: the profile, the member, the agency and the attribute by their places."""

    def __init__(self, profile: str, told: Sequence[MemberAtAgency[SealedCell]], protocol: LoadedProtocol) -> None:
        self._profile = profile
        self._members = {ref: place for place, ref in enumerate(dict.fromkeys(item.member_ref for item in told))}
        self._agencies = {party.id: place for place, party in enumerate(protocol.document.parties)}
        self._attributes = {item.id: place for place, item in enumerate(protocol.document.attributes, start=1)}

    def __call__(self, member: str, agency: str, attribute: str | None) -> str:
        place = self._attributes[attribute] if attribute else 0
        return f"{self._profile}.{self._members[member]:02d}.{self._agencies[agency]:02d}.{place:03d}"


def _kept(
    question: Question,
    family: StoredFamily,
    picture: Picture,
    told: Sequence[MemberAtAgency[SealedCell]],
    profile_id: str,
) -> tuple[StoredAnswer, ProfileAnswered]:
    claims = question.assertion
    open_case = is_open(family, question.today)
    body = json.dumps([_line(item, open_case) for item in told], separators=(",", ":"), sort_keys=True).encode()
    salt = secrets.token_bytes(16)
    counts = Counter((item.member_ref, item.agency, cell.cell.record_ref) for item in told for cell in item.released)
    known = {(item.member_ref, item.agency) for item in told if item.known}
    views = {
        linked.link: counts[linked.member_ref, linked.agency, linked.record_ref]
        for linked in picture.linked
        if linked.record.grade is Grade.CERTAIN and (linked.member_ref, linked.agency) in known
    }
    total = sum(counts.values())
    decided = sum(len(item.decisions) for item in told)
    event = ProfileAnswered(
        actor=question.client,
        profile=profile_id,
        protocol_digest=question.protocol.digest,
        role_function=claims.role_function.value,
        purpose=claims.purpose.value,
        released=total,
        refused=decided - sum(isinstance(made.decision, Granted) for item in told for made in item.decisions),
        family=family.declaration.family_ref,
        worker=claims.worker,
        session=claims.session,
        decisions=hashlib.sha256(salt + body).hexdigest(),
    )
    stored = StoredAnswer(
        profile=profile_id,
        at=question.at,
        family_ref=family.declaration.family_ref,
        worker=claims.worker,
        role_function=claims.role_function.value,
        purpose=claims.purpose.value,
        protocol_digest=question.protocol.digest,
        decisions=salt + zlib.compress(body, 1),
        views=views,
    )
    return stored, event


def _line(item: MemberAtAgency[SealedCell], open_case: bool) -> dict[str, Any]:
    """One member at one agency as it is kept: the state that was told, and every decision with all that it depended on.

    `facts` has each set of facts once; a decision ends with the place of its own.
    """
    facts: dict[int, tuple[int, Facts]] = {}  # by identity: most decisions share theirs, and hashing them takes longer
    return {
        "member": item.member_ref,
        "agency": item.agency,
        "state": item.state.value,
        "released": [cell.cell.attribute for cell in item.released],
        "open_case": open_case,
        "asking": pack_asking(item.decisions[0].request),
        "decisions": [
            [
                made.request.mode,
                made.request.attribute,
                *_outcome(made.decision),
                facts.setdefault(id(made.facts), (len(facts), made.facts))[0],
            ]
            for made in item.decisions
        ],
        "facts": [pack_facts(each) for _, each in facts.values()],
    }


def _outcome(decision: Decision) -> list[Any]:
    if isinstance(decision, Granted):
        return ["granted", decision.rule, decision.basis, decision.stage, decision.break_glass]
    return ["refused", [f"{reason.code}:{reason.rule}" for reason in decision.reasons]]
