"""The county's families: who lives with whom, who is whose parent, and what weighs on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from config.county.chance import Chance
from config.county.names import ORIGINS
from config.county.people import EXTRACT_DATE, Name, People, Person, age_on, birthday
from config.county.places import HOSTELS, NO_FIXED_ABODE, REFUGE, Address, Streets

_SHAPES = (
    ("couple", 0.56),
    ("separated", 0.2),
    ("lone mother", 0.11),
    ("blended", 0.09),
    ("lone father", 0.04),
)
_CHILDREN = ((1, 0.38), (2, 0.38), (3, 0.16), (4, 0.06), (5, 0.02))
_SINGLES_PER_FAMILY = 1.1


@dataclass(frozen=True)
class Bond:
    """What an adult is to a child, and how much contact there is; words of the family declaration."""

    adult: Person
    child: Person
    relationship: str
    contact: str


@dataclass
class Family:
    """One family as it is in life. `strain` (0, 1, 2) makes every kind of trouble likelier together."""

    adults: list[tuple[Person, str]] = field(default_factory=list)
    children: list[Person] = field(default_factory=list)
    bonds: list[Bond] = field(default_factory=list)
    due: date | None = None
    strain: int = 0
    in_refuge: bool = False

    @property
    def people(self) -> list[Person]:
        """Everybody born, adults first."""
        return [adult for adult, _ in self.adults] + self.children

    def adult(self, role: str) -> Person | None:
        """The first adult in a role."""
        return next((person for person, held in self.adults if held == role), None)

    def with_trait(self, trait: str) -> list[Person]:
        """The people of the family with a trait."""
        return [person for person in self.people if trait in person.traits]


class County:
    """Builds families one after another from one stream of chance."""

    def __init__(self, seed: int, families: int, numbers: Iterator[str]) -> None:
        self._chance = Chance(seed, "families")
        self._streets = Streets(Chance(seed, "streets"), families)
        self.people = People(Chance(seed, "people"), numbers)
        self._free_fathers: list[Person] = []
        self.families = [self._family() for _ in range(families)]
        for _ in range(int(families * _SINGLES_PER_FAMILY)):
            self._single()

    def dwelling(self) -> Address:
        """Another address of the county."""
        return self._streets.dwelling()

    def _family(self) -> Family:
        chance = self._chance
        family = Family(strain=chance.weighted(((0, 0.72), (1, 0.2), (2, 0.08))))
        shape = chance.weighted(_SHAPES)
        home = self.dwelling()
        origin = self.people.origin()
        mother_born = birthday(chance, 20, 47)
        mother = self.people.adult(origin, "F", mother_born, home)
        family.adults.append((mother, "MOTHER"))
        father = self._father(shape, mother, home)
        if father:
            family.adults.append((father, "FATHER"))
        if shape == "blended":
            family.adults.append((self._man_for(mother, home), "PARTNER"))
        if shape == "lone father":
            mother.home = self.dwelling()
        self._children(family, home)
        self._bonds(family, home)
        self._others(family, home)
        self._move(family)
        self._trouble(family)
        return family

    def _father(self, shape: str, mother: Person, home: Address) -> Person | None:
        if shape == "lone mother":
            return None
        chance = self._chance
        if shape == "couple" and chance.yes(0.12):
            near = [man for man in self._free_fathers[-500:] if abs((man.born - mother.born).days) < 9 * 365]
            if near:
                self._free_fathers.remove(near[0])
                near[0].home = home
                return near[0]
        apart = shape in ("separated", "blended")
        father = self._man_for(mother, self._elsewhere() if apart else home)
        if apart:
            self._free_fathers.append(father)
        married = shape != "lone mother" and chance.yes(ORIGINS[mother.origin].changes_on_marriage)
        if married:
            mother.birth_family = mother.name.family
            mother.name = self.people.named(mother.origin, "F", mother.name.given, father.name.family)
        return father

    def _elsewhere(self) -> Address:
        kind = self._chance.weighted((("home", 0.93), ("hostel", 0.04), ("none", 0.03)))
        if kind == "none":
            return NO_FIXED_ABODE
        return self._chance.pick(HOSTELS) if kind == "hostel" else self.dwelling()

    def _man_for(self, woman: Person, home: Address) -> Person:
        chance = self._chance
        origin = woman.origin if chance.yes(0.86) else self.people.origin()
        years = chance.between(-3, 8)
        born = woman.born - timedelta(days=years * 365 + chance.between(0, 364))
        return self.people.adult(origin, "M", min(born, EXTRACT_DATE - timedelta(days=19 * 366)), home)

    def _children(self, family: Family, home: Address) -> None:
        chance = self._chance
        mother, father = family.adults[0][0], family.adult("FATHER")
        surname = self._surname_of_children(mother, father)
        origin = mother.origin if father is None or chance.yes(0.5) else father.origin
        old_enough = max(_years_after(parent.born, 17) for parent in (mother, father) if parent)
        earliest = max(old_enough, EXTRACT_DATE - timedelta(days=16 * 365))
        born = chance.day(earliest, EXTRACT_DATE - timedelta(days=30))
        count = chance.weighted(_CHILDREN)
        taken: set[str] = set()
        while len(family.children) < count and born < EXTRACT_DATE:
            twins = chance.yes(0.017)
            for _ in range(2 if twins else 1):
                sex = chance.pick("FM")
                child = self.people.child(origin, sex, born, surname, home, taken)
                if sex == "M" and father and chance.yes(0.012) and father.name.given not in taken:
                    child.name = Name(father.name.given, child.name.middle, father.name.family)
                taken.add(child.name.given)
                family.children.append(child)
            born += timedelta(days=chance.between(400, 1700))
        if chance.yes(0.035) and age_on(mother.born, EXTRACT_DATE) < 42 and not _has_baby(family):
            family.due = EXTRACT_DATE + timedelta(days=chance.between(10, 190))

    def _surname_of_children(self, mother: Person, father: Person | None) -> str:
        if father is None:
            return mother.name.family
        names = (
            (father.name.family, 0.72),
            (mother.name.family, 0.2),
            (f"{mother.birth_family or mother.name.family}-{father.name.family}", 0.08),
        )
        name = self._chance.weighted(names)
        return name if len(name) < 22 else father.name.family

    def _bonds(self, family: Family, home: Address) -> None:
        chance = self._chance
        for adult, role in family.adults:
            contact = "LIVES_WITH" if adult.home == home else chance.pick(("REGULAR_CONTACT",) * 2 + ("NO_CONTACT",))
            relationship = "PARENT" if role != "PARTNER" else chance.pick(("STEP_PARENT", "PARTNER_OF_PARENT"))
            family.bonds += [Bond(adult, child, relationship, contact) for child in family.children]

    def _others(self, family: Family, home: Address) -> None:
        """A grandparent, or a grown-up child who still lives at home (now and then with the father's own name)."""
        chance = self._chance
        mother = family.adults[0][0]
        if chance.yes(0.06):
            born = mother.born - timedelta(days=chance.between(20 * 365, 34 * 365))
            sex = chance.pick("FFM")
            elder = self.people.adult(mother.origin, sex, born, home)
            elder.name = replace(elder.name, family=mother.birth_family or mother.name.family)
            family.adults.append((elder, "CARER" if chance.yes(0.5) else "OTHER_ADULT"))
            family.bonds += [Bond(elder, child, "GRANDPARENT", "LIVES_WITH") for child in family.children]
        if mother.age >= 38 and chance.yes(0.2):
            self._grown_up_child(family, home)

    def _grown_up_child(self, family: Family, home: Address) -> None:
        chance = self._chance
        mother, father = family.adults[0][0], family.adult("FATHER")
        sex = chance.pick("FM")
        born = birthday(chance, 18, min(24, mother.age - 17))
        taken = {child.name.given for child in family.children}
        names_of = father or mother
        grown = self.people.child(mother.origin, sex, born, names_of.name.family, home, taken)
        if sex == "M" and father and chance.yes(0.12):
            grown.name = Name(father.name.given, father.name.middle, father.name.family)
        family.adults.append((grown, "SIBLING"))
        family.bonds += [Bond(grown, child, "OTHER", "LIVES_WITH") for child in family.children]

    def _move(self, family: Family) -> None:
        chance = self._chance
        if chance.yes(0.06 * (1 + 2 * family.strain)):
            home = family.children[0].home if family.children else family.adults[0][0].home
            before = self.dwelling()
            for person in family.people:
                if person.home == home and not (person.is_child and person.age < 1):
                    person.former.insert(0, before)
        for adult, _ in family.adults:
            if chance.yes(0.12):
                adult.former.append(self.dwelling())

    def _trouble(self, family: Family) -> None:
        chance = self._chance
        push = (0.45, 1.8, 4.2)[family.strain]
        for adult, role in family.adults:
            if chance.yes(0.045 * push):
                adult.traits |= {"substance", chance.weighted((("alcohol", 0.5), ("drugs", 0.5)))}
            if chance.yes(0.1 * push):
                adult.traits.add("mental health")
            if chance.yes((0.07 if adult.sex == "M" else 0.02) * push):
                adult.traits.add("offender")
            if role in ("CARER", "OTHER_ADULT") and chance.yes(0.02):
                adult.deceased = True
        man = family.adult("PARTNER") or family.adult("FATHER")
        if man and chance.yes(0.09 * push):
            self._domestic_abuse(family, man)

    def _domestic_abuse(self, family: Family, man: Person) -> None:
        chance = self._chance
        woman = family.adults[0][0]
        victim, suspect = (woman, man) if chance.yes(0.88) else (man, woman)
        victim.traits.add("da victim")
        suspect.traits.add("da suspect")
        for child in family.children:
            child.traits.add("da child")
        if victim is woman and family.strain and chance.yes(0.08):
            family.in_refuge = True
            for person in [woman, *family.children]:
                person.former.insert(0, person.home)
                person.home = REFUGE
            for place, bond in enumerate(family.bonds):
                if bond.adult is suspect:
                    family.bonds[place] = replace(bond, contact="PROHIBITED")

    def _single(self) -> None:
        chance = self._chance
        sex = chance.pick("FMM")
        person = self.people.adult(self.people.origin(), sex, birthday(chance, 18, 85), self._elsewhere())
        if sex == "F" and chance.yes(0.3):
            person.birth_family = self.people.family_name(person.origin)
        if chance.yes(0.2):
            person.former.append(self.dwelling())
        unlucky = 1.6 if person.home in (NO_FIXED_ABODE, *HOSTELS) else 0.7
        chances: tuple[tuple[str, float], ...] = (("substance", 0.06), ("mental health", 0.1), ("offender", 0.06))
        person.traits |= {trait for trait, probability in chances if chance.yes(probability * unlucky)}
        if "substance" in person.traits:
            person.traits.add(chance.pick(("alcohol", "drugs")))
        person.deceased = person.age > 60 and chance.yes(0.03)


def _years_after(born: date, years: int) -> date:
    return born + timedelta(days=round(years * 365.25))


def _has_baby(family: Family) -> bool:
    return any(child.age < 1 for child in family.children)
