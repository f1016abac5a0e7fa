"""What is declared and agreed about one person, made ready once for all agencies.

Only that is in a sheet, so what is remembered of one tells nothing about any record: what a record is (none, held, silent, …) is
decided anew for every answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from protocols.consent import ConsentState
from protocols.decision import ChildTie, Facts, Granted, Ground, Request, ground_of, stage_that_counts
from protocols.decision_index import CompiledProtocol, PeopleLine
from protocols.decision_words import Words
from protocols.document_catalogue import Attribute
from protocols.vocabulary import Kind, Mode, Stage


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute: on what its decision stands, without the person's consent and with it; since when a value is fresh."""

    attribute: Attribute
    ground: Ground
    with_consent: Ground
    fresh_since: date


@dataclass(frozen=True, slots=True)
class Sheet:
    """One agency: whether it may be told that the person is known there, and its attributes about this kind of person.

    `plain` is what may be told where nothing stands against a record, and `unlocated` what of it tells nothing of a protected place.
    `words` are those of all decisions, `exists_words` of the first one alone. `by_duty`: something can be told of a person with a
    certain link and no consent; `by_consent`: consent would add to it.
    """

    exists: Ground
    lines: tuple[Line, ...]
    plain: tuple[tuple[Line, Granted], ...]
    unlocated: tuple[tuple[Line, Granted], ...]
    exists_words: Words
    words: Words
    by_duty: bool
    by_consent: bool


def sheets(protocol: CompiledProtocol, asked: Request, declared: Facts) -> Mapping[str, Sheet]:
    """The sheet of every agency. `asked` is of no agency and on a day; `declared` has nothing of a record in it."""
    return _sheets(protocol, asked, replace(declared, children=_alike(protocol, declared.kind, declared.children)))


@lru_cache(maxsize=1 << 12)
def _sheets(protocol: CompiledProtocol, asked: Request, declared: Facts) -> Mapping[str, Sheet]:
    return {
        party.id: _sheet(protocol, replace(asked, agency=party.id), declared) for party in protocol.document.parties
    }


@lru_cache(maxsize=1 << 15)
def _alike(protocol: CompiledProtocol, kind: Kind, children: tuple[ChildTie, ...]) -> tuple[ChildTie, ...]:
    """The children of the first person seen for whom the same stages count everywhere: every decision about the two is the same.

    Families differ in a great many ways of which few decide anything.
    """
    stages = tuple(stage_that_counts(kind, children, people) for people in _peoples(protocol))
    first = _first(protocol, kind, stages)
    if not first:
        first.append(children)
    return first[0]


@lru_cache(maxsize=1 << 12)
def _first(protocol: CompiledProtocol, kind: Kind, stages: tuple[Stage | None, ...]) -> list[tuple[ChildTie, ...]]:
    return []


@lru_cache(maxsize=64)
def _peoples(protocol: CompiledProtocol) -> tuple[tuple[PeopleLine, ...], ...]:
    """Whom the grants of a protocol are about, each once."""
    return tuple(dict.fromkeys(grant.people for slot in protocol.slots.values() for grant in slot.grants))


def _sheet(protocol: CompiledProtocol, asked: Request, declared: Facts) -> Sheet:
    consenting = replace(declared, consent=ConsentState.GIVEN)
    exists = ground_of(replace(asked, mode=Mode.EXISTENCE), declared, protocol)
    lines = []
    for attribute in protocol.about_kind(asked.agency, declared.kind):
        request = about(asked, attribute)
        ground, consented = ground_of(request, declared, protocol), ground_of(request, consenting, protocol)
        lines.append(Line(attribute, ground, consented, _fresh_since(protocol, attribute, asked.at.date())))
    plain = tuple((line, line.ground.granted) for line in lines if line.ground.granted is not None)
    known = (Mode.EXISTENCE, None, exists)
    return Sheet(
        exists,
        tuple(lines),
        plain=plain,
        unlocated=tuple(each for each in plain if not each[0].ground.located),
        exists_words=Words([known]),
        words=Words([known, *((line.attribute.mode, line.attribute.id, line.ground) for line in lines)]),
        by_duty=exists.granted is not None or bool(plain),
        by_consent=any(line.ground.granted is None and line.with_consent.granted is not None for line in lines),
    )


def _fresh_since(protocol: CompiledProtocol, attribute: Attribute, day: date) -> date:
    rules = protocol.freshness.get(attribute.agency)
    if rules is None:
        return date.max
    return day - timedelta(days=rules.exceptions.get(attribute.id, rules.value_days))


def about(asked: Request, attribute: Attribute) -> Request:
    """The same question about one attribute."""
    return replace(asked, agency=attribute.agency, mode=attribute.mode, attribute=attribute.id)
