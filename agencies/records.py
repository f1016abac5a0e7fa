"""From the rows of one local reference to one record: kind, flags, groups, encodings, values; every defect noted on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date

from agencies.extract import NumberedRow, Row
from agencies.identifiers import Columns
from agencies.mapping import Mapping
from agencies.quality.dates import BirthDate, age_on, exchanged, read_date
from agencies.quality.findings import Findings
from agencies.quality.names import sounds_unborn
from agencies.quality.person import PersonChecks
from agencies.standardise.person import RawPerson, StandardiseRules, StandardPerson, standardise
from agencies.survey import address_hash
from agencies.values import AttributeReader, Refused, attribute_readers
from protocols.catalogue import NO, Value
from protocols.document_catalogue import Attribute
from protocols.vocabulary import HoldReason, Kind

MOST_ENCODINGS = 16
ADULT_AGE = 18
YOUNGEST_ADULT = 12
_NO_ADDRESS = frozenset({"NO_FIXED_ABODE", "ADDRESS_PLACEHOLDER"})
_FIELDS = tuple(each.name for each in fields(RawPerson))


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """The value of one attribute of one record, None for none recorded.

    `as_at` is the value's date, None with no value; `own_date` says that it is from a column of its own, not from the row.
    """

    attribute: Attribute
    value: Value | None
    as_at: date | None = None
    own_date: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """One person of the extract, ready to encode and seal. Holds identifiers: it never leaves, is never logged or written.

    `as_at` is the newest date that the rows themselves carry. It is the one date that stands in clear beside all values of the record: a
    date of one value there would tell that the value is there.
    """

    local: str
    rows: tuple[int, ...]
    kind: Kind
    silent: bool
    shielded: bool
    deceased: bool
    hold: HoldReason | None
    groups: tuple[str, ...]
    people: tuple[StandardPerson, ...]
    as_at: date
    values: tuple[AttributeValue, ...]
    born: date | None
    name: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A person who is removed before encoding."""

    local: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that cannot become a record; the findings say why."""

    local: str
    rows: tuple[int, ...]


class RecordMaker:
    """Makes records. One for each reading of an extract."""

    def __init__(
        self,
        mapping: Mapping,
        columns: Columns,
        attributes: Sequence[Attribute],
        rules: StandardiseRules,
        extract_date: date,
        shared_addresses: frozenset[int],
        findings: Findings,
    ) -> None:
        self._mapping = mapping
        self._columns = columns
        self._rules = rules
        self._today = extract_date
        self._shared = shared_addresses
        self._findings = findings
        self._formats = tuple(rules.date_formats)
        self._checks = PersonChecks(columns, rules, extract_date, findings)
        readers = attribute_readers(mapping, attributes)
        self._about = {kind: [each for each in readers if _is_about(each.attribute, kind)] for kind in Kind}
        self._flags = {name: (columns.flag(flag), flag) for name, flag in mapping.flags.items()}

    def make(self, rows: Sequence[NumberedRow]) -> Record | Suppressed | LeftOut:
        """The record of the rows of one reference."""
        numbers = tuple(number for number, _ in rows)
        local = self._columns.reference(rows[0][1])
        # Before anything else is looked at: a suppressed person is not checked, not encoded, not counted in what leaves.
        if self._flag("suppressed", rows):
            return Suppressed(local, numbers)
        if not self._reference_holds(local, numbers):
            return LeftOut(local, numbers)
        typed = [self._columns.person(row) for _, row in rows]
        births = [self._checks.birth(person) for person in typed]
        if self._is_two_people(typed, births):
            self._note_all("REF_CONFLICT", numbers, self._mapping.record)
            return LeftOut(local, numbers)
        kind, born = self._kind(rows, typed, births)
        self._checks.person(rows, typed, kind)
        if kind is not Kind.UNBORN and not any(person.given_name or person.family_name for person in typed):
            self._note_all("NAME_MISSING", numbers, self._columns.column_of("family_name"))
            return LeftOut(local, numbers)
        people = () if kind is Kind.UNBORN else self._people(rows, typed, births)
        if kind is not Kind.UNBORN and not any(person.given_name or person.family_name for person in people):
            self._note_all("NAME_MISSING", numbers, self._columns.column_of("family_name"))
            return LeftOut(local, numbers)
        deceased = self._flag("deceased", rows)
        if deceased:
            self._findings.add("DECEASED", numbers[0])
        return Record(
            local=local,
            rows=numbers,
            kind=kind,
            silent=self._flag("silent", rows),
            shielded=self._flag("shielded", rows),
            deceased=deceased,
            hold=self._hold(rows),
            groups=tuple(sorted({group for _, row in rows for group in self._columns.groups(row)})),
            people=people,
            as_at=max((day for _, row in rows if (day := self._row_date(row))), default=self._today),
            values=tuple(self._value(reader, rows) for reader in self._about[kind]),
            born=born,
            name=" ".join(part for part in (typed[0].given_name, typed[0].family_name) if part),
        )

    def _reference_holds(self, local: str, numbers: Sequence[int]) -> bool:
        code = None
        if not local:
            code = "REF_MISSING"
        elif _is_power_of_ten(local):
            code = "REF_SCIENTIFIC"
        if code is not None:
            self._note_all(code, numbers, self._mapping.record)
        return code is None

    def _flag(self, name: str, rows: Sequence[NumberedRow]) -> bool:
        """Whether any row says yes. What is neither yes nor a plain no counts as yes: the safe side."""
        if name not in self._flags:
            return False
        get, flag = self._flags[name]
        yes = {each.casefold() for each in flag.yes}
        raised = False
        for number, row in rows:
            typed = get(row).casefold()
            if not typed or (typed in NO and typed not in yes):
                continue
            raised = True
            if typed not in yes:
                self._findings.add("FLAG_UNREADABLE", number, flag.column)
        return raised

    def _hold(self, rows: Sequence[NumberedRow]) -> HoldReason | None:
        for number, row in rows:
            typed = self._columns.hold(row).upper()
            if typed:
                if typed in HoldReason.__members__:
                    return HoldReason(typed)
                self._findings.add("HOLD_UNKNOWN", number, self._mapping.hold.column if self._mapping.hold else None)
                return HoldReason.OTHER
        return None

    def _is_two_people(self, typed: Sequence[RawPerson], births: Sequence[BirthDate]) -> bool:
        """Rows of one reference that share neither date of birth nor any name are not aliases of one person."""
        first, born = typed[0], births[0].day
        for person, birth in zip(typed[1:], births[1:], strict=True):
            if born is None or birth.day is None or birth.day == born or exchanged(birth.day) == born:
                continue
            names, others = _words(first), _words(person)
            if names and others and not names & others:
                return True
        return False

    def _kind(
        self, rows: Sequence[NumberedRow], typed: Sequence[RawPerson], births: Sequence[BirthDate]
    ) -> tuple[Kind, date | None]:
        number, row = rows[0]
        born = next((birth.day for birth in births if birth.day and birth.day <= self._today), None)
        said = self._said_kind(number, row)
        column = self._mapping.kind.column if self._mapping.kind else None
        if said is Kind.UNBORN:
            if born is not None:
                self._findings.add("UNBORN_WITH_DOB", number, self._columns.column_of("date_of_birth"))
            return Kind.UNBORN, None
        if born is None:
            expected = bool(self._columns.expected_date(row))
            if expected and said in (None, Kind.CHILD):
                return Kind.UNBORN, None
            if sounds_unborn(typed[0].given_name, typed[0].family_name) and said is not Kind.ADULT:
                self._findings.add("UNBORN_NOT_MARKED", number, column)
                return Kind.UNBORN, None
            return said or Kind.UNKNOWN, None
        age = age_on(born, self._today)
        by_age = Kind.ADULT if age >= ADULT_AGE else Kind.CHILD
        if said is Kind.ADULT and by_age is Kind.CHILD:
            self._findings.add("ADULT_UNDER_12" if age < YOUNGEST_ADULT else "ADULT_UNDER_18", number, column)
        if said is Kind.CHILD and by_age is Kind.ADULT:
            self._findings.add("CHILD_OVER_18", number, column)
        return by_age, born

    def _said_kind(self, number: int, row: Row) -> Kind | None:
        mapped = self._mapping.kind
        typed = self._columns.kind(row).casefold()
        if mapped is None or not typed:
            return None
        for kind, words in ((Kind.ADULT, mapped.adult), (Kind.CHILD, mapped.child), (Kind.UNBORN, mapped.unborn)):
            if typed in {word.casefold() for word in words}:
                return kind
        self._findings.add("KIND_UNREADABLE", number, mapped.column)
        return None

    def _people(
        self, rows: Sequence[NumberedRow], typed: Sequence[RawPerson], births: Sequence[BirthDate]
    ) -> tuple[StandardPerson, ...]:
        """Every distinct spelling and address of the person, in the order met; the first row fills what later rows leave blank."""
        found: dict[StandardPerson, None] = {}
        main = typed[0]
        for (number, row), person, birth in zip(rows, typed, births, strict=True):
            whole = _filled(person, main)
            if any(code in ("DOB_FUTURE", "AGE_OVER_110") for code in birth.codes):
                whole = replace(whole, date_of_birth="")
            if any(code in _NO_ADDRESS for code in self._checks.address(whole.address)):
                whole = replace(whole, address="")
            for each in (whole, *self._columns.extra_people(row, whole)):
                found[self._without_shared_address(number, standardise(each, self._rules))] = None
        people = [person for person in found if person.given_name or person.family_name or len(found) == 1]
        if len(people) > MOST_ENCODINGS:
            self._findings.add("ENCODINGS_MANY", rows[0][0])
        return tuple(people[:MOST_ENCODINGS])

    def _without_shared_address(self, number: int, person: StandardPerson) -> StandardPerson:
        if person.address and address_hash(person.address, person.postcode) in self._shared:
            self._findings.add("ADDRESS_SHARED", number, self._columns.column_of("address"))
            return replace(person, address="", postcode="")
        return person

    def _value(self, reader: AttributeReader, rows: Sequence[NumberedRow]) -> AttributeValue:
        """The newest value among the rows. What cannot be used is noted and left out."""
        found: dict[date, Value] = {}
        try:
            for number, row in rows:
                value = self._read(reader, number, row)
                if value is None:
                    continue
                as_at = self._as_at(reader, number, row)
                if found.setdefault(as_at, value) != value:
                    self._findings.add("VALUE_CONFLICT", number, reader.cells[0].column)
                    raise Refused("VALUE_CONFLICT", None)
        except Refused:
            found = {}
        if not found:
            return AttributeValue(reader.attribute, None)
        newest = max(found)
        return AttributeValue(reader.attribute, found[newest], newest, reader.as_at is not None)

    def _read(self, reader: AttributeReader, number: int, row: Row) -> Value | None:
        try:
            return reader.read(row)
        except Refused as reason:
            self._findings.add(reason.code, number, reason.column)
            raise

    def _as_at(self, reader: AttributeReader, number: int, row: Row) -> date:
        own = reader.read_as_at(row)
        day = read_date(own, self._formats) if own else self._row_date(row)
        code = "VALUE_AS_AT" if day is None else "VALUE_FUTURE" if day > self._today else None
        if day is None or code:
            column = reader.as_at_column if own else self._mapping.as_at_column
            self._findings.add(code or "VALUE_AS_AT", number, column)
            raise Refused(code or "VALUE_AS_AT", column)
        return day

    def _row_date(self, row: Row) -> date | None:
        if self._mapping.as_at_extract_day:
            return self._today
        literal = self._mapping.as_at_literal
        if literal is not None:
            return literal
        day = read_date(self._columns.as_at(row), self._formats)
        return day if day and day <= self._today else None

    def _note_all(self, code: str, numbers: Sequence[int], column: str | None) -> None:
        for number in numbers:
            self._findings.add(code, number, column)


def _is_about(attribute: Attribute, kind: Kind) -> bool:
    """One cell for every attribute that is about the record's kind; for a person of unknown kind, for every attribute."""
    return kind is Kind.UNKNOWN or kind in attribute.about.kinds


