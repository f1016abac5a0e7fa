"""Canaries, and passes for one batch, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from api.store.log import AuditLog
from api.store.tables import SubmissionRow
from api.store.tables_gate import CanaryRow, GatePassRow
from protocols.audit.events.submissions import BatchPassGranted, BatchPassUsed, CanariesPlanted
from protocols.submission import Manifest

PASS_LASTS = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Overridden:
    """A submission that was made past its attack report."""

    submission: str
    agency: str
    received_at: datetime
    report: str | None
    tests: tuple[str, ...]
    reason: str


class GateStore:
    """What the gate keeps."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def plant(self, agency: str, refs: Sequence[str], at: datetime, event: CanariesPlanted) -> None:
        """Note planted records; planting one again changes nothing."""
        self._audit.append(event)
        there = {ref for of, ref in self.canaries() if of == agency}
        rows = [
            {"agency": agency, "record_ref": ref, "planted_at": at} for ref in dict.fromkeys(refs) if ref not in there
        ]
        if rows:
            self._session.execute(insert(CanaryRow), rows)

    def canaries(self) -> frozenset[tuple[str, str]]:
        """Every planted record: agency and reference."""
        rows = self._session.execute(select(CanaryRow.agency, CanaryRow.record_ref))
        return frozenset((row.agency, row.record_ref) for row in rows)

    def counts(self) -> dict[str, int]:
        """How many canaries each agency's extract has."""
        found: dict[str, int] = {}
        for agency, _ in self.canaries():
            found[agency] = found.get(agency, 0) + 1
        return dict(sorted(found.items()))

    def planted(self) -> list[tuple[str, int, datetime, datetime]]:
        """For each agency whose extract has canaries: how many, and when the first and the last were planted."""
        when = func.min(CanaryRow.planted_at), func.max(CanaryRow.planted_at)
        rows = self._session.execute(
            select(CanaryRow.agency, func.count(), *when).group_by(CanaryRow.agency).order_by(CanaryRow.agency)
        )
        return [(agency, count, first, last) for agency, count, first, last in rows]

    def grant(self, agency: str, reason: str, at: datetime, event: BatchPassGranted) -> None:
        """Let one batch of an agency through the gate."""
        self._audit.append(event)
        self._session.execute(delete(GatePassRow).where(GatePassRow.agency == agency))
        self._session.execute(insert(GatePassRow).values(agency=agency, granted_at=at, reason=reason))

    def passed(self, agency: str, at: datetime) -> bool:
        """Whether the agency's next batch is let through."""
        row = self._session.get(GatePassRow, agency)
        return row is not None and at - row.granted_at < PASS_LASTS

    def use(self, agency: str, event: BatchPassUsed) -> None:
        """A pass is for one batch."""
        self._audit.append(event)
        self._session.execute(delete(GatePassRow).where(GatePassRow.agency == agency))

    def overridden(self, limit: int = 200) -> list[Overridden]:
        """Submissions that were made past their attack report, newest first."""
        rows = self._session.execute(
            select(SubmissionRow)
            .where(SubmissionRow.manifest.contains('"attack_override":{'))
            .order_by(SubmissionRow.number.desc())
            .limit(limit)
        ).scalars()
        return [_overridden(row) for row in rows]


def _overridden(row: SubmissionRow) -> Overridden:
    manifest = Manifest.model_validate_json(row.manifest)
    given = manifest.attack_override
    assert given is not None  # noqa: S101 - chosen by it
    return Overridden(row.submission, row.agency, row.received_at, manifest.attack_report, given.tests, given.reason)
