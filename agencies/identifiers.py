"""From a row to identifiers, by the mapping's columns, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agencies.extract import Row
from agencies.mapping import IDENTIFIERS, FlagMap, Identifiers, Mapping
from agencies.standardise.person import RawPerson

Getter = Callable[[Row], str]


class Columns:
    """Where everything about the person stands in a row (a tuple in the order of `mapping.columns`)."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self._at = {name: number for number, name in enumerate(mapping.columns)}
        self.reference = self.getter(mapping.record)
        self.numbers = {name: (column, self.getter(column)) for name, column in mapping.identifiers.numbers.items()}
        status = mapping.nhs_number_status
        self.nhs_number_status = self.getter(status.column if status else None)
        self.as_at = self.getter(mapping.as_at_column)
        self.expected_date_column = mapping.expected_date or mapping.attributes.get("csc.unborn", {}).get("edd")
        self.expected_date = self.getter(self.expected_date_column)
        self.kind = self.getter(mapping.kind.column if mapping.kind else None)
        self.hold = self.getter(mapping.hold.column if mapping.hold else None)
        self._own = self._person_getters(mapping.identifiers)
        self._extra = [self._person_getters(each) for each in (*mapping.aliases, *mapping.former)]
        self._groups = [self.getter(name) for name in (mapping.groups.columns if mapping.groups else [])]
        self._separator = mapping.groups.separator if mapping.groups else None

    def getter(self, column: str | None) -> Getter:
        """What reads one column, trimmed; '' for a column that is not mapped."""
        if column is None:
            return lambda row: ""
        at = self._at[column]
        return lambda row: row[at].strip()

    def person(self, row: Row) -> RawPerson:
        """The identifiers of a row as typed."""
        return RawPerson(*(get(row) for get in self._own))

    def extra_people(self, row: Row, own: RawPerson) -> list[RawPerson]:
        """The same person under the row's other names and former addresses; what an entry leaves out is as in `own`."""
        found = []
        for getters in self._extra:
            typed = [None if get is _blank else get(row) for get in getters]
            if not any(typed):
                continue
            held = (
                own.given_name,
                own.middle_name,
                own.family_name,
                own.date_of_birth,
                own.sex,
                own.address,
                own.postcode,
            )
            address_given = typed[5] is not None or typed[6] is not None
            parts = []
            for at, (new, old) in enumerate(zip(typed, held, strict=True)):
                # A former address replaces address and postcode together; a former name part only itself.
                parts.append(new or "" if at >= 5 and address_given else new or old)
            found.append(RawPerson(*parts))
        return found

    def groups(self, row: Row) -> list[str]:
        """The local household, case or occurrence references of a row."""
        found = []
        for get in self._groups:
            text = get(row)
            found.extend(text.split(self._separator) if self._separator else [text])
        return [text.strip() for text in found if text.strip()]

    def column_of(self, identifier: str) -> str | None:
        """The column of an identifier, for messages; the first where there are several."""
        held: str | list[str] | None = getattr(self.mapping.identifiers, identifier)
        return held[0] if isinstance(held, list) else held

    def flag(self, flag: FlagMap) -> Getter:
        """What reads a flag's column."""
        return self.getter(flag.column)

    def _person_getters(self, names: Identifiers) -> list[Getter]:
        return [self._identifier(getattr(names, name)) for name in IDENTIFIERS]

    def _identifier(self, held: str | Sequence[str] | None) -> Getter:
        if held is None:
            return _blank
        if isinstance(held, str):
            return self.getter(held)
        if len(held) == 1:
            return self.getter(held[0])
        positions = [self._at[name] for name in held]
        return lambda row: " ".join(part for at in positions if (part := row[at].strip()))


def _blank(row: Row) -> str:
    return ""
