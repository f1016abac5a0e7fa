"""A person of the county, and how people are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from config.county.chance import Chance
from config.county.names import MIDDLES, ORIGINS, SHARES, feminine
from config.county.places import Address

EXTRACT_DATE = date(2026, 11, 16)
# People whose papers say 1 January because nobody wrote the day down where they were born: every agency has it so.
_FIRST_OF_JANUARY = {"middle-eastern": 0.06, "south-asian-muslim": 0.03, "west-african": 0.01}


@dataclass(frozen=True)
class Name:
    """A name as one source may hold it."""

    given: str
    middle: str
    family: str


@dataclass
class Person:
    """The truth about one person. `former` are earlier addresses, the latest first; `traits` steer which agencies know them."""

    id: str
    origin: str
    sex: str
    born: date
    name: Name
    home: Address
    nhs: str
    birth_family: str = ""
    former: list[Address] = field(default_factory=list)
    deceased: bool = False
    traits: set[str] = field(default_factory=set)

    @property
    def age(self) -> int:
        """In whole years on the day of the extracts."""
        return age_on(self.born, EXTRACT_DATE)

    @property
    def is_child(self) -> bool:
        """Under 18 on the day of the extracts."""
        return self.age < 18

    @property
    def names(self) -> list[Name]:
        """The name in use and, where there is one, the name before marriage."""
        before = [replace(self.name, family=self.birth_family)] if self.birth_family else []
        return [self.name, *before]


def age_on(born: date, day: date) -> int:
    """Whole years from birth to a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def birthday(chance: Chance, youngest: int, oldest: int) -> date:
    """A date of birth of somebody who is between so many years old, both included."""
    day = EXTRACT_DATE
    earliest = date(day.year - oldest - 1, day.month, day.day + 1)
    return chance.day(earliest, date(day.year - youngest, day.month, day.day))


class People:
    """Makes people, each with their own id and NHS number."""

    def __init__(self, chance: Chance, numbers: Iterator[str]) -> None:
        self._chance = chance
        self._numbers = numbers
        self.all: list[Person] = []

    def origin(self) -> str:
        """An origin, by its share of the county."""
        return self._chance.weighted(SHARES)

    def adult(self, origin: str, sex: str, born: date, home: Address) -> Person:
        """An adult with a family name of their own origin."""
        names = ORIGINS[origin]
        if self._chance.yes(_FIRST_OF_JANUARY.get(origin, 0.0)):
            born = born.replace(month=1, day=1)
        given = self._chance.skewed(names.given(sex, born.year))
        return self.add(origin, sex, born, self.named(origin, sex, given, self.family_name(origin)), home)

    def child(self, origin: str, sex: str, born: date, family: str, home: Address, taken: set[str]) -> Person:
        """A child with the given family name and a given name that no brother or sister has."""
        names = ORIGINS[origin]
        pool = [given for given in names.given(sex, born.year) if given not in taken]
        return self.add(origin, sex, born, self.named(origin, sex, self._chance.skewed(pool), family), home)

    def family_name(self, origin: str) -> str:
        """A family name of that origin."""
        return self._chance.skewed(ORIGINS[origin].families)

    def named(self, origin: str, sex: str, given: str, family: str) -> Name:
        """A full name: with a middle name as often as its origin has one, and in the form for the sex."""
        has_middle = self._chance.yes(ORIGINS[origin].middle)
        middle = self._middle(origin, sex) if has_middle else ""
        form = feminine(family) if sex == "F" and origin == "eastern-european" else family
        return Name(given, "" if middle == given else middle, form)

    def _middle(self, origin: str, sex: str) -> str:
        if origin in ("british", "irish", "caribbean"):
            return self._chance.skewed(MIDDLES[sex])
        if origin == "south-asian-other":
            return "Kaur" if sex == "F" else "Singh"
        names = ORIGINS[origin]
        return self._chance.skewed(names.women if sex == "F" else names.men)

    def add(self, origin: str, sex: str, born: date, name: Name, home: Address) -> Person:
        """Take a person in, with the next id and NHS number."""
        person = Person(f"P{len(self.all) + 1:06d}", origin, sex, born, name, home, next(self._numbers))
        self.all.append(person)
        return person
