"""The kept inputs of decisions: what a rehearsal is held on, here or elsewhere.

They name nobody: kinds, stages, grades and flags. A person stands in them under a pseudonym that is made anew every time, so that
people can be counted and not followed.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from api.explain import remembered, unpack
from api.store.store import Transaction
from protocols.audit.events.keeping import InputsExported
from protocols.decision_inputs import Remembered, pack
from protocols.load import LoadedProtocol


def kept_inputs(
    tx: Transaction, since: datetime, progress: Callable[[int], None] | None = None
) -> Iterator[Remembered]:
    """The inputs of every decision since a moment, as far as they are kept; `progress` is told how many answers are read."""
    salt = secrets.token_bytes(32)
    for number, decisions in enumerate(tx.agreement.answers_since(since)):
        if progress is not None:
            progress(number)
        for line in unpack(decisions):
            yield from remembered(line, hmac.digest(salt, line["member"].encode(), "sha256").hex()[:32])


def kept_since(protocol: LoadedProtocol, now: datetime, days: int = 366) -> datetime:
    """From when on inputs are kept, as was agreed, or the last so many days of it."""
    return now - timedelta(days=min(days, protocol.document.retention.decision_inputs_days))


def export_inputs(tx: Transaction, since: datetime, actor: str, person: str | None = None) -> Iterator[str]:
    """The kept inputs as JSON lines, for a rehearsal elsewhere; the export is on record once it was read to its end."""
    answers, decisions = tx.agreement.count_since(since), 0
    for item in kept_inputs(tx, since):
        decisions += 1
        yield json.dumps(pack(item), separators=(",", ":"), sort_keys=True)
    tx.agreement.exported(
        InputsExported(actor=actor, since=since.isoformat(), answers=answers, decisions=decisions, person=person),
    )
