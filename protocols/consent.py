"""Where a consent stands for one person, one attribute and one purpose, at one moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from protocols.document import ConsentRules
from protocols.family import ConsentRecord
from protocols.vocabulary import Capacity, ConsentStatus, Kind, Purpose

GILLICK_AGE = 13
YOUNG_PERSON_AGE = 16
ADULT_AGE = 18


class ConsentState(StrEnum):
    """Where a consent stands. Only GIVEN permits anything."""

    GIVEN = "GIVEN"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    DISPUTED = "DISPUTED"
    NOT_ASKED = "NOT_ASKED"


def consent_state(
    records: Iterable[ConsentRecord],
    kind: Kind,
    attribute: str,
    purposes: Collection[Purpose],
    at: datetime,
    rules: ConsentRules | None = None,
) -> ConsentState:
    """Where the consents recorded about one person stand for an attribute and any of these purposes at a
    moment.

    The last word of each person who can give consent counts. A competent child's own word stands before that
    of the holders of parental responsibility. Two holders who disagree, or a record that says so, make a
    dispute: a person decides, and until then nothing is released on consent. An unborn child has no consent
    of its own. Under `rules`, a consent lasts no longer than they say and counts only if it was given to one
    of their notices.
    """
    if kind not in (Kind.ADULT, Kind.CHILD):
        return ConsentState.NOT_ASKED
    last: dict[str, ConsentRecord] = {}
    for record in records:
        if attribute not in record.scope or record.purpose not in purposes or record.given_at > at:
            continue
        if not _can_speak(record, kind):
            continue
        # A person's own word is one voice, whichever agency wrote it down; each holder of parental responsibility is another.
        who = record.given_by_ref if record.capacity is Capacity.PR_HOLDER else ""
        if who not in last or record.given_at >= last[who].given_at:
            last[who] = record
    if "" in last:
        return _state(last[""], at, rules)
    return _joint([_state(record, at, rules) for record in last.values()])


def _can_speak(record: ConsentRecord, kind: Kind) -> bool:
    if kind is Kind.ADULT:
        return record.capacity is Capacity.ADULT
    return record.capacity in (Capacity.GILLICK_COMPETENT, Capacity.PR_HOLDER)


def _state(record: ConsentRecord, at: datetime, rules: ConsentRules | None) -> ConsentState:
    if record.status is ConsentStatus.WITHDRAWN:
        withdrawn = record.withdrawn_at is None or record.withdrawn_at <= at
        return ConsentState.WITHDRAWN if withdrawn else _while_given(record, at, rules)
    if record.status is ConsentStatus.GIVEN:
        return _while_given(record, at, rules)
    return ConsentState(record.status.value)


def _while_given(record: ConsentRecord, at: datetime, rules: ConsentRules | None) -> ConsentState:
    ended = record.expires_at is not None and record.expires_at <= at
    if rules is not None:
        ended |= record.given_at + timedelta(days=rules.lasts_days) <= at
        ended |= all(notice.id != record.notice_version for notice in rules.notices)
    return ConsentState.EXPIRED if ended else ConsentState.GIVEN


def _joint(states: list[ConsentState]) -> ConsentState:
    """What several people's last words come to together."""
    found = set(states)
    if not found:
        return ConsentState.NOT_ASKED
    if ConsentState.DISPUTED in found or (ConsentState.GIVEN in found and len(found) > 1):
        return ConsentState.DISPUTED
    for state in (ConsentState.REFUSED, ConsentState.WITHDRAWN, ConsentState.EXPIRED):
        if state in found:
            return state
    return ConsentState.GIVEN


def latest_expiry(given_at: datetime, date_of_birth: date | None, lasts_days: int) -> datetime:
    """The latest moment at which a consent must end: its longest duration, or the birthday that asks for a
    new one.

    For a child, the sixteenth and the eighteenth birthday ask again. Only an agency can say when that is,
    because only an agency knows dates of birth; it writes the result into `expires_at`.
    """
    end = given_at + timedelta(days=lasts_days)
    if date_of_birth is None:
        return end
    birthdays = (_birthday(date_of_birth, age) for age in (YOUNG_PERSON_AGE, ADULT_AGE))
    return min([end, *(birthday for birthday in birthdays if birthday > given_at)])


def _birthday(date_of_birth: date, age: int) -> datetime:
    year = date_of_birth.year + age
    try:
        day = date_of_birth.replace(year=year)
    except ValueError:  # 29 February
        day = date(year, 3, 1)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
