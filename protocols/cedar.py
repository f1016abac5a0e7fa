"""A sharing protocol as Cedar policies: a second engine that has to come to the same decisions, for the same
reasons.

Cedar skips a policy that fails to evaluate, so a `forbid` could fail open: the schema makes every attribute
mandatory and the policies are to be validated against it. Cedar names no reason for a default deny, so every
condition stands a second time as a policy of the actions `why …`, which permits exactly where the condition
fails; what those permit is the list of reasons. This module only writes text and JSON; `cedarpy` is needed to
run it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from protocols.decision import STAGE_ORDER, Facts, Request
from protocols.decision_index import (
    CompiledGrant,
    CompiledProtocol,
    DatedBasis,
    PeopleLine,
    ReasonCode,
    SlotKey,
    known_attribute,
)
from protocols.document_rules import NeverRelease, Prohibition
from protocols.vocabulary import Mode, Stage

WHY: Final = "why "
SCHEMA: Final = """\
entity Worker;
entity Rule;
entity Item in [Rule] = {
    agency: String, attribute: String, tail: String, sensitivity: String,
    named: Bool, known_agency: Bool, known_attribute: Bool, granted: Bool, location: Bool, court: Bool,
    since: Long, until: Long
};
type Asked = {
    role: String, purpose: String, allocated: Bool, own_client: Bool, day: Long,
    kind: String, ties: Set<String>, grade: String, consent: String,
    held: Bool, silent: Bool, shielded: Bool, deceased: Bool, stopped: Bool, break_glass: Bool,
    protocol_fresh: Bool, stage_fresh: Bool, role_fresh: Bool
};
action "EXISTENCE", "CONTACT", "CONTENT", "REVIEW" appliesTo { principal: [Worker], resource: [Item], context: Asked };
action "why EXISTENCE", "why CONTACT", "why CONTENT", "why REVIEW"
    appliesTo { principal: [Worker], resource: [Item], context: Asked };
