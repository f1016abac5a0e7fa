"""What must hold between the parts of a sharing protocol before it can be loaded: names, references, dates,
completeness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Final

from protocols.document import Epoch, Notice, SharingProtocol
from protocols.document_catalogue import ValueType
from protocols.document_checks_law import check_bases, check_grant_bases
from protocols.document_checks_reach import check_reach
from protocols.document_parts import Problem
from protocols.vocabulary import Mode, Sensitivity, Stage

_LISTS: Final = (
    "parties",
    "attributes",
    "functions",
    "groups",
    "stages",
    "people",
    "bases",
    "grants",
    "prohibitions",
    "never_release",
    "freshness",
)
_TITLED: Final = {
    "parties": "name",
    "attributes": "title",
    "functions": "title",
    "groups": "title",
    "people": "title",
    "bases": "title",
}


def check_document(document: SharingProtocol) -> Iterator[Problem]:
    """Everything that is wrong with a document whose parts are each well formed."""
    named = [*_duplicates(document), *_references(document)]
    yield from named
    yield from _dates(document)
    yield from _catalogue(document)
    yield from _never_release(document)
    yield from _safety(document)
    yield from _freshness(document)
    yield from _encoding(document)
    if not named:  # What follows looks things up by name.
        yield from check_bases(document)
        yield from check_grant_bases(document)
        yield from check_reach(document)


def orphans(document: SharingProtocol) -> tuple[str, ...]:
    """Attributes that are catalogued and that no grant releases: allowed, and worth a question."""
    granted = {attribute for grant in document.grants for attribute in grant.attributes}
    return tuple(a.id for a in document.attributes if a.id not in granted)


def expiries(document: SharingProtocol) -> tuple[tuple[date, str], ...]:
    """What ends or asks for a review, by day: the calendar of the agreement."""
    found = [(document.review_date, f"review of {document.id}")]
    found += [(grant.review, f"review of {grant.id}") for grant in document.grants]
    for kind, items in (("party", document.parties), ("basis", document.bases), ("grant", document.grants)):
        found += [(item.until, f"end of {kind} {item.id}") for item in items if item.until is not None]
    found += [(epoch.until, f"end of epoch {epoch.id}") for epoch in document.encoding.epochs if epoch.until]
    return tuple(sorted(found))


def _duplicates(document: SharingProtocol) -> Iterator[Problem]:
    for name in _LISTS:
        yield from _twice((name,), [item.id for item in getattr(document, name)], "id")
    yield from _twice(("encoding", "clks"), [clk.id for clk in document.encoding.clks], "id")
    yield from _twice(("encoding", "comparators"), [each.id for each in document.encoding.comparators], "id")
    yield from _twice(("encoding", "epochs"), [epoch.id for epoch in document.encoding.epochs], "id")
    yield from _twice(("consents", "scopes"), [scope.id for scope in document.consents.scopes], "id")
    yield from _twice(("consents", "notices"), [notice.id for notice in document.consents.notices], "id")
    for name, field in _TITLED.items():
        yield from _twice((name,), [getattr(item, field) for item in getattr(document, name)], field)
    stages = [stage.title for stage in document.stages]
    yield from _twice(("stages",), stages, "title")


def _twice(path: tuple[str, ...], values: Sequence[object], field: str) -> Iterator[Problem]:
    for index, value in enumerate(values):
        first = values.index(value)
        if first != index:
            yield Problem(
                (*path, index, field),
                f"duplicate-{field}",
                f"`{value}` is item {first + 1} of this list already; expected a {field} of its own",
            )


def _references(document: SharingProtocol) -> Iterator[Problem]:
    parties = [party.id for party in document.parties]
    attributes = [attribute.id for attribute in document.attributes]
    people = [line.id for line in document.people]
    bases = [basis.id for basis in document.bases]
    functions = [str(function.id) for function in document.functions]
    stages = [str(stage.id) for stage in document.stages]
    for i, party in enumerate(document.parties):
        yield from _known(("parties", i, "successor"), [party.successor] if party.successor else [], parties, "party")
    for i, attribute in enumerate(document.attributes):
        yield from _known(("attributes", i, "agency"), [attribute.agency], parties, "party")
    for i, basis in enumerate(document.bases):
        yield from _known(("bases", i, "before"), [basis.before] if basis.before else [], bases, "basis")
    for i, grant in enumerate(document.grants):
        yield from _known(("grants", i, "agency"), [grant.agency], parties, "party")
        yield from _known(("grants", i, "attributes"), grant.attributes, attributes, "attribute of the catalogue")
        yield from _known(("grants", i, "about"), grant.about, people, "line of `people`")
        yield from _known(("grants", i, "basis"), [grant.basis], bases, "basis")
        yield from _known(("grants", i, "to"), grant.to, functions, "function")
        yield from _known(("grants", i, "stages"), grant.stages, stages, "stage")
    for i, group in enumerate(document.groups):
        yield from _known(("groups", i, "functions"), group.functions, functions, "function")
    for i, item in enumerate(document.prohibitions):
        yield from _known(("prohibitions", i, "agencies"), item.agencies, parties, "party")
        yield from _known(("prohibitions", i, "attributes"), item.attributes, attributes, "attribute of the catalogue")
        yield from _known(("prohibitions", i, "to"), item.to, functions, "function")
        yield from _known(("prohibitions", i, "except_to"), item.except_to, functions, "function")
    for i, scope in enumerate(document.consents.scopes):
        path = ("consents", "scopes", i, "attributes")
        yield from _known(path, scope.attributes, attributes, "attribute of the catalogue")
    yield from _known(("consents", "asked_by"), document.consents.asked_by, functions, "function")
    yield from _known(("shielding", "location_seen_by"), document.shielding.location_seen_by, functions, "function")
    yield from _known(("break_glass", "functions"), document.break_glass.functions, functions, "function")
    emergency = [str(function) for function in document.break_glass.functions]
    yield from _known(("break_glass", "on_a_rota"), document.break_glass.on_a_rota, emergency, "break-glass function")


def _known(path: tuple[str | int, ...], names: Sequence[str], known: Sequence[str], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield Problem((*path, index), "duplicate-item", f"`{name}` stands here twice; expected it once")
        seen.add(name)
        if name not in known:
            close = get_close_matches(name, known, n=1)
            right = f"did you mean `{close[0]}`?" if close else f"expected one of {', '.join(known)}"
            yield Problem((*path, index), "unknown-reference", f"`{name}` is no {what}; {right}")


def _dates(document: SharingProtocol) -> Iterator[Problem]:
    if document.review_date <= document.agreed:
        yield Problem(("review_date",), "date-order", "expected a review after the day of agreement")
    for name in ("parties", "bases", "grants"):
        for i, item in enumerate(getattr(document, name)):
            if item.until is not None and item.until < item.since:
                yield Problem(
                    (name, i, "until"), "date-order", f"expected a day from {item.since} on, got {item.until}"
                )
    for i, grant in enumerate(document.grants):
        if grant.agreed > grant.since:
            message = f"expected a grant to be agreed before it begins on {grant.since}, got {grant.agreed}"
            yield Problem(("grants", i, "agreed"), "date-order", message)
        if grant.review <= grant.since:
            message = f"expected a review after the grant begins on {grant.since}, got {grant.review}"
            yield Problem(("grants", i, "review"), "date-order", message)
    yield from _in_turn(("encoding", "epochs"), document.encoding.epochs)
    yield from _in_turn(("consents", "notices"), document.consents.notices)


def _in_turn(path: tuple[str, ...], items: Sequence[Epoch] | Sequence[Notice]) -> Iterator[Problem]:
    for i, item in enumerate(items):
        if item.until is not None and item.until < item.since:
            yield Problem((*path, i, "until"), "date-order", f"expected a day from {item.since} on, got {item.until}")
        before = items[i - 1] if i else None
        if before is not None and (before.until is None or item.since <= before.until):
            yield Problem((*path, i, "from"), "date-order", "expected a day after the end of the item before it")


def _catalogue(document: SharingProtocol) -> Iterator[Problem]:
    for i, attribute in enumerate(document.attributes):
        types = attribute.types
        for name, kind in types.items():
            if kind.type is ValueType.TEXT and attribute.sensitivity is not Sensitivity.S1:
                yield Problem(
                    ("attributes", i, "fields", name),
                    "free-text",
                    "expected a closed type: text stands only in S1 attributes",
                )
        if attribute.mode is Mode.CONTACT and not any(kind.type is ValueType.CONTACT for kind in types.values()):
            yield Problem(
                ("attributes", i, "mode"), "contact-mode", "expected a `contact` field in a CONTACT attribute"
            )


def _never_release(document: SharingProtocol) -> Iterator[Problem]:
    for item in document.never_release:
        for i, attribute in enumerate(document.attributes):
            if item.covers(attribute.id):
                yield Problem(
                    ("attributes", i, "id"),
                    "never-release",
                    f"`{attribute.id}` is of {item.id}, {item.title}; expected it not to be catalogued at all",
                )
            for name in attribute.fields:
                if item.covers(name):
                    yield Problem(
                        ("attributes", i, "fields", name),
                        "never-release",
                        f"`{name}` is of {item.id}, {item.title}; expected no such field",
                    )


def _safety(document: SharingProtocol) -> Iterator[Problem]:
    facing = {function.id for function in document.functions if function.faces == "perpetrator"}
    kept = {
        function
        for item in document.prohibitions
        if item.location_revealing
        and not (item.agencies or item.attributes or item.sensitivities or item.modes)
        and not item.not_own_client
        and not item.court_derived
        for function in (item.to or facing - set(item.except_to))
    }
    for i, function in enumerate(document.functions):
        if function.faces == "perpetrator" and function.id not in kept:
            message = f"expected a prohibition of every location-revealing attribute to `{function.id}`, got none"
            yield Problem(("functions", i), "perpetrator-location", message)
    for i, seen_by in enumerate(document.shielding.location_seen_by):
        if seen_by in facing:
            message = f"`{seen_by}` faces perpetrators; expected it not to see where a shielded person is"
            yield Problem(("shielding", "location_seen_by", i), "perpetrator-location", message)
    for i, grant in enumerate(document.grants):
        if Stage.CLOSED in grant.stages:
            path = ("grants", i, "stages", grant.stages.index(Stage.CLOSED))
            yield Problem(path, "closed-stage", "expected only open stages: nothing is released about a closed case")


def _freshness(document: SharingProtocol) -> Iterator[Problem]:
    parties = [party.id for party in document.parties]
    for i, item in enumerate(document.freshness):
        yield from _known(("freshness", i, "id"), [item.id], parties, "party")
        own = {attribute.id for attribute in document.attributes if attribute.agency == item.id}
        for name in sorted(set(item.exceptions) - own):
            message = f"`{name}` is no attribute of `{item.id}`; expected one that is"
            yield Problem(("freshness", i, "exceptions", name), "unknown-reference", message)
    for i, party in enumerate(document.parties):
        if party.id not in {item.id for item in document.freshness}:
            yield Problem(
                ("parties", i), "missing-freshness", f"expected an item `{party.id}` in `freshness`, got none"
            )


def _encoding(document: SharingProtocol) -> Iterator[Problem]:
    hardening = document.encoding.hardening
    path = ("encoding", "hardening")
    if hardening.profile == "compat" and hardening.reason is None:
        yield Problem((*path, "profile"), "hardening", "expected a `reason` for a protocol without hardening, got none")
    if hardening.profile != "compat" and hardening.t < 3:
        message = f"expected `t` of 3 or more (2 falls to graph matching), got {hardening.t}"
        yield Problem((*path, "t"), "hardening", message)
    for i, comparator in enumerate(document.encoding.comparators):
        if "date_of_birth" not in comparator.fields or len(set(comparator.fields)) < len(comparator.fields):
            message = "expected `date_of_birth` and one or both names, each once (few people must share a value)"
            yield Problem(("encoding", "comparators", i, "fields"), "comparator", message)
    expected, got = len(document.encoding.comparators), len(document.matching.guards.closeness_agreeing)
    if expected != got:
        message = f"expected {expected} numbers, one for each comparator of `encoding.comparators`, got {got}"
        yield Problem(("matching", "guards", "closeness_agreeing"), "comparator", message)
