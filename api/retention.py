"""Minimisation: what is not needed any more is deleted, the deletion is on record, and each day has its signed certificate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from api.jobs import LEASE, Job
from api.service import Service
from api.store.store import Transaction
from api.uploads import discard
from protocols.audit.events.keeping import CertificateSigned
from protocols.document import Retention

CERTIFICATE_TYPE = "kinlink-deletion-certificate+jws"
ABANDONED = timedelta(days=7)
FINISHED = timedelta(days=1)


def run_retention(service: Service, job: Job) -> None:
    """Delete everything that is due. Each deletion is a transaction of its own, so a job that dies goes on with the rest."""

    def step(change: Callable[[Transaction], None]) -> None:
        with service.store.writing() as tx:
            tx.jobs.hold(job, service.now() + LEASE)
            change(tx)

    now = service.now()
    with service.store.reading() as tx:
        agreed = tx.identity.last_protocol()  # what was agreed on deleting holds also while all releases are stopped
        rules = service.protocols.load(agreed).document.retention if agreed else None
        ended = tx.retention.ended_submissions()
    for item in ended:
        step(lambda tx, item=item: tx.retention.purge_submission(item, now))  # type: ignore[misc]
        service.folder.submission(item.submission).unlink(missing_ok=True)
    if rules is not None:
        _by_the_rules(service, rules, now, step)
    _leftovers(service, now)
    step(lambda tx: tx.jobs.finish(job, "done"))


def _by_the_rules(
    service: Service, rules: Retention, now: datetime, step: Callable[[Callable[[Transaction], None]], None]
) -> None:
    """What the sharing protocol in force says."""
    inputs = now - timedelta(days=rules.decision_inputs_days)
    with service.store.reading() as tx:
        stale = tx.retention.stale_encodings(now - timedelta(days=rules.unlinked_days))
        closed = tx.retention.closed_families(now.date() - timedelta(days=rules.links_after_close_days))
        rehearsals = tx.agreement.rehearsals.old(inputs)
    for item in stale:
        step(lambda tx, item=item: tx.retention.purge_unlinked(item, now))  # type: ignore[misc]
        with service.store.reading() as tx:
            sources = tx.retention.sources(item.submission)
        for source in sources:
            service.folder.submission(source).unlink(missing_ok=True)
    for family in closed:
        step(lambda tx, family=family: tx.retention.close_family(family, now))  # type: ignore[misc]
    step(lambda tx: tx.retention.drop_ended_cells(now))
    step(lambda tx: tx.retention.purge_rows(now, now, inputs, now - FINISHED))
    if rehearsals:
        step(lambda tx: tx.retention.purge_rehearsals(rehearsals, now))
    step(lambda tx: tx.retention.erase_openings(now, now - timedelta(days=365 * rules.audit_years)))
    with service.store.writing() as tx:
        tx.identity.drop_expired(now - timedelta(minutes=5))
        tx.people.drop_expired(now)


def _leftovers(service: Service, now: datetime) -> None:
    """Files that nothing on record needs: parts of uploads that were given up, files of submissions that are gone."""
    with service.store.reading() as tx:
        open_uploads = {item.upload: item for item in tx.submissions.open_uploads()}
        needed = tx.submissions.needed_files()
    there = [folder.name for folder in service.folder.uploads.iterdir()]
    given_up = {name for name in there if name in open_uploads and now - open_uploads[name].opened_at > ABANDONED}
    if given_up:
        with service.store.writing() as tx:
            given_up = tx.retention.give_up(given_up, now)
    for name in there:
        if name in given_up or name not in open_uploads:
            discard(service.folder, name)
    for path in service.folder.submissions.glob("sub-*.zip"):
        age = now.timestamp() - path.stat().st_mtime
        if path.stem not in needed and age > 3600:
            path.unlink(missing_ok=True)


def run_certificate(service: Service, job: Job) -> None:
    """Sign the certificate of a day that is over (`job.subject`): what was deleted, and under which head of the log."""
    with service.store.writing() as tx:
        tx.jobs.hold(job, service.now() + LEASE)
        if tx.retention.certificate(job.subject) is None:
            deleted = tx.retention.deleted_between(*_day(job.subject))
            size = tx.audit.size()
            body = {
                "day": job.subject,
                "service": service.settings.audience,
                "log": service.settings.origin,
                "log_size": size,
                "log_root": tx.audit.root(size).hex(),
                "deleted": deleted,
            }
            data = _canonical(body)
            event = CertificateSigned(
                actor="service", day=job.subject, sha256=hashlib.sha256(data).hexdigest(), deleted=deleted
            )
            token = service.keys.signing.sign(data, typ=CERTIFICATE_TYPE)
            tx.retention.add_certificate(job.subject, token, service.now(), event)
        tx.jobs.finish(job, "done")


def certificate_for(service: Service, tx: Transaction, day: str, agency: str | None) -> str | None:
    """The certificate of a day, whole or as far as it is about one agency; None if there is none.

    An agency's has the whole one's head of the log, says what was deleted of that agency alone, and is the same whenever it is asked for.
    """
    whole = tx.retention.certificate(day)
    if whole is None or agency is None:
        return whole
    body = json.loads(service.keys.signing.public.verify(whole, what="certificate"))
    own = body | {"agency": agency, "deleted": tx.retention.deleted_between(*_day(day), agency)}
    return service.keys.signing.sign(_canonical(own), typ=CERTIFICATE_TYPE)


def _day(day: str) -> tuple[datetime, datetime]:
    start = datetime.combine(date.fromisoformat(day), time(), UTC)
    return start, start + timedelta(days=1)


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True).encode()
