"""A sharing protocol made ready to decide: everything that a decision about one attribute needs, in one slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from protocols.document import Freshness, SharingProtocol
from protocols.document_catalogue import Attribute
from protocols.document_rules import Basis, Grant, People, Prohibition
from protocols.vocabulary import BasisType, Contact, Kind, Mode, Purpose, Relationship, RoleFunction, Stage

FOREVER = date.max


class ReasonCode(StrEnum):
    """Every condition that a decision can fail on."""

    UNKNOWN_AGENCY = "unknown-agency"
    UNKNOWN_ATTRIBUTE = "unknown-attribute"
    NO_GRANT = "no-grant"
    NEVER_RELEASE = "never-release"
    PROHIBITED = "prohibited"
    NOT_PARTICIPATING = "not-participating"
    STOPPED = "stopped"
    NOT_ALLOCATED = "not-allocated"
    PROTOCOL_STALE = "protocol-stale"
    STAGE_STALE = "stage-stale"
    ROLE_STALE = "role-stale"
    NO_LINK = "no-link"
    LINK_GRADE = "link-grade"
    HELD = "held"
    SILENT = "silent"
    SHIELDED = "shielded"
    DECEASED = "deceased"
    FUNCTION = "function"
    PURPOSE = "purpose"
    PEOPLE = "people"
    STAGE = "stage"
    OWN_CLIENT = "own-client"
    CONSENT = "consent"
    GRANT_DATES = "grant-dates"
    BASIS_DATES = "basis-dates"


GRANT_CONDITIONS = (
    ReasonCode.FUNCTION,
    ReasonCode.PURPOSE,
    ReasonCode.PEOPLE,
    ReasonCode.STAGE,
    ReasonCode.OWN_CLIENT,
    ReasonCode.CONSENT,
    ReasonCode.GRANT_DATES,
    ReasonCode.BASIS_DATES,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """One failed condition. `rule` is the grant, prohibition or never-release item; empty for a general
    condition.
    """

    code: ReasonCode
    rule: str = ""


@dataclass(frozen=True, slots=True)
class DatedBasis:
    """A basis with its days; `by_consent` if it needs the person's consent."""

    id: str
    since: date
    until: date
    by_consent: bool


@dataclass(frozen=True, slots=True)
class PeopleLine:
    """One line of whom a grant is about."""

    kinds: tuple[Kind, ...]
    relationships: tuple[Relationship, ...]
    contact: tuple[Contact, ...]
    expecting: bool


@dataclass(frozen=True, slots=True)
class CompiledGrant:
    """A grant with its bases in the order in which they are tried, and its reasons made once."""

    id: str
    to: tuple[RoleFunction, ...]
    own_client: bool
    purposes: tuple[Purpose, ...]
    people: tuple[PeopleLine, ...]
    stages: tuple[Stage, ...]
    bases: tuple[DatedBasis, ...]
    break_glass: bool
    since: date
    until: date
    reasons: Mapping[ReasonCode, Reason]


@dataclass(frozen=True, slots=True)
class CompiledProhibition:
    """A prohibition as it applies to one slot."""

    to: tuple[RoleFunction, ...]
    except_to: tuple[RoleFunction, ...]
    not_own_client: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Slot:
    """All that decides about one attribute (or none) of one agency in one mode."""

    general: tuple[Reason, ...]
    location_revealing: bool
    prohibitions: tuple[CompiledProhibition, ...]
    grants: tuple[CompiledGrant, ...]
    since: date
    until: date


SlotKey = tuple[str, str | None, Mode]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledProtocol:
    """A sharing protocol and its slots. Made by `compile_protocol`, once per version."""

    document: SharingProtocol
    digest: str
    label: str
    slots: Mapping[SlotKey, Slot]
    attributes: Mapping[str, Attribute]
    by_agency: Mapping[str, tuple[Attribute, ...]]
    by_kind: Mapping[tuple[str, Kind], tuple[Attribute, ...]]
    location_seen_by: tuple[RoleFunction, ...]
    break_functions: tuple[RoleFunction, ...]
    rota: tuple[RoleFunction, ...]
    reachable: frozenset[tuple[RoleFunction, str, Kind]]
    emergency: frozenset[tuple[str, Kind]]
    signed: Mapping[tuple[str, Purpose], tuple[Purpose, ...]]
    freshness: Mapping[str, Freshness]

    def purposes_signed_for(self, attribute: str, purpose: Purpose) -> tuple[Purpose, ...]:
        """The purposes that one signature for this attribute covers together with this purpose."""
        return self.signed.get((attribute, purpose), (purpose,))

    def about_kind(self, agency: str, kind: Kind) -> tuple[Attribute, ...]:
        """The attributes of an agency that are about a kind of person."""
        return self.by_kind[agency, kind]

    def slot(self, agency: str, attribute: str | None, mode: Mode) -> Slot:
        """The slot that decides; for what nobody catalogued, one that grants nothing and says why."""
        found = self.slots.get((agency, attribute, mode))
        return found if found is not None else _slot(self.document, agency, attribute, mode)


