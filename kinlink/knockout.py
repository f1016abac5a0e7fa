"""The knock-out table of a sharing protocol: real people of the demo county, encoded and hardened as the protocol says.

The reference population is the demo county's children's social care against its hospitals, so the calibration is that of
a linking run. The secret is a public one: nobody real is encoded.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agencies.encoders import check_encoder, protocol_encodings
from agencies.encoding.comparator import CheckEncoder
from agencies.encoding.person import PersonEncoder
from agencies.standardise.person import StandardPerson
from kinlink.county import ANCHOR, county_families, county_records
from linkage.declared import declared
from linkage.knockout import Case, EncodedPairs, Line, Part, failures, knock_out
from linkage.learn import learn, people_side
from protocols.errors import ProtocolError
from protocols.load import LoadedProtocol
from protocols.vocabulary import Kind

SECRET = hashlib.sha256(b"kinlink knock-out table, nobody real is encoded with this").digest()
AGENCY = "health"
PAIRS = 200
_ADULT_BEFORE = 2008
_unsound: dict[str, tuple[str, ...]] = {}
_FIELDS: dict[Part, tuple[str, ...]] = {
    "given name": ("given_name", "middle_name"),
    "family name": ("family_name",),
    "date of birth": ("date_of_birth",),
    "place": ("address", "postcode"),
}


def knock_out_table(protocol: LoadedProtocol, pairs: int = PAIRS) -> tuple[Line, ...]:
    """Compute the table. Takes seconds: two agencies of the county are encoded and compared. Raises `InputError`."""
    encoder, checks = protocol_encodings(protocol)[0].encoder(SECRET), check_encoder(protocol, SECRET)
    anchor, people = county_records(ANCHOR, protocol, encoder, checks)
    agency, _ = county_records(AGENCY, protocol, encoder, checks)
    rules = protocol.document.matching
    members = declared(anchor, county_families())
    learnt = learn(anchor, members, people_side(anchor, members), [agency], rules, None, lambda name, at: None)
    whole = [p for p in people if _is_whole(p)]
    pairer = _Pairer(encoder, checks, whole, pairs)
    return knock_out(pairer, learnt.calibration, AGENCY, rules)


def unsound(protocol: LoadedProtocol) -> tuple[str, ...]:
    """The cases that must never be certain on their own and are, under this protocol; kept for each digest."""
    if protocol.digest not in _unsound:
        _unsound[protocol.digest] = failures(knock_out_table(protocol))
    return _unsound[protocol.digest]


def require_sound(protocol: LoadedProtocol, lines: Sequence[Line]) -> None:
    """Raise `ProtocolError` if a link could be certain on what must never be enough: such a protocol cannot go live."""
    failed = failures(lines)
    if failed:
        raise ProtocolError(
            f"{protocol.label} would call links certain on too little: {'; '.join(failed)}.",
            next_step="Raise `matching.guards.closeness` or `matching.certain`, or give the date of birth more bits.",
        )


def _is_whole(person: StandardPerson) -> bool:
    return all((person.given_name, person.family_name, person.address, person.postcode)) and (
        len(person.date_of_birth) == 8 and person.date_of_birth.isdecimal()
    )


@dataclass(frozen=True)
class _Pairer:
    """Makes and encodes the pairs of a case; the same case gives the same pairs."""

    encoder: PersonEncoder
    checks: CheckEncoder
    people: Sequence[StandardPerson]
    pairs: int

    def __call__(self, case: Case) -> EncodedPairs:
        chance = random.Random(case.name)  # noqa: S311 - which made-up people are compared
        left = chance.sample(self.people, self.pairs)
        right = [self._changed(person, case, chance) for person in left]
        return EncodedPairs(
            self.encoder.encode(left),
            self.encoder.encode(right),
            tuple(map(_kind, left)),
            tuple(map(_kind, right)),
            self.checks.for_matching(left),
            self.checks.for_matching(right),
        )

    def _changed(self, person: StandardPerson, case: Case, chance: random.Random) -> StandardPerson:
        other = self._other(person, chance)
        for part, how in case.how:
            fields = _FIELDS[part]
            if how == "missing":
                person = replace(person, **dict.fromkeys(fields, ""))
            elif how == "differs" and part != "date of birth":
                person = replace(person, **{field: getattr(other, field) for field in fields})
            elif how == "one letter":
                person = replace(person, **{fields[0]: _one_letter(getattr(person, fields[0]), chance)})
            elif how != "agrees":
                person = replace(person, date_of_birth=_date(person.date_of_birth, how, chance))
        return person

    def _other(self, person: StandardPerson, chance: random.Random) -> StandardPerson:
        """Somebody else, who shares neither a name nor a place."""
        while True:
            other = chance.choice(self.people)
            if not (
                {other.given_name, other.family_name, other.postcode}
                & {person.given_name, person.family_name, person.postcode}
            ):
                return other


def _kind(person: StandardPerson) -> str:
    """What an agency would say of a person from the date of birth alone."""
    if not person.date_of_birth:
        return Kind.UNKNOWN
    return Kind.ADULT if int(person.date_of_birth[:4]) < _ADULT_BEFORE else Kind.CHILD


def _one_letter(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chance.choice([c for c in "aeiornst" if c != text[at]]) + text[at + 1 :]


def _date(date: str, how: str, chance: random.Random) -> str:
    """A date changed as a case says. A date that differs has another year, month and day."""
    year, month, day = date[:4], date[4:6], date[6:]
    if how == "day and month swapped":
        return year + day + month if day <= "12" else f"{year}{month}{31 - int(day):02d}"
    if how == "one digit":
        at = chance.choice((3, 5, 7))
        return date[:at] + str((int(date[at]) + chance.randrange(1, 9)) % 10) + date[at + 1 :]
    years = range(2, 60) if how == "differs" else range(18, 40)
    born = int(year) + chance.choice((-1, 1)) * chance.choice(years)
    if how == "another year":
        return f"{born:04d}{month}{day}"
    other_month = chance.choice([m for m in range(1, 13) if f"{m:02d}" != month])
    other_day = chance.choice([d for d in range(2, 29) if f"{d:02d}" not in (day, "15")])
    return f"{born:04d}{other_month:02d}{other_day:02d}"
