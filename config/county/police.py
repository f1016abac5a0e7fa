"""What the constabulary holds: nominals with their aliases, occurrences that several people share, and its flags."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from config.county.chance import Chance
from config.county.errors import Quality
from config.county.families import County, Family
from config.county.people import EXTRACT_DATE, Person
from config.county.records import Record, References, erring_record, last_looked_at, second_record

QUALITY = Quality(
    typo=0.03,
    short_form=0.09,
    birth_name_only=0.2,
    birth_name_too=0.6,
    day_month_swapped=0.012,
    date_digit=0.02,
    first_january=0.012,
    placeholder=0.008,
    no_birth_date=0.015,
    former_address=0.3,
    keeps_history=0.6,
    no_fixed_abode=0.012,
    names_swapped=0.006,
)
_SHARE_OF_ADULTS = 0.25
_SHARE_OF_CHILDREN = 0.05
_HELD_TWICE = 0.03


def reference(number: int) -> str:
    """A nominal number."""
    return f"41/N{number:07d}"


class Police:
    """Builds the nominals of the people the police know."""

    def __init__(self, seed: int, references: References) -> None:
        self._chance = Chance(seed, "police")
        self._references = references
        self._occurrences: dict[str, list[str]] = {}
        self._all_occurrences: list[str] = []
        self.records: list[Record] = []

    def build(self, county: County) -> list[Record]:
        """All records, families' shared occurrences first drawn."""
        for family in county.families:
            if family.with_trait("da victim"):
                self._family_occurrences(family)
        everybody = county.people.all
        adults = [person for person in everybody if not person.is_child]
        children = [person for person in everybody if person.is_child]
        known = self._chance.sample(adults, int(_SHARE_OF_ADULTS * len(adults)), _weight)
        known += self._chance.sample(children, int(_SHARE_OF_CHILDREN * len(children)), _weight)
        for person in known:
            self._nominal(person)
        return self.records

    def _family_occurrences(self, family: Family) -> None:
        occurrences = [self._occurrence() for _ in range(self._chance.between(1, 3))]
        for person in family.people:
            if person.traits & {"da victim", "da suspect"} or ("da child" in person.traits and self._chance.yes(0.6)):
                self._occurrences[person.id] = occurrences

    def _occurrence(self) -> str:
        """A reference: now and then one that somebody unrelated was in too, as a passer-by or a neighbour."""
        chance = self._chance
        if self._all_occurrences and chance.yes(0.1):
            return chance.pick(self._all_occurrences)
        self._all_occurrences.append(f"41/{chance.between(1000, 99999)}/{chance.between(24, 26)}")
        return self._all_occurrences[-1]

    def _nominal(self, person: Person) -> None:
        chance = self._chance
        record = erring_record(self._references.next(), person, QUALITY, chance)
        record.legacy = chance.yes(0.05)
        record.as_at = last_looked_at(chance)
        record.groups = [
            *self._occurrences.get(person.id, []),
            *(self._occurrence() for _ in range(chance.between(0, 2))),
        ]
        if "offender" in person.traits and len(person.name.middle) > 1 and chance.yes(0.12):
            record.names.append(replace(record.names[0], given=person.name.middle, middle=""))
        if chance.yes(0.006):
            record.flags.add("silent")
        if chance.yes(0.0015):
            record.flags.add("suppressed")
        (self._child if person.is_child else self._adult)(record, person)
        self.records.append(record)
        if chance.yes(_HELD_TWICE):
            self._second(person, record)

    def _second(self, person: Person, first: Record) -> None:
        second = second_record(self._references.next(), person, QUALITY, self._chance)
        second.flags |= first.flags
        second.groups = [self._occurrence()]
        self.records.append(second)

    def _adult(self, record: Record, person: Person) -> None:
        chance, values = self._chance, record.values
        victim, suspect = "da victim" in person.traits, "da suspect" in person.traits
        if victim or suspect:
            count = chance.between(0, 5)
            last = EXTRACT_DATE - timedelta(days=chance.between(3, 360) if count else chance.between(370, 900))
            values["police.da_incidents_12m"] = {"count": count}
            values["police.da_last_incident"] = {"date": last, "subject_role": "VICTIM" if victim else "SUSPECT"}
            if chance.yes(0.3):
                expires = EXTRACT_DATE + timedelta(days=chance.between(20, 340))
                order = chance.pick(("NMO", "NMO", "BAIL_CONDITIONS", "RO", "DAPO", "DAPN"))
                role = "PROTECTED" if victim else "RESTRICTED"
                values["police.protective_order"] = {"order": order, "expires": expires, "subject_role": role}
            if victim:
                self._risk(record, last, count)
        if "offender" in person.traits and chance.yes(0.6):
            years = chance.pick(("2010-2014", "2015-2019", "2020-2024", "2025-2029"))
            kind = chance.weighted((("VIOLENCE", 6), ("DRUG_SUPPLY", 4), ("SEXUAL", 0.7), ("CHILD_CRUELTY", 0.6)))
            values["police.relevant_conviction"] = {"class": kind, "years": years}

    def _risk(self, record: Record, last: date, count: int) -> None:
        chance = self._chance
        risk = chance.weighted((("STANDARD", 5), ("MEDIUM", 3), ("HIGH", 1 + count / 2)))
        record.values["police.dash_risk"] = {"risk": risk, "date": last}
        heard = {"date": min(last + timedelta(days=14), EXTRACT_DATE)}
        if risk == "HIGH":
            status = chance.pick(("REFERRED", "HEARD", "HEARD", "REPEAT"))
            record.values["police.marac"] = {"status": status, **heard}
        elif chance.yes(0.3):
            record.values["police.marac"] = {"status": "NONE"}

    def _child(self, record: Record, person: Person) -> None:
        chance, values = self._chance, record.values
        if "da child" in person.traits:
            last = EXTRACT_DATE - timedelta(days=chance.between(3, 360))
            values["police.da_last_incident"] = {"date": max(last, person.born), "subject_role": "CHILD_PRESENT"}
        if person.age >= 11 and chance.yes(0.5):
            last = EXTRACT_DATE - timedelta(days=chance.between(2, 350))
            values["police.missing_episodes_12m"] = {"count": chance.between(1, 6), "last": last}
        if chance.yes(0.05):
            day = EXTRACT_DATE - timedelta(days=chance.between(5, 1500))
            values["police.s46_protection_last"] = {"date": max(day, person.born)}


def _weight(person: Person) -> float:
    weight = 0.5 if person.sex == "F" else 0.9
    weight += 12 * bool(person.traits & {"da victim", "da suspect"}) + 9 * ("offender" in person.traits)
    weight += 3 * ("substance" in person.traits) + 1.5 * ("mental health" in person.traits)
    if person.is_child:
        weight += 4 * ("da child" in person.traits) + (1.0 if person.age > 12 else 0)
    return weight
