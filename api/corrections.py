"""Putting a wrong link right: challenge, decide, never link again, recall what was seen.

A challenge freezes links within the request. Upholding it ends them, places a never-link marker that outlives every run and every
resubmission, and recalls what was released through them. Rejecting it puts them in force again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from api.problems import NotFound
from api.runs import ActiveLink
from protocols.audit.events.linking import ChallengeDecided, LinkChallenged, MarkerPlaced, RecallAcknowledged
from protocols.errors import InputError


class ChallengeReason(StrEnum):
    """Why somebody says that a link is wrong."""

    NOT_THIS_PERSON = "NOT_THIS_PERSON"
    ACCURACY_DISPUTED = "ACCURACY_DISPUTED"
    SUBJECT_OBJECTS = "SUBJECT_OBJECTS"
    ADOPTION = "ADOPTION"
    OTHER = "OTHER"


class Verdict(StrEnum):
    """What came of a challenge."""

    UPHELD = "upheld"
    REJECTED = "rejected"


class Outcome(StrEnum):
    """What the Workbook did with its copies of something that is recalled."""

    REMOVED = "removed"
    RETAINED = "retained"
    NOT_KEPT = "not-kept"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge as it is kept."""

    challenge: str
    opened_by: str
    reason: str
    state: str
    opened_at: datetime
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewMarker:
    """A person's decision about one person and one record."""

    marker: str
    member_ref: str
    agency: str
    record_ref: str
    decision: str
    placed_by: str


@dataclass(frozen=True, slots=True)
class RecallNotice:
    """Something that was seen and turned out wrong, as the Workbook is told: which answers it was in."""

    recall: str
    family_ref: str
    member_ref: str
    agency: str
    reason: str
    opened_at: datetime
    acknowledged_at: datetime | None
    outcome: str | None
    profiles: tuple[str, ...]


class CorrectionStore(Protocol):
    """The storage that corrections need."""

    def links_at(self, agency: str, record_ref: str) -> list[ActiveLink]:
        """The links that end at a record."""

    def links_of_member(self, family_ref: str, member_ref: str, agency: str) -> list[ActiveLink]:
        """A member's links at an agency."""

    def freeze(self, challenge: Challenge, event: LinkChallenged) -> None:
        """Keep a challenge and freeze its links."""

    def challenge(self, challenge: str) -> Challenge | None:
        """A challenge by its id."""

    def linked(self, links: Sequence[str]) -> list[ActiveLink]:
        """Links by their ids that have not ended."""

    def end_challenge(self, challenge: str, verdict: str, at: datetime, event: ChallengeDecided) -> None:
        """Decide a challenge."""

    def end_links(self, links: Sequence[ActiveLink], why: str, at: datetime) -> None:
        """End links, and recall what was released through them."""

    def thaw(self, links: Sequence[str], at: datetime) -> None:
        """Put links in force again."""

    def place(self, marker: NewMarker, at: datetime, event: MarkerPlaced, overrules: bool = False) -> bool:
        """Keep a marker; False if the same is there; `overrules` puts it in the place of its opposite."""

    def recall(self, recall: str) -> RecallNotice | None:
        """A recall by its id."""

    def acknowledge(self, recall: str, outcome: str, at: datetime, event: RecallAcknowledged) -> None:
        """Keep what the Workbook did."""


def challenge(
    store: CorrectionStore,
    links: Sequence[ActiveLink],
    reason: ChallengeReason,
    client: str,
    worker: str | None,
    now: datetime,
) -> Challenge:
    """Freeze links at once. With no links the answer and the record look the same: nobody learns from it whether there are any."""
    made = Challenge(
        f"chl-{secrets.token_hex(8)}", client, reason.value, "open", now, tuple(sorted(link.link for link in links))
    )
    event = LinkChallenged(actor=client, challenge=made.challenge, links=made.links, reason=reason.value, worker=worker)
    store.freeze(made, event)
    return made


def decide(store: CorrectionStore, ref: str, verdict: Verdict, client: str, now: datetime) -> Challenge:
    """Decide a challenge. Raises `NotFound`, or `InputError` if it was decided otherwise."""
    found = store.challenge(ref)
    if found is None:
        raise NotFound("There is no such challenge.", next_step="Look at the changes feed.")
    if found.state == verdict.value:
        return found
    if found.state != "open":
        raise InputError(f"The challenge was {found.state}.", next_step="Open a new one if something new is known.")
    links = store.linked(found.links)
    event = ChallengeDecided(
        actor=client, challenge=ref, decision=verdict.value, links=tuple(item.link for item in links)
    )
    store.end_challenge(ref, verdict.value, now, event)
    if verdict is Verdict.UPHELD:
        for link in links:
            _never_again(store, link, client, now)
        store.end_links(links, "challenge-upheld", now)
    else:
        store.thaw([link.link for link in links], now)
    ended = store.challenge(ref)
    assert ended is not None  # noqa: S101 - it was there
    return ended


def _never_again(store: CorrectionStore, link: ActiveLink, client: str, now: datetime) -> None:
    """An upheld challenge overrules whoever decided that it is the same person: that was the mistake."""
    marker = NewMarker(new_marker_id(), link.member_ref, link.agency, link.record_ref, "never", client)
    store.place(marker, now, marker_event(marker, None), overrules=True)


def place_marker(
    store: CorrectionStore, marker: NewMarker, worker: str | None, now: datetime, overrules: bool = False
) -> bool:
    """Keep a person's decision. A never-link ends what it forbids at once; a must-link holds from the next run on.

    `overrules`: it takes the place of the opposite decision, which is refused otherwise.
    """
    new = store.place(marker, now, marker_event(marker, worker), overrules)
    if new and marker.decision == "never":
        wrong = [
            item for item in store.links_at(marker.agency, marker.record_ref) if item.member_ref == marker.member_ref
        ]
        store.end_links(wrong, "never-link", now)
    return new


def new_marker_id() -> str:
    """A new marker's id."""
    return f"mrk-{secrets.token_hex(8)}"


def marker_event(marker: NewMarker, worker: str | None) -> MarkerPlaced:
    """The event of a marker."""
    return MarkerPlaced(
        actor=marker.placed_by,
        marker=marker.marker,
        agency=marker.agency,
        decision=marker.decision,
        member=marker.member_ref,
        record=marker.record_ref,
        worker=worker,
    )


def acknowledge(store: CorrectionStore, ref: str, outcome: Outcome, client: str, now: datetime) -> RecallNotice:
    """Keep what the Workbook did with its copies. Raises `NotFound`."""
    found = store.recall(ref)
    if found is None:
        raise NotFound("There is no such recall.", next_step="List the recalls.")
    if found.outcome != outcome.value:
        store.acknowledge(ref, outcome.value, now, RecallAcknowledged(actor=client, recall=ref, outcome=outcome.value))
    done = store.recall(ref)
    assert done is not None  # noqa: S101 - it was there
    return done
