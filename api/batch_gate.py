"""The gate: a batch that looks crafted is put aside before anything of it can be linked, and both data protection officers are told."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from api.batch import problems
from api.identity import DECLARING_AGENCY
from api.opening import open_encodings
from api.problems import NotFound
from api.service import Service
from api.store.store import Transaction
from api.submissions import StoredSubmission
from protocols.audit.events.answers import AlertRaised
from protocols.audit.events.submissions import BatchPassGranted
from protocols.errors import Busy, InputError, SubmissionError
from protocols.submission import Manifest

OPERATOR = "operator"
MOST_A_DAY = 24
_DAY = timedelta(days=1)


def examine(service: Service, whole: Path, manifest: Manifest) -> None:
    """Look at a checked submission's encodings as a whole. Raises `SubmissionError` with the reasons, and no value, if it looks crafted.

    The operator can let one batch of an agency through (`GatePasses`): a merger of two agencies is not an attack.
    """
    with service.store.reading() as tx:
        newest = tx.submissions.linkable().get(manifest.agency)
        passed = tx.gate.passed(manifest.agency, service.now())
        same = newest is not None and _same_secret(newest.manifest, manifest)
        chain = tx.submissions.chain(newest.submission) if newest is not None and same else []
    if passed:
        return
    key = service.keys.sealing
    for part in manifest.clks:
        try:
            new = open_encodings([whole], manifest.agency, part.name, key)
        except InputError as error:
            raise SubmissionError(error.what, next_step=error.next_step) from error
        files = [service.folder.submission(name) for name in chain]
        last = open_encodings(files, manifest.agency, part.name, key) if files else None
        found = problems(new, last)
        if found:
            raise SubmissionError(
                f"The batch is held back: {'; '.join(found)}.",
                next_step="Both data protection officers have been told. If it is as it should be, ask the operator to let one batch through.",
            )


def let_through(service: Service, by: str, agency: str, reason: str) -> None:
    """Let an agency's next batch through the gate, once and within two days: on record, and the officers are told. Raises `NotFound`."""
    with service.store.writing() as tx:
        require_agency(tx, agency)
        tx.gate.grant(agency, reason, service.now(), BatchPassGranted(actor=by, agency=agency, reason=reason))
        tell_officers(tx, agency, f"gate-pass:{agency}"[:60], service.now())


def require_agency(tx: Transaction, agency: str) -> None:
    """Raise `NotFound` unless the sharing protocol has the agency."""
    if tx.identity.client(agency) is None:
        raise NotFound("There is no such agency.", next_step="Use the id that the sharing protocol has.")


def _same_secret(left: Manifest, right: Manifest) -> bool:
    return (left.protocol_digest, left.epoch, left.key_check_value) == (
        right.protocol_digest,
        right.epoch,
        right.key_check_value,
    )


def check_pace(taken: Sequence[StoredSubmission], now: datetime) -> None:
    """Refuse an agency's batch if it has sent very many within a day: an oracle needs one for every question. Raises `Busy`."""
    recent = [item for item in taken if now - item.received_at < _DAY]
    if len(recent) >= MOST_A_DAY:
        raise Busy(
            f"This agency has sent {len(recent)} submissions within a day; at most {MOST_A_DAY} are taken.",
            next_step="Send the next one tomorrow.",
        )


def tell_officers(tx: Transaction, agency: str, about: str, now: datetime) -> None:
    """Alert the agency's data protection officer, the council's and the operator."""
    for recipient in sorted({agency, DECLARING_AGENCY, OPERATOR}):
        tell(tx, recipient, about, now)


def tell(tx: Transaction, recipient: str, about: str, now: datetime) -> None:
    """Put an alert on a party's list."""
    event = AlertRaised(actor="service", alert=f"alr-{secrets.token_hex(8)}", about=about, recipient=recipient)
    tx.profiles.raise_alert(event, now)
