"""Whether every rule of a sharing protocol can take effect, and no two grants answer the same question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import combinations

from protocols.decision_index import FOREVER, basis_chain, touches
from protocols.document import SharingProtocol
from protocols.document_parts import Problem
from protocols.document_rules import Grant, People, Prohibition
from protocols.vocabulary import BasisType, Kind, Mode


def check_reach(document: SharingProtocol) -> Iterator[Problem]:
    """Grants that overlap or can never take effect, and prohibitions that forbid nothing."""
    yield from _pairs(document)
    for i, grant in enumerate(document.grants):
        yield from _fits(document, i, grant)
        yield from _in_force(document, i, grant)
        yield from _forbidden(document, i, grant)
        yield from _consentable(document, i, grant)
    for i, item in enumerate(document.prohibitions):
        if not _forbids_anything(document, item):
            message = f"`{item.id}` forbids nothing that the catalogue holds; expected it to touch an attribute"
            yield Problem(("prohibitions", i), "unreachable-rule", message)


def _pairs(document: SharingProtocol) -> Iterator[Problem]:
    people = {line.id: line for line in document.people}
    for (_, one), (i, two) in combinations(enumerate(document.grants), 2):
        shared = _shared_attributes(one, two)
        kinds = _kinds(one, people) & _kinds(two, people)
        if not shared or not kinds or not set(one.purposes) & set(two.purposes) or not _same_days(one, two):
            continue
        what = next(iter(sorted(shared))) or one.mode
        if one.break_glass and two.break_glass:
            message = f"`{one.id}` and `{two.id}` both serve break-glass for `{what}`; expected one of them"
            yield Problem(("grants", i), "grant-overlap", message)
        functions = sorted(set(one.to) & set(two.to))
        if not functions:
            continue
        stages = [stage for stage in one.stages if stage in two.stages]
        if stages:
            message = f"`{one.id}` and `{two.id}` both tell `{functions[0]}` of `{what}` at stage {stages[0]}; expected one rule"
            yield Problem(("grants", i), "grant-overlap", message)
        elif any(_lines(one, people, kind) != _lines(two, people, kind) for kind in kinds):
            message = (
                f"`{one.id}` and `{two.id}` tell `{functions[0]}` of `{what}` about different people; expected the same `about`, "
                "so that one stage counts"
            )
            yield Problem(("grants", i, "about"), "uneven-people", message)


def _shared_attributes(one: Grant, two: Grant) -> set[str]:
    if one.agency != two.agency or one.mode is not two.mode:
        return set()
    return set(one.attributes) & set(two.attributes) if one.attributes else {""}


def _kinds(grant: Grant, people: dict[str, People]) -> set[Kind]:
    return {kind for line in grant.about for kind in people[line].kinds}


def _lines(grant: Grant, people: dict[str, People], kind: Kind) -> set[str]:
    return {line for line in grant.about if kind in people[line].kinds}


def _same_days(one: Grant, two: Grant) -> bool:
    return one.since <= (two.until or FOREVER) and two.since <= (one.until or FOREVER)


def _fits(document: SharingProtocol, i: int, grant: Grant) -> Iterator[Problem]:
    people = {line.id: line for line in document.people}
    known = {attribute.id: attribute for attribute in document.attributes}
    kinds = _kinds(grant, people)
    for j, name in enumerate(grant.attributes):
        attribute, where = known[name], ("grants", i, "attributes", j)
        if attribute.agency != grant.agency:
            message = f"`{name}` is an attribute of `{attribute.agency}`; expected one of `{grant.agency}`"
            yield Problem(where, "attribute-agency", message)
        if attribute.mode is not grant.mode:
            yield Problem(where, "attribute-mode", f"`{name}` is told in mode {attribute.mode}, got {grant.mode}")
        if not kinds <= attribute.about.kinds:
            wrong = ", ".join(sorted(kinds - attribute.about.kinds))
            message = f"`{name}` is about {attribute.about}; grant `{grant.id}` is about {wrong} too"
            yield Problem(where, "unreachable-rule", message)


def _in_force(document: SharingProtocol, i: int, grant: Grant) -> Iterator[Problem]:
    until = grant.until or FOREVER
    party = next(party for party in document.parties if party.id == grant.agency)
    if party.since > until or (party.until or FOREVER) < grant.since:
        message = f"`{party.id}` takes no part on any day of `{grant.id}`; expected days in common"
        yield Problem(("grants", i, "from"), "unreachable-rule", message)
    uncovered = _first_day_without_basis(document, grant, max(grant.since, party.since), until)
    if uncovered is not None:
        message = f"no basis of `{grant.id}` is law on {uncovered}; expected one for every day of the grant"
        yield Problem(("grants", i, "basis"), "basis-dates", message)


def _first_day_without_basis(document: SharingProtocol, grant: Grant, start: date, end: date) -> date | None:
    day = start
    for basis in sorted(basis_chain(document, grant.basis), key=lambda item: item.since):
        if basis.since > day:
            break
        if (basis.until or FOREVER) >= day:
            if (basis.until or FOREVER) >= end:
                return None
            day = date.fromordinal((basis.until or FOREVER).toordinal() + 1)
    return day if day <= end else None


def _forbidden(document: SharingProtocol, i: int, grant: Grant) -> Iterator[Problem]:
    known = {attribute.id: attribute for attribute in document.attributes}
    for item in document.prohibitions:
        if item.not_own_client:
            continue
        for name in grant.attributes or (None,):
            if not touches(item, grant.agency, known.get(name) if name else None, name, grant.mode):
                continue
            for j, function in enumerate(grant.to):
                if function in item.to if item.to else function not in item.except_to:
                    message = (
                        f"`{grant.id}` tells `{function}` of `{name or grant.mode}`, which `{item.id}` forbids; "
                        "expected one of the two to give way"
                    )
                    yield Problem(("grants", i, "to", j), "unreachable-rule", message)


def _consentable(document: SharingProtocol, i: int, grant: Grant) -> Iterator[Problem]:
    basis = next(basis for basis in document.bases if basis.id == grant.basis)
    if basis.type is not BasisType.CONSENT:
        return
    if not grant.attributes:
        message = f"`{grant.id}`: consent covers attributes; expected mode CONTACT or CONTENT, got {grant.mode}"
        yield Problem(("grants", i, "basis"), "consent-scope", message)
    for j, name in enumerate(grant.attributes):
        signed = {p for scope in document.consents.scopes if name in scope.attributes for p in scope.purposes}
        if not set(grant.purposes) <= signed:
            message = f"no consent scope covers `{name}` for every purpose of `{grant.id}`; expected one that does"
            yield Problem(("grants", i, "attributes", j), "consent-scope", message)


def _forbids_anything(document: SharingProtocol, item: Prohibition) -> bool:
    cells = [(a.agency, a, a.id, a.mode) for a in document.attributes]
    if any(touches(item, *cell) for cell in cells):
        return True
    modes = (Mode.EXISTENCE, Mode.REVIEW)
    return any(touches(item, party.id, None, None, mode) for party in document.parties for mode in modes)
