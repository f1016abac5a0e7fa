"""From a complete upload to a stored submission, or to quarantine. Doing it twice gives the same submission and the same receipt."""

from __future__ import annotations

import hashlib
from threading import Lock

from api.batch_gate import check_pace, examine, tell, tell_officers
from api.identity import DECLARING_AGENCY
from api.intake import Base, Checked, Terms, check_submission, signer
from api.intake_tables import record_lines
from api.logs import log
from api.service import Service
from api.store.store import Transaction
from api.submissions import Accepted, StoredSubmission, Upload
from api.uploads import assemble, discard, keep
from protocols.audit.events.submissions import (
    BatchPassUsed,
    ReportOverridden,
    SubmissionQuarantined,
    SubmissionReceived,
)
from protocols.errors import Busy, SubmissionError
from protocols.signing import VerifyingKey
from protocols.submission import Manifest, Receipt

MOST_DELTAS = 30
RECEIPT_TYPE = "kinlink-receipt+jws"
_ONE_AT_A_TIME = Lock()


def complete(service: Service, upload: Upload) -> StoredSubmission:
    """Check a complete upload and keep it. Raises `SubmissionError` for a file that is not usable: it is quarantined.

    A part that is still missing, or a whole that is not the announced one, leaves the upload open.
    """
    if not _ONE_AT_A_TIME.acquire(timeout=120):
        raise Busy("The service cannot check the file at this moment.", next_step="Try again in a minute.")
    try:
        return _complete(service, upload)
    finally:
        _ONE_AT_A_TIME.release()


def _complete(service: Service, upload: Upload) -> StoredSubmission:
    with service.store.reading() as tx:
        known = tx.submissions.upload(upload.upload) or upload
        done = tx.submissions.submission(known.submission) if known.submission else None
    if done is not None:
        return done
    if known.state == "quarantined":
        raise SubmissionError(known.problem or "The file failed a check.", next_step="Make a new submission.")
    whole = assemble(service.folder, known)
    try:
        terms, key, key_check = _terms(service, known.agency, *signer(whole))
        checked = check_submission(whole, key, terms, key_check)
        examine(service, whole, checked.manifest)
        stored = _stored(service, known, checked)
        with service.store.writing() as tx:
            _accept(tx, known, checked, stored, terms)
            keep(service.folder, whole, stored.submission)
    except SubmissionError as error:
        with service.store.writing() as tx:
            event = SubmissionQuarantined(
                actor=known.agency, upload=known.upload, file_sha256=known.file_sha256, problem=error.what
            )
            tx.submissions.quarantine(known.upload, f"{error.what} {error.next_step}".strip(), event)
            tell_officers(tx, known.agency, f"submission-quarantined:{known.upload}", service.now())
        discard(service.folder, known.upload)
        service.metrics.submissions.labels("quarantined").inc()
        log().warning("submission quarantined", agency=known.agency, upload=known.upload)
        raise
    discard(service.folder, known.upload)
    service.metrics.submissions.labels("received").inc()
    log().info("submission received", agency=known.agency, submission=stored.submission, records=checked.records.height)
    return stored


def _terms(service: Service, agency: str, claimed: str, kid: str) -> tuple[Terms, VerifyingKey, str | None]:
    """What the file must fit, and the key that its signature must be of."""
    with service.store.reading() as tx:
        protocol = service.protocols.live(tx.identity)
        key = tx.identity.key(kid)
        workbook = [item for item in tx.identity.keys("workbook") if item.retired_at is None]
        epochs = [epoch.id for epoch in protocol.document.encoding.epochs if epoch.holds_on(service.now().date())]
        checks = {epoch: tx.submissions.key_check(protocol.document.id, epoch) for epoch in epochs}
        base = _base(tx, agency, protocol.digest)
        check_pace(tx.submissions.submissions_of(agency), service.now())
    if claimed != agency:
        raise SubmissionError(
            "The submission is from another agency than the one that sends it.",
            next_step="Send it with the credential of the agency that made it.",
        )
    if key is None or key.client != agency or key.retired_at is not None:
        raise SubmissionError(
            "The submission is signed with a key that is not this agency's current key.",
            next_step="Register the agency's card, or make the submission again with the current key.",
        )
    terms = Terms(
        agency=agency,
        protocol=protocol,
        matcher_key=service.keys.sealing,
        workbook_fingerprint=workbook[0].sealing_fingerprint if workbook else None,
        now=service.now(),
        base=base,
    )
    shown = [value for value in checks.values() if value is not None]
    return terms, key.verifying_key, shown[0] if len(shown) == 1 else None


