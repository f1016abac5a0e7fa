"""What changed between two versions of a sharing protocol, in the language of its sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Any, Final

from protocols.decision_index import FOREVER
from protocols.document import SharingProtocol
from protocols.document_rules import Grant
from protocols.sentences import (
    capital,
    sentence_of_grant,
    sentence_of_never,
    sentence_of_prohibition,
)
from protocols.vocabulary import BasisType, RoleFunction, Stage

_SENTENCED: Final = ("grants", "prohibitions", "never_release")


class ChangeKind(StrEnum):
    """What a change does to what may be released."""

    ADDED = "added"
    REMOVED = "removed"
    WIDENED = "widened"
    NARROWED = "narrowed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One change: of which part, what it does, and what it says before and after (one of them empty for added
    and removed).
    """

    part: str
    id: str
    kind: ChangeKind
    before: str
    after: str

    def __str__(self) -> str:
        said = self.before if self.kind is ChangeKind.REMOVED else self.after
        lines = [f"{capital(self.kind)} {self.part} `{self.id}`: {said}"]
        if self.before and self.after:
            lines.append(f"  before: {self.before}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """One thing that one function may be told: agency, attribute (or mode), function, stage, and under which
    condition.
    """

    agency: str
    what: str
    function: RoleFunction
    stage: Stage
    condition: str


def changes(old: SharingProtocol, new: SharingProtocol) -> tuple[Change, ...]:
    """Every change from the old version to the new one: the rules first, then all else."""
    found = [*_grants(old, new), *_forbidding(old, new)]
    before, after = _flat(old), _flat(new)
    for path in sorted(set(before) | set(after)):
        if before.get(path) != after.get(path):
            found.append(_plain_change(path, before.get(path), after.get(path)))
    return tuple(found)


def told_by(document: SharingProtocol) -> frozenset[Told]:
    """Everything that the grants of a document let anybody be told, one by one."""
    consent = {basis.id for basis in document.bases if basis.type is BasisType.CONSENT}
    found = set()
    for grant in document.grants:
        condition = ", ".join(
            words
            for words, applies in (
                ("by consent", grant.basis in consent),
                ("own client only", grant.own_client),
            )
            if applies
        )
        for what, function, stage in product(grant.attributes or (str(grant.mode),), grant.to, grant.stages):
            found.add(Told(grant.agency, what, function, stage, condition))
    return frozenset(found)


def effect(old: SharingProtocol, new: SharingProtocol) -> tuple[tuple[Told, ...], tuple[Told, ...]]:
    """What the new version lets be told that the old did not, and the other way round."""
    before, after = told_by(old), told_by(new)
    return tuple(sorted(after - before)), tuple(sorted(before - after))


def _grants(old: SharingProtocol, new: SharingProtocol) -> Iterator[Change]:
    before, after = {grant.id: grant for grant in old.grants}, {grant.id: grant for grant in new.grants}
    for name in sorted(set(before) | set(after)):
        one, two = before.get(name), after.get(name)
        said = sentence_of_grant(old, one) if one else ""
        says = sentence_of_grant(new, two) if two else ""
        if one is None:
            yield Change("grant", name, ChangeKind.ADDED, said, says)
        elif two is None:
            yield Change("grant", name, ChangeKind.REMOVED, said, says)
        elif said != says or _reach(old, one) != _reach(new, two):
            yield Change("grant", name, _direction(old, one, new, two), said, says)


def _direction(old: SharingProtocol, one: Grant, new: SharingProtocol, two: Grant) -> ChangeKind:
    """Whether the second grant permits everything that the first did (widened), the other way round, or
    neither.
    """
    less, more = _reach(old, one), _reach(new, two)
    wider = all(_covers(more[key], less[key]) for key in less)
    narrower = all(_covers(less[key], more[key]) for key in less)
    if wider == narrower:
        return ChangeKind.CHANGED
    return ChangeKind.WIDENED if wider else ChangeKind.NARROWED


def _covers(outer: Any, inner: Any) -> bool:
    return bool(inner <= outer)


def _reach(document: SharingProtocol, grant: Grant) -> dict[str, Any]:
    """What a grant permits, as values that can be compared for more and less."""
    basis = next(item for item in document.bases if item.id == grant.basis)
    people = frozenset(
        (kind, relationship, contact, line.expecting)
        for line in document.people
        if line.id in grant.about
        for kind in line.kinds
        for relationship in line.relationships or (None,)
        for contact in line.contact or (None,)
    )
    return {
        "what": frozenset((grant.agency, grant.mode, attribute) for attribute in grant.attributes or ("",)),
        "to": frozenset(grant.to),
        "purposes": frozenset(grant.purposes),
        "people": people,
        "stages": frozenset(grant.stages),
        "anybody": not grant.own_client,
        "without_consent": basis.type is not BasisType.CONSENT,
        "emergency": grant.break_glass,
        "from": -grant.since.toordinal(),
        "until": (grant.until or FOREVER).toordinal(),
    }


def _forbidding(old: SharingProtocol, new: SharingProtocol) -> Iterator[Change]:
    for part, name in (("prohibition", "prohibitions"), ("never-release item", "never_release")):
        before = {item.id: item for item in getattr(old, name)}
        after = {item.id: item for item in getattr(new, name)}
        for key in sorted(set(before) | set(after)):
            one, two = before.get(key), after.get(key)
            if one == two:
                continue
            kind = ChangeKind.CHANGED if one and two else ChangeKind.ADDED if two else ChangeKind.REMOVED
            yield Change(part, key, kind, _refusal(old, one), _refusal(new, two))


def _refusal(document: SharingProtocol, item: Any) -> str:
    if item is None:
        return ""
    return sentence_of_never(item) if hasattr(item, "words") else sentence_of_prohibition(document, item)


def _flat(document: SharingProtocol) -> dict[str, Any]:
    data = document.model_dump(mode="json", by_alias=True, exclude=set(_SENTENCED))
    return dict(_walk(data, ""))


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) and "id" in item for item in value):
        for item in value:
            yield from _walk({k: v for k, v in item.items() if k != "id"}, f"{path}[{item['id']}]")
    else:
        yield path, value


def _plain_change(path: str, before: Any, after: Any) -> Change:
    kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED if after is None else ChangeKind.CHANGED
    return Change("setting", path, kind, _shown(before), _shown(after))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
