"""The pages in plain English that are generated: the whole agreement, and the life of a version.

They are made from what is enforced. `docs/` holds them, and a test fails when they are no longer what this module
writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby

from protocols.attack_gate import AttackCutOffs
from protocols.document import SharingProtocol
from protocols.document_checks import expiries, orphans
from protocols.document_rules import People
from protocols.lifecycle import diagram
from protocols.load import LoadedProtocol
from protocols.markdown import MADE, joined
from protocols.sentences import (
    basis_words,
    capital,
    day_words,
    either,
    sentence_of_grant,
    sentence_of_never,
    sentence_of_prohibition,
)
from protocols.vocabulary import RoleFunction


def protocol_page(loaded: LoadedProtocol) -> str:
    """The whole agreement in plain English, as Markdown."""
    document = loaded.document
    return joined(
        [
            MADE,
            f"# {document.title}",
            f"Version {document.version}, agreed {day_words(document.agreed)}, to be reviewed by "
            f"{day_words(document.review_date)}. Law of {document.jurisdiction}. "
            f"Digest (SHA-256 of what it says): `{loaded.digest}`.",
            "Every sentence below is made from the very object that the service enforces. What no sentence permits is refused. "
            "Where a profile shows nothing, that is not evidence that there is no involvement and no risk.",
            "## Who takes part",
            *_parties(document),
            "## Who may ask, and what they are called here",
            *_functions(document),
            *_groups(document),
            "## About whom",
            *(f"- **{capital(line.title)}**{_people(line)}" for line in document.people),
            "## Which law permits it",
            *(f"- **{capital(basis.title)}.** {_basis(document, basis.id)}" for basis in document.bases),
            "## What is never told",
            *(f"- {sentence_of_never(item)}" for item in document.never_release),
            *(f"- **{item.id}.** {sentence_of_prohibition(document, item)}" for item in document.prohibitions),
            "- " + _shielding(document),
            "## What each agency may tell",
            *_grants(document),
            "## Consent",
            *_consent(document),
            "## Emergencies",
            _break_glass(document),
            "## How old information may be",
            *_freshness(document),
            "## What the service keeps, and for how long",
            *_retention(document),
            "## How records are linked",
            *_linking(document),
            "## What is attacked before anything is sent",
            *_attacked(document),
            "## Calendar",
            *(f"- {day_words(day)}: {what}" for day, what in _calendar(document)),
            *_orphans(document),
        ]
    )


def lifecycle_page() -> str:
    """The life of a version, with its diagram drawn from the transitions."""
    return joined(
        [
            "<!-- Generated from protocols/lifecycle.py. Do not edit: run `kinlink protocol pages`. -->",
            "# The life of a version of a sharing protocol",
            "Data protection officers advise; they do not approve. The senior information risk owner of every party approves, and the "
            "Caldicott Guardian of every party with health data. Every act names the digest of the document: a changed document is "
            "another version. Going live against an objection takes a written override by the senior risk owner of the same party. "
            "A version whose rehearsal failed a golden persona, or would have touched anybody outside an open case, cannot be "
            "scheduled. Any party's data protection officer can stop that party's releases at once; only its senior risk owner "
            "starts them again.",
            f"```mermaid\n{diagram()}\n```",
        ]
    )


def _parties(document: SharingProtocol) -> Iterator[str]:
    for party in document.parties:
        until = f" until {day_words(party.until)}" if party.until else ""
        yield (
            f"- **{capital(party.name)}** ({party.party_class.replace('-', ' ')}), from {day_words(party.since)}{until}. "
            f"Ask: {party.desk.team}, {party.desk.phone}."
        )


def _functions(document: SharingProtocol) -> Iterator[str]:
    for function in document.functions:
        faces = f" Faces the {function.faces}." if function.faces else ""
        titles = f": {', '.join(function.local_titles)}" if function.local_titles else ""
        yield f"- **{capital(function.title)}**{titles}.{faces}"


def _groups(document: SharingProtocol) -> Iterator[str]:
    if document.groups:
        yield "Sentences call several of them together:"
    for group in document.groups:
        members = ", ".join(_title(document, function) for function in group.functions)
        yield f"- **{capital(group.title)}**: {members}."


def _people(line: People) -> str:
    if not line.relationships:
        return "."
    words = f": {either(_plain(r) for r in line.relationships)}; {either(_plain(c) for c in line.contact)}"
    return words + ("; only while expecting." if line.expecting else ".")


def _plain(word: str) -> str:
    return word.lower().replace("_", " ")


def _basis(document: SharingProtocol, basis: str) -> str:
    found = next(item for item in document.bases if item.id == basis)
    before = next((item.title for item in document.bases if item.id == found.before), None)
    until = f" until {day_words(found.until)}" if found.until else ""
    earlier = f" Before that, {before} serve." if before else ""
    detriment = " It does not apply where telling would harm the child more." if found.detriment_exception else ""
    return f"{basis_words(document, basis)}. Law from {day_words(found.since)}{until}.{earlier}{detriment}"


def _shielding(document: SharingProtocol) -> str:
    functions = either(_title(document, function) for function in document.shielding.location_seen_by)
    revealing = "; ".join(a.title for a in document.attributes if a.location_revealing)
    return (
        "**Shielded people.** Of a person whose place is protected, and of everybody who lives with them, nobody but the "
        f"{functions} is told what would give the place away: {revealing}."
    )


def _title(document: SharingProtocol, function: RoleFunction) -> str:
    return next(item.title for item in document.functions if item.id == function)


def _grants(document: SharingProtocol) -> Iterator[str]:
    for party in document.parties:
        yield f"### {capital(party.name)}"
        for grant in document.grants:
            if grant.agency == party.id:
                yield f"- **{grant.id}.** {capital(sentence_of_grant(document, grant))}"


def _consent(document: SharingProtocol) -> Iterator[str]:
    rules = document.consents
    titles = {attribute.id: attribute.title for attribute in document.attributes}
    yield (
        f"Consent is asked for by the {either(_title(document, function) for function in rules.asked_by)}, and only where it decides "
        f"something. It lasts {rules.lasts_days} days at most and ends at a child's sixteenth and eighteenth birthday. Everybody "
        "consents for themselves; for a child who is not competent, a holder of parental responsibility does, and two who disagree "
        "make a dispute, which releases nothing. Withdrawal counts from the next decision on. A refusal does not stop what a duty "
        "requires, but it is shown to whoever decides."
    )
    for scope in rules.scopes:
        yield f"- **{scope.title}:** {'; '.join(titles[attribute] for attribute in scope.attributes)}."


def _break_glass(document: SharingProtocol) -> str:
    rules = document.break_glass
    functions = either(_title(document, function) for function in rules.functions)
    rota = either(_title(document, function) for function in rules.on_a_rota) if rules.on_a_rota else ""
    stands_in = f" For the {rota}, who works on a rota, it stands in for being on the case." if rota else ""
    reasons = either(reason.lower().replace("_", " ") for reason in rules.reasons)
    return (
        f"The {functions} can break the glass for {reasons}, with a written reason and the manager's name. It lasts {rules.hours} hours, "
        "opens the rules marked for emergencies whatever the function and open stage, and opens nothing else: no prohibition, hold, "
        f"silence or shield gives way.{stands_in} The agency's privacy officer and the data protection officer are told at once, and "
        f"somebody decides within {rules.review_working_days} working days whether it was right."
    )


def _freshness(document: SharingProtocol) -> Iterator[str]:
    titles = {attribute.id: attribute.title for attribute in document.attributes}
    names = {party.id: party.name for party in document.parties}
    for item in document.freshness:
        more = "".join(f"; {titles[name]}: {days} days" for name, days in item.exceptions.items())
        yield (
            f"- **{capital(names[item.id])}:** nothing from a submission older than {item.source_days} days; a value older than "
            f"{item.value_days} days is marked as stale{more}."
        )


def _retention(document: SharingProtocol) -> Iterator[str]:
    kept = document.retention
    yield f"- Encodings that are linked to nobody: {kept.unlinked_days} days."
    yield f"- Links after a case closes: {kept.links_after_close_days} days."
    yield f"- A profile in the Workbook's cache: {kept.profile_cache_hours} hours."
    yield f"- What decisions depended on, for rehearsal: {kept.decision_inputs_days} days."
    yield f"- The audit log: {kept.audit_years} years."


def _linking(document: SharingProtocol) -> Iterator[str]:
    encoding, matching = document.encoding, document.matching
    names = ", ".join(f"`{clk.id}` by `{clk.schema_file}` (SHA-256 `{clk.schema_sha256}`)" for clk in encoding.clks)
    yield (
        f"- Encodings: {names}; standardisation {encoding.standardisation}; hardening `{encoding.hardening.profile}` "
        f"(t = {encoding.hardening.t}, {encoding.hardening.length} bits). They are pseudonymised personal data."
    )
    for item in encoding.comparators:
        fields = " and ".join(name.replace("_", " ") for name in item.fields)
        yield (
            f"- Keyed comparator `{item.id}`: {item.bits} bits of a keyed hash of {fields}, sent beside each encoding. Two records show "
            "whether they agree, and nothing else."
        )
    yield (
        f"- A link is `certain` from a probability of {matching.certain} and goes to a person for review from {matching.probable}; it stays "
        f"down to {matching.stay_certain} and {matching.stay_probable}."
    )
    yield f"- Never evidence: {', '.join(kind.replace('-', ' ') for kind in matching.weak_evidence)}."


def _attacked(document: SharingProtocol) -> Iterator[str]:
    gate = document.attack_gate
    tests = "each test that can" if gate.blocking is None else ", ".join(gate.blocking)
    yield (
        "Each agency attacks its own encodings and signs the report. A submission is not made without a report of the last "
        f"{gate.fresh_days} days, about at least {gate.least_rows:,} encodings or all that there are, or if {tests} fails in it, unless somebody "
        "answers for it with a reason that every party's data protection officer reads."
    )
    if gate.lines:
        told = {name: field.description for name, field in AttackCutOffs.model_fields.items()}
        yield "\n".join(
            [
                "| what an attacker gets | warning above | fails above |",
                "|---|---:|---:|",
                *(f"| {told[name]} | {cut.warn:g} | {cut.fail:g} |" for name, cut in gate.lines.items()),
            ]
        )


def _calendar(document: SharingProtocol) -> Iterator[tuple[date, str]]:
    for day, group in groupby(expiries(document), key=lambda item: item[0]):
        items = [what for _, what in group]
        reviews = [what for what in items if what.startswith("review of ")]
        if len(reviews) > 3:
            items = [what for what in items if what not in reviews] + [f"review of {len(reviews)} rules"]
        yield day, ", ".join(items)


def _orphans(document: SharingProtocol) -> Iterator[str]:
    found = orphans(document)
    if found:
        yield "## Catalogued, but told to nobody"
        yield from (f"- `{name}`" for name in found)
