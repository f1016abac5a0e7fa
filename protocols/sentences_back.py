"""A rule's sentence, read back into the rule.

It exists to prove that the sentence says everything: a data protection officer who has read the sentence has
read the rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, TypeVar

from protocols.document import SharingProtocol
from protocols.document_rules import Grant, Prohibition
from protocols.sentences import (
    ANY_AGENCY,
    ANYTHING,
    BREAK_GLASS,
    COURT,
    EXISTENCE_WORDS,
    LOCATION,
    MODE_WORDS,
    MONTHS,
    OPEN_STAGES,
    OWN_CLIENT,
    PURPOSE_WORDS,
    REVIEW_WORDS,
    UNLESS_OWN_CLIENT,
)
from protocols.vocabulary import Mode, RoleFunction, Sensitivity, Stage

_DAY: Final = rf"(\d{{1,2}}) ({'|'.join(MONTHS)}) (\d{{4}})"
_SENTENCE: Final = re.compile(
    r"(?P<head>.+?), (?P<stages>from .+? on|at .+?), for (?P<purposes>.+?), because of (?P<basis>.+?) \((?P<law>.+?)\)\."
    rf"(?P<emergency>{re.escape(BREAK_GLASS)})?"
    rf" In force from (?P<since>{_DAY})(?: until (?P<until>{_DAY}))?;"
    rf" agreed (?P<agreed>{_DAY}), to be reviewed by (?P<review>{_DAY})\. Why: (?P<reason>.+)"
)
_PROHIBITION: Final = re.compile(
    r"(?P<whom>.+?) may (?:n?ever) be told (?P<what>.+) by (?P<by>.+?)"
    rf"(?P<unless>{re.escape(UNLESS_OWN_CLIENT)})?"
)
T = TypeVar("T")


def grant_from_sentence(document: SharingProtocol, rule: str, sentence: str) -> Grant:
    """The grant that a sentence says, under the id `rule`, its functions in the protocol's order. Raises
    `ValueError` for no grant.
    """
    found = _SENTENCE.fullmatch(sentence)
    if found is None:
        raise ValueError("not the sentence of a grant")
    head, own_client = found["head"].removesuffix(OWN_CLIENT), found["head"].endswith(OWN_CLIENT)
    agency, rest = _first(head, {f"{party.name} may tell ": party.id for party in document.parties})
    named, rest = _several(rest, _function_words(document), " ")
    to = {function for several in named for function in several}
    mode, attributes, about = _what(document, rest)
    people = {line.title: line.id for line in document.people}
    return Grant.model_validate(
        {
            "id": rule,
            "agency": agency,
            "mode": mode,
            "attributes": attributes,
            "to": tuple(function.id for function in document.functions if function.id in to),
            "own_client": own_client,
            "purposes": _all(found["purposes"], {words: purpose for purpose, words in PURPOSE_WORDS.items()}, " or "),
            "about": tuple(people[title] for title in about.split("; or ")),
            "stages": _stages(document, found["stages"]),
            "basis": {basis.title: basis.id for basis in document.bases}[found["basis"]],
            "break_glass": found["emergency"] is not None,
            "reason": found["reason"],
            "agreed": _day(found["agreed"]),
            "from": _day(found["since"]),
            "until": _day(found["until"]) if found["until"] else None,
            "review": _day(found["review"]),
        }
    )


def prohibition_from_sentence(document: SharingProtocol, rule: str, title: str, sentence: str) -> Prohibition:
    """The prohibition that a sentence says, under that id and title, its functions in the protocol's order. Raises
    `ValueError` for no prohibition.
    """
    said, why, reason = sentence.partition(". Why: ")
    found = _PROHIBITION.fullmatch(said)
    if found is None or not why:
        raise ValueError("not the sentence of a prohibition")
    whom, everybody = found["whom"], found["whom"] == "Nobody"
    but = whom.removeprefix("Nobody but ") if whom.startswith("Nobody but ") else None
    to = () if everybody or but else _functions(document, whom[:1].lower() + whom[1:])
    names = {party.name: party.id for party in document.parties}
    attributes, rest = _attributes(document, found["what"])
    sensitivities = re.search(r" of sensitivity (.+?)(?= \(|$)", rest)
    modes = re.search(r" \((.+)\)$", rest)
    return Prohibition(
        id=rule,
        title=title,
        reason=reason,
        agencies=() if found["by"] == ANY_AGENCY else _all(found["by"], names, " or "),
        attributes=attributes,
        location_revealing=f" {LOCATION}" in rest,
        court_derived=f" {COURT}" in rest,
        sensitivities=_all(sensitivities[1], {str(s): s for s in Sensitivity}, " or ") if sensitivities else (),
        modes=_all(modes[1], {words: mode for mode, words in MODE_WORDS.items()}, " or ") if modes else (),
        to=to,
        except_to=_functions(document, but) if but else (),
        not_own_client=found["unless"] is not None,
    )


def _attributes(document: SharingProtocol, what: str) -> tuple[tuple[str, ...], str]:
    """The attributes at the start of what is forbidden, and what follows them."""
    if what == ANYTHING or what.startswith(f"{ANYTHING} "):
        return (), what.removeprefix(ANYTHING)
    titles = {attribute.title: attribute.id for attribute in document.attributes}
    found = []
    while True:
        title = max((title for title in titles if what.startswith(title)), key=len)
        found.append(titles[title])
        what = what.removeprefix(title)
        if not what.startswith("; "):
            return tuple(found), what
        what = what.removeprefix("; ")


def _functions(document: SharingProtocol, words: str) -> tuple[RoleFunction, ...]:
    named, rest = _several(words, _function_words(document), "")
    if rest:
        raise ValueError("no functions of the protocol")
    to = {function for several in named for function in several}
    return tuple(function.id for function in document.functions if function.id in to)


def _function_words(document: SharingProtocol) -> dict[str, tuple[RoleFunction, ...]]:
    words: dict[str, tuple[RoleFunction, ...]] = {group.title: group.functions for group in document.groups}
    return words | {f"the {function.title}": (function.id,) for function in document.functions}


def _stages(document: SharingProtocol, words: str) -> tuple[Stage, ...]:
    titles = {stage.title: stage.id for stage in document.stages}
    if words.startswith("from "):
        return OPEN_STAGES[OPEN_STAGES.index(titles[words.removeprefix("from ").removesuffix(" on")]) :]
    return _all(words.removeprefix("at "), titles, " or ")


def _what(document: SharingProtocol, rest: str) -> tuple[Mode, tuple[str, ...], str]:
    for mode, words in ((Mode.EXISTENCE, EXISTENCE_WORDS), (Mode.REVIEW, REVIEW_WORDS)):
        if rest.startswith(f"{words} about "):
            return mode, (), rest.removeprefix(f"{words} about ")
    attributes, about = _attributes(document, rest)
    mode = next(attribute.mode for attribute in document.attributes if attribute.id == attributes[0])
    return mode, attributes, about.removeprefix(" about ")


def _first(text: str, known: Mapping[str, T]) -> tuple[T, str]:
    for words, value in known.items():
        if text.startswith(words):
            return value, text.removeprefix(words)
    raise ValueError("no agency of the protocol")


def _several(text: str, known: Mapping[str, T], end: str) -> tuple[tuple[T, ...], str]:
    """Known words at the start of the text, joined by commas and a last "and"; and what follows."""
    values: list[T] = []
    while True:
        words = max((words for words in known if text.startswith(words)), key=len)
        values.append(known[words])
        text = text.removeprefix(words)
        for joint in (", ", " and "):
            if any(text.startswith(joint + words) for words in known):
                text = text.removeprefix(joint)
                break
        else:
            return tuple(values), text.removeprefix(end)


def _all(text: str, known: Mapping[str, T], last: str) -> tuple[T, ...]:
    parts: Sequence[str] = [part for chunk in text.split(last) for part in chunk.split(", ")]
    return tuple(known[part] for part in parts)


def _day(text: str) -> date:
    day, month, year = text.split(" ")
    return date(int(year), MONTHS.index(month) + 1, int(day))
