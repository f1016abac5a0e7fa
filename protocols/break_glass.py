"""Breaking the glass: what has to be on record before emergency access opens, how long it lasts, and when
somebody must judge it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from protocols.document_rules import BreakGlass
from protocols.errors import Refusal
from protocols.family import FAMILY_REF, WORKER
from protocols.signing import Wire
from protocols.vocabulary import RoleFunction

_SATURDAY = 5


class BrokenGlass(Wire):
    """One worker's emergency access to one family. `text` and `manager` are for those who judge it, never for
    logs.
    """

    family_ref: str = Field(pattern=FAMILY_REF)
    worker: str = Field(pattern=WORKER)
    role_function: RoleFunction
    reason: str
    text: str = Field(min_length=20, max_length=2000)
    manager: str = Field(pattern=WORKER)
    at: AwareDatetime

    @model_validator(mode="after")
    def _four_eyes(self) -> Self:
        if self.manager == self.worker:
            raise ValueError("nobody is their own manager here: name the manager who knows of it")
        return self


def check_break_glass(broken: BrokenGlass, rules: BreakGlass) -> None:
    """Raise `Refusal` if the protocol gives this function no emergency access, or not for this reason."""
    if broken.role_function not in rules.functions:
        raise Refusal(
            f"A `{broken.role_function}` has no emergency access.",
            next_step=f"Ask one who has: {', '.join(rules.functions)}.",
        )
    if broken.reason not in rules.reasons:
        raise Refusal(
            "The reason code is not one of the protocol's.", next_step=f"Give one of {', '.join(rules.reasons)}."
        )


def is_open(broken: BrokenGlass, rules: BreakGlass, at: datetime) -> bool:
    """Whether the access is open at a moment: from when the glass was broken until its hours have passed."""
    return broken.at <= at < broken.at + timedelta(hours=rules.hours)


def judge_by(broken: BrokenGlass, rules: BreakGlass, holidays: frozenset[date] = frozenset()) -> date:
    """The last day for the retrospective decision: so many working days after the day on which the glass was
    broken.
    """
    day, left = broken.at.date(), rules.review_working_days
    while left:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY and day not in holidays:
            left -= 1
    return day
