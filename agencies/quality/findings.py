"""Where defects were found: for each code and column, row numbers. Values are never taken in."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from agencies.quality.rules import RULES, Rule, Severity

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of defect in one column (`None` where it is about the whole row), and the rows, ascending."""

    rule: Rule
    column: str | None
    rows: tuple[int, ...]

    def places(self, most: int = 12) -> str:
        """Row numbers as text: runs shortened, at most `most` of them shown."""
        parts: list[str] = []
        at = 0
        while at < len(self.rows) and len(parts) < most:
            end = at
            while end + 1 < len(self.rows) and self.rows[end + 1] == self.rows[end] + 1:
                end += 1
            parts.append(str(self.rows[at]) if end == at else f"{self.rows[at]}–{self.rows[end]}")
            at = end + 1
        rest = len(self.rows) - at
        return ", ".join(parts) + (f" and {rest:,} more" if rest else "")


class Findings:
    """Collects defects; one row counts once for a code and a column."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str | None], array[int]] = {}

    def add(self, code: str, row: int, column: str | None = None) -> None:
        """Note one defect."""
        if code not in RULES:
            raise KeyError(code)
        self._rows.setdefault((code, column), array("Q")).append(row)

    def all(self) -> list[Finding]:
        """Every kind found: errors first, then by code and column."""
        found = [Finding(RULES[code], column, tuple(sorted(set(rows)))) for (code, column), rows in self._rows.items()]
        return sorted(found, key=lambda each: (_ORDER[each.rule.severity], each.rule.code, each.column or ""))

    def count(self, severity: Severity) -> int:
        """How many rows have a defect of that severity, counted once for each kind."""
        return sum(len(each.rows) for each in self.all() if each.rule.severity is severity)

    def codes(self) -> set[str]:
        """The codes found."""
        return {code for code, _ in self._rows}

    def rows_of(self, code: str) -> set[int]:
        """The rows where a code was found."""
        return {row for (each, _), rows in self._rows.items() if each == code for row in rows}

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.all())
