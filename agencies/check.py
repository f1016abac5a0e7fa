"""The dry run: read everything, submit nothing, and say what would happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from agencies.declarations import Known, build_consents, build_families, check_parents, read_declarations
from agencies.difference import Difference, State, compare, last_submitted
from agencies.extract import Layout
from agencies.folder import AgencyFolder
from agencies.quality.findings import Finding
from agencies.quality.rules import Severity
from agencies.reading import Reading
from agencies.records import Record, Suppressed
from agencies.submission_checks import MOST_LEFT_OUT, registered_caseload
from agencies.tally import Tally
from protocols.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found. Row numbers and counts only; for the agency itself, since it says who is suppressed."""

    agency: str
    protocol: str
    layout: Layout
    source: str
    rows: int
    extract_date: date
    made_at: datetime
    tally: Tally
    findings: tuple[Finding, ...]
    difference: Difference | None
    difference_limit: float
    caseload: int
    families: int = 0
    consents: int = 0
    suppressed_column: str | None = None
    columns_ignored: int = 0

    @property
    def blockers(self) -> list[str]:
        """Why `encode` would stop, in sentences; empty if it would not."""
        found = []
        if not self.tally.records:
            found.append("No record of the extract can be used.")
        if self.tally.share_left_out > MOST_LEFT_OUT:
            found.append(
                f"{self.tally.share_left_out:.0%} of the records would be left out because of defects "
                f"(limit {MOST_LEFT_OUT:.0%}; --accept-defects)."
            )
        if self.tally.records > self.caseload:
            found.append(f"{self.tally.records:,} records are more than the registered caseload of {self.caseload:,}.")
        if self.difference and self.difference.alarming(self.difference_limit):
            found.append(
                f"{self.difference.share:.0%} changed since the last submission "
                f"(limit {self.difference_limit:.0%}; --accept-difference)."
            )
        return found

    def count(self, severity: Severity) -> int:
        """Defects of a severity."""
        return sum(len(each.rows) for each in self.findings if each.rule.severity is severity)

    def as_json(self) -> dict[str, Any]:
        """The report for programs; row numbers whole."""
        tally = self.tally
        return {
            "format": "kinlink-check/1",
            "agency": self.agency,
            "protocol": self.protocol,
            "file": {
                "name": self.layout.name,
                "format": self.layout.format,
                "bytes": self.layout.size,
                "encoding": self.layout.encoding,
                "delimiter": self.layout.delimiter,
                "header_row": self.layout.header_row,
                "said": list(self.layout.said),
            },
            "source": self.source,
            "extract_date": self.extract_date.isoformat(),
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "rows": self.rows,
            "records": tally.records,
            "encodings": tally.encodings,
            "left_out": tally.left_out,
            "kinds": {str(kind): count for kind, count in sorted(tally.kinds.items())},
            "flags": dict(sorted(tally.flags.items())),
            "suppressed": {"people": tally.suppressed, "column": self.suppressed_column, "rows": tally.suppressed_rows},
            "families": self.families,
            "consents": self.consents,
            "identifiers": {name: round(share, 4) for name, share in tally.coverage()},
            "attributes": {
                name: {"values": values, "records": count} for name, values, count in tally.attribute_coverage()
            },
            "findings": [
                {
                    "code": each.rule.code,
                    "severity": each.rule.severity.value,
                    "what": each.rule.title,
                    "column": each.column,
                    "count": len(each.rows),
                    "rows": list(each.rows),
                    "effect": each.rule.effect,
                    "remedy": each.rule.remedy,
                }
                for each in self.findings
            ],
            "difference": None
            if self.difference is None
            else {
                "added": self.difference.added,
                "removed": self.difference.removed,
                "changed": self.difference.changed,
                "unchanged": self.difference.unchanged,
                "share": round(self.difference.share, 4),
                "limit": self.difference_limit,
            },
            "would_stop": self.blockers,
        }


def check_extract(folder: AgencyFolder, reading: Reading, declarations: Path | None = None) -> Report:
    """Do everything that `encode` does but encode, seal and write. Raises `InputError`, `ExtractError`, `KeyProblem`."""
    tally, state = Tally(), State(folder)
    declared = read_declarations(declarations) if declarations else None
    wanted = declared.references if declared else set()
    known: dict[str, Known] = {}
    hidden: set[str] = set()
    for outcome in reading.records():
        tally.add(outcome)
        if isinstance(outcome, Suppressed):
            hidden.add(outcome.local)
        elif isinstance(outcome, Record):
            state.add(outcome)
            if outcome.local in wanted:
                known[outcome.local] = Known(outcome.kind, outcome.born)
    families = consents = 0
    if declared:
        for local in declared.unborn:
            known.setdefault(local, Known(Kind.UNBORN))
        check_parents(declared, known, reading.findings)
        keyed, catalogue = folder.references.record, frozenset(each.id for each in folder.protocol.document.attributes)
        families = len(build_families(declared, known, frozenset(hidden), keyed))
        consents = len(build_consents(declared, known, frozenset(hidden), keyed, catalogue))
    suppressed = reading.mapping.flags.get("suppressed")
    return Report(
        agency=folder.party,
        protocol=folder.protocol.label,
        layout=reading.extract.layout,
        source=reading.mapping.source,
        rows=reading.survey.rows,
        extract_date=reading.extract_date,
        made_at=datetime.now(UTC),
        tally=tally,
        findings=tuple(reading.findings.all()),
        difference=compare(last_submitted(folder), state.table()),
        difference_limit=folder.protocol.document.limits.submission_change_share,
        caseload=registered_caseload(folder.protocol, folder.party),
        families=families,
        consents=consents,
        suppressed_column=suppressed.column if suppressed else None,
        columns_ignored=reading.extract.layout.columns - len(reading.mapping.columns),
    )
