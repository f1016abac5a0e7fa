"""Believable errors: how what an agency holds of a person differs from the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from config.county.chance import Chance
from config.county.people import EXTRACT_DATE, Name, Person
from config.county.places import NO_FIXED_ABODE, Address
from config.county.variants import SHORT_FORMS, SPELLINGS

# Names that staff know less well are written wrong more often, and taken apart in the wrong place.
_UNFAMILIAR = (
    "south-asian-muslim",
    "south-asian-other",
    "west-african",
    "eastern-european",
    "middle-eastern",
    "east-asian",
)
PLACEHOLDERS = (date(1900, 1, 1), date(1970, 1, 1))
_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """Shares of an agency's records with each error."""

    typo: float = 0.02
    short_form: float = 0.05
    spelling: float = 0.2  # of the names that have several spellings
    known_as_too: float = 0.3  # of those held under another form of the name: the full name as well
    no_middle: float = 0.35
    middle_initial: float = 0.15
    punctuation: float = 0.2  # of the names with a hyphen or an apostrophe: lost
    names_swapped: float = 0.003
    birth_name_only: float = 0.12  # of the women who changed their name
    birth_name_too: float = 0.4
    day_month_swapped: float = 0.008
    date_digit: float = 0.012
    first_january: float = 0.006
    placeholder: float = 0.006
    no_birth_date: float = 0.01
    fifteenth: float = 0.0
    wrong_sex: float = 0.003
    no_sex: float = 0.01
    former_address: float = 0.18  # of those who moved: only an address of before
    no_address: float = 0.015
    no_postcode: float = 0.02
    address_typo: float = 0.03
    address_style: float = 0.15  # flats and kinds of street written another way
    no_fixed_abode: float = 0.0
    keeps_history: float = 0.4  # of those who moved: earlier addresses are held too
    nhs: float = 0.0
    prefix: float = 0.0


@dataclass
class Held:
    """The identity as held."""

    names: list[Name]
    born: date | None
    sex: str
    addresses: list[Address]
    nhs: str


def as_held(person: Person, quality: Quality, chance: Chance) -> Held:
    """The person's identity with an agency's errors."""
    return Held(
        names=_names(person, quality, chance),
        born=_born(person, quality, chance),
        sex=_sex(person, quality, chance),
        addresses=_addresses(person, quality, chance),
        nhs=person.nhs if chance.yes(quality.nhs) else "",
    )


def typo(text: str, chance: Chance) -> str:
    """One slip of the keyboard: a letter left out, doubled, exchanged with its neighbour or hit beside."""
    letters = [place for place, letter in enumerate(text) if letter.isalpha() and place > 0]
    if len(letters) < 2:
        return text
    place = chance.pick(letters)
    slip = chance.pick(("drop", "double", "swap", "beside"))
    if slip == "drop":
        return text[:place] + text[place + 1 :]
    if slip == "double":
        return text[:place] + text[place] + text[place:]
    if slip == "swap" and place + 1 < len(text):
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text[:place] + chance.pick(_NEIGHBOURS.get(text[place].lower(), "e")) + text[place + 1 :]


def _names(person: Person, quality: Quality, chance: Chance) -> list[Name]:
    current, *before = person.names
    names = [current]
    if before and chance.yes(quality.birth_name_only):
        names = before
    elif before and chance.yes(quality.birth_name_too):
        names = [current, *before]
    if person.origin in _UNFAMILIAR:
        quality = replace(quality, typo=1.6 * quality.typo, names_swapped=3 * quality.names_swapped)
    main = _worn(names[0], quality, chance)
    other_forms = (*SHORT_FORMS.get(names[0].given, ()), *SPELLINGS.get(names[0].given, ()))
    if main.given in other_forms and chance.yes(quality.known_as_too):
        return [replace(names[0], middle=main.middle), main, *names[1:]]
    return [main, *names[1:]]


