"""A linking run: open the sealed encodings in memory, link outwards from declared members, put the links in force at once.

A run is made of steps, each done once. Until its last step nothing that anyone can ask about has changed; a run that dies goes on
where it stopped, and a run that fails leaves the links before it in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from api.canaries import raise_alarms
from api.cells import bring_in_cells
from api.families import StoredFamily
from api.identity import DECLARING_AGENCY
from api.jobs import LEASE, Job, NotYet, enqueue
from api.kept_run import KeptRun
from api.logs import log
from api.newest import log_newest
from api.opening import open_in_order
from api.runs import ActiveLink, Found, FoundLink, Inputs, LostLink, Run
from api.service import Service
from api.store.links import packed, unpacked
from api.store.store import Transaction
from linkage.grade import Rule
from linkage.matcher import link
from linkage.records import EncodedRecords, Family, Marker, MarkerKind, Member, PreviousLink
from linkage.result import LinkResult, Stage, link_id
from protocols.audit.events.linking import RunAgencyLinked, RunFailed, RunStarted
from protocols.errors import Busy, InputError, KinlinkError, Unavailable
from protocols.load import LoadedProtocol
from protocols.matching import MatchRules
from protocols.vocabulary import Grade

LINK_STEP = "link"
STAGES = 3


def run_linking(service: Service, job: Job) -> None:
    """Do a linking run. A problem that a person must solve fails the run; anything else is tried again.

    A database or a disk that is not there for a while is nobody's problem: the job goes on when it is back.
    """
    try:
        Linking(service, job).go()
    except (Busy, Unavailable):
        raise
    except KinlinkError as error:
        with service.store.writing() as tx:
            tx.jobs.hold(job, service.now() + LEASE)
            event = RunFailed(actor="service", run=job.subject, problem=error.what)
            tx.links.fail_run(job.subject, error.what, service.now(), event)
            tx.jobs.finish(job, "failed")
        log().warning("run failed", run=job.subject, error=type(error).__name__)


@dataclass(slots=True)
class Linking:
    """One run under way."""

    service: Service
    job: Job

    def go(self) -> None:
        """Every step that is not done yet."""
        run = self._started()
        assert run.inputs is not None  # noqa: S101 - `_started` chose them
        with self.service.store.reading() as tx:
            version = tx.identity.protocol(run.inputs.protocol_digest)
            result = tx.links.step(run.run, LINK_STEP)
        if version is None:
            raise InputError("The run's sharing protocol is gone.", next_step="Start a new run.")
        if result is None:
            result = self._link(run, self.service.protocols.load(version))
        found = _read(unpacked(result))
        self._progress(run, (STAGES, STAGES, "put links in force"), 0, len(found.links))
        self._cells(run, found.links)
        self._publish(run, found)

    def _hold(self, tx: Transaction) -> None:
        tx.jobs.hold(self.job, self.service.now() + LEASE)

    def _started(self) -> Run:
        with self.service.store.writing() as tx:
            tx.audit.generation()  # locks the log's head: nobody submits, and no other run starts, while this one chooses
            self._hold(tx)
            run = tx.links.run(self.job.subject)
            if run is None:
                raise InputError("The run is gone.", next_step="Start a new run.")
            if run.inputs is None:
                if tx.links.running() is not None:
                    raise NotYet(run.run)  # runs are in force in the order in which they began
                inputs = _choose(tx)
                event = RunStarted(
                    actor="service",
                    run=run.run,
                    protocol_digest=inputs.protocol_digest,
                    submissions=tuple(sorted(inputs.submissions.values())),
                    families=len(tx.families.families()),
                )
                tx.links.start_run(run.run, inputs, self.service.now(), event)
                run = tx.links.run(run.run)
        assert run is not None  # noqa: S101 - it was there
        return run

    def _progress(self, run: Run, stage: tuple[int, int, str], done: int, total: int) -> None:
        with self.service.store.writing() as tx:
            self._hold(tx)
            tx.links.progress(run.run, stage, done, total)

    def _link(self, run: Run, protocol: LoadedProtocol) -> bytes:
        """The matcher's part: all agencies in one go, because they share the calibration. Its result is kept as one step."""
        assert run.inputs is not None  # noqa: S101 - started
        self._progress(run, (1, STAGES, "open encodings"), 0, len(run.inputs.submissions))
        rules = protocol.document.matching
        found = matched(self.service, run.inputs.submissions, protocol, rules, self._reporter(run))
        ids, families, result = found.ids, found.families, found.result
        self.service.kept_run = found.kept
        for done in result.report.agencies:
            log().info(
                "agency linked",
                run=run.run,
                agency=done.agency,
                records=done.records,
                search=done.search.kind,
                why=done.search.why,
                recall=done.search.measured_recall,
                calibration=done.calibration,
            )
        lines = [
            [*ids[item.member_id], item.agency, item.record_ref, item.grade, item.link_id, [item.rule, *item.evidence]]
            for item in result.links
        ]
        lines += _declared(families)
        lost = [[item.link_id, item.reason.value, item.quiet] for item in result.recalls]
        kept = packed({"families": sorted({ref for ref, _ in ids.values()}), "links": lines, "lost": lost})
        with self.service.store.writing() as tx:
            self._hold(tx)
            tx.links.finish_step(run.run, LINK_STEP, kept, _linked_events(run, lines))
        return kept

    def _reporter(self, run: Run) -> Callable[[Stage], None]:
        last = [self.service.now()]

        def report(stage: Stage) -> None:
            now = self.service.now()
            if (now - last[0]).total_seconds() >= 0.2:
                last[0] = now
                self._progress(run, (2, STAGES, f"{stage.name}: {stage.agency}"), stage.done, stage.total)

        return report

    def _cells(self, run: Run, found: tuple[FoundLink, ...]) -> None:
        """Bring in the sealed values of linked records: of nobody else."""
        assert run.inputs is not None  # noqa: S101 - started
        with self.service.store.reading() as tx:
            kept = {(item.agency, item.record_ref) for item in tx.links.active()}
        kept |= {(item.agency, item.record_ref) for item in found}
        for agency, submission in sorted(run.inputs.submissions.items()):
            bring_in_cells(self.service, submission, {ref for of, ref in kept if of == agency}, self._hold)

    def _publish(self, run: Run, found: Found) -> None:
        now = self.service.now()
        with self.service.store.writing() as tx:
            self._hold(tx)
            log_newest(tx, run, found, now)
            alarms = raise_alarms(tx, run.run, found.links, now)
            published = tx.links.publish(run, found, now)
            tx.retention.cells_dropped(tx.submissions.drop_unlinked_cells(), now)
            enqueue(tx.jobs, "retention", run.run, now)
            tx.jobs.finish(self.job, "done")
        log().info("run completed", run=run.run, links=published.made + published.kept + published.regraded)
        if alarms:
            log().warning("canary linked", run=run.run, agencies=alarms)


