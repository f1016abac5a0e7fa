"""What is wrong with one person as typed: names, dates, places, numbers, and what rows of one reference say about each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from agencies.extract import NumberedRow, Row
from agencies.identifiers import Columns
from agencies.memo import Memo
from agencies.quality.dates import BirthDate, exchanged, read_birth_date, read_date
from agencies.quality.findings import Findings
from agencies.quality.names import name_defects
from agencies.quality.numbers import NUMBERS, nhs_number_digits
from agencies.quality.places import address_defects, postcode_defects
from agencies.standardise.person import RawPerson, StandardiseRules, standardise
from protocols.vocabulary import Kind

LONGEST_PREGNANCY = timedelta(weeks=42)
# Neither male nor female, and no defect.
_SEXES = frozenset("u|unknown|not known|not specified|x|i|indeterminate|0|9|n|nk|other|o|non-binary".split("|"))


class PersonChecks:
    """Notes defects of people. Changes nothing."""

    def __init__(self, columns: Columns, rules: StandardiseRules, extract_date: date, findings: Findings) -> None:
        self._columns = columns
        self._rules = rules
        self._today = extract_date
        self._findings = findings
        self._formats = tuple(rules.date_formats)
        placeholders = frozenset(rules.placeholder_dates)
        self._births = Memo(lambda text: read_birth_date(text, self._formats, placeholders, extract_date))
        given = Memo(lambda text: name_defects(text, True, rules))
        family = Memo(lambda text: name_defects(text, False, rules))
        self._name_defects = {"given_name": given, "middle_name": given, "family_name": family}
        self._addresses = Memo(lambda text: address_defects(text, rules))
        self._postcodes = Memo(lambda text: postcode_defects(text, rules))
        self._sexes = Memo(lambda text: text.casefold() in _SEXES or bool(standardise(RawPerson(sex=text), rules).sex))

    def birth(self, person: RawPerson) -> BirthDate:
        """A person's date of birth as read."""
        return self._births[person.date_of_birth]

    def address(self, text: str) -> tuple[str, ...]:
        """The codes of what is wrong with an address."""
        return self._addresses[text]

    def person(self, rows: Sequence[NumberedRow], typed: Sequence[RawPerson], kind: Kind) -> None:
        """Note what is wrong in each row of one reference, and between them."""
        for (number, row), person in zip(rows, typed, strict=True):
            first = number == rows[0][0]
            self._names(number, person, kind, first)
            if kind is not Kind.UNBORN:
                self._birth(number, row, person, first)
            self._expected(number, row, kind)
            self._places(number, person, first and kind is not Kind.UNBORN)
            self._numbers(number, row)
            sex = person.sex.strip()
            if sex and not self._sexes[sex]:
                self._findings.add("SEX_UNREADABLE", number, self._columns.column_of("sex"))
        self._between(rows, typed)

    def _names(self, number: int, person: RawPerson, kind: Kind, first: bool) -> None:
        for name, defects in self._name_defects.items():
            for code in defects[getattr(person, name)]:
                if kind is not Kind.UNBORN or code == "NAME_UNREADABLE":
                    self._findings.add(code, number, self._columns.column_of(name))
        if first and kind is not Kind.UNBORN and bool(person.given_name) != bool(person.family_name):
            missing = "family_name" if person.given_name else "given_name"
            self._findings.add("NAME_SINGLE", number, self._columns.column_of(missing))

    def _birth(self, number: int, row: Row, person: RawPerson, first: bool) -> None:
        column = self._columns.column_of("date_of_birth")
        for code in self.birth(person).codes:
            if code != "DOB_MISSING" or (first and column):
                self._findings.add(code, number, column)

    def _expected(self, number: int, row: Row, kind: Kind) -> None:
        text, column = self._columns.expected_date(row), self._columns.expected_date_column
        if not text:
            return
        if kind is not Kind.UNBORN:
            self._findings.add("DOB_WITH_EXPECTED_DATE", number, column)
            return
        day = read_date(text, self._formats)
        if day is None:
            self._findings.add("EXPECTED_DATE_UNREADABLE", number, column)
        elif day - self._today > LONGEST_PREGNANCY:
            self._findings.add("EXPECTED_DATE_TOO_FAR", number, column)

    def _places(self, number: int, person: RawPerson, count_missing: bool) -> None:
        columns = self._columns
        for code in self._addresses[person.address]:
            if code != "ADDRESS_MISSING" or (count_missing and columns.column_of("address")):
                self._findings.add(code, number, columns.column_of("address"))
        for code in self._postcodes[person.postcode]:
            if code != "POSTCODE_MISSING" or (count_missing and columns.column_of("postcode")):
                self._findings.add(code, number, columns.column_of("postcode"))

    def _numbers(self, number: int, row: Row) -> None:
        for name, (column, get) in self._columns.numbers.items():
            code = NUMBERS[name][2](get(row))
            if code:
                self._findings.add(code, number, column)
        status = self._columns.mapping.nhs_number_status
        said = self._columns.nhs_number_status(row).casefold()
        if status is None or not said:
            return
        for code, words in (("SUPERSEDED", status.superseded), ("NOT_FOUND", status.not_found)):
            if said in {word.casefold() for word in words}:
                self._findings.add(f"NHS_NUMBER_{code}", number, status.column)

    def _between(self, rows: Sequence[NumberedRow], typed: Sequence[RawPerson]) -> None:
        """What rows of one reference say about each other."""
        if len(rows) == 1:
            return
        first = standardise(typed[0], self._rules)
        born = self.birth(typed[0]).day
        self._nhs_numbers_between(rows)
        for (number, _), person in zip(rows[1:], typed[1:], strict=True):
            other = standardise(person, self._rules)
            if first.given_name and (first.given_name, first.family_name) == (other.family_name, other.given_name):
                self._findings.add("NAME_SWAPPED", number, self._columns.column_of("given_name"))
            day = self.birth(person).day
            if born and day and day != born:
                code = "DOB_SWAPPED" if exchanged(day) == born else "DOB_CONFLICT"
                self._findings.add(code, number, self._columns.column_of("date_of_birth"))

    def _nhs_numbers_between(self, rows: Sequence[NumberedRow]) -> None:
        if "nhs_number" not in self._columns.numbers:
            return
        column, get = self._columns.numbers["nhs_number"]
        first = ""
        for number, row in rows:
            digits = nhs_number_digits(get(row))
            if first and digits and digits != first:
                self._findings.add("NHS_NUMBER_CONFLICT", number, column)
            first = first or digits
