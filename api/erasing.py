"""Erasing from the audit log what it says about one family, person or record, before its years are over.

The log shows who was told what, which everybody in it may have to rely on, so erasing one reference is the exception: it takes a ground
in law, a data protection officer who approves it, and a case in which nothing is going on any more. What opens the entries' commitments
about the reference is deleted; the entries stay, the log still verifies, and the erasure is itself an entry, which names nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.audit_log import sign_checkpoint
from api.erasures import Erased, Ground, Of, SignIns, Subject
from api.fsck import check_store
from api.identity import DECLARING_AGENCY
from api.people import PERSON
from api.problems import NotFound
from api.service import Service
from protocols.audit.verify import LogCheck, LogReport
from protocols.errors import InputError, Refusal, VerificationError
from protocols.lifecycle import Office

SIGNED_IN = timedelta(days=30)


def erase(service: Service, of: Of, agency: str, ref: str, ground: Ground, approver: str) -> tuple[Erased, LogReport]:
    """Erase what the log says about one reference, then check the whole log and everything stored against it.

    Raises `Refusal` with the reasons if a case is still going on, `InputError` if `approver` is no data protection officer who signed in
    here within a month, `NotFound` if the log has nothing about the reference.
    """
    now = service.now()
    with service.store.writing() as tx:
        tx.audit.generation()  # locks the log's head: nothing about the subject is written meanwhile
        rules = service.protocols.last(tx.identity).document.retention
        refs = tx.questions.names_of(ref) if of is Of.FAMILY else [ref]
        subject = Subject(of, agency, tuple(refs))
        _require_officer(tx.erasure, approver, {DECLARING_AGENCY, agency}, now)
        obstacles = tx.erasure.obstacles(subject, now.date() - timedelta(days=rules.links_after_close_days))
        if obstacles:
            raise Refusal(
                f"Nothing is erased: {'; '.join(obstacles)}.",
                next_step="Wait until this is over: the log of a case that goes on must show who was told what.",
            )
        erased = tx.erasure.erase(subject, ground.value, approver, now)
        if erased is None:
            raise NotFound(f"The log has nothing about this {of.value}.", next_step="Compare the reference.")
        sign_checkpoint(tx.audit, service.settings.origin, service.keys.signing)
    return erased, _checked(service)


def _require_officer(store: SignIns, approver: str, agencies: set[str], now: datetime) -> None:
    """Raise `InputError` unless somebody was a data protection officer of one of the agencies when they last signed in."""
    last = store.last_signed_in(approver) if PERSON.fullmatch(approver) else None
    held = last.facts["offices"] if last is not None and now - last.at <= SIGNED_IN else ()
    offices = set(held) if isinstance(held, Sequence) and not isinstance(held, str) else set()
    if not offices & {f"{agency}:{Office.DATA_PROTECTION_OFFICER.value}" for agency in agencies}:
        raise InputError(
            f"The approver is not known here as a data protection officer of {' or '.join(sorted(agencies))}.",
            next_step=f"Have the officer sign in, and give the id that is on record; at most {SIGNED_IN.days} days ago.",
        )


def _checked(service: Service) -> LogReport:
    """The whole log and everything stored, checked as `kinlink audit verify` does. Raises `VerificationError`."""
    check = LogCheck()
    with service.store.reading() as tx:
        for row, openings in tx.audit.rows(tx.audit.size()):
            check.add(row, openings)
        report = check.finish(tx.audit.checkpoints(), service.log_key)
        gaps = list(check_store(tx.session, tx, None))
    report.raise_for_findings()
    if gaps:
        raise VerificationError(
            f"The erasure is on record, but {len(gaps)} things do not fit the log; the first: {gaps[0]}.",
            next_step="Run `kinlink audit fsck`, and tell the data protection officer.",
        )
    return report