def _filled(person: RawPerson, main: RawPerson) -> RawPerson:
    if person is main:
        return person
    if person.address or person.postcode:
        address, postcode = person.address, person.postcode
    else:
        address, postcode = main.address, main.postcode
    own = {name: getattr(person, name) or getattr(main, name) for name in _FIELDS}
    return RawPerson(**{**own, "address": address, "postcode": postcode})


def _words(person: RawPerson) -> set[str]:
    text = f"{person.given_name} {person.middle_name} {person.family_name}".casefold()
    return {word for word in text.replace("-", " ").split() if len(word) > 1}


def _is_power_of_ten(text: str) -> bool:
    mantissa, _, exponent = text.upper().partition("E+")
    return bool(exponent) and exponent.isdecimal() and mantissa.replace(".", "", 1).isdecimal()


def unborn_record(local: str, attributes: Sequence[Attribute], as_at: date) -> Record:
    """The record of an unborn child that the extract does not have: not encoded, nothing recorded."""
    return Record(
        local=local,
        rows=(),
        kind=Kind.UNBORN,
        silent=False,
        shielded=False,
        deceased=False,
        hold=None,
        groups=(),
        people=(),
        as_at=as_at,
        values=tuple(AttributeValue(each, None) for each in attributes if _is_about(each, Kind.UNBORN)),
        born=None,
        name="",
    )