def _worn(name: Name, quality: Quality, chance: Chance) -> Name:
    given, middle, family = name.given, name.middle, name.family
    if given in SHORT_FORMS and chance.yes(quality.short_form):
        given = chance.skewed(SHORT_FORMS[given])
    elif given in SPELLINGS and chance.yes(quality.spelling):
        given = chance.pick(SPELLINGS[given])
    if family in SPELLINGS and chance.yes(quality.spelling / 3):
        family = chance.pick(SPELLINGS[family])
    if "-" in family and chance.yes(quality.punctuation):
        family = family.replace("-", " ") if chance.yes(0.5) else family.split("-")[chance.between(0, 1)]
    elif "'" in family and chance.yes(quality.punctuation):
        family = family.replace("'", "")
    if chance.yes(quality.typo):
        given = typo(given, chance)
    if chance.yes(quality.typo * 0.8):
        family = typo(family, chance)
    if middle and chance.yes(quality.no_middle):
        middle = ""
    elif middle and chance.yes(quality.middle_initial):
        middle = middle[0]
    if chance.yes(quality.names_swapped):
        given, family = family, given
    if chance.yes(quality.prefix):
        given = f"MIG_ERROR_{given}"
    return Name(given, middle, family)


def _born(person: Person, quality: Quality, chance: Chance) -> date | None:
    born = person.born
    if chance.yes(quality.no_birth_date):
        return None
    if not person.is_child and chance.yes(quality.placeholder):
        return chance.pick(PLACEHOLDERS)
    if chance.yes(quality.first_january):
        return date(born.year, 1, 1)
    if chance.yes(quality.fifteenth):
        return born.replace(day=15)
    if chance.yes(quality.day_month_swapped) and born.day <= 12:
        return _not_after_today(born.replace(day=born.month, month=born.day), born)
    if chance.yes(quality.date_digit):
        return _not_after_today(_digit_slip(born, chance), born)
    return born


def _digit_slip(born: date, chance: Chance) -> date:
    part = chance.pick(("day", "day", "month", "year"))
    if part == "day":
        return born.replace(day=1 + (born.day + chance.pick((-2, 0, 9))) % 28)
    if part == "month":
        return born.replace(day=min(born.day, 28), month=1 + (born.month + chance.pick((-2, 0))) % 12)
    return born.replace(day=min(born.day, 28), year=born.year + chance.pick((-10, -1, 1)))


def _not_after_today(born: date, otherwise: date) -> date:
    return born if born <= EXTRACT_DATE else otherwise


def _sex(person: Person, quality: Quality, chance: Chance) -> str:
    if chance.yes(quality.no_sex):
        return ""
    if chance.yes(quality.wrong_sex):
        return "M" if person.sex == "F" else "F"
    return person.sex


def _addresses(person: Person, quality: Quality, chance: Chance) -> list[Address]:
    known = [person.home, *person.former]
    if len(known) > 1 and chance.yes(quality.former_address):
        known = known[1:]
    if not chance.yes(quality.keeps_history):
        known = known[:1]
    if chance.yes(quality.no_address):
        return [Address("", "", "", "")]
    if not person.is_child and chance.yes(quality.no_fixed_abode):
        return [NO_FIXED_ABODE]
    return [_worn_address(known[0], quality, chance), *known[1:]]


def _worn_address(address: Address, quality: Quality, chance: Chance) -> Address:
    building, street = address.building, address.street
    if building.startswith("Flat ") and chance.yes(quality.address_style):
        building = chance.pick(("", building.replace("Flat ", "Apt "), building.removeprefix("Flat ") + "/"))
    if chance.yes(quality.address_typo):
        street = typo(street, chance)
    if chance.yes(quality.address_style):
        for long, short in ((" Road", " Rd"), (" Street", " St"), (" Avenue", " Ave"), (" Close", " Cl")):
            street = street.removesuffix(long) + short if street.endswith(long) else street
    postcode = "" if chance.yes(quality.no_postcode) else address.postcode
    return replace(address, building=building, street=street, postcode=postcode)
