"""The law in a sharing protocol: a rule without its full basis cannot be loaded, nor one that its sender
cannot use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from protocols.decision_index import basis_chain
from protocols.document import Party, SharingProtocol
from protocols.document_parts import Problem
from protocols.document_rules import Basis, Grant
from protocols.vocabulary import BasisType, Mode, Sensitivity

_ARTICLE_6: Final[Mapping[BasisType, tuple[str, ...]]] = {
    BasisType.STATUTORY_DUTY: ("6(1)(c)", "6(1)(e)"),
    BasisType.STATUTORY_POWER: ("6(1)(e)",),
    BasisType.PUBLIC_INTEREST: ("6(1)(e)", "6(1)(d)"),
    BasisType.CONSENT: ("6(1)(a)", "6(1)(e)"),
    BasisType.RECOGNISED_LEGITIMATE_INTEREST: ("6(1)(ea)",),
}
_SPECIAL: Final = frozenset({Sensitivity.S2, Sensitivity.S4})
_CRIMINAL: Final = frozenset({Sensitivity.S3, Sensitivity.S4})
_WITHOUT_SCHEDULE_1: Final = ("9(2)(a)", "9(2)(c)", "9(2)(f)")


def check_bases(document: SharingProtocol) -> Iterator[Problem]:
    """What is wrong with the bases themselves."""
    for i, basis in enumerate(document.bases):
        allowed = _ARTICLE_6[basis.type]
        if basis.art6 not in allowed:
            message = f"a {basis.type} rests on Art {' or '.join(allowed)}, got {basis.art6}"
            yield Problem(("bases", i, "art6"), "basis-article-6", message)
        if basis.art9 is not None and basis.art9 not in _WITHOUT_SCHEDULE_1 and basis.schedule1 is None:
            message = f"Art {basis.art9} needs its DPA 2018 Schedule 1 condition; expected `schedule1`"
            yield Problem(("bases", i), "basis-incomplete", message)
        if basis.jurisdiction != document.jurisdiction:
            message = f"expected law of {document.jurisdiction}, got {basis.jurisdiction}"
            yield Problem(("bases", i, "jurisdiction"), "basis-jurisdiction", message)
        chain = basis_chain(document, basis.id)
        if len(chain) > 1 and chain[1].since >= basis.since:
            message = f"expected a basis that is law before {basis.since}, got `{chain[1].id}` from {chain[1].since}"
            yield Problem(("bases", i, "before"), "basis-before", message)
        if chain[-1].before is not None:
            yield Problem(
                ("bases", i, "before"), "basis-before", "expected an end to what serves before what, got a circle"
            )


def check_grant_bases(document: SharingProtocol) -> Iterator[Problem]:
    """What a grant needs of its basis, by what it tells and by who tells it."""
    parties = {party.id: party for party in document.parties}
    for i, grant in enumerate(document.grants):
        party, sensitivities = parties[grant.agency], _told(document, grant)
        for basis in basis_chain(document, grant.basis):
            where = ("grants", i, "basis")
            for missing in _missing(basis, party, sensitivities):
                yield Problem(where, "basis-incomplete", f"grant `{grant.id}` on basis `{basis.id}`: {missing}")
            if party.party_class not in basis.party_classes:
                allowed = ", ".join(basis.party_classes)
                message = f"`{party.id}` is a {party.party_class}; basis `{basis.id}` serves only {allowed}"
                yield Problem(where, "basis-party-class", message)
            if basis.type is BasisType.RECOGNISED_LEGITIMATE_INTEREST and party.public_authority:
                message = f"`{party.id}` is a public authority; expected its task (6(1)(e)), not a legitimate interest"
                yield Problem(where, "basis-party-class", message)
            if grant.break_glass and basis.type is BasisType.CONSENT:
                message = f"grant `{grant.id}`: expected a duty or power in an emergency, got consent"
                yield Problem(("grants", i, "break_glass"), "break-glass-consent", message)


def _told(document: SharingProtocol, grant: Grant) -> frozenset[Sensitivity]:
    """How sensitive what a grant tells is. That a person is known to an agency is as sensitive as what the
    agency holds.
    """
    if grant.mode in (Mode.EXISTENCE, Mode.REVIEW):
        return frozenset(a.sensitivity for a in document.attributes if a.agency == grant.agency)
    return frozenset(a.sensitivity for a in document.attributes if a.id in grant.attributes)


def _missing(basis: Basis, party: Party, sensitivities: frozenset[Sensitivity]) -> Iterator[str]:
    if sensitivities & _SPECIAL and basis.art9 is None:
        yield "special category data needs UK GDPR Art 9; expected `art9`"
    if sensitivities & _CRIMINAL and basis.art10 is None:
        yield "criminal offence data needs its Art 10 condition; expected `art10`"
    if sensitivities & _CRIMINAL and basis.authorised_by_law is None:
        yield "law-enforcement data needs the law that authorises its other use; expected `authorised_by_law`"
    if sensitivities & _SPECIAL and party.health and basis.cldc_route is None:
        yield "confidential health data needs its way past confidentiality; expected `cldc_route`"
