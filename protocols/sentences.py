"""Plain English for every rule and every decision, made from the very objects that are enforced.

`protocols/sentences_back.py` reads a grant's sentence back into the grant: nothing that decides is left
unsaid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from protocols.decision import Decision, Granted
from protocols.decision_index import Reason, ReasonCode
from protocols.document import SharingProtocol
from protocols.document_rules import Basis, Grant, NeverRelease, Prohibition
from protocols.vocabulary import Mode, Purpose, RoleFunction, Stage

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
EXISTENCE_WORDS: Final = "that the person is known to them and which desk to ask"
REVIEW_WORDS: Final = "masked details, so that a person can confirm or reject a possible link,"
ANYTHING: Final = "anything"
LOCATION: Final = "that would tell where a person lives, goes to school or sees a doctor"
COURT: Final = "that comes from court proceedings"
ANY_AGENCY: Final = "any agency"
UNLESS_OWN_CLIENT: Final = ", unless it is about the person they work with"
OWN_CLIENT: Final = ", only if this is the person they work with"
OPEN_STAGES: Final = tuple(stage for stage in Stage if stage is not Stage.CLOSED)
BREAK_GLASS: Final = " In an emergency with a recorded reason, any emergency function and any open stage will do."
PURPOSE_WORDS: Final = {
    Purpose.SAFEGUARDING: "safeguarding",
    Purpose.FAMILY_SUPPORT: "family support",
    Purpose.GROUP_SUPERVISION: "group supervision",
}
MODE_WORDS: Final = {
    Mode.EXISTENCE: "that a person is known",
    Mode.CONTACT: "whom to call",
    Mode.CONTENT: "what is recorded",
    Mode.REVIEW: "masked details for a review",
}
REASON_WORDS: Final = {
    ReasonCode.UNKNOWN_AGENCY: "no such agency is a party",
    ReasonCode.UNKNOWN_ATTRIBUTE: "the attribute is not in the catalogue",
    ReasonCode.NO_GRANT: "no rule permits this to anybody",
    ReasonCode.NEVER_RELEASE: "this is never released",
    ReasonCode.PROHIBITED: "a prohibition forbids it",
    ReasonCode.NOT_PARTICIPATING: "the agency does not take part on that day",
    ReasonCode.STOPPED: "the agency's data protection officer has stopped its releases",
    ReasonCode.NOT_ALLOCATED: "the worker is not allocated to the case",
    ReasonCode.PROTOCOL_STALE: "the protocol in use could not be confirmed in time",
    ReasonCode.STAGE_STALE: "the children's stages could not be confirmed in time",
    ReasonCode.ROLE_STALE: "the worker's allocation could not be confirmed in time",
    ReasonCode.NO_LINK: "no record is linked",
    ReasonCode.LINK_GRADE: "the link has not the grade that this needs",
    ReasonCode.HELD: "the agency holds the record back",
    ReasonCode.SILENT: "the agency keeps the record silent",
    ReasonCode.SHIELDED: "it would tell where a shielded person is",
    ReasonCode.DECEASED: "the person has died",
    ReasonCode.FUNCTION: "the worker's function is not one that may be told",
    ReasonCode.PURPOSE: "the purpose is not one of the rule's",
    ReasonCode.PEOPLE: "the person is not one of the people whom the rule is about",
    ReasonCode.STAGE: "no child through whom the person counts is at a stage of the rule",
    ReasonCode.OWN_CLIENT: "the person is not the one the worker works with",
    ReasonCode.CONSENT: "consent is not given",
    ReasonCode.GRANT_DATES: "the rule is not in force on that day",
    ReasonCode.BASIS_DATES: "its legal basis is not in force on that day",
}


def grant_sentence(document: SharingProtocol, rule: str) -> str:
    """The sentence of a grant, by its id. Raises `KeyError` for an unknown id."""
    for grant in document.grants:
        if grant.id == rule:
            return sentence_of_grant(document, grant)
    raise KeyError(rule)


def sentence_of_grant(document: SharingProtocol, grant: Grant) -> str:
    """The sentence of a grant: who may tell whom what about whom, when, why, and from when to when."""
    parties = {party.id: party.name for party in document.parties}
    people = {line.id: line.title for line in document.people}
    parts = [
        f"{parties[grant.agency]} may tell {_functions(document, grant.to)} {_what(document, grant)}",
        f" about {'; or '.join(people[line] for line in grant.about)}",
        OWN_CLIENT if grant.own_client else "",
        f", {_when(document, grant.stages)}",
        f", for {either(PURPOSE_WORDS[purpose] for purpose in grant.purposes)}",
        f", because of {_basis_short(document, grant.basis)}.",
        BREAK_GLASS if grant.break_glass else "",
        f" In force from {day_words(grant.since)}{f' until {day_words(grant.until)}' if grant.until else ''};",
        f" agreed {day_words(grant.agreed)}, to be reviewed by {day_words(grant.review)}. Why: {grant.reason}",
    ]
    return "".join(parts)


def sentence_of_prohibition(document: SharingProtocol, item: Prohibition) -> str:
    """The sentence of a prohibition."""
    if item.to:
        whom = f"{capital(_functions(document, item.to))} may never be told"
    elif item.except_to:
        whom = f"Nobody but {_functions(document, item.except_to)} may ever be told"
    else:
        whom = "Nobody may ever be told"
    parties = {party.id: party.name for party in document.parties}
    by = either(parties[agency] for agency in item.agencies) if item.agencies else ANY_AGENCY
    unless = UNLESS_OWN_CLIENT if item.not_own_client else ""
    return f"{whom} {_forbidden(document, item)} by {by}{unless}. Why: {item.reason}"


def sentence_of_never(item: NeverRelease) -> str:
    """The sentence of an item of the never-release list."""
    return (
        f"{item.id}: {item.title}: never released, whoever asks, whatever the emergency and whatever another rule says."
    )


def basis_words(document: SharingProtocol, basis: str) -> str:
    """A basis in full: its statute, articles and conditions."""
    found = next(item for item in document.bases if item.id == basis)
    return "; ".join([found.statute, *_conditions(found)])


def reason_sentence(reason: Reason) -> str:
    """One failed condition in words, with the rule that it belongs to."""
    words = REASON_WORDS[reason.code]
    return f"{reason.rule}: {words}" if reason.rule else words


def decision_sentences(document: SharingProtocol, decision: Decision) -> tuple[str, ...]:
    """A decision in words: the rule and its basis, or every condition that failed."""
    if isinstance(decision, Granted):
        emergency = " Only the emergency made it so." if decision.break_glass else ""
        return (
            f"Granted by `{decision.rule}`.{emergency} {grant_sentence(document, decision.rule)}",
            f"Basis: {basis_words(document, decision.basis)}.",
        )
    return ("Refused.", *(capital(reason_sentence(reason)) + "." for reason in decision.reasons))


def day_words(day: date) -> str:
    """A day as people write it: 3 November 2026."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def either(words: Iterable[str]) -> str:
    """A, B or C."""
    return _listed(tuple(words), "or")