@dataclass(frozen=True, slots=True)
class Matched:
    """What the matcher found: the families it worked outwards from, how it names their members, its result, what to keep."""

    families: list[StoredFamily]
    ids: dict[str, tuple[str, str]]
    result: LinkResult
    kept: KeptRun | None


def matched(
    service: Service,
    submissions: Mapping[str, str],
    protocol: LoadedProtocol,
    rules: MatchRules,
    progress: Callable[[Stage], None] | None = None,
) -> Matched:
    """Link outwards from every declared member of an open case. Nothing is written.

    What the last run of this process opened, learnt and compared is not opened, learnt and compared again.
    """
    clk, key = protocol.document.encoding.clks[0].id, service.keys.sealing
    kept = service.kept_run if service.kept_run and service.kept_run.protocol_digest == protocol.digest else None
    with service.store.reading() as tx:
        chains = {agency: tuple(tx.submissions.chain(submissions[agency])) for agency in sorted(submissions)}
    encoded: dict[str, EncodedRecords] = {}
    for agency, chain in chains.items():
        files = [service.folder.submission(source) for source in chain]
        encoded[agency] = open_in_order(files, agency, clk, key, kept.records(agency, chain) if kept else None)
    anchor = encoded.pop(DECLARING_AGENCY)
    with service.store.reading() as tx:
        families = [item for item in tx.families.families() if _open(item, service.now().date())]
        active = [item for item in tx.links.active() if item.agency in encoded]
        markers = [(agency, *item) for agency in encoded for item in tx.links.markers(agency)]
    ids = _members(families)
    by_person: dict[str, list[str]] = {}
    for name, (_, ref) in ids.items():
        by_person.setdefault(ref, []).append(name)
    known = set(anchor.record_refs)
    result = link(
        anchor,
        [_family(item, known) for item in families],
        list(encoded.values()),
        rules,
        markers=[
            Marker(name, agency, record, cast(MarkerKind, decision))
            for agency, member, record, decision in markers
            for name in by_person.get(member, ())
        ],
        previous=[_previous(item) for item in active],
        memory=kept.memory if kept else None,
        remember=True,
        progress=progress,
        threads=service.settings.threads or None,
    )
    left = None if result.memory is None else KeptRun(protocol.digest, chains, result.memory)
    return Matched(families, ids, result, left)


