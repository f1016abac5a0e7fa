"""People at agencies of the shipped protocol, with all that can matter to what is told of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from protocol_worlds import SHIPPED

from protocols.decision import ChildTie, Facts
from protocols.family import ConsentRecord
from protocols.profile import AgencyStatus, Asker, RecordAtAgency
from protocols.vocabulary import (
    Capacity,
    ConsentStatus,
    Contact,
    Grade,
    Kind,
    Purpose,
    Relationship,
    RoleFunction,
    Stage,
)


def scene(seed: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """A person at an agency of the shipped protocol, with all that can matter."""
    dice = random.Random(seed)
    protocol, now = SHIPPED.compiled, datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
    party = dice.choice([*SHIPPED.document.parties[1:6]] * 4 + [*SHIPPED.document.parties])
    function = dice.choice((*list(RoleFunction)[:3] * 3, *RoleFunction))
    asker = Asker(
        function,
        dice.choice((Purpose.SAFEGUARDING, Purpose.SAFEGUARDING, Purpose.FAMILY_SUPPORT)),
        allocated=dice.random() < 0.95,
        for_refs=frozenset({"subject-01"} if dice.random() < 0.5 else ()),
        break_glass=dice.random() < 0.3,
    )
    kind = dice.choice((Kind.ADULT, Kind.ADULT, Kind.CHILD, Kind.UNBORN))
    stage = dice.choice((Stage.FAMILY_HELP, Stage.CIN, Stage.CIN, Stage.S47, Stage.CP))
    adult = kind is Kind.ADULT
    contact = dice.choice((Contact.LIVES_WITH, Contact.LIVES_WITH, Contact.PROHIBITED)) if adult else None
    tie = ChildTie(stage, Relationship.PARENT if adult else None, contact, expecting=adult and dice.random() < 0.3)
    person = Facts(
        kind,
        (tie,),
        shielded=dice.random() < 0.2,
        deceased=dice.random() < 0.1,
        break_glass=asker.break_glass,
    )
    attributes = protocol.by_agency[party.id]
    ages = (0, 29, 30, 31, 44, 45, 46, 60, 61, 89, 90, 91)
    days = [now.date() - timedelta(days=age) for age in ages]
    records = []
    for _ in range(dice.choice((0, 1, 1, 1, 2))):
        cells = tuple(_Cell(a.id, dice.choice(days)) for a in attributes if dice.random() < 0.9)
        records.append(
            RecordAtAgency(
                dice.choice((Grade.CERTAIN, Grade.CERTAIN, Grade.PROBABLE)),
                cells,
                consents=tuple(consents_about(dice, attributes, now)),
                held=dice.random() < 0.1,
                silent=dice.random() < 0.1,
            )
        )
    age = dice.choice((0, 0, 0, 14, 15, 28, 29, 35, 36))
    submitted = None if dice.random() < 0.05 else now.date() - timedelta(days=age)
    status = AgencyStatus(submitted, available=dice.random() < 0.95, stopped=dice.random() < 0.05)
    parts = (asker, "subject-01", person, consents_about(dice, attributes, now), protocol, now)
    return parts, (party, records, status)


@dataclass(frozen=True)
class _Cell:
    attribute: str
    as_at: date


def consents_about(dice: random.Random, attributes: Any, now: datetime) -> list[ConsentRecord]:
    if dice.random() < 0.4:
        return []
    capacity, status = dice.choice((Capacity.ADULT, Capacity.PR_HOLDER)), dice.choice(tuple(ConsentStatus))
    return [
        ConsentRecord(
            subject_ref="subject-01",
            given_by_ref="subject-01" if capacity is Capacity.ADULT else "holder-001",
            capacity=capacity,
            scope=tuple(a.id for a in attributes),
            purpose=dice.choice((Purpose.SAFEGUARDING, Purpose.FAMILY_SUPPORT)),
            notice_version="v3",
            method="online-form",
            status=status,
            given_at=now - timedelta(days=1),
            withdrawn_at=now if status is ConsentStatus.WITHDRAWN else None,
        )
    ]