def _listed(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _functions(document: SharingProtocol, functions: Iterable[RoleFunction]) -> str:
    """Functions by name, the largest groups that they fill by the group's name."""
    left = list(functions)
    words = []
    for group in sorted(document.groups, key=lambda group: -len(group.functions)):
        if set(group.functions) <= set(left):
            words.append(group.title)
            left = [function for function in left if function not in group.functions]
    titles = {function.id: function.title for function in document.functions}
    words += [f"the {titles[function]}" for function in left if function in titles]
    return _listed(words, "and")


def _when(document: SharingProtocol, stages: Sequence[Stage]) -> str:
    """Stages that reach to the last open one as "from … on", others one by one."""
    titles = {stage.id: stage.title for stage in document.stages}
    if len(stages) > 1 and tuple(stages) == OPEN_STAGES[-len(stages) :]:
        return f"from {titles[stages[0]]} on"
    return f"at {either(titles[stage] for stage in stages)}"


def _what(document: SharingProtocol, grant: Grant) -> str:
    if grant.mode is Mode.EXISTENCE:
        return EXISTENCE_WORDS
    if grant.mode is Mode.REVIEW:
        return REVIEW_WORDS
    return _titles(document, grant.attributes)


def _titles(document: SharingProtocol, attributes: Iterable[str]) -> str:
    titles = {attribute.id: attribute.title for attribute in document.attributes}
    return "; ".join(titles[attribute] for attribute in attributes)


def _forbidden(document: SharingProtocol, item: Prohibition) -> str:
    words = [_titles(document, item.attributes) if item.attributes else ANYTHING]
    if item.location_revealing:
        words.append(LOCATION)
    if item.court_derived:
        words.append(COURT)
    if item.sensitivities:
        words.append(f"of sensitivity {either(item.sensitivities)}")
    if item.modes:
        words.append(f"({either(MODE_WORDS[mode] for mode in item.modes)})")
    return " ".join(words)


def _basis_short(document: SharingProtocol, basis: str) -> str:
    """A basis as it stands inside a grant's sentence."""
    found = next(item for item in document.bases if item.id == basis)
    articles = [f"Art {article}" for article in (found.art6, found.art9) if article]
    return f"{found.title} ({found.statute}; UK GDPR {' and '.join(articles)})"


def _conditions(basis: Basis) -> list[str]:
    said = [f"UK GDPR Art {basis.art6}"]
    if basis.art9:
        said.append(f"UK GDPR Art {basis.art9}")
    if basis.schedule1:
        said.append(basis.schedule1)
    if basis.art10:
        said.append(f"criminal offence data: {basis.art10}")
    if basis.authorised_by_law:
        said.append(f"use outside law enforcement: {basis.authorised_by_law}")
    if basis.cldc_route:
        said.append(f"confidentiality: {basis.cldc_route}")
    return said
