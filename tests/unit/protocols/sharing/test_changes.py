"""Between versions: what changed, what it would have changed, and what may not change."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.resources import PROTOCOL_FILE
from protocols.decision import ChildTie, Facts, Request
from protocols.decision_index import compile_protocol
from protocols.decision_inputs import Remembered, pack, read_lines, unpack
from protocols.diff import ChangeKind, changes, effect
from protocols.document import SharingProtocol
from protocols.document_rules import Grant
from protocols.errors import InputError
from protocols.load import LoadedProtocol
from protocols.personas import Persona, check_personas, load_personas
from protocols.rehearsal import LinkEffect, rehearse
from protocols.vocabulary import BasisType, Contact, Grade, Kind, Mode, Purpose, Relationship, RoleFunction, Stage

PERSONAS = PROTOCOL_FILE.with_name("personas.yaml")
Edit = Callable[[Grant], Grant]


@pytest.fixture(scope="module")
def personas() -> tuple[Persona, ...]:
    """The shipped golden personas."""
    return load_personas(PERSONAS)


def edited(document: SharingProtocol, rule: str, **changes_: Any) -> SharingProtocol:
    """The document with one grant changed."""
    grants = tuple(g.model_copy(update=changes_) if g.id == rule else g for g in document.grants)
    return document.model_copy(update={"grants": grants, "version": document.version + 1})


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"to": (RoleFunction.SOCIAL_WORKER,)}, ChangeKind.NARROWED),
        ({"stages": (Stage.CIN, Stage.S47, Stage.CP, Stage.PLO, Stage.CARE)}, ChangeKind.WIDENED),
        ({"stages": (Stage.CP, Stage.PLO, Stage.CARE)}, ChangeKind.NARROWED),
        ({"stages": (Stage.CIN,)}, ChangeKind.CHANGED),
        ({"own_client": True}, ChangeKind.NARROWED),
        ({"break_glass": True}, ChangeKind.WIDENED),
        ({"about": ("parental-adults",)}, ChangeKind.WIDENED),
        ({"basis": "agreement"}, ChangeKind.NARROWED),
        ({"basis": "ca-powers"}, ChangeKind.CHANGED),
        ({"purposes": tuple(Purpose)}, ChangeKind.WIDENED),
        ({"attributes": ("recovery.episode", "recovery.last_screen")}, ChangeKind.WIDENED),
        ({"until": datetime(2027, 1, 1, tzinfo=UTC).date()}, ChangeKind.NARROWED),
        ({"reason": "Another reason"}, ChangeKind.CHANGED),
    ],
)
def test_a_changed_grant_says_whether_it_widens_or_narrows(
    loaded: LoadedProtocol, change: dict[str, Any], kind: ChangeKind
) -> None:
    found = changes(loaded.document, edited(loaded.document, "recovery-episode", **change))
    rules = [item for item in found if item.part == "grant"]
    assert [(item.id, item.kind) for item in rules] == [("recovery-episode", kind)]
    assert rules[0].before.startswith("Hertfordshire Recovery Service may tell")
    assert str(rules[0]).startswith(f"{kind.capitalize()} grant `recovery-episode`: ")


def test_nothing_changed(loaded: LoadedProtocol) -> None:
    assert changes(loaded.document, loaded.document) == ()
    assert effect(loaded.document, loaded.document) == ((), ())


def test_added_and_removed_rules_and_settings(loaded: LoadedProtocol) -> None:
    old = loaded.document
    new = old.model_copy(
        update={
            "grants": old.grants[1:],
            "prohibitions": old.prohibitions[:-1],
            "never_release": (
                *old.never_release[:-1],
                old.never_release[-1].model_copy(update={"words": ("referrer",)}),
            ),
            "retention": old.retention.model_copy(update={"unlinked_days": 14}),
            "freshness": old.freshness[:-1],
        }
    )
    found = {(item.part, item.id, item.kind) for item in changes(old, new)}
    assert ("grant", "csc-existence", ChangeKind.REMOVED) in found
    assert ("prohibition", "court-material-stays", ChangeKind.REMOVED) in found
    assert ("never-release item", "N6", ChangeKind.CHANGED) in found
    assert ("setting", "retention.unlinked_days", ChangeKind.CHANGED) in found
    assert ("setting", "freshness[camhs].source_days", ChangeKind.REMOVED) in found
    back = {(item.part, item.id, item.kind) for item in changes(new, old)}
    assert ("grant", "csc-existence", ChangeKind.ADDED) in back


def test_the_effect_counts_what_is_told_to_whom_at_which_stage(loaded: LoadedProtocol) -> None:
    new = edited(
        loaded.document, "recovery-episode", to=(RoleFunction.SOCIAL_WORKER, RoleFunction.FAMILY_SUPPORT_WORKER)
    )
    added, removed = effect(loaded.document, new)
    assert {(item.function, item.stage) for item in added} == {
        (RoleFunction.FAMILY_SUPPORT_WORKER, stage) for stage in (Stage.S47, Stage.CP, Stage.PLO, Stage.CARE)
    }
    assert len(removed) == 8
    by_consent, _ = effect(loaded.document, edited(loaded.document, "recovery-episode", basis="agreement"))
    assert {item.condition for item in by_consent} == {"by consent"}


def remembered(subject: str = "s-1", open_case: bool = True, **more: Any) -> Remembered:
    """A family support worker who asked for attendance at Family Help."""
    request = Request(
        more.pop("role_function", RoleFunction.FAMILY_SUPPORT_WORKER),
        Purpose.FAMILY_SUPPORT,
        True,
        False,
        "recovery",
        more.pop("mode", Mode.CONTENT),
        more.pop("attribute", "recovery.attendance_90d"),
        datetime(2026, 11, 2, 9, 0, tzinfo=UTC),
    )
    facts = {"kind": Kind.ADULT, "children": (ChildTie(Stage.CIN, Relationship.PARENT, Contact.LIVES_WITH),)}
    return Remembered(subject, open_case, request, Facts(**{**facts, "grade": Grade.CERTAIN, **more}))


def test_a_rehearsal_counts_what_would_change_and_for_how_many(
    loaded: LoadedProtocol, personas: tuple[Persona, ...]
) -> None:
    grant = next(g for g in loaded.document.grants if g.id == "recovery-attendance")
    draft = edited(loaded.document, grant.id, to=(*grant.to, RoleFunction.FAMILY_SUPPORT_WORKER), basis="ca-powers")
    asked = [remembered("s-1"), remembered("s-1"), remembered("s-2"), remembered("s-3", grade=None)]
    report = rehearse(asked, personas, loaded.compiled, compile_protocol(draft, "d" * 64))
    assert [(c.what, c.function, c.stage, c.count) for c in report.added] == [
        ("recovery.attendance_90d", "family-support-worker", "CIN", 3)
    ]
    assert (report.questions, report.unchanged, report.adults, report.children, report.outside) == (4, 1, 2, 0, 0)
    assert report.removed == ()
    salted = [report.model_copy(update={"salt": salt}).digest for salt in ("", "a" * 32, "b" * 32)]
    assert len({report.digest, *salted}) == 3
    unsalted = json.dumps(report.model_dump(mode="json", exclude={"salt"}), sort_keys=True, separators=(",", ":"))
    assert report.digest == hashlib.sha256(unsalted.encode()).hexdigest(), "a report of before keeps its digest"
    back = rehearse(asked, (), compile_protocol(draft, "d" * 64), loaded.compiled)
    assert [(c.stage, c.count) for c in back.removed] == [("CIN", 3)]


def test_a_draft_that_would_touch_anybody_outside_an_open_case_fails(
    loaded: LoadedProtocol, personas: tuple[Persona, ...]
) -> None:
    outside = [remembered("s-9", open_case=False, attribute="recovery.key_worker", mode=Mode.CONTACT)]
    report = rehearse(outside, personas, loaded.compiled, loaded.compiled)
    assert (report.outside, report.passes) == (0, True)
    worker = [
        remembered("s-9", False, attribute=None, mode=Mode.EXISTENCE, role_function=RoleFunction.SOCIAL_WORKER),
    ]
    draft = edited(loaded.document, "recovery-existence", purposes=tuple(Purpose))
    report = rehearse(worker, personas, loaded.compiled, compile_protocol(draft, "d" * 64))
    assert (report.outside, report.passes) == (1, False)


def test_what_only_the_draft_catalogues_is_rehearsed_too(loaded: LoadedProtocol) -> None:
    old = loaded.document
    without = old.model_copy(
        update={"attributes": tuple(a for a in old.attributes if a.id != "recovery.parental_status")}
    )
    grants = tuple(
        g.model_copy(update={"attributes": tuple(a for a in g.attributes if a != "recovery.parental_status")})
        for g in old.grants
    )
    live = compile_protocol(without.model_copy(update={"grants": grants}), "e" * 64)
    tie = (ChildTie(Stage.S47, Relationship.PARENT, Contact.LIVES_WITH),)
    asked = remembered(attribute=None, mode=Mode.EXISTENCE, role_function=RoleFunction.SOCIAL_WORKER, children=tie)
    asked = Remembered("s-1", True, _for_safeguarding(asked.request), asked.facts)
    report = rehearse([asked], (), live, loaded.compiled)
    assert [(c.what, c.count) for c in report.added] == [("recovery.parental_status", 1)]


def _for_safeguarding(request: Request) -> Request:
    return replace(request, purpose=Purpose.SAFEGUARDING)


def test_the_shipped_protocol_treats_every_persona_as_agreed(
    loaded: LoadedProtocol, personas: tuple[Persona, ...]
) -> None:
    assert check_personas(personas, loaded.compiled) == ()
    assert len(personas) >= 15


@pytest.mark.parametrize(
    ("rule", "change", "persona"),
    [
        ("recovery-episode", {"to": (RoleFunction.TEAM_MANAGER,)}, "expectant-mother-in-treatment"),
        ("health-practice", {"to": (RoleFunction.DA_PERPETRATOR_OFFICER,)}, "victim-in-refuge"),
        ("mh-care", {"basis": "s16la"}, "mother-who-refuses-then-an-enquiry"),
        ("police-existence", {"about": ("grandparents",)}, "grandparent-elsewhere"),
    ],
)
def test_a_draft_that_treats_a_persona_otherwise_fails(
    loaded: LoadedProtocol, personas: tuple[Persona, ...], rule: str, change: dict[str, Any], persona: str
) -> None:
    draft = edited(loaded.document, rule, **change)
    line = next(p for p in draft.people if p.id == "other-adults-in-the-home")
    wider = line.model_copy(
        update={"id": "grandparents", "contact": tuple(Contact), "relationships": tuple(Relationship)}
    )
    draft = draft.model_copy(update={"people": (*draft.people, wider)})
    if rule == "health-practice":
        draft = draft.model_copy(update={"prohibitions": ()})
    report = rehearse([], personas, loaded.compiled, compile_protocol(draft, "d" * 64))
    assert not report.passes
    assert any(failure.startswith(f"`{persona}`") for failure in report.failed_personas)


def test_a_report_without_personas_does_not_pass(loaded: LoadedProtocol) -> None:
    assert not rehearse([], (), loaded.compiled, loaded.compiled).passes


def test_a_reports_digest_names_all_that_it_says(loaded: LoadedProtocol, personas: tuple[Persona, ...]) -> None:
    plain = rehearse([], personas, loaded.compiled, loaded.compiled)
    links = LinkEffect(gained=1, lost=0, review_before=2, review_after=3)
    assert re.fullmatch(r"[0-9a-f]{64}", plain.digest)
    assert rehearse([], personas, loaded.compiled, loaded.compiled, links).digest != plain.digest


def test_personas_that_are_malformed(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("- {id: a, story: b, on: '2026-11-16', kind: NOBODY, children: [], asked: []}\n")
    with pytest.raises(InputError, match=r"`p\.yaml`: `0\.kind`"):
        load_personas(tmp_path / "p.yaml")


def test_decision_inputs_come_back(loaded: LoadedProtocol) -> None:
    item = remembered(
        held=True,
        stopped=True,
        stage_fresh=False,
        children=(ChildTie(Stage.PLO, Relationship.PARENT, Contact.LIVES_WITH, expecting=True), ChildTie(Stage.CP)),
    )
    line = json.dumps(pack(item))
    assert list(read_lines([line, "", line])) == [item, item]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"function": "spy"}, "a value that it cannot have"),
        ({"allocated": 1}, "a value that it cannot have"),
        ({"flags": ["asleep"]}, "a value that it cannot have"),
        ({"not_fresh": ["bread"]}, "a value that it cannot have"),
        ({"at": "2026-11-02T09:00:00"}, "a value that it cannot have"),
        ({"children": [["CP"]]}, "a value that it cannot have"),
        ({"subject": None}, "a value that it cannot have"),
        ({"kind": ...}, "`kind` is missing"),
    ],
)
def test_malformed_inputs(change: dict[str, Any], says: str) -> None:
    data = {key: value for key, value in {**pack(remembered()), **change}.items() if value is not ...}
    with pytest.raises(InputError, match=says):
        unpack(data)


@pytest.mark.parametrize("line", ["{", "[]", "1", '"x"'])
def test_lines_that_are_no_inputs(line: str) -> None:
    with pytest.raises(InputError, match="line 2"):
        list(read_lines(["", line]))


def test_consent_bases_are_known(loaded: LoadedProtocol) -> None:
    """`by consent` in an effect rests on the type of the basis, so the shipped one must have it."""
    assert {basis.id for basis in loaded.document.bases if basis.type is BasisType.CONSENT} == {"agreement"}
