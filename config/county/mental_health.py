"""What the mental health trust holds: adults with an open or recent referral."""

from __future__ import annotations

from datetime import date, timedelta

from config.county.chance import Chance
from config.county.errors import Quality
from config.county.families import County
from config.county.people import EXTRACT_DATE, Person
from config.county.records import Households, Record, References, Value, erring_record, last_looked_at, second_record
from config.county.staff import Staff

QUALITY = Quality(
    typo=0.018,
    short_form=0.06,
    birth_name_only=0.1,
    former_address=0.2,
    no_fixed_abode=0.008,
    nhs=0.86,
    prefix=0.004,
)
_SHARE_OF_ADULTS = 0.1
_HELD_TWICE = 0.01
_TEAMS = ("Adult Community North", "Adult Community South", "Crisis Hub", "Perinatal Service")


def reference(number: int) -> str:
    """A client number."""
    return f"RIO{number:07d}"


def build(county: County, seed: int, references: References) -> list[Record]:
    """The records of all patients."""
    chance = Chance(seed, "mental health")
    staff = Staff(Chance(seed, "mental health staff"), _TEAMS, 30, 500)
    expecting = {family.adults[0][0].id for family in county.families if family.due}
    adults = [person for person in county.people.all if not person.is_child]
    households, records = Households("H"), []
    for person in chance.sample(adults, int(_SHARE_OF_ADULTS * len(adults)), _weight):
        record = _record(references.next(), person, chance, staff, person.id in expecting)
        record.groups = households.of(record.addresses[0])
        records.append(record)
        if chance.yes(_HELD_TWICE):
            records.append(second_record(references.next(), person, QUALITY, chance))
    return records


def _weight(person: Person) -> float:
    return 0.25 + 5 * ("mental health" in person.traits) + 0.8 * ("substance" in person.traits)


def _record(ref: str, person: Person, chance: Chance, staff: Staff, expecting: bool) -> Record:
    record = erring_record(ref, person, QUALITY, chance)
    record.as_at = last_looked_at(chance)
    if chance.yes(0.002):
        record.flags.add("suppressed")
    values = record.values
    open_now = chance.yes(0.75)
    if open_now:
        teams = (("CMHT", 5), ("PSYCHOLOGY", 3), ("CRHT", 1.2), ("LIAISON", 1), ("EIP", 0.5))
        team = "PERINATAL" if expecting and chance.yes(0.7) else chance.weighted(teams)
        values["mh.open_referral"] = {"team": team, "date": _ago(chance, 500)}
        values["mh.care_plan"] = _care_plan(chance, staff)
        values["mh.dna_6m"] = {"count": chance.weighted(((0, 5), (1, 3), (2, 2), (4, 1)))}
        values["mh.mha_status"] = {
            "status": chance.weighted((("NONE", 12), ("INFORMAL", 2), ("S2", 0.6), ("CTO", 0.4)))
        }
    if chance.yes(0.2):
        kind = chance.pick(("CRHT", "CRHT", "LIAISON", "S136"))
        values["mh.crisis_contacts_6m"] = {"count": chance.between(1, 4), "last": _ago(chance, 175), "type": kind}
    if expecting:
        values["mh.perinatal_team"] = {"open": open_now and chance.yes(0.6)}
    return record


def _care_plan(chance: Chance, staff: Staff) -> Value:
    if not chance.yes(0.7):
        return {"current": False}
    return {"current": True, "last_review": _ago(chance, 300), **staff.one()}


def _ago(chance: Chance, days: int) -> date:
    return EXTRACT_DATE - timedelta(days=chance.between(1, days))
