"""Minimisation: what is not needed any more is deleted, and the deletion is itself on record."""

from __future__ import annotations

from datetime import timedelta

from api.jobs import LEASE, Job
from api.service import Service
from protocols.audit.events import SubmissionPurged


def run_retention(service: Service, job: Job) -> None:
    """Delete superseded and withdrawn submissions: their files, their records, their cells, their consents."""
    with service.store.reading() as tx:
        ended = tx.submissions.ended()
    for submission, state in ended:
        with service.store.writing() as tx:
            tx.jobs.hold(job, service.now() + LEASE)
            records = tx.submissions.count_records(submission)
            event = SubmissionPurged(actor="service", submission=submission, records=records, reason=state)
            tx.submissions.purge(submission, event)
        service.folder.submission(submission).unlink(missing_ok=True)
    with service.store.writing() as tx:
        tx.identity.drop_expired(service.now() - timedelta(minutes=5))
        tx.jobs.finish(job, "done")
