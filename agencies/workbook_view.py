"""A profile on a terminal, in the words of a person: who, which agency, what it says, how sure, how old, and why it may be seen."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from agencies.workbook import OpenedAgency, OpenedMember, OpenedProfile, OpenedValue
from protocols.profile_answer import NOT_PROOF, STATE_WORDS, Freshness
from protocols.vocabulary import Assertion, Kind, Role, Stage, State

_ROLES = {
    Role.MOTHER: "mother",
    Role.FATHER: "father",
    Role.PARTNER: "partner",
    Role.CARER: "carer",
    Role.SIBLING: "sibling",
    Role.CHILD: "child",
    Role.UNBORN: "unborn child",
    Role.OTHER_ADULT: "other adult",
}
_STAGES = {
    Stage.FAMILY_HELP: "Family Help",
    Stage.CIN: "child in need plan",
    Stage.S47: "section 47 enquiry",
    Stage.CP: "child protection plan",
    Stage.PLO: "pre-proceedings",
    Stage.CARE: "care proceedings",
    Stage.CLOSED: "closed",
}
_BADGES = {
    Assertion.FACT: "FACT",
    Assertion.ALLEGATION: "ALLEGATION",
    Assertion.OPINION: "OPINION",
    Assertion.SELF_REPORT: "SELF-REPORT",
}
_CLEAR = frozenset({"count", "contact", "date", "decided", "factors"})
_SHORTEST_WORD = 3
_ABBREVIATIONS = frozenset({"CMHT", "CRHT", "DAPN", "DAPO", "LCPP", "MHTR"})
_SHORT = {"12m": "12 months", "6m": "6 months", "90d": "90 days", "edd": "expected date", "ods": "ODS", "urn": "URN"}


def print_profile(profile: OpenedProfile, console: Console, *, rules: bool = False) -> None:
    """Print it: one family, member by member, agency by agency; with `rules`, every rule that released something, in full."""
    answer = profile.answer
    console.print(
        f"[bold]{escape(answer.family_ref)}[/] · asked by {escape(profile.worker)} as {_words(answer.role_function.value)}"
    )
    console.print(
        f"[dim]for {_words(answer.purpose.value)}, on {answer.asked_at:%d %b %Y at %H:%M} UTC, under {escape(answer.protocol_id)} "
        f"version {answer.protocol_version}; good until {answer.valid_until:%d %b %H:%M} UTC[/]"
    )
    if answer.break_glass:
        console.print("[bold]Emergency access.[/] It will be reviewed, and the agencies are told.")
    console.print(f"[bold]{escape(answer.notice or NOT_PROOF)}[/]")
    for member in profile.members:
        _print_member(member, console)
    _print_desks(profile, console)
    if rules:
        console.print("\n[bold underline]Why you can see this[/]")
        _print_rules(profile, console)


def profile_json(profile: OpenedProfile) -> str:
    """The opened profile for programs. It holds names and values: for the Workbook's own use."""
    return json.dumps(
        {
            "family_ref": profile.answer.family_ref,
            "asked_at": profile.answer.asked_at.isoformat(),
            "valid_until": profile.answer.valid_until.isoformat(),
            "protocol": {"id": profile.answer.protocol_id, "version": profile.answer.protocol_version},
            "worker": profile.worker,
            "role_function": profile.answer.role_function.value,
            "purpose": profile.answer.purpose.value,
            "break_glass": profile.answer.break_glass,
            "notice": profile.answer.notice,
            "members": [_member_json(member) for member in profile.members],
        },
        indent=2,
        ensure_ascii=False,
    )


def _print_member(member: OpenedMember, console: Console) -> None:
    answer = member.answer
    name = member.name or ("Unborn child" if answer.kind is Kind.UNBORN else f"Member {answer.record_ref[:8]}")
    facts = [_ROLES[answer.role]] if member.name or answer.kind is not Kind.UNBORN else []
    if member.born:
        facts.append(f"born {_day(member.born)}")
    if answer.stage:
        facts.append(_STAGES[answer.stage])
    console.print(f"\n[bold underline]{escape(name)}[/]{'  ' + ', '.join(facts) if facts else ''}")
    for agency in member.agencies:
        if agency.answer.state is State.RELEASED:
            _print_released(agency, console)
    _print_others(member.agencies, console)


def _print_released(agency: OpenedAgency, console: Console) -> None:
    answer = agency.answer
    _print(console, 2, f"[bold]Known to {escape(answer.name)}.[/] [dim]Ask: {_desk(agency)}[/]")
    for value in agency.values:
        if value.value is not None:
            _print_value(value, console)
    nothing = [value for value in agency.values if value.value is None]
    if nothing:
        oldest = min(value.as_at for value in nothing)
        titles = "; ".join(value.released.title for value in nothing)
        _print(console, 4, f"None recorded: {escape(titles)} [dim](as at {_day(oldest)})[/]")
    if answer.refused:
        listed = ", ".join(map(_attribute, answer.refused))
        _print(console, 4, f"Refused to share: {escape(listed)}. Shown because a duty applies; do not ask again.")
    if answer.consent_needed:
        _print(console, 4, "More could be shown with this person's consent.")
    by_law: dict[str, list[str]] = {}
    for value in agency.values:
        rules = by_law.setdefault(_statute(value.released.basis), [])
        if value.released.rule not in rules:
            rules.append(value.released.rule)
    for statute, rules in by_law.items():
        _print(console, 4, f"[dim]Why can I see this? {escape(statute)}: {escape(', '.join(rules))}.[/]")


