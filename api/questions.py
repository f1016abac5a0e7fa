"""The questions that a data protection officer must be able to answer in minutes. Every question is itself on record."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from api.explain import AnswerStore, place_of, remembered, unpack
from api.identity import DECLARING_AGENCY
from api.problems import NotFound
from api.runs import ActiveLink
from protocols.audit.events.keeping import AuditAsked
from protocols.decision_inputs import pack
from protocols.family import ConsentRecord
from protocols.load import LoadedProtocol
from protocols.why import why_text

BREACH_HOURS = 72
_COMPARE = (
    "Compare the reference with the case system's: an answer about a mistyped one would say that there was nothing."
)
UNVOUCHED = "nobody vouched for"


class SeenAnswer(Protocol):
    """One answer that was given."""

    @property
    def profile(self) -> str:
        """The answer's id."""

    @property
    def at(self) -> datetime:
        """When it was given."""

    @property
    def entry(self) -> int:
        """Its entry in the log."""

    @property
    def family_ref(self) -> str:
        """The family asked about."""

    @property
    def worker(self) -> str:
        """The worker who asked."""

    @property
    def role_function(self) -> str:
        """The worker's function."""

    @property
    def purpose(self) -> str:
        """What for."""

    @property
    def protocol_digest(self) -> str:
        """The agreement."""

    @property
    def released(self) -> int:
        """How many values."""

    @property
    def decisions(self) -> bytes:
        """Every decision, as kept; empty once their inputs were deleted."""


class QuestionStore(Protocol):
    """The storage that questions need."""

    def asked(self, event: AuditAsked) -> None:
        """Record that somebody asked."""

    def answers_about(self, family_ref: str) -> Sequence[SeenAnswer]:
        """Every answer about a family."""

    def answers_through(self, links: list[str]) -> Sequence[tuple[str, SeenAnswer]]:
        """Every answer that released something through links."""

    def entries(self, field: str, value: str) -> list[bytes]:
        """The log's entries that commit to a value."""

    def opened(self, entry: int, field: str) -> str | None:
        """What an entry commits to in a field; None once it was erased."""

    def is_family(self, family_ref: str) -> bool:
        """Whether there is a family of this reference."""

    def holds(self, agency: str, record_ref: str) -> bool:
        """Whether an agency's submissions that are still there have this record."""

    def names_of(self, family_ref: str) -> list[str]:
        """Every reference of a family, this one first."""

    def links(self, agency: str | None, record_ref: str) -> list[ActiveLink]:
        """Every link, ended ones too, of a record or a member."""

    def wrong(self, links: list[str]) -> set[str]:
        """Those of the links that a person found to be wrong: they end at somebody else's record."""

    def cautions(self, agency: str, refs: list[str]) -> list[str]:
        """Why an agency must be asked before anybody tells that it has these records."""

    def families_of(self, member_ref: str) -> list[str]:
        """The families that a person is declared in."""

    def consents_of(self, agency: str, record_ref: str) -> list[ConsentRecord]:
        """The consents about a record."""

    def challenges_of(self, links: list[str]) -> list[tuple[str, str, str, datetime]]:
        """Challenges about links."""

    def recalls_of(self, links: list[str]) -> list[tuple[str, str, datetime, str | None]]:
        """Recalls of links."""

    def emergencies_of(self, family_ref: str) -> list[tuple[datetime, str, str, str | None]]:
        """Emergency accesses to a family."""

    def counts_of(self, agency: str) -> dict[str, int]:
        """How much of an agency is held."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks a question of the log, and when: the party, and the person of it who is signed in."""

    actor: str
    now: datetime
    person: str | None = None


def require_person(store: QuestionStore, record_ref: str, known: bool) -> None:
    """Raise `NotFound` unless something is `known` of a person, or children's social care's submissions have them."""
    if not known and not store.holds(DECLARING_AGENCY, record_ref):
        raise NotFound("There is no such person here.", next_step=_COMPARE)


def on_record(store: QuestionStore, who: Asking, question: str, about: str, rows: int) -> None:
    store.asked(AuditAsked(actor=who.actor, question=question, rows=rows, about=about, person=who.person))


def who_saw(store: QuestionStore, family_ref: str, who: Asking) -> dict[str, Any]:
    """Everyone who asked about a family, under whichever of its references: answers and refusals, oldest first."""
    refs = store.names_of(family_ref)
    answers = sorted((item for ref in refs for item in store.answers_about(ref)), key=lambda item: item.entry)
    refused = [json.loads(body) for ref in refs for body in store.entries("family", ref)]
    refused = sorted(
        (item for item in refused if item["kind"] in ("profile:family:refused", "profile:worker:refused")),
        key=lambda item: item["index"],
    )
    if not answers and not refused and not any(store.is_family(ref) for ref in refs):
        raise NotFound("There is no such family, and nobody asked about one.", next_step=_COMPARE)
    on_record(store, who, "who-saw-family", family_ref, len(answers) + len(refused))
    return {
        "family_ref": family_ref,
        "answers": [_answer(item) | {"released": item.released} for item in answers],
        "refusals": [
            {
                "at": item["at"],
                "entry": item["index"],
                "worker": _refused_worker(store, item),
                "reason": item["facts"]["reason"],
                "role_function": item["facts"].get("role_function", UNVOUCHED),
            }
            for item in refused
        ],
        "emergencies": [
            {"at": at.isoformat(), "role_function": role, "reason": reason, "review": outcome}
            for ref in refs
            for at, role, reason, outcome in store.emergencies_of(ref)
        ],
    }