"""


@dataclass(frozen=True, slots=True)
class CedarProtocol:
    """The three parts of a compiled protocol: policies and schema as Cedar text, entities as Cedar JSON."""

    policies: str
    schema: str
    entities: str


def compile_to_cedar(protocol: CompiledProtocol) -> CedarProtocol:
    """The whole protocol in Cedar. Policy ids: `rule` and `rule!` (emergency) permit; `rule#condition` says
    what failed.
    """
    policies = [*_general(protocol), *_prohibitions(protocol), *_never_release(protocol)]
    grants = {grant.id: grant for slot in protocol.slots.values() for grant in slot.grants}
    for grant in grants.values():
        policies += _grant(protocol, grant)
    items = [item_entity(protocol, key) for key in sorted(protocol.slots, key=str)]
    rules = [{"uid": {"type": "Rule", "id": name}, "attrs": {}, "parents": []} for name in sorted(grants)]
    return CedarProtocol("\n\n".join(policies) + "\n", SCHEMA, json.dumps(items + rules, indent=1))


def cedar_request(request: Request, facts: Facts, *, why: bool) -> dict[str, Any]:
    """A request and its facts as a Cedar request; `why` asks for the failed conditions instead of the
    decision.
    """
    return {
        "principal": {"type": "Worker", "id": "worker"},
        "action": {"type": "Action", "id": f"{WHY if why else ''}{request.mode}"},
        "resource": {"type": "Item", "id": _item((request.agency, request.attribute, request.mode))},
        "context": {
            "role": str(request.role_function),
            "purpose": str(request.purpose),
            "allocated": request.allocated,
            "own_client": request.own_client,
            "day": request.at.astimezone(UTC).date().toordinal(),
            "kind": str(facts.kind),
            "ties": sorted({word for tie in facts.children for word in _tie_words(tie)}),
            "grade": str(facts.grade or ""),
            "consent": str(facts.consent),
            "held": facts.held,
            "silent": facts.silent,
            "shielded": facts.shielded,
            "deceased": facts.deceased,
            "stopped": facts.stopped,
            "break_glass": facts.break_glass,
            "protocol_fresh": facts.protocol_fresh,
            "stage_fresh": facts.stage_fresh,
            "role_fresh": facts.role_fresh,
        },
    }


def item_entity(protocol: CompiledProtocol, key: SlotKey) -> dict[str, Any]:
    """The Cedar entity of what is asked for, catalogued or not."""
    agency, attribute, mode = key
    known, slot = known_attribute(protocol.document, agency, attribute), protocol.slot(agency, attribute, mode)
    return {
        "uid": {"type": "Item", "id": _item(key)},
        "attrs": {
            "agency": agency,
            "attribute": attribute or "",
            "tail": f"_{(attribute or '').rpartition('.')[2]}_",
            "sensitivity": str(known.sensitivity) if known else "",
            "named": attribute is not None,
            "known_agency": any(party.id == agency for party in protocol.document.parties),
            "known_attribute": known is not None,
            "granted": bool(slot.grants),
            "location": slot.location_revealing,
            "court": known is not None and known.court_derived,
            "since": slot.since.toordinal(),
            "until": slot.until.toordinal(),
        },
        "parents": [{"type": "Rule", "id": grant.id} for grant in slot.grants],
    }


def _item(key: SlotKey) -> str:
    agency, attribute, mode = key
    return f"{agency}/{mode}/{attribute or ''}"


def _tie_words(tie: Any) -> Iterator[str]:
    yield str(tie.stage)
    if tie.relationship is not None and tie.contact is not None:
        yield f"{tie.stage}|{tie.relationship}|{tie.contact}"
        if tie.expecting:
            yield f"{tie.stage}|{tie.relationship}|{tie.contact}|expecting"


def _general(protocol: CompiledProtocol) -> Iterator[str]:
    emergency = _emergency(protocol)
    on_a_rota = f"({emergency} && {_one_of('context.role', protocol.rota)})"
    seen_by = _one_of("context.role", protocol.location_seen_by)
    conditions = {
        ReasonCode.UNKNOWN_AGENCY: "!resource.known_agency",
        ReasonCode.UNKNOWN_ATTRIBUTE: "resource.named && !resource.known_attribute",
        ReasonCode.NO_GRANT: "!resource.granted",
        ReasonCode.NOT_PARTICIPATING: "context.day < resource.since || resource.until < context.day",
        ReasonCode.STOPPED: "context.stopped",
        ReasonCode.NOT_ALLOCATED: f"!context.allocated && !{on_a_rota}",
        ReasonCode.PROTOCOL_STALE: "!context.protocol_fresh",
        ReasonCode.STAGE_STALE: "!context.stage_fresh",
        ReasonCode.ROLE_STALE: "!context.role_fresh",
        ReasonCode.NO_LINK: 'context.grade == ""',
        ReasonCode.HELD: "context.held",
        ReasonCode.SILENT: "context.silent",
        ReasonCode.SHIELDED: f"context.shielded && resource.location && !{seen_by}",
        ReasonCode.DECEASED: "context.deceased",
    }
    for code, condition in conditions.items():
        yield from _stop(f"#{code}", condition, tuple(Mode))
    telling = (Mode.EXISTENCE, Mode.CONTACT, Mode.CONTENT)
    yield from _stop(f"#{ReasonCode.LINK_GRADE}", 'context.grade == "probable"', telling)
    yield from _stop(f"#{ReasonCode.LINK_GRADE}", 'context.grade == "certain"', (Mode.REVIEW,))


def _prohibitions(protocol: CompiledProtocol) -> Iterator[str]:
    for item in protocol.document.prohibitions:
        yield from _stop(f"{item.id}#{ReasonCode.PROHIBITED}", _forbidden(item), item.modes or tuple(Mode))


def _forbidden(item: Prohibition) -> str:
    parts = []
    if item.agencies:
        parts.append(_one_of("resource.agency", item.agencies))
    if item.attributes:
        parts.append(_one_of("resource.attribute", item.attributes))
    if item.sensitivities:
        parts.append(_one_of("resource.sensitivity", item.sensitivities))
    if item.location_revealing:
        parts.append("resource.location")
    if item.court_derived:
        parts.append("resource.court")
    if item.to:
        parts.append(_one_of("context.role", item.to))
    if item.except_to:
        parts.append(f"!{_one_of('context.role', item.except_to)}")
    if item.not_own_client:
        parts.append("!context.own_client")
    return " && ".join(parts) or "true"


def _never_release(protocol: CompiledProtocol) -> Iterator[str]:
    for item in protocol.document.never_release:
        yield from _stop(f"{item.id}#{ReasonCode.NEVER_RELEASE}", _never(item), tuple(Mode))


def _never(item: NeverRelease) -> str:
    words = [f'resource.tail like "*_{word}_*"' for word in item.words]
    whole = [_one_of("resource.attribute", item.attributes)] if item.attributes else []
    return f"resource.named && ({' || '.join(words + whole)})"


def _grant(protocol: CompiledProtocol, grant: CompiledGrant) -> list[str]:
    role = _one_of("context.role", grant.to)
    people = _counts(grant.people, tuple(Stage))
    stage = _highest_in(grant.people, grant.stages)
    open_stage = _highest_in(grant.people, tuple(stage for stage in Stage if stage is not Stage.CLOSED))
    widened = _emergency(protocol) if grant.break_glass else "false"
    by_consent = _any(_serves(grant.bases, i) for i, basis in enumerate(grant.bases) if basis.by_consent)
    conditions = {
        ReasonCode.PURPOSE: _one_of("context.purpose", grant.purposes),
        ReasonCode.PEOPLE: people,
        ReasonCode.OWN_CLIENT: "context.own_client" if grant.own_client else "true",
        ReasonCode.CONSENT: f'(!({by_consent}) || context.consent == "GIVEN")',
        ReasonCode.GRANT_DATES: _days(grant.since.toordinal(), grant.until.toordinal()),
        ReasonCode.BASIS_DATES: _any(_days(b.since.toordinal(), b.until.toordinal()) for b in grant.bases),
    }
    always = " && ".join(conditions.values())
    plain = f"{role} && {stage}"
    emergency = f"{widened} && ({stage} || {open_stage}) && !({plain})"
    lines = [_permit(grant.id, grant.id, "", always + " && " + plain)]
    if grant.break_glass:
        lines.append(_permit(f"{grant.id}!", grant.id, "", always + " && " + emergency))
    failing = {code: f"!({condition})" for code, condition in conditions.items()}
    failing[ReasonCode.FUNCTION] = f"!({role}) && !({widened})"
    failing[ReasonCode.STAGE] = f"{people} && !({stage}) && !({widened} && {open_stage})"
    lines += [_permit(f"{grant.id}#{code}", grant.id, WHY, failing[code]) for code in sorted(failing)]
    lines += [
        _permit(f"{grant.id}@{basis.id}", grant.id, WHY, _serves(grant.bases, i)) for i, basis in enumerate(grant.bases)
    ]
    return lines


def _counts(people: Sequence[PeopleLine], stages: Sequence[Stage]) -> str:
    """That a child at one of these stages is one through whom the person is one of these people."""
    ways = []
    for line in people:
        kind = _one_of("context.kind", line.kinds)
        end = "|expecting" if line.expecting else ""
        ties = [f"{s}|{r}|{c}{end}" for s in stages for r in line.relationships for c in line.contact]
        ties = ties or [str(stage) for stage in stages]
        ways.append(f"({kind} && context.ties.containsAny({json.dumps(ties)}))")
    return _any(ways)


def _highest_in(people: Sequence[PeopleLine], stages: Sequence[Stage]) -> str:
    """That the highest stage that counts is one of these: one of them counts, and none that is higher and not
    one of them.
    """
    groups: dict[tuple[Stage, ...], list[Stage]] = {}
    for stage in stages:
        others = (other for other in Stage if other not in stages and STAGE_ORDER[other] > STAGE_ORDER[stage])
        groups.setdefault(tuple(others), []).append(stage)
    return _any(
        f"({_counts(people, counting)}{f' && !{_counts(people, others)}' if others else ''})"
        for others, counting in groups.items()
    )


def _serves(bases: Sequence[DatedBasis], index: int) -> str:
    """That this basis, and none before it in the chain, is law on the day."""
    days = [_days(basis.since.toordinal(), basis.until.toordinal()) for basis in bases]
    return "(" + " && ".join([days[index], *(f"!{day}" for day in days[:index])]) + ")"


def _emergency(protocol: CompiledProtocol) -> str:
    return f"(context.break_glass && {_one_of('context.role', protocol.break_functions)})"


def _days(since: int, until: int) -> str:
    return f"(context.day >= {since} && context.day <= {until})"


def _one_of(value: str, words: Iterable[str]) -> str:
    listed = [str(word) for word in words]
    return f"{json.dumps(listed, ensure_ascii=False)}.contains({value})" if listed else "false"


def _any(parts: Iterable[str]) -> str:
    return "(" + (" || ".join(parts) or "false") + ")"


def _permit(name: str, rule: str, why: str, condition: str) -> str:
    actions = ", ".join(f'Action::"{why}{mode}"' for mode in Mode)
    return (
        f'@id("{name}")\npermit (principal, action in [{actions}], resource in Rule::"{rule}")\nwhen {{ {condition} }};'
    )


def _stop(name: str, condition: str, modes: Sequence[Mode]) -> Iterator[str]:
    """A condition that stops everything, and the same condition as a reason."""
    for effect, why in (("forbid", ""), ("permit", WHY)):
        actions = ", ".join(f'Action::"{why}{mode}"' for mode in modes)
        yield f'@id("{name}")\n{effect} (principal, action in [{actions}], resource)\nwhen {{ {condition} }};'
