"""What the recovery service holds: people in or after treatment for alcohol or drugs. Names are as clients give them."""

from __future__ import annotations

from datetime import timedelta

from config.county.chance import Chance
from config.county.errors import Quality
from config.county.families import County
from config.county.people import EXTRACT_DATE, Person
from config.county.records import Households, Record, References, erring_record, last_looked_at, second_record
from config.county.staff import Staff

QUALITY = Quality(
    typo=0.03,
    short_form=0.16,
    spelling=0.25,
    birth_name_only=0.25,
    day_month_swapped=0.015,
    date_digit=0.02,
    first_january=0.01,
    placeholder=0.01,
    no_birth_date=0.015,
    former_address=0.28,
    no_fixed_abode=0.03,
    no_address=0.03,
    no_middle=0.7,
)
_SHARE_OF_ADULTS = 0.04
_HUBS = ("Hartmere Hub", "Wenbury Hub", "Kingsmarsh Hub")


def reference(number: int) -> str:
    """A client reference; its leading zeros matter."""
    return f"{number:06d}"


def build(county: County, seed: int, references: References) -> list[Record]:
    """The records of all clients. Clients of one household are linked in the service's own list."""
    chance = Chance(seed, "recovery")
    staff = Staff(Chance(seed, "recovery staff"), _HUBS, 18, 400)
    adults = [person for person in county.people.all if not person.is_child]
    known = chance.sample(adults, int(_SHARE_OF_ADULTS * len(adults)), _weight)
    parents = {bond.adult.id for family in county.families for bond in family.bonds if bond.relationship == "PARENT"}
    households = Households("HH")
    records = []
    for person in known:
        record = _record(references.next(), person, chance, staff, person.id in parents)
        if chance.yes(0.7):
            record.groups = households.of(person.home)
        records.append(record)
        if chance.yes(0.02):
            records.append(second_record(references.next(), person, QUALITY, chance))
    return records


def _weight(person: Person) -> float:
    return 0.1 + 8 * ("substance" in person.traits) + 0.5 * ("offender" in person.traits)


def _record(ref: str, person: Person, chance: Chance, staff: Staff, is_parent: bool) -> Record:
    record = erring_record(ref, person, QUALITY, chance)
    record.as_at = last_looked_at(chance)
    if chance.yes(0.003):
        record.flags.add("suppressed")
    values = record.values
    statuses = (("IN_TREATMENT", 6), ("REFERRED", 1), ("COMPLETED", 2), ("UNPLANNED_EXIT", 1.3), ("TRANSFERRED", 0.3))
    status = chance.weighted(statuses)
    values["recovery.episode"] = {"status": status, "date": EXTRACT_DATE - timedelta(days=chance.between(5, 700))}
    drugs = chance.weighted((("OPIATE", 5), ("NON_OPIATE", 3), ("MIXED", 2)))
    group = "ALCOHOL" if "alcohol" in person.traits else drugs
    values["recovery.substance_group"] = {"group": group}
    parenthood = (
        "ALL_CHILDREN_LIVE_WITH_CLIENT",
        "SOME_CHILDREN_LIVE_WITH_CLIENT",
        "NONE_LIVE_WITH_CLIENT",
        "DECLINED",
    )
    values["recovery.parental_status"] = {"status": chance.pick(parenthood) if is_parent else "NOT_A_PARENT"}
    if status == "IN_TREATMENT":
        values["recovery.key_worker"] = staff.one()
        offered = chance.between(4, 13)
        values["recovery.attendance_90d"] = {"offered": offered, "attended": chance.between(offered // 3, offered)}
        if group == "OPIATE":
            take_home = chance.yes(0.6)
            locked = take_home and chance.yes(0.8)
            values["recovery.ost_at_home"] = {"ost": True, "take_home": take_home, "locked_box": locked}
        if chance.yes(0.6):
            result = chance.weighted((("NEGATIVE", 6), ("POSITIVE", 3), ("DECLINED", 1)))
            screened = EXTRACT_DATE - timedelta(days=chance.between(2, 90))
            found = {"group": group} if result == "POSITIVE" else {}
            values["recovery.last_screen"] = {"date": screened, "result": result, **found}
    return record
