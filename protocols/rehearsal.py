"""A rehearsal: what a draft would have changed, had it been live when people really asked.

Pure: kept decision inputs and golden personas in, a report out. A report passes if every persona is treated
as agreed and nobody outside an open case would be touched; only the digest of a report that passes lets a
version be scheduled.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import rfc8785
from pydantic import Field

from protocols.consent import ConsentState
from protocols.decision import Granted, Refused, decide
from protocols.decision_index import CompiledProtocol
from protocols.decision_inputs import Remembered
from protocols.personas import Persona, check_personas
from protocols.signing import Wire
from protocols.vocabulary import Kind, Mode

_TELLING: Final = (Mode.EXISTENCE, Mode.CONTACT, Mode.CONTENT)


class ReleaseCount(Wire):
    """How many releases of one kind the draft adds or removes. `what` is an attribute, or EXISTENCE."""

    agency: str
    what: str
    function: str
    stage: str
    count: int


class LinkEffect(Wire):
    """What changed match rules would do to links, where the matcher was asked: links and cases for review."""

    gained: int = Field(ge=0)
    lost: int = Field(ge=0)
    review_before: int = Field(ge=0)
    review_after: int = Field(ge=0)


class RehearsalReport(Wire):
    """What a draft would change. `outside` counts people in no open case to whom something would be released:
    must be 0.

    `salt` is random, so that who is shown rounded counts cannot find the exact ones by their digest; reports of before have none.
    """

    live: str
    live_digest: str
    draft: str
    draft_digest: str
    questions: int
    unchanged: int
    added: tuple[ReleaseCount, ...]
    removed: tuple[ReleaseCount, ...]
    adults: int
    children: int
    outside: int
    links: LinkEffect | None = None
    failed_personas: tuple[str, ...]
    personas: int
    salt: str = ""

    @property
    def passes(self) -> bool:
        """Whether the draft may be scheduled."""
        return self.outside == 0 and not self.failed_personas and self.personas > 0

    @property
    def digest(self) -> str:
        """The SHA-256 of the report: what scheduling names."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def canonical(self) -> bytes:
        """What is hashed (RFC 8785), a missing salt left out."""
        return rfc8785.dumps(self.model_dump(mode="json", exclude=set() if self.salt else {"salt"}))


@dataclass(slots=True)
class _Tally:
    added: Counter[tuple[str, str, str, str]]
    removed: Counter[tuple[str, str, str, str]]
    adults: set[str]
    children: set[str]
    outside: set[str]
    questions: int = 0
    unchanged: int = 0


def rehearse(
    remembered: Iterable[Remembered],
    personas: tuple[Persona, ...],
    live: CompiledProtocol,
    draft: CompiledProtocol,
    links: LinkEffect | None = None,
) -> RehearsalReport:
    """Decide every kept question under both versions and count what differs; then check the personas under
    the draft.
    """
    tally = _Tally(Counter(), Counter(), set(), set(), set())
    for item in remembered:
        for question in _questions(item, live, draft):
            _count(question, live, draft, tally)
    failures = check_personas(personas, draft)
    return RehearsalReport(
        live=live.label,
        live_digest=live.digest,
        draft=draft.label,
        draft_digest=draft.digest,
        questions=tally.questions,
        unchanged=tally.unchanged,
        added=_counts(tally.added),
        removed=_counts(tally.removed),
        adults=len(tally.adults),
        children=len(tally.children),
        outside=len(tally.outside),
        links=links,
        failed_personas=tuple(str(failure) for failure in failures),
        personas=len(personas),
    )


def _questions(item: Remembered, live: CompiledProtocol, draft: CompiledProtocol) -> Iterator[Remembered]:
    """The question as asked; and, for what only the draft catalogues, as it would have been asked beside it."""
    if item.request.mode not in _TELLING:
        return
    yield item
    if item.request.mode is Mode.EXISTENCE:
        for attribute in draft.by_agency.get(item.request.agency, ()):
            if attribute.id not in live.attributes and item.facts.kind in attribute.about.kinds:
                request = replace(item.request, mode=attribute.mode, attribute=attribute.id)
                yield replace(item, request=request, facts=replace(item.facts, consent=ConsentState.NOT_ASKED))


def _count(item: Remembered, live: CompiledProtocol, draft: CompiledProtocol, tally: _Tally) -> None:
    request = item.request
    before = decide(request, item.facts, live)
    after = decide(request, item.facts, draft)
    tally.questions += 1
    what = request.attribute or request.mode.value
    function = request.role_function.value
    if isinstance(after, Granted) and not item.open_case:
        tally.outside.add(item.subject)
    if isinstance(after, Granted) and isinstance(before, Refused):
        tally.added[request.agency, what, function, after.stage.value] += 1
    elif isinstance(before, Granted) and isinstance(after, Refused):
        tally.removed[request.agency, what, function, before.stage.value] += 1
    else:
        tally.unchanged += 1
        return
    (tally.adults if item.facts.kind is Kind.ADULT else tally.children).add(item.subject)


def _counts(counter: Counter[tuple[str, str, str, str]]) -> tuple[ReleaseCount, ...]:
    return tuple(
        ReleaseCount(agency=agency, what=what, function=function, stage=stage, count=count)
        for (agency, what, function, stage), count in sorted(counter.items())
    )
