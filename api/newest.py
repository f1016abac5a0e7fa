"""Links that are there only because of an agency's newest batch: what a differencing attack would look at, so it is on record.

A link is one of them if its member was declared before, and either the record is new in the batch, or children's social care's batch
is the one of the last run and the agency's is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from api.batch_gate import OPERATOR, tell
from api.identity import DECLARING_AGENCY
from api.runs import Found, Inputs, Run
from api.store.store import Transaction
from protocols.audit.events.linking import NewestBatchLinked

FEW = 3
_PER_EVENT = 500


def log_newest(tx: Transaction, run: Run, found: Found, now: datetime) -> None:
    """Log them, agency by agency, before the run's links are in force.

    If a batch brings very few new records and one of them is linked, that is how a single person is probed: the council's data
    protection officer and the operator are told. The agency is not: an alert would be the answer that a probe waits for.
    """
    before = next((item.inputs for item in tx.links.runs(50) if item.state == "completed"), None)
    if before is None or run.inputs is None:
        return
    active = tx.links.active()
    declared = {(item.family_ref, item.member_ref) for item in active if item.agency == DECLARING_AGENCY}
    known = {(item.family_ref, item.member_ref, item.agency, item.record_ref) for item in active}
    for agency, old, submission in _changed(before, run.inputs):
        same_anchor = before.submissions.get(DECLARING_AGENCY) == run.inputs.submissions.get(DECLARING_AGENCY)
        links = [
            item
            for item in found.links
            if item.agency == agency
            and (item.family_ref, item.member_ref) in declared
            and (item.family_ref, item.member_ref, agency, item.record_ref) not in known
        ]
        added = tx.submissions.added(submission, old or "", {item.record_ref for item in links})
        links = [item for item in links if same_anchor or item.record_ref in added]
        names = sorted({item.link for item in links})
        for start in range(0, len(names), _PER_EVENT):
            part = tuple(names[start : start + _PER_EVENT])
            tx.audit.append(
                NewestBatchLinked(actor="service", run=run.run, agency=agency, submission=submission, links=part)
            )
        if added and len(tx.submissions.added(submission, old or "", limit=FEW + 1)) <= FEW:
            for officer in (DECLARING_AGENCY, OPERATOR):
                tell(tx, officer, f"few-new-records-linked:{run.run}", now)


def _changed(before: Inputs, now: Inputs) -> Iterator[tuple[str, str | None, str]]:
    """The agencies whose batch is another than at the last run: agency, batch before, batch now."""
    for agency, submission in sorted(now.submissions.items()):
        old = before.submissions.get(agency)
        if agency != DECLARING_AGENCY and old != submission:
            yield agency, old, submission
