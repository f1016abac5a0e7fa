"""Ask, decide, log, answer: the way of every question of the Workbook.

The question's facts are read in one view of the database and decided on; then, in one transaction, the decisions and the event are
written, provided that nothing that could change a decision has happened in between. Only then is there an answer. Every refusal of a
whole question looks the same from outside; the log knows why.
"""

from __future__ import annotations

import secrets
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from api.answers import DecisionIds, StoredAnswer, kept
from api.families import StoredFamily
from api.picture import Picture, Question, SealedCell
from protocols.audit.events.answers import AlertRaised, ProfileAnswered, ProfileRefused
from protocols.errors import Busy, Refusal
from protocols.identity import WorkerAssertion
from protocols.load import LoadedProtocol
from protocols.profile import Asker, DataKey, FeedsFresh, MemberAtAgency, RecordAtAgency, Sealed, assemble, to_wire

_NEXT = "Check the family's reference and that children's social care has you on its case, or ask its duty desk."
MOST_TRIES = 3


class Why(StrEnum):
    """Why a whole question is refused. It is on record; the asker never learns which."""

    UNKNOWN_FAMILY = "unknown-family"
    OTHER_CASE = "other-case"
    NOT_ALLOCATED = "not-allocated"
    OWN_FAMILY = "own-family"
    NO_EMERGENCY = "no-emergency-access"
    TOO_MANY = "too-many-questions"


class ProfileStore(Protocol):
    """The storage that answering needs."""

    def picture(self, family: StoredFamily, protocol_agencies: Sequence[str]) -> Picture:
        """Everything that a question about the family depends on."""

    def data_keys(self, submissions: Sequence[str]) -> list[DataKey]:
        """The boxed data keys of submissions."""

    def in_conflict(self, worker: str, family: str) -> bool:
        """Whether the worker must not ask about somebody in the family."""

    def generation(self) -> int:
        """How long the log was after the last event that can change a decision."""

    def keep_answer(self, answer: StoredAnswer, event: ProfileAnswered) -> None:
        """Keep an answer."""

    def keep_refusal(self, event: ProfileRefused, alert: AlertRaised, at: datetime) -> None:
        """Record a refused question and alert the agency whose case it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told, with what is kept about it."""

    body: bytes
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
    if store.in_conflict(question.assertion.worker, declaration.family_ref):
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
    ids = DecisionIds(profile_id, told, protocol)
    body = to_wire(
        told,
        family.declaration,
        asker,
        protocol.compiled,
        question.at,
        lambda cell: Sealed(b2a_base64(cell.sealed, newline=False), cell.source, cell.record_ref),
        ids,
        _keys(told, picture, store),
    )
    stored, event = kept(question, family, picture, told, profile_id)
    emergency = frozenset(
        item.agency for item in told if break_glass and any(cell.granted.break_glass for cell in item.released)
    )
    return Answer(body, stored, event, picture.generation, emergency)


def _keys(told: Sequence[MemberAtAgency[SealedCell]], picture: Picture, store: ProfileStore) -> list[DataKey]:
    """The data keys of what is released, by submission."""
    sources = {cell.source for item in told for cell, _, _ in item.released}
    earlier = sources - picture.keys.keys()
    keys = [picture.keys[source] for source in sources - earlier] + (
        store.data_keys(sorted(earlier)) if earlier else []
    )
    return sorted(keys, key=lambda key: key.id)


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
