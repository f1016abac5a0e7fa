"""Linking runs, the links in force, markers and recalls, in the database."""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from api.runs import ActiveLink, Found, FoundLink, Inputs, Published, Run
from api.store.log import AuditLog
from api.store.tables import SubmissionRow
from api.store.tables_work import ChangeRow, LinkRow, MarkerRow, RecallRow, RunRow, RunStepRow, ViewRow
from api.store.views import views_of_links
from protocols.audit.events.linking import (
    RecallOpened,
    RunAgencyLinked,
    RunCompleted,
    RunFailed,
    RunRequested,
    RunStarted,
)
from protocols.vocabulary import Grade

_BATCH = 500
Key = tuple[str, str, str, str]


class Links:
    """What runs found, and what people decided about it."""

    def __init__(self, session: Session, audit: AuditLog) -> None:
        self._session = session
        self._audit = audit

    def add_run(self, run: Run, event: RunRequested) -> None:
        """Keep a request."""
        self._audit.append(event)
        self._session.execute(
            insert(RunRow).values(
                run=run.run, state="queued", requested_by=run.requested_by, requested_at=run.requested_at
            )
        )

    def run(self, run: str) -> Run | None:
        """A run by its id."""
        row = self._session.get(RunRow, run)
        return None if row is None else _run(row)

    def runs(self, limit: int) -> list[Run]:
        """The newest runs."""
        rows = self._session.execute(select(RunRow).order_by(RunRow.requested_at.desc()).limit(limit)).scalars()
        return [_run(row) for row in rows]

    def unfinished_run(self) -> Run | None:
        """The run that is waiting or, if none is, the one under way."""
        row = self._session.execute(
            select(RunRow).where(RunRow.state.in_(("queued", "running"))).order_by(RunRow.state).limit(1)
        ).scalar_one_or_none()
        return None if row is None else _run(row)

    def running(self) -> str | None:
        """The run that is under way."""
        return self._session.execute(select(RunRow.run).where(RunRow.state == "running").limit(1)).scalar_one_or_none()

    def start_run(self, run: str, inputs: Inputs, at: datetime, event: RunStarted) -> None:
        """Keep what a run works on."""
        self._audit.append(event)
        chosen = json.dumps({"protocol_digest": inputs.protocol_digest, "submissions": inputs.submissions})
        self._session.execute(
            update(RunRow).where(RunRow.run == run).values(state="running", started_at=at, inputs=chosen)
        )

    def progress(self, run: str, stage: tuple[int, int, str], done: int, total: int) -> None:
        """Show how far a run is."""
        number, of, name = stage
        self._session.execute(
            update(RunRow)
            .where(RunRow.run == run, RunRow.state == "running")
            .values(stage_number=number, stage_of=of, stage_name=name, done=done, total=total)
        )

    def step(self, run: str, step: str) -> bytes | None:
        """The result of a step that is done."""
        row = self._session.get(RunStepRow, (run, step))
        return None if row is None else row.result

    def finish_step(self, run: str, step: str, result: bytes, events: Sequence[RunAgencyLinked]) -> None:
        """Keep a step's result: the step is not done again."""
        for event in events:
            self._audit.append(event)
        self._session.execute(insert(RunStepRow).values(run=run, step=step, result=result))

    def fail_run(self, run: str, problem: str, at: datetime, event: RunFailed) -> None:
        """End a run without effect."""
        self._audit.append(event)
        self._session.execute(
            update(RunRow).where(RunRow.run == run).values(state="failed", finished_at=at, problem=problem)
        )

    def give_up(self, run: str, at: datetime, why: str) -> None:
        """End a run that is not tried again."""
        problem = f"The run {why}"
        self.fail_run(run, problem, at, RunFailed(actor="service", run=run, problem=problem))

    def active(self, agency: str | None = None) -> list[ActiveLink]:
        """The links that are in force or frozen."""
        query = select(LinkRow).where(LinkRow.state != "closed")
        if agency is not None:
            query = query.where(LinkRow.agency == agency)
        return [active_link(row) for row in self._session.execute(query.order_by(LinkRow.link)).scalars()]

    def link(self, link: str) -> ActiveLink | None:
        """A link by its id, whatever its state."""
        row = self._session.get(LinkRow, link)
        return None if row is None else active_link(row)

    def markers(self, agency: str) -> list[tuple[str, str, str]]:
        """Markers at an agency: member's record, agency's record, `must` or `never`."""
        rows = self._session.execute(
            select(MarkerRow.member_ref, MarkerRow.record_ref, MarkerRow.decision).where(MarkerRow.agency == agency)
        )
        return [(row.member_ref, row.record_ref, row.decision) for row in rows]

    def publish(self, run: Run, found: Found, at: datetime) -> Published:
        """Put a run's links in force and its submissions with them: all at once, or nothing.

        Links of the run's families that were not found again are closed. If something was released through a link that is gone, or
        no longer certain, it is recalled, unless that asks nobody to do anything (a child was born, a member left).
        """
        assert run.inputs is not None  # noqa: S101 - a run that found links has started
        wanted = {_key(item): item for item in found.links}
        there = {
            _key(link): link
            for link in self.active()
            if link.agency in run.inputs.submissions and link.family_ref in found.families
        }
        made = [item for key, item in wanted.items() if key not in there]
        kept = [(there[key], item) for key, item in wanted.items() if key in there]
        regraded = [(old, new) for old, new in kept if old.grade is not new.grade]
        closed = [link for key, link in there.items() if key not in wanted]
        why = {item.link: item for item in found.lost}
        weaker = [old.link for old, new in regraded if new.grade is not Grade.CERTAIN]
        loud = [link for link in [*(item.link for item in closed), *weaker] if link not in why or not why[link].quiet]
        seen = self.seen(loud)
        digest, blob = _changes(made, regraded, closed)
        self._audit.append(
            RunCompleted(
                actor="service",
                run=run.run,
                made=len(made),
                kept=len(kept) - len(regraded),
                regraded=len(regraded),
                closed=len(closed),
                recalls=len(seen),
                changes=digest,
            )
        )
        self._make(made, run.run, at)
        self._keep(kept, run.run, at)
        for link in closed:
            self.close([link.link], at, why[link.link].reason if link.link in why else "not-found-again")
        for name, views in seen.items():
            self.open_recall(name, views, why[name].reason if name in why else "not-found-again", at)
        families = {item.family_ref for item in made} | {item.family_ref for item in closed}
        self._changed(families | {new.family_ref for _, new in regraded}, at)
        self._swap(run.inputs.submissions, at)
        totals: dict[str, Counter[str]] = {}
        for item in wanted.values():
            totals.setdefault(item.agency, Counter())[item.grade.value] += 1
        self._session.execute(
            update(RunRow)
            .where(RunRow.run == run.run)
            .values(state="completed", finished_at=at, totals=json.dumps(totals), changes=blob)
        )
        return Published(len(made), len(kept) - len(regraded), len(regraded), len(closed), len(seen))

    def _make(self, made: list[FoundLink], run: str, at: datetime) -> None:
        """Add links. An id names one member and one record for ever, so a link that was closed before comes back under it."""
        for start in range(0, len(made), _BATCH):
            ids = [item.link for item in made[start : start + _BATCH]]
            self._session.execute(delete(LinkRow).where(LinkRow.link.in_(ids), LinkRow.state == "closed"))
        for start in range(0, len(made), _BATCH):
            self._session.execute(
                insert(LinkRow),
                [
                    {
                        "link": item.link,
                        "family_ref": item.family_ref,
                        "member_ref": item.member_ref,
                        "agency": item.agency,
                        "record_ref": item.record_ref,
                        "grade": item.grade.value,
                        "state": "active",
                        "evidence": json.dumps(item.evidence),
                        "first_run": run,
                        "last_run": run,
                        "made_at": at,
                        "changed_at": at,
                    }
                    for item in made[start : start + _BATCH]
                ],
            )

    def _keep(self, kept: list[tuple[ActiveLink, FoundLink]], run: str, at: datetime) -> None:
        """Links that are as they were are only said to be of this run, many at a time."""
        same = [old.link for old, new in kept if (old.grade, old.evidence) == (new.grade, new.evidence)]
        for start in range(0, len(same), _BATCH):
            self._session.execute(
                update(LinkRow).where(LinkRow.link.in_(same[start : start + _BATCH])).values(last_run=run)
            )
        rows: list[dict[str, Any]] = [
            {
                "link": old.link,
                "grade": new.grade.value,
                "evidence": json.dumps(new.evidence),
                "last_run": run,
            }
            | ({"changed_at": at} if old.grade is not new.grade else {})
            for old, new in kept
            if (old.grade, old.evidence) != (new.grade, new.evidence)
        ]
        for changed in (True, False):
            part = [row for row in rows if ("changed_at" in row) is changed]
            if part:
                self._session.execute(update(LinkRow), part)

    def close(self, links: list[str], at: datetime, why: str) -> None:
        for start in range(0, len(links), _BATCH):
            self._session.execute(
                update(LinkRow)
                .where(LinkRow.link.in_(links[start : start + _BATCH]))
                .values(state="closed", changed_at=at, ended_why=why)
            )

    def seen(self, links: list[str]) -> dict[str, int]:
        """Those of the links through which something was released, and how many answers it was in."""
        found: dict[str, int] = {}
        for start in range(0, len(links), _BATCH):
            rows = self._session.execute(
                select(ViewRow.link, func.count().label("views"))
                .select_from(views_of_links())
                .where(LinkRow.link.in_(links[start : start + _BATCH]))
                .group_by(ViewRow.link)
            )
            for row in rows:
                found[row.link] = row.views
        return found

    def open_recall(self, link: str, views: int, reason: str, at: datetime) -> str:
        """Recall what was released through a link."""
        recall = f"rcl-{secrets.token_hex(8)}"
        self._audit.append(RecallOpened(actor="service", recall=recall, link=link, views=views))
        self._session.execute(insert(RecallRow).values(recall=recall, link=link, reason=reason, opened_at=at))
        family = self._session.execute(select(LinkRow.family_ref).where(LinkRow.link == link)).scalar_one()
        self._session.execute(insert(ChangeRow).values(at=at, kind="recall", family_ref=family, about=recall))
        return recall

    def _changed(self, families: set[str], at: datetime) -> None:
        if families:
            rows = [{"at": at, "kind": "links", "family_ref": family} for family in sorted(families)]
            self._session.execute(insert(ChangeRow), rows)

    def _swap(self, submissions: dict[str, str], at: datetime) -> None:
        for agency, submission in sorted(submissions.items()):
            number = select(SubmissionRow.number).where(SubmissionRow.submission == submission).scalar_subquery()
            self._session.execute(
                update(SubmissionRow)
                .where(
                    SubmissionRow.agency == agency,
                    SubmissionRow.submission != submission,
                    or_(
                        SubmissionRow.state == "current",
                        and_(SubmissionRow.state == "received", SubmissionRow.number < number),
                    ),
                )
                .values(state="superseded", ended_at=at)
            )
            self._session.execute(
                update(SubmissionRow)
                .where(SubmissionRow.submission == submission, SubmissionRow.state == "received")
                .values(state="current")
            )


