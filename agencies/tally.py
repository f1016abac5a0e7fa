"""What `check` counts while records go by. Everything here stays at the agency."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from agencies.records import LeftOut, Record, Suppressed
from protocols.vocabulary import Kind

FIELDS = ("given_name", "middle_name", "family_name", "date_of_birth", "sex", "address", "postcode")


@dataclass
class Tally:
    """Counts of one reading. `suppressed_rows` is for the agency's own eyes: no count of suppressed people leaves."""

    records: int = 0
    encodings: int = 0
    left_out: int = 0
    suppressed: int = 0
    suppressed_rows: list[int] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    identifiers: Counter[str] = field(default_factory=Counter)
    attributes: Counter[str] = field(default_factory=Counter)
    attribute_records: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Record | Suppressed | LeftOut) -> None:
        """Count one outcome."""
        if isinstance(outcome, Suppressed):
            self.suppressed += 1
            self.suppressed_rows.extend(outcome.rows)
        elif isinstance(outcome, LeftOut):
            self.left_out += 1
        else:
            self._add_record(outcome)

    @property
    def share_left_out(self) -> float:
        """The share of records that are left out because of defects."""
        whole = self.records + self.left_out
        return self.left_out / whole if whole else 0.0

    def coverage(self) -> list[tuple[str, float]]:
        """For each identifier, the share of encoded people who have it (after standardising, in any spelling)."""
        encoded = self.records - self.kinds[Kind.UNBORN]
        return [(name, self.identifiers[name] / encoded if encoded else 0.0) for name in FIELDS]

    def attribute_coverage(self) -> list[tuple[str, int, int]]:
        """For each attribute: values recorded, and records that it is about."""
        return [(name, self.attributes[name], count) for name, count in sorted(self.attribute_records.items())]

    def _add_record(self, record: Record) -> None:
        self.records += 1
        self.encodings += len(record.people)
        self.kinds[record.kind] += 1
        for name in ("silent", "shielded", "deceased"):
            self.flags[name] += getattr(record, name)
        self.flags["hold"] += record.hold is not None
        for name in FIELDS:
            self.identifiers[name] += any(getattr(person, name) for person in record.people)
        for value in record.values:
            self.attribute_records[value.attribute.id] += 1
            self.attributes[value.attribute.id] += value.value is not None
