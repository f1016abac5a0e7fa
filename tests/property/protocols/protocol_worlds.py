"""Small sharing protocols and requests at random: everything that a decision can depend on, in a world small enough to meet often."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from protocols.consent import ConsentState
from protocols.decision import ChildTie, Facts, Request
from protocols.decision_index import CompiledProtocol, compile_protocol
from protocols.document import SharingProtocol
from protocols.document_catalogue import Attribute, Subject
from protocols.document_checks_reach import check_reach
from protocols.document_rules import Basis, Grant, NeverRelease, People, Prohibition
from protocols.load import load_protocol
from protocols.vocabulary import (
    Assertion,
    BasisType,
    Contact,
    Grade,
    Kind,
    Mode,
    PartyClass,
    Purpose,
    Relationship,
    RoleFunction,
    Sensitivity,
    Stage,
)

SHIPPED = load_protocol(Path(__file__).parents[3] / "config" / "protocols" / "hertfordshire.yaml")
DAYS = (date(2026, 3, 15), date(2026, 3, 16), date(2026, 9, 29), date(2026, 9, 30), date(2027, 1, 1), date(2027, 1, 2))
AGENCIES = ("police", "recovery")
FUNCTIONS = (
    RoleFunction.SOCIAL_WORKER,
    RoleFunction.DA_PERPETRATOR_OFFICER,
    RoleFunction.RECOVERY_WORKER,
    RoleFunction.EMERGENCY_DUTY,
)
RELATIONSHIPS = (Relationship.PARENT, Relationship.GRANDPARENT)
CONTACTS = (Contact.LIVES_WITH, Contact.PROHIBITED)
STAGES = (Stage.FAMILY_HELP, Stage.CIN, Stage.S47, Stage.CP, Stage.CLOSED)
ASKED = (
    ("police", "police.count", Mode.CONTENT),
    ("police", "police.place", Mode.CONTENT),
    ("police", "police.desk", Mode.CONTACT),
    ("police", None, Mode.EXISTENCE),
    ("police", None, Mode.REVIEW),
    ("recovery", "recovery.episode", Mode.CONTENT),
    ("recovery", "recovery.hiv_status", Mode.CONTENT),
    ("recovery", None, Mode.EXISTENCE),
    ("recovery", None, Mode.REVIEW),
    ("recovery", "police.count", Mode.CONTENT),
    ("police", "police.count", Mode.CONTACT),
    ("police", "police.diagnosis", Mode.CONTENT),
    ("nobody", "nobody.knows", Mode.CONTENT),
    ("nobody", None, Mode.EXISTENCE),
)
ATTRIBUTES = tuple(
    Attribute(
        id=name,
        agency=agency,
        title=name.replace(".", " "),
        about=Subject.ANY,
        sensitivity=s,
        assertion=Assertion.FACT,
        fields=f,
        **more,
    )
    for name, agency, s, f, more in (
        ("police.count", "police", Sensitivity.S3, {"count": "int"}, {}),
        ("police.place", "police", Sensitivity.S1, {"date": "date"}, {"location_revealing": True}),
        ("police.desk", "police", Sensitivity.S1, {"contact": "contact"}, {"mode": Mode.CONTACT}),
        ("recovery.episode", "recovery", Sensitivity.S2, {"date": "date"}, {"court_derived": True}),
        ("recovery.hiv_status", "recovery", Sensitivity.S2, {"on": "flag"}, {}),
    )
)


EARLY = st.sampled_from((*DAYS[:1] * 6, *DAYS[:4]))


def end_after(since: date) -> st.SearchStrategy[date | None]:
    """Mostly no end; else one of the days from `since` on."""
    return st.sampled_from((*[None] * 6, *(day for day in DAYS if day >= since)))


def some(values: Any, least: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    """A subset in a fixed order, as a tuple."""
    return st.sets(st.sampled_from(values), min_size=least).map(lambda got: tuple(v for v in values if v in got))


@st.composite
def bases(draw: st.DrawFn) -> tuple[Basis, ...]:
    """Two or three bases, some of which serve before others begin, some by consent."""
    made = []
    for i, name in enumerate(("one", "two", "three")):
        since = draw(EARLY)
        made.append(
            Basis.model_validate(
                {
                    "id": name,
                    "title": name,
                    "type": draw(st.sampled_from((BasisType.STATUTORY_DUTY, BasisType.CONSENT))),
                    "statute": "an Act",
                    "art6": "6(1)(e)",
                    "party_classes": tuple(PartyClass),
                    "jurisdiction": "England",
                    "from": since,
                    "until": draw(end_after(since)),
                    "before": draw(st.sampled_from((None, "one", "two", "three"))) if i < 2 else None,
                }
            )
        )
    return tuple(made)


@st.composite
def people(draw: st.DrawFn) -> tuple[People, ...]:
    """Children, and two lines of adults."""
    lines = [People(id="young", title="young", kinds=draw(some((Kind.CHILD, Kind.UNBORN))))]
    for name in ("grown", "other"):
        lines.append(
            People(
                id=name,
                title=name,
                kinds=(Kind.ADULT,),
                relationships=draw(some(RELATIONSHIPS, 2)),
                contact=draw(some(CONTACTS)),
                expecting=draw(st.booleans()) and draw(st.booleans()),
            )
        )
    return tuple(lines)


@st.composite
def grants(draw: st.DrawFn, index: int) -> Grant:
    """A grant about one of the things that can be asked."""
    agency, attribute, mode = draw(st.sampled_from(ASKED[:9]))
    attributes = () if attribute is None else (attribute,)
    if attribute == "police.count" and draw(st.booleans()):
        attributes = ("police.count", "police.place")
    since = draw(EARLY)
    return Grant.model_validate(
        {
            "id": f"grant-{index}",
            "agency": agency,
            "mode": mode,
            "attributes": attributes,
            "to": draw(some(FUNCTIONS, 2)),
            "own_client": draw(st.booleans()),
            "purposes": draw(some(tuple(Purpose), 2)),
            "about": draw(some(("young", "grown", "other"), 2)),
            "stages": draw(some(STAGES, 2)),
            "basis": draw(st.sampled_from(("one", "two", "three"))),
            "break_glass": draw(st.booleans()),
            "reason": "because",
            "agreed": DAYS[0],
            "from": since,
            "until": draw(end_after(since)),
            "review": date(2028, 1, 1),
        }
    )


@st.composite
def prohibitions(draw: st.DrawFn, index: int) -> Prohibition:
    """A prohibition of anything."""
    to = draw(some(FUNCTIONS, 0))
    return Prohibition(
        id=f"prohibition-{index}",
        title="no",
        reason="because",
        agencies=draw(some(AGENCIES, 0)),
        attributes=draw(some(tuple(a.id for a in ATTRIBUTES), 0)),
        sensitivities=draw(some((Sensitivity.S1, Sensitivity.S2, Sensitivity.S3), 0)),
        location_revealing=draw(st.booleans()) and draw(st.booleans()),
        court_derived=draw(st.booleans()) and draw(st.booleans()),
        modes=draw(some(tuple(Mode), 0)),
        to=to,
        except_to=() if to else draw(some(FUNCTIONS, 0)),
        not_own_client=draw(st.booleans()),
    )


@st.composite
def protocols(draw: st.DrawFn) -> CompiledProtocol:
    """A protocol whose grants do not overlap; otherwise it may be as odd as no loader would let pass."""
    base = SHIPPED.document
    parties = []
    for party in base.parties:
        if party.id in AGENCIES:
            since = draw(EARLY)
            parties.append(party.model_copy(update={"since": since, "until": draw(end_after(since))}))
    document = base.model_copy(
        update={
            "parties": tuple(parties),
            "attributes": ATTRIBUTES,
            "people": draw(people()),
            "bases": draw(bases()),
            "grants": (),
            "prohibitions": tuple(draw(prohibitions(i)) for i in range(draw(st.sampled_from((0, 0, 1, 2))))),
            "never_release": (
                NeverRelease(
                    id="N1", title="never", words=("hiv", "diagnosis"), attributes=draw(some(("police.place",), 0))
                ),
            ),
            "shielding": base.shielding.model_copy(update={"location_seen_by": draw(some(FUNCTIONS, 0))}),
            "break_glass": base.break_glass.model_copy(
                update={"functions": draw(some(FUNCTIONS, 2)), "on_a_rota": draw(some(FUNCTIONS, 0))}
            ),
        }
    )
    for index in range(draw(st.integers(1, 5))):
        more = (*document.grants, draw(grants(index)))
        grown = document.model_copy(update={"grants": more})
        if not _clash(grown):
            document = grown
    return compile_protocol(document, "0" * 64)


def _clash(document: SharingProtocol) -> bool:
    return any(problem.rule in ("grant-overlap", "uneven-people") for problem in check_reach(document))


def asked(protocol: CompiledProtocol, seed: int) -> tuple[Request, Facts]:
    """A request and its facts in the small world, most of them near to being granted."""
    dice = random.Random(seed)
    granted = [key for key in ASKED[:9] if protocol.slot(*key).grants]
    key = dice.choice(granted) if granted and dice.random() < 0.7 else dice.choice(ASKED)
    return _asked(dice, key, FUNCTIONS, RELATIONSHIPS, CONTACTS, STAGES, dice.choice(DAYS))


def asked_of_shipped(seed: int) -> tuple[Request, Facts]:
    """A request to the shipped protocol and its facts, over all that it knows."""
    dice = random.Random(seed)
    key = dice.choice(sorted(SHIPPED.compiled.slots, key=str))
    lists = (tuple(RoleFunction), tuple(Relationship), tuple(Contact), tuple(Stage))
    return _asked(dice, key, *lists, dice.choice((*DAYS, date(2027, 9, 1))))


def _asked(
    dice: random.Random,
    key: tuple[str, str | None, Mode],
    functions: tuple[RoleFunction, ...],
    relationships: tuple[Relationship, ...],
    contacts: tuple[Contact, ...],
    stages: tuple[Stage, ...],
    day: date,
) -> tuple[Request, Facts]:
    agency, attribute, mode = key

    def often(likely: Any, *others: Any) -> Any:
        return likely if dice.random() < 0.97 else dice.choice(others)

    kind = dice.choice((Kind.ADULT, Kind.ADULT, Kind.CHILD, Kind.UNBORN, Kind.UNKNOWN))
    ties = []
    for _ in range(often(dice.choice((1, 2)), 0, 3)):
        adult = kind is Kind.ADULT or dice.random() < 0.1
        ties.append(
            ChildTie(
                dice.choice(stages),
                dice.choice(relationships) if adult else None,
                dice.choice(contacts) if adult else None,
                expecting=adult and dice.random() < 0.3,
            )
        )
    right = Grade.PROBABLE if mode is Mode.REVIEW else Grade.CERTAIN
    request = Request(
        role_function=dice.choice(functions),
        purpose=dice.choice(tuple(Purpose)),
        allocated=often(True, False),
        own_client=dice.random() < 0.5,
        agency=agency,
        mode=mode,
        attribute=attribute,
        at=datetime(day.year, day.month, day.day, dice.choice((0, 12, 23)), 59, tzinfo=UTC),
    )
    facts = Facts(
        kind=kind,
        children=tuple(ties),
        grade=often(right, None, Grade.CERTAIN, Grade.PROBABLE),
        held=often(False, True),
        silent=often(False, True),
        shielded=dice.random() < 0.5,
        deceased=often(False, True),
        consent=often(ConsentState.GIVEN, *ConsentState),
        break_glass=dice.random() < 0.4,
        stopped=often(False, True),
        protocol_fresh=often(True, False),
        stage_fresh=often(True, False),
        role_fresh=often(True, False),
    )
    return request, facts
