"""What children's social care holds: the people of its cases, and what it records of them."""

from __future__ import annotations

from datetime import date, timedelta

from config.county.cases import STAGES, Case
from config.county.chance import Chance
from config.county.errors import Quality
from config.county.people import EXTRACT_DATE, Name, Person
from config.county.places import Address
from config.county.records import Record, References, Value, erring_record, second_record
from config.county.staff import Staff

QUALITY = Quality(
    typo=0.015,
    short_form=0.04,
    fifteenth=0.006,
    no_birth_date=0.008,
    placeholder=0.002,
    former_address=0.08,
    nhs=0.3,
)
_ABSENT = Quality(typo=0.03, fifteenth=0.09, no_birth_date=0.07, former_address=0.3, no_address=0.12, nhs=0.05)
_CHILD = Quality(typo=0.012, no_birth_date=0.001, placeholder=0.0, former_address=0.08, nhs=0.75)
TEAMS = ("Family Safeguarding North", "Family Safeguarding South", "Family Safeguarding East", "Family Help Hub")


def reference(number: int) -> str:
    """A person reference of the case system: seven digits."""
    return f"{1_000_000 + number}"


class SocialCare:
    """Builds the records of all cases, one record a person (now and then two)."""

    def __init__(self, seed: int, references: References, social_workers: int) -> None:
        self._chance = Chance(seed, "social care")
        self._references = references
        self._staff = Staff(Chance(seed, "social workers"), TEAMS, social_workers, 100)
        self._known: dict[str, Record] = {}
        self.records: list[Record] = []

    def take_in(self, case: Case) -> None:
        """Give every known person of a case a reference and a record."""
        for person, role in [*case.family.adults, *((child, "CHILD") for child in case.family.children)]:
            away = role in ("FATHER", "OTHER_ADULT", "SIBLING") and person.home != case.family.children[0].home
            if away and self._chance.yes(0.15):
                continue  # nobody told the social worker about him
            case.refs[person.id] = self._record(person, case, away).ref
        if case.family.due and case.family.adults[0][0].id in case.refs:
            self._unborn(case)

    def describe(self, case: Case) -> None:
        """Set what is recorded of the people of a case, once its workers are known."""
        for person in case.family.people:
            if person.id in case.refs:
                record = self._known[person.id]
                (self._child if person.id in case.stages else self._adult)(record, person, case)

    def _record(self, person: Person, case: Case, away: bool) -> Record:
        chance = self._chance
        known = self._known.get(person.id)
        if known and chance.yes(0.7):
            known.groups.append(case.ref)
            return known
        quality = _CHILD if person.is_child else _ABSENT if away else QUALITY
        make = second_record if known else erring_record
        record = make(self._references.next(), person, quality, chance)
        record.groups.append(case.ref)
        self._known[person.id] = record
        self.records.append(record)
        if chance.yes(0.012):
            again = second_record(self._references.next(), person, _ABSENT, chance)
            again.flags |= record.flags & {"shielded"}
            self.records.append(again)
        return record

    def _unborn(self, case: Case) -> None:
        mother = case.family.adults[0][0]
        held = self._known[mother.id]
        record = unborn_record(self._references.next(), case, mother, held.addresses[0], self._chance.yes(0.6))
        record.flags = held.flags & {"shielded"}
        case.unborn_ref = record.ref
        self.records.append(record)

    def _child(self, record: Record, person: Person, case: Case) -> None:
        stage, since = case.stages[person.id]
        values = record.values
        values["csc.case_stage"] = {"stage": stage, "since": since}
        if stage == "CLOSED":
            return
        chance = self._chance
        values["csc.allocated_worker"] = self._social_worker(case, stage)
        if stage in ("CIN", "S47"):
            values["csc.cin_plan"] = {"start": since if stage == "CIN" else max(case.opened, person.born)}
        if stage == "CP" or (stage in ("PLO", "CARE") and chance.yes(0.7)):
            start = chance.day(max(case.opened, person.born), since)
            values["csc.cp_plan"] = {"start": start, "category": _category(case, chance)}
        if STAGES.index(stage) >= STAGES.index("CIN"):
            values |= _factors(case)
        if stage in ("PLO", "CARE"):
            outcome = "OPEN" if stage == "PLO" else "PROCEEDINGS"
            values["csc.pre_proceedings"] = {"decided": since, "outcome": outcome}

    def _social_worker(self, case: Case, stage: str) -> Value:
        place = int(case.workers[0].worker.removeprefix("w-")) - 1000
        role = {"FAMILY_HELP": "FAMILY_HELP_LEAD"}.get(stage, "SOCIAL_WORKER")
        return dict(self._staff.contacts[place % len(self._staff.contacts)]) | {"role": role}

    def _adult(self, record: Record, person: Person, case: Case) -> None:
        chance = self._chance
        if case.gravest in ("CP", "PLO", "CARE") and chance.yes(0.5):
            removed = chance.yes(0.25) and person.age > 24
            years: Value = {"years": chance.pick(("2010-2014", "2015-2019", "2020-2024"))} if removed else {}
            record.values["csc.previous_child_removed"] = {"removed": removed, **years}
        if "da suspect" in person.traits and chance.yes(0.15):
            record.values["csc.safety_flag"] = {"flag": chance.pick(("WORKER_SAFETY", "DO_NOT_VISIT_ALONE"))}


def unborn_record(ref: str, case: Case, mother: Person, home: Address, plan: bool) -> Record:
    """The case system's record of an unborn child: no date of birth and no name of its own yet."""
    due = case.family.due
    if due is None:
        raise ValueError("a family without an expected child has no unborn record")
    record = Record(
        ref=ref,
        person=f"{mother.id}-unborn",
        names=[Name("Unborn", "", mother.name.family)],
        born=None,
        sex="",
        addresses=[home],
        nhs="",
        kind="UNBORN",
        groups=[case.ref],
    )
    record.values["csc.unborn"] = {"edd": due, "pre_birth_plan": plan}
    return record


def _category(case: Case, chance: Chance) -> str:
    if case.family.with_trait("da child"):
        return chance.pick(("EMOTIONAL", "EMOTIONAL", "PHYSICAL", "MULTIPLE"))
    return chance.weighted((("NEGLECT", 6), ("EMOTIONAL", 3), ("PHYSICAL", 1), ("SEXUAL", 0.5)))


def _factors(case: Case) -> dict[str, Value]:
    found = {
        "1B": case.family.with_trait("alcohol"),
        "2B": case.family.with_trait("drugs"),
        "3A": case.family.with_trait("da child"),
        "3B": case.family.with_trait("da victim"),
        "4B": case.family.with_trait("mental health"),
    }
    factors = "|".join(code for code, people in found.items() if people)
    return {"csc.assessment_factors": {"factors": factors}} if factors else {}


def recent(chance: Chance, days: int) -> date:
    """A day of the last so many days."""
    return EXTRACT_DATE - timedelta(days=chance.between(1, days))
