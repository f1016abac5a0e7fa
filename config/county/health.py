"""What the hospital holds: most people of the county, with emergency, maternity and children's attendances."""

from __future__ import annotations

from datetime import date, timedelta

from config.county.chance import Chance
from config.county.errors import Quality
from config.county.families import County
from config.county.people import EXTRACT_DATE, Name, Person
from config.county.places import REFUGE
from config.county.records import Households, Record, References, Value, erring_record, second_record

QUALITY = Quality(
    typo=0.012,
    short_form=0.025,
    spelling=0.1,
    birth_name_only=0.14,
    birth_name_too=0.5,
    day_month_swapped=0.004,
    date_digit=0.006,
    first_january=0.004,
    placeholder=0.001,
    no_birth_date=0.002,
    no_address=0.005,
    no_postcode=0.01,
    former_address=0.22,
    no_fixed_abode=0.002,
    nhs=0.97,
)
_SHARE = 0.6
_HELD_TWICE = 0.012
_PRACTICES = (
    ("Z99001", "Hartmere Health Centre"),
    ("Z99002", "Mill Lane Surgery"),
    ("Z99003", "Wenbury Medical Centre"),
    ("Z99004", "Oakhanger Practice"),
    ("Z99005", "Kingsmarsh Surgery"),
    ("Z99006", "The Limes Practice"),
)


def reference(number: int) -> str:
    """A hospital number."""
    return f"EN{number:08d}"


class Health:
    """Builds the patient records of the acute and maternity hospital."""

    def __init__(self, seed: int, references: References) -> None:
        self._chance = Chance(seed, "health")
        self._references = references
        self._households = Households("A")
        self.records: list[Record] = []

    def build(self, county: County) -> list[Record]:
        """All records; mothers-to-be are nearly all known."""
        due = {family.adults[0][0].id: family.due for family in county.families if family.due}
        people = county.people.all

        def weight(person: Person) -> float:
            return 50.0 if person.id in due else _weight(person)

        for person in self._chance.sample(people, int(_SHARE * len(people)), weight):
            self._patient(person, due.get(person.id))
        return self.records

    def _patient(self, person: Person, due: date | None) -> None:
        chance = self._chance
        record = erring_record(self._references.next(), person, QUALITY, chance)
        if person.age < 1 and record.born and chance.yes(0.35):
            record.names = [Name("Baby", "", record.names[0].family)]
        record.groups = self._households.of(record.addresses[0])
        record.values |= self._values(person, due)
        self.records.append(record)
        if chance.yes(_HELD_TWICE):
            self.records.append(second_record(self._references.next(), person, QUALITY, chance))

    def _values(self, person: Person, due: date | None) -> dict[str, Value]:
        chance = self._chance
        values: dict[str, Value] = {}
        if chance.yes(0.93):
            values["health.gp_practice"] = practice(len(person.home.town) + int(person.home == REFUGE))
        if person.is_child:
            if chance.yes(0.22):
                values["health.ed_child"] = self._child_attendance(person)
            if chance.yes(0.15):
                values["health.was_not_brought_12m"] = {"count": chance.weighted(((0, 3), (1, 3), (2, 2), (4, 1)))}
            return values
        troubled = bool(person.traits & {"substance", "mental health", "da victim"})
        if chance.yes(0.35 if troubled else 0.15):
            count = chance.weighted(((1, 6), (2, 3), (3, 1), (6, 0.4)))
            values["health.ed_attendances_12m"] = {"count": count, "last": _ago(chance, 360)}
        if due:
            values["health.maternity"] = _maternity(due, chance)
        return values

    def _child_attendance(self, person: Person) -> Value:
        chance = self._chance
        return {
            "last": max(_ago(chance, 360), person.born),
            "count": chance.weighted(((1, 6), (2, 3), (4, 1))),
            "injury": chance.yes(0.45),
            "safeguarding_flag": chance.yes(0.3 if "da child" in person.traits else 0.05),
        }


def practice(place: int) -> Value:
    """One of the county's made-up general practices."""
    ods, name = _PRACTICES[place % len(_PRACTICES)]
    return {"ods": ods, "name": name}


def _weight(person: Person) -> float:
    young = 1.4 if person.age < 5 else 1.0
    return young + 1.5 * bool(person.traits & {"substance", "mental health", "da victim", "da child"})


def _maternity(due: date, chance: Chance) -> Value:
    weeks_now = 40 - (due - EXTRACT_DATE).days // 7
    booked_at = min(weeks_now, chance.weighted(((9, 6), (11, 4), (16, 1.5), (22, 0.7))))
    booked = due - timedelta(weeks=40 - booked_at)
    missed = chance.weighted(((0, 6), (1, 2), (2, 1), (4, 0.5)))
    return {"booked": min(booked, EXTRACT_DATE), "gestation_weeks": booked_at, "edd": due, "missed_antenatal": missed}


def _ago(chance: Chance, days: int) -> date:
    return EXTRACT_DATE - timedelta(days=chance.between(1, days))
