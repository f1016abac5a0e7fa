"""No small fault in the code that decides goes unnoticed: every mutant changes a decision that the tests look at."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from mutants import Mutant, mutants
from protocol_scenes import scene
from protocol_worlds import SHIPPED, asked, asked_of_shipped, protocols

from protocols import consent, decision, decision_index, profile_scene, profile_sheet
from protocols.consent import consent_state
from protocols.decision import Facts, Granted, Request, considered, decide
from protocols.decision_index import CompiledProtocol
from protocols.document import SharingProtocol
from protocols.family import ConsentRecord
from protocols.vocabulary import (
    Capacity,
    ConsentStatus,
    Kind,
    Mode,
    Purpose,
)

pytestmark = pytest.mark.slow
World = tuple[CompiledProtocol, list[tuple[Request, Facts]]]


def worlds() -> list[World]:
    """The shipped protocol and many small ones, with many requests to each.

    The small ones are chance; the shipped one has every kind of rule, so no fault hangs on whether chance made one that shows it.
    """
    found: list[World] = [(SHIPPED.compiled, [asked_of_shipped(seed) for seed in range(1500)])]

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(protocol=protocols())
    def collect(protocol: CompiledProtocol) -> None:
        start = len(found) * 40
        found.append((protocol, [asked(protocol, seed) for seed in range(start, start + 40)]))

    collect()
    return found


def told(made: Any) -> tuple[Any, ...]:
    """A decision by its parts, whichever module made it."""
    if type(made).__name__ == Granted.__name__:
        return (made.rule, made.basis, made.sentence, str(made.stage), made.break_glass)
    return tuple((str(reason.code), reason.rule) for reason in made.reasons)


def survivors(path: Path, notices: Callable[[ModuleType], bool]) -> list[str]:
    """The mutants of a module that nothing notices."""
    return [str(mutant) for mutant in mutants(path) if not _noticed(mutant, notices)]


def _noticed(mutant: Mutant, notices: Callable[[ModuleType], bool]) -> bool:
    try:
        return notices(mutant.module())
    except Exception:
        return True  # a mutant that breaks is noticed


def _file(module: ModuleType) -> Path:
    assert module.__file__ is not None
    return Path(module.__file__)


@pytest.fixture(scope="module")
def everything() -> list[World]:
    """The worlds, made once."""
    return worlds()


def test_the_decision(everything: list[World]) -> None:
    right = [
        (p, r, f, told(decide(r, f, p)), _considered(considered(r, f, p))) for p, some in everything for r, f in some
    ]

    def notices(module: ModuleType) -> bool:
        return any(
            told(module.decide(r, f, p)) != said or _considered(module.considered(r, f, p)) != others
            for p, r, f, said, others in right
        )

    assert survivors(_file(decision), notices) == []


def _considered(found: Iterable[Any]) -> list[Any]:
    return [(item.rule, [(str(reason.code), reason.rule) for reason in item.unmet]) for item in found]


def test_the_index(everything: list[World]) -> None:
    def answers(compile_protocol: Callable[[SharingProtocol, str], Any], world: World) -> list[Any]:
        compiled = compile_protocol(world[0].document, "0" * 64)
        signed = [compiled.purposes_signed_for(a, purpose) for a in ("recovery.episode", "x.y") for purpose in Purpose]
        agencies = {agency: [a.id for a in found] for agency, found in compiled.by_agency.items()}
        kinds = [[a.id for a in compiled.about_kind(agency, kind)] for agency in compiled.by_agency for kind in Kind]
        rest = [kinds, compiled.reachable, compiled.emergency, signed, agencies, compiled.label]
        return [*(told(decide(r, f, compiled)) for r, f in world[1]), *rest]

    right = [(world, answers(decision_index.compile_protocol, world)) for world in everything[:120]]

    def notices(module: ModuleType) -> bool:
        return any(answers(module.compile_protocol, world) != said for world, said in right)

    assert survivors(_file(decision_index), notices) == []


def test_the_profile() -> None:
    cases = [scene(seed) for seed in range(1500)]

    def answers(make: Callable[..., Any], case: Any) -> tuple[Any, ...]:
        parts, about = case
        said = make(*parts).tell(*about)
        released = [(cell.cell.attribute, cell.freshness.value, cell.granted.rule) for cell in said.released]
        made = [(told(item.decision), item.facts) for item in said.decisions]
        return (said.state.value, said.known, said.consent_needed, said.refused, released, made)

    right = [answers(profile_scene.Scene, case) for case in cases]

    def notices(module: ModuleType) -> bool:
        return any(answers(module.Scene, case) != said for case, said in zip(cases, right, strict=True))

    assert survivors(_file(profile_scene), notices) == []


def test_the_sheets() -> None:
    cases = [scene(seed)[0] for seed in range(1500)]
    asked = [(case[4], _asked(case), _declared(case)) for case in cases]
    right = [_sheets(profile_sheet, case) for case in asked]

    def notices(module: ModuleType) -> bool:
        return any(_sheets(module, case) != said for case, said in zip(asked, right, strict=True))

    assert survivors(_file(profile_sheet), notices) == []


def _sheets(module: ModuleType, case: tuple[CompiledProtocol, Request, Facts]) -> list[Any]:
    found = module.sheets(*case)
    return [
        (agency, sheet.exists, sheet.by_duty, sheet.by_consent, [_line(line) for line in sheet.lines], _told(sheet))
        for agency, sheet in found.items()
    ]


def _told(sheet: Any) -> tuple[Any, ...]:
    """What may be told and what is written of it, as the record and the protected place allow."""
    plain, unlocated = ([line.attribute.id for line, _ in told] for told in (sheet.plain, sheet.unlocated))
    return (plain, unlocated, sheet.words.text("", '"a:"', 7), sheet.exists_words.text('"a:"', '"a:","b:"', 7))


def _line(line: Any) -> tuple[Any, ...]:
    return (line.attribute.id, line.ground, line.with_consent, line.fresh_since)


def _asked(case: tuple[Any, ...]) -> Request:
    asker, day = case[0], case[5].date()
    own = "subject-01" in asker.for_refs
    request = Request(asker.role_function, asker.purpose, asker.allocated, own, "", Mode.EXISTENCE, None, case[5])
    return request.on(day)


def _declared(case: tuple[Any, ...]) -> Facts:
    return Facts(case[2].kind, case[2].children, break_glass=case[2].break_glass)


def test_consent() -> None:
    rules = SHIPPED.document.consents
    asked_about = [(*_consents(seed), rules if seed % 2 else None) for seed in range(6000)]
    right = [consent_state(*case) for case in asked_about]

    def notices(module: ModuleType) -> bool:
        return any(
            module.consent_state(*case).value != said.value for case, said in zip(asked_about, right, strict=True)
        )

    found = survivors(_file(consent), notices)
    inside = [name for name in found if int(name.split(":")[0].removeprefix("line ")) < _line_of("def latest_expiry")]
    assert inside == []


def _line_of(text: str) -> int:
    lines = _file(consent).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.startswith(text))


def _consents(seed: int) -> tuple[list[ConsentRecord], Kind, str, tuple[Purpose, ...], datetime]:
    dice = random.Random(seed)
    now = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
    moments = [now + timedelta(hours=hours) for hours in (-365 * 24, -48, -24, -1, 0, 1)]
    records = []
    for _ in range(dice.randrange(4)):
        capacity = dice.choice(tuple(Capacity))
        status = dice.choice((ConsentStatus.GIVEN, *ConsentStatus))
        records.append(
            ConsentRecord(
                subject_ref="subject-01",
                given_by_ref=dice.choice(("holder-001", "holder-002"))
                if capacity is Capacity.PR_HOLDER
                else "subject-01",
                capacity=capacity,
                scope=dice.choice((("a.b",), ("a.b", "a.c"), ("a.c",))),
                purpose=dice.choice((Purpose.SAFEGUARDING, Purpose.SAFEGUARDING, Purpose.FAMILY_SUPPORT)),
                notice_version=dice.choice(("v3", "v3", "v3", "v9")),
                method="online-form",
                status=status,
                given_at=dice.choice(moments),
                expires_at=dice.choice((None, None, *moments)),
                withdrawn_at=dice.choice(moments) if status is ConsentStatus.WITHDRAWN else None,
            )
        )
    return records, dice.choice((Kind.ADULT, Kind.CHILD, Kind.UNBORN)), "a.b", (Purpose.SAFEGUARDING,), now
