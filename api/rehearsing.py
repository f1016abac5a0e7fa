"""A draft is rehearsed on what people really asked: the kept inputs of decisions, the golden personas, and the matcher.

A rehearsal is a job. What was counted is kept before the matcher is asked, so that a rehearsal that dies goes on from there; its report
and the entry about it are written in the one transaction that ends the job.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from api.identity import DECLARING_AGENCY
from api.jobs import LEASE, Job
from api.kept_inputs import kept_inputs, kept_since
from api.linking import matched
from api.logs import log
from api.personas import personas_mark, personas_of
from api.rehearsals import Rehearsal
from api.service import Service
from api.store.store import Transaction
from linkage.result import Stage
from protocols.audit.events.agreement import ProtocolRehearsed, RehearsalFailed
from protocols.errors import Busy, InputError, KinlinkError, Unavailable
from protocols.load import LoadedProtocol
from protocols.rehearsal import LinkEffect, RehearsalReport, rehearse
from protocols.vocabulary import Grade

STAGES = 2
SHOW_SECONDS = 0.5


def run_rehearsal(service: Service, job: Job) -> None:
    """Do a rehearsal. A problem that a person must solve fails it; anything else is tried again."""
    try:
        Rehearsing(service, job).go()
    except (Busy, Unavailable):
        raise
    except KinlinkError as error:
        with service.store.writing() as tx:
            tx.jobs.hold(job, service.now() + LEASE)
            event = RehearsalFailed(actor="service", rehearsal=job.subject, problem=error.what)
            tx.agreement.rehearsals.fail(job.subject, service.now(), event)
            tx.jobs.finish(job, "failed")
        log().warning("rehearsal failed", job=job.job, error=type(error).__name__)


@dataclass(slots=True)
class Rehearsing:
    """One rehearsal under way."""

    service: Service
    job: Job
    shown: float = 0.0

    def go(self) -> None:
        """Every step that is not done yet."""
        item = self._started()
        report = item.replayed or self._replay(item)
        with self.service.store.reading() as tx:
            draft = self.service.protocols.version(tx.identity, report.draft_digest)
            live = self.service.protocols.version(tx.identity, report.live_digest)
        self._show((2, STAGES, "ask the matcher"), 0, 0)
        links = link_effect(self.service, live, draft, self._stage)
        self._complete(item, report.model_copy(update={"links": links, "salt": secrets.token_hex(16)}))

    def _started(self) -> Rehearsal:
        """The rehearsal, and what it is held on: chosen again as long as nothing was counted."""
        with self.service.store.writing() as tx:
            self._hold(tx)
            store = tx.agreement.rehearsals
            item = store.rehearsal(self.job.subject)
            if item is None:
                raise InputError("The rehearsal is gone.", next_step="Ask for it again.")
            if item.replayed is None:
                store.start(item.rehearsal, store.as_of(personas_mark(self.service)), self.service.now())
        return item

    def _replay(self, item: Rehearsal) -> RehearsalReport:
        """Hold the version against the one in force, on everything that is kept and on the golden personas."""
        service = self.service
        with service.store.reading() as tx:
            draft = service.protocols.version(tx.identity, item.digest)
            version = tx.identity.live_protocol()
            live = service.protocols.load(version) if version else draft
            since = kept_since(live, service.now())
            total, stage = tx.agreement.count_since(since), (1, STAGES, "decide kept questions again")
            self._show(stage, 0, total)
            inputs = kept_inputs(tx, since, lambda done: self._show_at_times(stage, done, total))
            made = rehearse(inputs, personas_of(service), live.compiled, draft.compiled)
        with service.store.writing() as tx:
            self._hold(tx)
            tx.agreement.rehearsals.keep_replayed(item.rehearsal, made)
        return made

    def _complete(self, item: Rehearsal, report: RehearsalReport) -> None:
        event = ProtocolRehearsed(
            actor=item.requested_by,
            rehearsal=item.rehearsal,
            digest=report.draft_digest,
            live_digest=report.live_digest,
            report=report.digest,
            questions=report.questions,
            passes=report.passes,
        )
        with self.service.store.writing() as tx:
            self._hold(tx)
            tx.agreement.rehearsals.complete(item.rehearsal, report, self.service.now(), event)
            tx.jobs.finish(self.job, "done")
        log().info("rehearsal completed", job=self.job.job)

    def _hold(self, tx: Transaction) -> None:
        tx.jobs.hold(self.job, self.service.now() + LEASE)

    def _stage(self, stage: Stage) -> None:
        name = f"ask the matcher: {stage.name}: {stage.agency}"
        self._show_at_times((2, STAGES, name), stage.done, stage.total)

    def _show_at_times(self, stage: tuple[int, int, str], done: int, total: int) -> None:
        if time.monotonic() - self.shown >= SHOW_SECONDS:
            self._show(stage, done, total)

    def _show(self, stage: tuple[int, int, str], done: int, total: int) -> None:
        self.shown = time.monotonic()
        with self.service.store.writing() as tx:
            self._hold(tx)
            tx.agreement.rehearsals.progress(self.job.subject, stage, done, total)


def link_effect(
    service: Service, live: LoadedProtocol, draft: LoadedProtocol, progress: Callable[[Stage], None] | None = None
) -> LinkEffect | None:
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
        found = matched(service, submissions, live, draft.document.matching, progress)
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