def _statute(basis: str) -> str:
    return basis.split(";")[0]


def _print_rules(profile: OpenedProfile, console: Console) -> None:
    """Every rule that released something, once, in full."""
    values = [value.released for member in profile.members for agency in member.agencies for value in agency.values]
    for rule, value in sorted({value.rule: value for value in values}.items()):
        because = "" if value.basis in value.sentence else f" Basis: {value.basis}."
        _print(console, 0, f"[bold]{escape(rule)}[/] {escape(value.sentence + because)}")


def _print_others(agencies: tuple[OpenedAgency, ...], console: Console) -> None:
    """Agencies that show nothing, those of one state together."""
    by_words: dict[tuple[State, str], list[OpenedAgency]] = {}
    for agency in agencies:
        if agency.answer.state is not State.RELEASED:
            words = agency.answer.words or STATE_WORDS[agency.answer.state]
            by_words.setdefault((agency.answer.state, words), []).append(agency)
    for (_, words), held in by_words.items():
        names = "; ".join(escape(each.answer.name) for each in held)
        _print(console, 2, f"[bold]{names}:[/] {escape(words)}")
        for each in held:
            if each.answer.refused:
                listed = ", ".join(map(_attribute, each.answer.refused))
                _print(console, 4, f"{escape(each.answer.name)}: refused to share {escape(listed)}; do not ask again.")


def _print_desks(profile: OpenedProfile, console: Console) -> None:
    """Whom to ask at each agency that takes part, whatever it shows."""
    desks = {
        each.answer.name: _desk(each)
        for member in profile.members
        for each in member.agencies
        if each.answer.state is not State.AGENCY_NOT_PARTICIPATING
    }
    console.print("\n[bold underline]Whom to ask[/]")
    for name, desk in desks.items():
        _print(console, 2, f"{escape(name)}: {desk}")


def _print_value(value: OpenedValue, console: Console) -> None:
    released = value.released
    title = released.title[:1].upper() + released.title[1:]
    marks = [f"as at {_day(value.as_at)}"]
    if value.freshness is Freshness.STALE:
        marks.append("OLD: check with the agency")
    if released.court_derived:
        marks.append("from court papers: do not pass on")
    if released.break_glass:
        marks.append("emergency access")
    text = said(value.value or {})
    badge = _BADGES[released.assertion]
    _print(console, 4, f"[reverse] {badge} [/] {escape(title)}: [bold]{escape(text)}[/] [dim]({'; '.join(marks)})[/]")


def _print(console: Console, indent: int, text: str) -> None:
    console.print(Padding(text, (0, 0, 0, indent)))


def said(value: Mapping[str, Any]) -> str:
    """A value in words: its fields in the catalogue's order; a field's name where the value alone would not be clear."""
    return ", ".join(
        _field(each)
        if name in _CLEAR or (isinstance(each, str) and not _is_date(each))
        else f"{_label(name)} {_field(each)}"
        for name, each in value.items()
    )


def _field(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(str(part) for part in value.values())
    if isinstance(value, list):
        return " and ".join(str(part) for part in value)
    if isinstance(value, str):
        return _day(date.fromisoformat(value)) if _is_date(value) else _code(value)
    return str(value)


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None


def _code(text: str) -> str:
    """A code in small letters, unless it is an abbreviation that people say letter by letter."""
    if not re.fullmatch(r"[A-Z]+(?:_[A-Z]+)*", text) or len(text) <= _SHORTEST_WORD or text in _ABBREVIATIONS:
        return text
    return _words(text)


def _label(name: str) -> str:
    return " ".join(_SHORT.get(part, part) for part in name.split("_"))


def _attribute(name: str) -> str:
    return _label(name.partition(".")[2])


def _words(text: str) -> str:
    return text.replace("-", " ").replace("_", " ").lower()


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _desk(agency: OpenedAgency) -> str:
    desk = agency.answer.desk
    return escape(f"{desk.team}, {desk.phone}")


def _member_json(member: OpenedMember) -> dict[str, Any]:
    return {
        "record_ref": member.answer.record_ref,
        "name": member.name or None,
        "role": member.answer.role.value,
        "kind": member.answer.kind.value,
        "stage": member.answer.stage.value if member.answer.stage else None,
        "agencies": [
            {
                "agency": each.answer.agency,
                "name": each.answer.name,
                "state": each.answer.state.value,
                "words": each.answer.words,
                "desk": each.answer.desk.model_dump(),
                "decision_id": each.answer.decision_id,
                "consent_needed": each.answer.consent_needed,
                "refused": list(each.answer.refused),
                "values": [
                    {
                        "attribute": value.released.attribute,
                        "value": value.value,
                        "as_at": value.as_at.isoformat(),
                        "assertion": value.released.assertion.value,
                        "freshness": value.freshness.value,
                        "why": value.released.sentence,
                        "basis": value.released.basis,
                        "rule": value.released.rule,
                        "decision_id": value.released.decision_id,
                        "court_derived": value.released.court_derived,
                    }
                    for value in each.values
                ],
            }
            for each in member.agencies
        ],
    }