def _base(tx: Transaction, agency: str, protocol_digest: str) -> Base | None:
    """What a delta of the agency can be made on."""
    newest = tx.submissions.linkable().get(agency)
    if newest is None or newest.manifest.protocol_digest != protocol_digest:
        return None
    if len(tx.submissions.chain(newest.submission)) > MOST_DELTAS:
        return None
    return Base(newest.submission, frozenset(tx.submissions.record_refs(newest.submission)))


def _stored(service: Service, upload: Upload, checked: Checked) -> StoredSubmission:
    manifest, now = checked.manifest, service.now()
    receipt = Receipt(
        submission=manifest.submission_id,
        agency=manifest.agency,
        file_sha256=upload.file_sha256,
        manifest_sha256=hashlib.sha256(manifest.canonical()).hexdigest(),
        protocol_digest=manifest.protocol_digest,
        counts=manifest.counts,
        received_at=now,
    )
    return StoredSubmission(
        submission=manifest.submission_id,
        agency=manifest.agency,
        manifest=manifest,
        file_sha256=upload.file_sha256,
        state="received",
        receipt=service.keys.signing.sign(receipt.canonical(), typ=RECEIPT_TYPE),
        received_at=now,
    )


def _accept(tx: Transaction, upload: Upload, checked: Checked, stored: StoredSubmission, terms: Terms) -> None:
    """Everything that one accepted submission changes, in one transaction."""
    manifest = checked.manifest
    earlier = tx.submissions.submission(stored.submission)
    if earlier is not None:
        raise SubmissionError(
            f"Submission `{stored.submission}` was received before and is {earlier.state}.",
            next_step="Make a new submission.",
        )
    protocol = terms.protocol.document.id
    shown = tx.submissions.key_check(protocol, manifest.epoch)
    if shown is not None and shown != manifest.key_check_value:
        raise SubmissionError(
            "The key-check value differs from the other agencies': this agency holds another linkage secret.",
            next_step="Ask the agency that made the secret to seal it to this agency's card again, then encode again.",
        )
    counts = {name: int(value) for name, value in manifest.counts.model_dump().items()}
    newest = tx.submissions.newest().get(manifest.agency)
    event = SubmissionReceived(
        actor=manifest.agency,
        submission=stored.submission,
        manifest_sha256=hashlib.sha256(manifest.canonical()).hexdigest(),
        protocol_digest=manifest.protocol_digest,
        epoch=manifest.epoch,
        counts=counts,
        supersedes=newest.submission if newest else None,
    )
    if manifest.base is not None and (newest is None or newest.submission != manifest.base):
        raise SubmissionError("Another submission came in between.", next_step="Send a full submission.")
    replaced = frozenset(checked.records.get_column("record_ref").to_list()) | checked.removed
    accepted = Accepted(stored, record_lines(checked.records), checked.consents, manifest.base, replaced)
    tx.submissions.accept(upload.upload, accepted, event)
    if manifest.attack_override is not None:
        _tell_of_override(tx, manifest, stored)
    if tx.gate.passed(manifest.agency, stored.received_at):
        tx.gate.use(
            manifest.agency, BatchPassUsed(actor="service", agency=manifest.agency, submission=stored.submission)
        )
    if shown is None:
        tx.submissions.set_key_check(protocol, manifest.epoch, manifest.key_check_value, manifest.agency)
    for family in checked.families:
        tx.families.declare(family, stored.received_at, manifest.agency, again=False)
    if manifest.agency == DECLARING_AGENCY:
        tx.families.confirm(stored.received_at, None)


def _tell_of_override(tx: Transaction, manifest: Manifest, stored: StoredSubmission) -> None:
    """A submission made past its attack report is on record, and on the list of every party."""
    override = manifest.attack_override
    if override is None:
        return
    event = ReportOverridden(
        actor=manifest.agency,
        submission=stored.submission,
        report=manifest.attack_report,
        tests=override.tests,
        reason=override.reason,
    )
    tx.audit.append(event)
    for client in tx.identity.clients():
        if client.revoked_at is None:
            tell(tx, client.client, f"attack-report-overridden:{stored.submission}", stored.received_at)
