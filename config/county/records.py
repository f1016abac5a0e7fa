"""What one agency holds of one person, in the words of the catalogue, before it is written in that agency's own form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from config.county.chance import Chance
from config.county.errors import Quality, as_held
from config.county.people import EXTRACT_DATE, Name, Person
from config.county.places import Address, in_refuge

Value = dict[str, str | int | bool | date]
HOLD_REASONS = ("COURT_ORDER", "PROFESSIONAL_JUDGEMENT", "ACCURACY_DISPUTED", "OBJECTION")


@dataclass
class Record:
    """One record. `names` and `addresses` start with the main one; `values` go from catalogue attribute to its fields.

    A legacy record came from an older system and kept its form of dates.
    """

    ref: str
    person: str
    names: list[Name]
    born: date | None
    sex: str
    addresses: list[Address]
    nhs: str
    kind: str
    groups: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    hold: str = ""
    as_at: date = EXTRACT_DATE
    values: dict[str, Value] = field(default_factory=dict)
    legacy: bool = False


def plain_record(ref: str, person: Person) -> Record:
    """A record without any error."""
    return Record(
        ref=ref,
        person=person.id,
        names=person.names,
        born=person.born,
        sex=person.sex,
        addresses=[person.home, *person.former],
        nhs=person.nhs,
        kind="CHILD" if person.is_child else "ADULT",
    )


def erring_record(ref: str, person: Person, quality: Quality, chance: Chance) -> Record:
    """A record as a busy agency of that quality would hold it."""
    record = plain_record(ref, person)
    held = as_held(person, quality, chance)
    record.names, record.born, record.sex = held.names, held.born, held.sex
    record.addresses, record.nhs = held.addresses, held.nhs
    if in_refuge(record.addresses[0]):
        record.flags.add("shielded")
    if person.deceased and chance.yes(0.9):
        record.flags.add("deceased")
    if chance.yes(0.006):
        record.hold = chance.pick(HOLD_REASONS)
    return record


def second_record(ref: str, person: Person, quality: Quality, chance: Chance) -> Record:
    """Another record of somebody the agency already has: nobody noticed, because it lacks the NHS number."""
    record = erring_record(ref, person, quality, chance)
    record.nhs = ""
    return record


def last_looked_at(chance: Chance) -> date:
    """When a record was last brought up to date: nearly always within four weeks, now and then long ago."""
    days = chance.between(0, 27) if chance.yes(0.93) else chance.between(28, 150)
    return EXTRACT_DATE - timedelta(days=days)


class Households:
    """An agency's own key for everybody at one address."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._keys: dict[Address, str] = {}

    def of(self, address: Address) -> list[str]:
        """The key of an address in a list, empty if the address has no postcode."""
        if not address.postcode:
            return []
        return [self._keys.setdefault(address, f"{self._prefix}{1001 + len(self._keys)}")]


class References:
    """An agency's own references: in no order that tells when or to whom they were given."""

    def __init__(self, form: Callable[[int], str], chance: Chance, span: int) -> None:
        self._form = form
        self._chance = chance
        self._span = span
        self._taken: set[str] = set()

    def reserve(self, references: Iterable[str]) -> None:
        """Keep references that are given out by name."""
        self._taken.update(references)

    def next(self) -> str:
        """A reference that nobody has yet."""
        while True:
            reference = self._form(self._chance.between(1, self._span))
            if reference not in self._taken:
                self._taken.add(reference)
                return reference