def files_of(service: Service, submission: str) -> list[Path]:
    """The files that a submission is made of, the full one first."""
    with service.store.reading() as tx:
        return [service.folder.submission(source) for source in tx.submissions.chain(submission)]


def _members(families: list[StoredFamily]) -> dict[str, tuple[str, str]]:
    """Every declared member: how the matcher names it, its family and its record at children's social care."""
    return {
        member_id(item.declaration.family_ref, member.record_ref): (item.declaration.family_ref, member.record_ref)
        for item in families
        for member in item.declaration.members
    }


def _previous(item: ActiveLink) -> PreviousLink:
    name = member_id(item.family_ref, item.member_ref)
    unborn = Rule.UNBORN in item.evidence
    return PreviousLink(name, item.agency, item.record_ref, item.grade.value, item.link, unborn)


def _declared(families: list[StoredFamily]) -> list[list[Any]]:
    """Children's social care's own records of its members: declared, so certain."""
    certain = Grade.CERTAIN.value
    return [
        [ref, member, DECLARING_AGENCY, member, certain, link_id(name, DECLARING_AGENCY, member), ["declared"]]
        for name, (ref, member) in _members(families).items()
    ]


def _linked_events(run: Run, lines: list[list[Any]]) -> list[RunAgencyLinked]:
    assert run.inputs is not None  # noqa: S101 - started
    counts = {agency: {grade.value: 0 for grade in Grade} for agency in sorted(run.inputs.submissions)}
    for line in lines:
        counts[line[2]][line[4]] += 1
    return [
        RunAgencyLinked(actor="service", run=run.run, submission=run.inputs.submissions[agency], links=links)
        for agency, links in counts.items()
    ]


def _read(kept: dict[str, Any]) -> Found:
    """What the matcher found, as it was kept."""
    return Found(
        families=frozenset(kept["families"]),
        links=tuple(
            FoundLink(family, member, agency, record, Grade(grade), name, tuple(evidence))
            for family, member, agency, record, grade, name, evidence in kept["links"]
        ),
        lost=tuple(LostLink(*item) for item in kept["lost"]),
    )


def _choose(tx: Transaction) -> Inputs:
    """What the run works on: each agency's newest submission, under the sharing protocol in force."""
    protocol = tx.identity.live_protocol()
    if protocol is None:
        raise InputError("No sharing protocol is in force.", next_step="Put one in force, then start a new run.")
    newest = {
        agency: item.submission
        for agency, item in tx.submissions.linkable().items()
        if item.manifest.protocol_digest == protocol.digest
    }
    if DECLARING_AGENCY not in newest:
        raise InputError(
            "Children's social care has no submission with encodings under the sharing protocol in force.",
            next_step="Have it submit, then start a new run.",
        )
    return Inputs(protocol.digest, newest)


def _open(family: StoredFamily, today: date) -> bool:
    closed = family.declaration.closed
    return closed is None or closed > today


def member_id(family_ref: str, record_ref: str) -> str:
    """How a member is named to the matcher: a person in two families is two members."""
    return f"{family_ref}/{record_ref}"


def _family(family: StoredFamily, known: set[str]) -> Family:
    declaration = family.declaration
    return Family(
        declaration.family_ref,
        tuple(
            Member(
                member_id(declaration.family_ref, item.record_ref),
                item.record_ref if item.record_ref in known else None,
                item.kind.value,
                item.role.value,
                person=item.record_ref,
                mother=item.mother_ref,
            )
            for item in declaration.members
        ),
    )
