"""A decision's inputs as they are kept: all that a decision depended on, and nothing that names a person.

What is kept can be decided again, as of its time and under its own version (`why`), or under a draft
(`rehearsal`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from protocols.consent import ConsentState
from protocols.decision import ChildTie, Facts, Request
from protocols.errors import InputError
from protocols.vocabulary import Contact, Grade, Kind, Mode, Purpose, Relationship, RoleFunction, Stage

FLAGS: Final = ("held", "silent", "shielded", "deceased", "break_glass", "stopped")
FRESH: Final = ("protocol_fresh", "stage_fresh", "role_fresh")


@dataclass(frozen=True, slots=True)
class Remembered:
    """One question that was really asked: about whom (a pseudonym), whether in an open case, what, and what
    was so.
    """

    subject: str
    open_case: bool
    request: Request
    facts: Facts


def pack(item: Remembered) -> dict[str, Any]:
    """The inputs as JSON data. Flags that do not stand are left out."""
    request = item.request
    return {
        "subject": item.subject,
        "open_case": item.open_case,
        **pack_asking(request),
        "agency": request.agency,
        "mode": request.mode.value,
        "attribute": request.attribute,
        **pack_facts(item.facts),
    }


def pack_asking(request: Request) -> dict[str, Any]:
    """Who asks, what for and when: what all decisions of one answer about one member share."""
    return {
        "at": request.at.isoformat(),
        "function": request.role_function.value,
        "purpose": request.purpose.value,
        "allocated": request.allocated,
        "own_client": request.own_client,
    }


def pack_facts(facts: Facts) -> dict[str, Any]:
    """Everything that was so about the person, the link and the moment."""
    return {
        "kind": facts.kind.value,
        "children": [_pack_tie(tie) for tie in facts.children],
        "grade": facts.grade.value if facts.grade else None,
        "consent": facts.consent.value,
        "flags": [name for name in FLAGS if getattr(facts, name)],
        "not_fresh": [name for name in FRESH if not getattr(facts, name)],
    }


def write_facts(facts: Facts, children: str) -> str:
    """`pack_facts` as JSON text, without building it first; `children` is what `write_children` made of the facts' children."""
    flags = ",".join([f'"{name}"' for name in FLAGS if getattr(facts, name)])
    not_fresh = ",".join([f'"{name}"' for name in FRESH if not getattr(facts, name)])
    grade = f'"{facts.grade}"' if facts.grade else "null"
    return (
        f'{{"kind":"{facts.kind}","children":{children},"grade":{grade},"consent":"{facts.consent}",'
        f'"flags":[{flags}],"not_fresh":[{not_fresh}]}}'
    )


def write_children(children: Iterable[ChildTie]) -> str:
    """The children through whom a person counts, as JSON text."""
    return json.dumps([_pack_tie(tie) for tie in children], separators=(",", ":"))


def unpack(data: Any) -> Remembered:
    """The inputs from JSON data. Raises `InputError` that names the field."""
    try:
        request = Request(
            role_function=RoleFunction(data["function"]),
            purpose=Purpose(data["purpose"]),
            allocated=_flag(data["allocated"]),
            own_client=_flag(data["own_client"]),
            agency=_text(data["agency"]),
            mode=Mode(data["mode"]),
            attribute=None if data["attribute"] is None else _text(data["attribute"]),
            at=_time(data["at"]),
        )
        flags, not_fresh = set(data["flags"]), set(data["not_fresh"])
        if not flags <= set(FLAGS) or not not_fresh <= set(FRESH):
            raise ValueError("flags")
        facts = Facts(
            kind=Kind(data["kind"]),
            children=tuple(_tie(tie) for tie in data["children"]),
            grade=Grade(data["grade"]) if data["grade"] is not None else None,
            consent=ConsentState(data["consent"]),
            **{name: name in flags for name in FLAGS},
            **{name: name not in not_fresh for name in FRESH},
        )
        return Remembered(_text(data["subject"]), _flag(data["open_case"]), request, facts)
    except KeyError as error:
        raise _malformed(f"`{error.args[0]}` is missing") from None
    except (ValueError, TypeError, IndexError, AttributeError):
        raise _malformed("a field has a value that it cannot have") from None


def read_lines(lines: Iterable[str]) -> Iterator[Remembered]:
    """Inputs from JSON lines. Raises `InputError` with the line's number."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield unpack(json.loads(line))
        except (json.JSONDecodeError, RecursionError):
            raise _malformed(f"line {number} is not JSON") from None
        except InputError as error:
            raise _malformed(f"line {number}: {error.what}") from None


def _pack_tie(tie: ChildTie) -> list[Any]:
    return [
        tie.stage.value,
        tie.relationship.value if tie.relationship else None,
        tie.contact.value if tie.contact else None,
        tie.expecting,
    ]


def _tie(data: Any) -> ChildTie:
    stage, relationship, contact, expecting = data
    return ChildTie(
        Stage(stage),
        Relationship(relationship) if relationship is not None else None,
        Contact(contact) if contact is not None else None,
        _flag(expecting),
    )


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _time(value: Any) -> datetime:
    at = datetime.fromisoformat(_text(value))
    if at.tzinfo is None:
        raise ValueError
    return at


def _malformed(what: str) -> InputError:
    return InputError(f"Kept decision inputs are malformed: {what}.", next_step="Export them again from the service.")
