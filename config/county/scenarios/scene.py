"""A scene: one declared family written by hand, with exactly what each agency holds of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from config.county.cases import DUTY_WORKER, Case, Worker
from config.county.consents import Consent
from config.county.families import Bond, Family
from config.county.people import Name, Person
from config.county.places import Address
from config.county.records import Record, Value, plain_record
from config.county.social_care import unborn_record
from config.county.staff import contact

_FORMS = {
    "social_care": "{:07d}",
    "police": "41/N{:07d}",
    "probation": "X{:07d}",
    "recovery": "{:07d}",
    "mental_health": "RIO{:07d}",
    "health": "EN{:08d}",
}


class Scene:
    """A hand-written case. Its references start with the digits of the Workbook's, its workers are `w-<digits>-<role>`."""

    def __init__(self, ref: str, opened: date, numbers: Iterator[str], people: dict[str, Person] | None = None) -> None:
        self.case = Case(ref, Family(), opened)
        self.digits = ref.removeprefix("WB-")
        self.people = people if people is not None else {}
        self.records: dict[str, list[Record]] = {agency: [] for agency in _FORMS}
        self.consents: list[Consent] = []
        self._numbers = numbers

    def person(
        self, name: str, born: date, sex: str, home: Address, *, origin: str, birth_family: str = "", nhs: str = ""
    ) -> Person:
        """Make a person; the last word of the name is the family name, words between are middle names."""
        given, *middle, family = name.split(" ")
        person = Person(
            id=f"S{self.digits}{len(self.people) + 1:02d}",
            origin=origin,
            sex=sex,
            born=born,
            name=Name(given, " ".join(middle), family),
            home=home,
            nhs=nhs or next(self._numbers),
            birth_family=birth_family,
        )
        self.people[person.id] = person
        return person

    def adult(self, person: Person, role: str) -> Record:
        """Declare an adult and return social care's record of them, without error."""
        self.case.family.adults.append((person, role))
        return self._declared(person)

    def child(self, person: Person, stage: str, since: date, **values: Value) -> Record:
        """Declare a child at a stage and return social care's record."""
        self.case.family.children.append(person)
        self.case.stages[person.id] = (stage, since)
        record = self._declared(person)
        record.values["csc.case_stage"] = {"stage": stage, "since": since}
        record.values["csc.allocated_worker"] = {
            **contact("Rowan Ashdown", "Family Safeguarding North", 900 + int(self.digits) % 97),
            "role": "SOCIAL_WORKER",
        }
        record.values |= {f"csc.{name}": value for name, value in values.items()}
        return record

    def unborn(self, mother: Person, due: date, stage: str, since: date) -> Record:
        """Declare an unborn child, which has no encoding of its own and hangs on its mother."""
        self.case.family.due = due
        self.case.unborn_ref = self.reference("social_care")
        self.case.unborn_stage = (stage, since)
        record = unborn_record(self.case.unborn_ref, self.case, mother, mother.home, True)
        self.records["social_care"].append(record)
        return record

    def bond(self, adult: Person, child: Person, relationship: str, contact_level: str) -> None:
        """Say what an adult is to a child."""
        self.case.family.bonds.append(Bond(adult, child, relationship, contact_level))

    def held(self, agency: str, person: Person, values: dict[str, Value], groups: tuple[str, ...] = ()) -> Record:
        """A record at an agency without error, to be changed by the caller where the story says so."""
        record = plain_record(self.reference(agency), person)
        record.values, record.groups = values, list(groups)
        self.records[agency].append(record)
        return record

    def workers(self, **clients: Person | None) -> None:
        """Allocate `w-<digits>-<short>` for each short role name; its value is the client, if the worker has one."""
        for short, client in clients.items():
            self.worker(f"w-{self.digits}-{short}", short, client)
        self.case.workers.append(Worker(DUTY_WORKER, "emergency-duty"))

    def worker(self, worker: str, short: str, client: Person | None = None) -> None:
        """Allocate one worker by the short name of the role."""
        ref = self.case.refs[client.id] if client else ""
        self.case.workers.append(Worker(worker, FUNCTIONS[short], ref))

    def reference(self, agency: str) -> str:
        """The next reference at an agency: the Workbook's digits, then a serial number."""
        return _FORMS[agency].format(int(self.digits) * 100 + len(self.records[agency]) + 1)

    def known_as(self, person: Person, record: Record) -> None:
        """Declare somebody whom social care already holds under another case: one record, two families."""
        record.groups.append(self.case.ref)
        self.case.refs[person.id] = record.ref

    def _declared(self, person: Person) -> Record:
        record = self.held("social_care", person, {}, (self.case.ref,))
        self.case.refs[person.id] = record.ref
        return record


FUNCTIONS = {
    "sw": "social-worker",
    "tm": "team-manager",
    "lcpp": "lead-child-protection-practitioner",
    "dav": "da-victim-practitioner",
    "dap": "da-perpetrator-officer",
    "rec": "recovery-worker",
    "mh": "mental-health-practitioner",
    "fsw": "family-support-worker",
    "hv": "health-visitor",
    "edu": "education-representative",
    "adm": "administrator",
}
