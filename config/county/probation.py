"""What the probation service holds: people under supervision, mostly men."""

from __future__ import annotations

from datetime import timedelta

from config.county.chance import Chance
from config.county.errors import Quality
from config.county.families import County
from config.county.people import EXTRACT_DATE, Person
from config.county.records import Record, References, erring_record, last_looked_at
from config.county.staff import Staff

QUALITY = Quality(
    typo=0.02,
    short_form=0.05,
    birth_name_too=0.6,
    first_january=0.012,
    placeholder=0.015,
    former_address=0.25,
    no_fixed_abode=0.04,
    prefix=0.01,
)
_SHARE_OF_ADULTS = 0.04
_OFFICES = ("Hartmere Probation Office", "Kingsmarsh Probation Office")


def reference(number: int) -> str:
    """A case reference number."""
    return f"X{number:06d}"


def build(county: County, seed: int, references: References) -> list[Record]:
    """The records of everybody under supervision."""
    chance = Chance(seed, "probation")
    staff = Staff(Chance(seed, "probation staff"), _OFFICES, 24, 300)
    adults = [person for person in county.people.all if not person.is_child and not person.deceased]
    known = chance.sample(adults, int(_SHARE_OF_ADULTS * len(adults)), _weight)
    return [_record(references.next(), person, chance, staff) for person in known]


def _weight(person: Person) -> float:
    weight = 0.03 if person.sex == "F" else 0.12
    return weight + 6 * ("offender" in person.traits) + 1.6 * ("da suspect" in person.traits)


def _record(ref: str, person: Person, chance: Chance, staff: Staff) -> Record:
    record = erring_record(ref, person, QUALITY, chance)
    record.as_at = last_looked_at(chance)
    if chance.yes(0.01):
        record.flags.add("silent")
    abuser = "da suspect" in person.traits
    values = record.values
    order = chance.weighted((("CO", 4), ("SSO", 3), ("LICENCE", 3), ("PSS", 1)))
    start = EXTRACT_DATE - timedelta(days=chance.between(10, 540))
    values["probation.supervision"] = {"order": order, "start": start, "end": start + timedelta(days=730)}
    values["probation.practitioner"] = staff.one()
    level = chance.weighted((("LOW", 4), ("MEDIUM", 4), ("HIGH", 2), ("VERY_HIGH", 0.2)))
    target = "KNOWN_ADULT" if abuser else chance.pick(("PUBLIC", "PUBLIC", "CHILDREN"))
    values["probation.rosh"] = {"level": level, "target": target}
    values["probation.requirements"] = {
        "requirement": _requirement(person, chance),
        "compliance": chance.weighted((("COMPLYING", 7), ("WARNED", 2), ("BREACH", 1))),
    }
    if level in ("HIGH", "VERY_HIGH") or abuser:
        condition = chance.yes(0.4)
        code = {"code": chance.pick(("NO_CONTACT", "SUPERVISED", "NOTIFY"))} if condition else {}
        values["probation.child_contact_condition"] = {"condition": condition, **code}
    if level == "VERY_HIGH" or (level == "HIGH" and chance.yes(0.4)):
        values["probation.mappa"] = {"category": chance.pick(("2", "2", "3")), "level": chance.pick(("1", "1", "2"))}
    return record


def _requirement(person: Person, chance: Chance) -> str:
    if "da suspect" in person.traits and chance.yes(0.6):
        return "DA_PROGRAMME"
    if "substance" in person.traits and chance.yes(0.6):
        return "ATR" if "alcohol" in person.traits else "DRR"
    return "MHTR" if "mental health" in person.traits and chance.yes(0.2) else "RAR"