def _key(item: FoundLink | ActiveLink) -> Key:
    return item.family_ref, item.member_ref, item.agency, item.record_ref


def _changes(
    made: list[FoundLink], regraded: list[tuple[ActiveLink, FoundLink]], closed: list[ActiveLink]
) -> tuple[str, str]:
    """The digest and the text of the list of everything that a run changed."""
    lines = [["made", item.link, item.grade.value] for item in made]
    lines += [["regraded", old.link, new.grade.value] for old, new in regraded]
    lines += [["closed", item.link, item.grade.value] for item in closed]
    body = rfc8785.dumps(sorted(lines))
    return hashlib.sha256(body).hexdigest(), body.decode()


def packed(data: Any) -> bytes:
    """A step's result as it is kept."""
    return zlib.compress(rfc8785.dumps(data))


def unpacked(data: bytes) -> Any:
    """What `packed` packed."""
    return json.loads(zlib.decompress(data))


def _run(row: RunRow) -> Run:
    chosen = json.loads(row.inputs) if row.inputs else None
    return Run(
        run=row.run,
        state=row.state,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        inputs=Inputs(**chosen) if chosen else None,
        stage=(row.stage_number, row.stage_of, row.stage_name),
        done=row.done,
        total=row.total,
        totals=json.loads(row.totals),
        problem=row.problem,
    )


def active_link(row: LinkRow) -> ActiveLink:
    return ActiveLink(
        link=row.link,
        family_ref=row.family_ref,
        member_ref=row.member_ref,
        agency=row.agency,
        record_ref=row.record_ref,
        grade=Grade(row.grade),
        state=row.state,
        evidence=tuple(json.loads(row.evidence)),
    )
