"""A draft is rehearsed on what people really asked: the kept inputs of decisions, the golden personas, and the matcher.

Kept inputs name nobody: kinds, stages, grades and flags. A person stands in them under a pseudonym that is made anew every time, so
that people can be counted and not followed.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from api.explain import remembered, unpack
from api.identity import DECLARING_AGENCY
from api.linking import matched
from api.service import Service
from api.store.store import Transaction
from config.resources import PROTOCOL_FILE
from protocols.audit.events.agreement import ProtocolRehearsed
from protocols.audit.events.keeping import InputsExported
from protocols.decision_inputs import Remembered, pack
from protocols.load import LoadedProtocol
from protocols.personas import Persona, load_personas
from protocols.rehearsal import LinkEffect, RehearsalReport, rehearse
from protocols.vocabulary import Grade

PERSONAS_FILE = "personas.yaml"


def kept_inputs(tx: Transaction, since: datetime) -> Iterator[Remembered]:
    """The inputs of every decision since a moment, as far as they are kept."""
    salt = secrets.token_bytes(32)
    for decisions in tx.agreement.answers_since(since):
        for line in unpack(decisions):
            yield from remembered(line, hmac.digest(salt, line["member"].encode(), "sha256").hex()[:32])


def kept_since(protocol: LoadedProtocol, now: datetime, days: int = 366) -> datetime:
    """From when on inputs are kept, as was agreed, or the last so many days of it."""
    return now - timedelta(days=min(days, protocol.document.retention.decision_inputs_days))


def export_inputs(tx: Transaction, since: datetime, actor: str, person: str | None = None) -> Iterator[str]:
    """The kept inputs as JSON lines, for a rehearsal elsewhere; the export is on record once it was read to its end."""
    answers, decisions = sum(1 for _ in tx.agreement.answers_since(since)), 0
    for item in kept_inputs(tx, since):
        decisions += 1
        yield json.dumps(pack(item), separators=(",", ":"), sort_keys=True)
    tx.agreement.exported(
        InputsExported(actor=actor, since=since.isoformat(), answers=answers, decisions=decisions, person=person),
    )


def rehearse_version(service: Service, digest: str, actor: str) -> RehearsalReport:
    """Hold a version against the one in force, on everything that is kept, and keep the report. Raises `NotFound`."""
    with service.store.reading() as tx:
        draft = service.protocols.version(tx.identity, digest)
        version = tx.identity.live_protocol()
        live = service.protocols.load(version) if version else draft
        inputs = kept_inputs(tx, kept_since(live, service.now()))
        made = rehearse(inputs, personas_of(service), live.compiled, draft.compiled)
    report = made.model_copy(update={"links": link_effect(service, live, draft)})
    event = ProtocolRehearsed(
        actor=actor,
        digest=digest,
        live_digest=report.live_digest,
        report=report.digest,
        questions=report.questions,
        passes=report.passes,
    )
    with service.store.writing() as tx:
        tx.agreement.keep_rehearsal(report, service.now(), event)
    return report


def personas_of(service: Service) -> tuple[Persona, ...]:
    """The golden personas: those in the service's data folder, or the ones that ship."""
    own: Path = service.folder.root / PERSONAS_FILE
    return load_personas(own if own.is_file() else PROTOCOL_FILE.with_name(PERSONAS_FILE))


def link_effect(service: Service, live: LoadedProtocol, draft: LoadedProtocol) -> LinkEffect | None:
    """What the draft's match rules would do to links; None where only new encodings could tell.

    The matcher is asked only if the rules differ, about the agencies whose encodings are still there. Links that children's social
    care declared are no finding, and do not count.
    """
    if draft.document.encoding != live.document.encoding:
        return None
    with service.store.reading() as tx:
        active = [item for item in tx.links.active() if item.agency != DECLARING_AGENCY]
        submissions = {
            agency: item.submission
            for agency, item in tx.submissions.linkable().items()
            if item.manifest.protocol_digest == live.digest
        }
    same = draft.document.matching == live.document.matching
    if not same and DECLARING_AGENCY not in submissions:
        return None
    before = {
        (item.family_ref, item.member_ref, item.agency, item.record_ref): item.grade
        for item in active
        if same or item.agency in submissions
    }
    after = before
    if not same:
        found = matched(service, submissions, live, draft.document.matching)
        after = {
            (*found.ids[item.member_id], item.agency, item.record_ref): Grade(item.grade) for item in found.result.links
        }
    sure_before = {pair for pair, grade in before.items() if grade is Grade.CERTAIN}
    sure_after = {pair for pair, grade in after.items() if grade is Grade.CERTAIN}
    return LinkEffect(
        gained=len(sure_after - sure_before),
        lost=len(sure_before - sure_after),
        review_before=len(before) - len(sure_before),
        review_after=len(after) - len(sure_after),
    )