def compile_protocol(document: SharingProtocol, digest: str) -> CompiledProtocol:
    """Make a protocol ready to decide."""
    modes = {attribute.id: attribute.mode for attribute in document.attributes}
    keys: set[SlotKey] = {(a.agency, a.id, modes[a.id]) for a in document.attributes}
    keys |= {(party.id, None, mode) for party in document.parties for mode in (Mode.EXISTENCE, Mode.REVIEW)}
    people = {line.id: line for line in document.people}
    telling = [grant for grant in document.grants if grant.mode is not Mode.REVIEW]
    return CompiledProtocol(
        document=document,
        digest=digest,
        label=f"{document.id}@{document.version}",
        slots=MappingProxyType({key: _slot(document, *key) for key in keys}),
        attributes=MappingProxyType({attribute.id: attribute for attribute in document.attributes}),
        by_agency=MappingProxyType(
            {p.id: tuple(a for a in document.attributes if a.agency == p.id) for p in document.parties}
        ),
        by_kind=MappingProxyType(
            {
                (p.id, kind): tuple(a for a in document.attributes if a.agency == p.id and kind in a.about.kinds)
                for p in document.parties
                for kind in Kind
            }
        ),
        location_seen_by=document.shielding.location_seen_by,
        break_functions=document.break_glass.functions,
        rota=document.break_glass.on_a_rota,
        reachable=frozenset((to, g.agency, kind) for g in telling for to in g.to for kind in _kinds(g, people)),
        emergency=frozenset((g.agency, kind) for g in telling if g.break_glass for kind in _kinds(g, people)),
        signed=MappingProxyType(_signed(document)),
        freshness=MappingProxyType({rules.id: rules for rules in document.freshness}),
    )


def _signed(document: SharingProtocol) -> dict[tuple[str, Purpose], tuple[Purpose, ...]]:
    covered: dict[tuple[str, Purpose], tuple[Purpose, ...]] = {}
    for scope in document.consents.scopes:
        for attribute in scope.attributes:
            for purpose in scope.purposes:
                earlier = covered.get((attribute, purpose), ())
                covered[attribute, purpose] = (*earlier, *(p for p in scope.purposes if p not in earlier))
    return covered


def _kinds(grant: Grant, people: Mapping[str, People]) -> Iterable[Kind]:
    return {kind for line in grant.about if line in people for kind in people[line].kinds}


def _slot(document: SharingProtocol, agency: str, attribute: str | None, mode: Mode) -> Slot:
    party = next((party for party in document.parties if party.id == agency), None)
    known = known_attribute(document, agency, attribute)
    grants = tuple(_grant(document, grant) for grant in document.grants if _about(grant, agency, attribute, mode))
    general = []
    if party is None:
        general.append(Reason(ReasonCode.UNKNOWN_AGENCY))
    if attribute is not None:
        if known is None:
            general.append(Reason(ReasonCode.UNKNOWN_ATTRIBUTE))
        general.extend(
            Reason(ReasonCode.NEVER_RELEASE, item.id) for item in document.never_release if item.covers(attribute)
        )
    if not grants:
        general.append(Reason(ReasonCode.NO_GRANT))
    return Slot(
        general=tuple(general),
        location_revealing=known is not None and known.location_revealing,
        prohibitions=tuple(
            _prohibition(item) for item in document.prohibitions if touches(item, agency, known, attribute, mode)
        ),
        grants=grants,
        since=party.since if party else FOREVER,
        until=(party.until or FOREVER) if party else date.min,
    )


def known_attribute(document: SharingProtocol, agency: str, attribute: str | None) -> Attribute | None:
    """The catalogued attribute of this agency, or None."""
    return next((a for a in document.attributes if a.id == attribute and a.agency == agency), None)


def _about(grant: Grant, agency: str, attribute: str | None, mode: Mode) -> bool:
    if grant.agency != agency or grant.mode is not mode:
        return False
    return attribute in grant.attributes if attribute is not None else not grant.attributes


def touches(item: Prohibition, agency: str, known: Attribute | None, attribute: str | None, mode: Mode) -> bool:
    """Whether a prohibition is about this attribute (or none) of this agency in this mode, whoever asks."""
    if item.agencies and agency not in item.agencies:
        return False
    if item.modes and mode not in item.modes:
        return False
    if item.attributes and attribute not in item.attributes:
        return False
    if item.sensitivities and (known is None or known.sensitivity not in item.sensitivities):
        return False
    if item.location_revealing and not (known is not None and known.location_revealing):
        return False
    return not item.court_derived or (known is not None and known.court_derived)


def _prohibition(item: Prohibition) -> CompiledProhibition:
    return CompiledProhibition(item.to, item.except_to, item.not_own_client, Reason(ReasonCode.PROHIBITED, item.id))


def _grant(document: SharingProtocol, grant: Grant) -> CompiledGrant:
    return CompiledGrant(
        id=grant.id,
        to=grant.to,
        own_client=grant.own_client,
        purposes=grant.purposes,
        people=tuple(
            PeopleLine(p.kinds, p.relationships, p.contact, p.expecting) for p in document.people if p.id in grant.about
        ),
        stages=grant.stages,
        bases=tuple(_dated(basis) for basis in basis_chain(document, grant.basis)),
        break_glass=grant.break_glass,
        since=grant.since,
        until=grant.until or FOREVER,
        reasons=MappingProxyType({code: Reason(code, grant.id) for code in GRANT_CONDITIONS}),
    )


def basis_chain(document: SharingProtocol, basis: str) -> tuple[Basis, ...]:
    """A basis and those that serve before it begins, in the order in which they are tried."""
    known = {item.id: item for item in document.bases}
    chain: list[Basis] = []
    step: str | None = basis
    while step is not None and step in known and known[step] not in chain:
        chain.append(known[step])
        step = known[step].before
    return tuple(chain)


def _dated(basis: Basis) -> DatedBasis:
    return DatedBasis(basis.id, basis.since, basis.until or FOREVER, basis.type is BasisType.CONSENT)
