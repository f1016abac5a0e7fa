"""What has to be noticed without anyone asking: due work, records that are asked about in silence, reminders.

Alerts about silent records are raised here and not where the question is answered, so that an answer takes no longer because of them.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from api.break_glass import alert
from api.explain import unpack
from api.jobs import enqueue
from api.service import Service
from api.store.store import Transaction
from protocols.audit.events.answers import AlertRaised

CURSOR = "silent-desk"
PAGE = 200
RECALL_DAYS = 1


def tick(service: Service) -> None:
    """Do everything that is due now."""
    now = service.now()
    with service.store.reading() as tx:
        due = _due(tx, now)
        behind = bool(tx.retention.answered(tx.desk.cursor(CURSOR), 1))
        late = bool(tx.desk.overdue(now) or tx.corrections.unanswered(now - timedelta(days=RECALL_DAYS)))
    if due:
        with service.store.writing() as tx:
            for kind, subject, key in _due(tx, now):
                enqueue(tx.jobs, kind, subject, now, key)
    if behind:
        with service.store.writing() as tx:
            _silent(tx, now)
    if late:
        with service.store.writing() as tx:
            _remind(tx, now)


def _due(tx: Transaction, now: datetime) -> list[tuple[str, str, str]]:
    """Scheduled work that was not asked for yet: retention every hour, the certificate of each day that is over."""
    hour = now.strftime("%Y-%m-%dT%H")
    wanted = [("retention", hour, f"retention:{hour}")]
    wanted += [("certificate", day, f"certificate:{day}") for day in reversed(tx.retention.uncertified(now.date()))]
    return [item for item in wanted if not tx.jobs.exists(item[2])]


def _silent(tx: Transaction, now: datetime) -> None:
    """Tell an agency that somebody asks about a person whom it keeps silent about."""
    position = tx.desk.cursor(CURSOR)
    for profile, entry, family_ref, worker, decisions in tx.retention.answered(position, PAGE):
        silent = {line["agency"] for line in unpack(decisions) if _is_silent(line)} if decisions else set()
        for agency in sorted(silent):
            event = AlertRaised(
                actor="service",
                alert=f"alr-{secrets.token_hex(8)}",
                about=f"silent-record-asked:{profile}",
                recipient=agency,
                family=family_ref,
                worker=worker,
            )
            tx.profiles.raise_alert(event, now)
        position = entry + 1
    tx.desk.move_cursor(CURSOR, position)


def _is_silent(line: dict[str, Any]) -> bool:
    return any("silent" in facts["flags"] for facts in line["facts"])


def _remind(tx: Transaction, now: datetime) -> None:
    """Remind, once, of emergency accesses that nobody judged in time and of recalls that nobody acknowledged."""
    for access in tx.desk.overdue(now):
        tx.desk.remind(access.access, alert(f"break-glass-review-late:{access.access}", "social_care", access), now)
    for recall in tx.corrections.unanswered(now - timedelta(days=RECALL_DAYS)):
        event = AlertRaised(
            actor="service",
            alert=f"alr-{secrets.token_hex(8)}",
            about=f"recall-unanswered:{recall.recall}",
            recipient="workbook",
            family=recall.family_ref,
        )
        tx.profiles.raise_alert(event, now)
        tx.corrections.reminded(recall.recall, now)