def _refused_worker(store: QuestionStore, item: dict[str, Any]) -> str | None:
    """Who was refused; None once that was erased."""
    return store.opened(item["index"], "worker") if "worker" in item["commitments"] else UNVOUCHED


def _answer(item: SeenAnswer) -> dict[str, Any]:
    return {
        "at": item.at.isoformat(),
        "profile": item.profile,
        "entry": item.entry,
        "worker": item.worker,
        "role_function": item.role_function,
        "purpose": item.purpose,
        "protocol_digest": item.protocol_digest,
    }


def released_about(store: QuestionStore, agency: str, record_ref: str, as_of: datetime, who: Asking) -> dict[str, Any]:
    """Everything that was released about one record up to a moment: to whom, when, which attributes."""
    links = store.links(agency, record_ref)
    if not links and not store.holds(agency, record_ref):
        raise NotFound("There is no such record of this agency here.", next_step=_COMPARE)
    found = [(link, item) for link, item in store.answers_through([item.link for item in links]) if item.at <= as_of]
    on_record(store, who, "released-about-record", f"{agency}/{record_ref}", len(found))
    members = {item.link: item.member_ref for item in links}
    return {
        "agency": agency,
        "record_ref": record_ref,
        "as_of": as_of.isoformat(),
        "links": [_link(item) for item in links],
        "releases": [
            _answer(item)
            | {"link": link, "attributes": attributes_of(item, members[link], agency), "values": item.released}
            for link, item in found
        ],
    }


def _link(item: ActiveLink) -> dict[str, Any]:
    return {"link": item.link, "family_ref": item.family_ref, "grade": item.grade.value, "state": item.state}


def attributes_of(item: SeenAnswer, member_ref: str, agency: str) -> list[str] | None:
    """What was released about a member by an agency; None once the decisions' inputs were deleted."""
    if not item.decisions:
        return None
    lines = unpack(item.decisions)
    return next((line["released"] for line in lines if (line["member"], line["agency"]) == (member_ref, agency)), [])


def breach(store: QuestionStore, link: ActiveLink, aware_at: datetime, who: Asking) -> dict[str, Any]:
    """Everyone who saw something through a link that was wrong, and by when the regulator must know (UK GDPR Art 33)."""
    found = store.answers_through([link.link])
    on_record(store, who, "breach", link.link, len(found))
    return {
        "link": _link(link),
        "agency": link.agency,
        "record_ref": link.record_ref,
        "member_ref": link.member_ref,
        "aware_at": aware_at.isoformat(),
        "notify_by": (aware_at + timedelta(hours=BREACH_HOURS)).isoformat(),
        "seen_by": [
            _answer(item) | {"attributes": attributes_of(item, link.member_ref, link.agency), "values": item.released}
            for _, item in found
        ],
        "workers": sorted({item.worker for _, item in found}),
        "recalls": [
            {"reason": reason, "opened_at": at.isoformat(), "outcome": outcome}
            for _, reason, at, outcome in store.recalls_of([link.link])
        ],
        "challenges": [
            {"reason": reason, "state": state, "opened_at": at.isoformat()}
            for _, reason, state, at in store.challenges_of([link.link])
        ],
    }


def explain(
    store: QuestionStore,
    answers: AnswerStore,
    versions: Callable[[str], LoadedProtocol],
    decision_id: str,
    who: Asking,
) -> dict[str, Any]:
    """What one decision was, what it depended on, and the decision made again under its own version, in words.

    `versions` gives a version of the sharing protocol by its digest.
    """
    place = place_of(answers, decision_id) if decision_id.count(".") == 3 else None
    if place is None:
        raise NotFound("There is no such decision.", next_step="Use an id from a profile.")
    on_record(store, who, "explain-decision", decision_id, 1)
    loaded, number = versions(place.protocol_digest), place.attribute_number
    about = loaded.document.attributes[number - 1].id if number else None
    made = list(zip(place.line["decisions"], remembered(place.line, "member"), strict=True))
    asked = [item for item in made if about in (None, item[1].request.attribute)]
    return {
        "decision": decision_id,
        "profile": place.profile,
        "protocol_digest": place.protocol_digest,
        "family_ref": place.family_ref,
        "member_ref": place.member_ref,
        "agency": place.agency,
        "state": place.line["state"],
        "released": place.line["released"],
        "decisions": [decision[:-1] for decision, _ in asked],
        "inputs": [pack(inputs) for _, inputs in asked],
        "why": [why_text(inputs, loaded) for _, inputs in asked],
    }
