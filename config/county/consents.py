"""Consents: who agreed to what, at the stages where consent decides something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from config.county.cases import Case
from config.county.chance import Chance
from config.county.people import EXTRACT_DATE, Person

ADULT_SCOPE = ("recovery.episode", "recovery.attendance_90d", "mh.open_referral", "mh.care_plan")
HELP_SCOPE = ("csc.case_stage", "csc.allocated_worker", "recovery.key_worker")
_THIRD_NOTICE = date(2026, 3, 16)
_OWN_WORD_AT = 13
_STATUSES = (("GIVEN", 0.66), ("REFUSED", 0.17), ("WITHDRAWN", 0.07), ("EXPIRED", 0.06), ("DISPUTED", 0.04))
_METHODS = ("signed-form", "spoken-recorded", "online-form")


@dataclass(frozen=True)
class Consent:
    """One consent or its refusal. References are social care's; times are UTC."""

    member: str
    given_by: str
    capacity: str
    scope: tuple[str, ...]
    purpose: str
    notice: str
    method: str
    status: str
    given_at: datetime
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment in UTC."""
    return datetime.combine(day, time(hour, minute), UTC)


class Consents:
    """Asks the people of a case, as a worker would: adults for themselves, a parent or the young person for a child."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, "consents")

    def of(self, case: Case) -> list[Consent]:
        """What the people of one case answered. Asked only where consent decides: Family Help and child in need."""
        if case.closed or case.gravest not in ("FAMILY_HELP", "CIN"):
            return []
        asked = [self._adult(case, adult) for adult, role in case.family.adults if self._is_asked(case, adult, role)]
        young = [child for child in case.family.children if self._chance.yes(0.3)]
        return asked + [self._child(case, child) for child in young if child.age >= _OWN_WORD_AT or _mother(case)]

    def _is_asked(self, case: Case, adult: Person, role: str) -> bool:
        kept_away = {bond.contact for bond in case.bonds() if bond.adult is adult} & {"NO_CONTACT", "PROHIBITED"}
        if adult.id not in case.refs or kept_away or role == "SIBLING":
            return False
        troubled = adult.traits & {"substance", "mental health"}
        return self._chance.yes(0.85 if troubled else 0.2)

    def _adult(self, case: Case, adult: Person) -> Consent:
        ref = case.refs[adult.id]
        scope = HELP_SCOPE if case.gravest == "FAMILY_HELP" else ADULT_SCOPE
        return self._answer(case, ref, ref, "ADULT", scope)

    def _child(self, case: Case, child: Person) -> Consent:
        ref = case.refs[child.id]
        if child.age >= _OWN_WORD_AT:
            return self._answer(case, ref, ref, "GILLICK_COMPETENT", HELP_SCOPE[:2], child.born)
        return self._answer(case, ref, _mother(case), "PR_HOLDER", HELP_SCOPE[:2], child.born)

    def _answer(
        self, case: Case, ref: str, given_by: str, capacity: str, scope: tuple[str, ...], born: date | None = None
    ) -> Consent:
        chance = self._chance
        status = chance.weighted(_STATUSES)
        day = chance.day(max(case.opened, EXTRACT_DATE - timedelta(days=360)), EXTRACT_DATE - timedelta(days=1))
        if status == "EXPIRED":
            day = EXTRACT_DATE - timedelta(days=chance.between(370, 420))
        given = at(day, chance.between(9, 16), chance.between(0, 59))
        withdrawn = at(chance.day(day + timedelta(days=1), EXTRACT_DATE), chance.between(9, 16))
        return Consent(
            member=ref,
            given_by=given_by,
            capacity=capacity,
            scope=scope,
            purpose="family-support",
            notice="v2" if day < _THIRD_NOTICE else "v3",
            method=chance.pick(_METHODS),
            status=status,
            given_at=given,
            expires_at=None if status == "REFUSED" else _end(given, born),
            withdrawn_at=withdrawn if status == "WITHDRAWN" else None,
        )


def _end(given: datetime, born: date | None) -> datetime:
    """A year on, or the sixteenth or eighteenth birthday before that: then a young person is asked anew."""
    birthdays = [at(date(born.year + age, born.month, min(born.day, 28)), 0) for age in (16, 18)] if born else []
    return min([given + timedelta(days=365), *(birthday for birthday in birthdays if birthday > given)])


def _mother(case: Case) -> str:
    return case.refs.get(case.family.adults[0][0].id, "")
