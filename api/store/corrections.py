"""Challenges, markers and recalls, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from api.corrections import Challenge, NewMarker, RecallNotice
from api.runs import ActiveLink
from api.store.links import Links, active_link
from api.store.log import AuditLog
from api.store.tables_work import (
    ChallengeLinkRow,
    ChallengeRow,
    ChangeRow,
    LinkRow,
    MarkerRow,
    RecallRow,
    ViewRow,
)
from api.store.views import views_of_links
from protocols.audit.events.linking import (
    ChallengeDecided,
    LinkChallenged,
    LinkClosed,
    MarkerPlaced,
    RecallAcknowledged,
)
from protocols.errors import InputError

_BATCH = 500


class Corrections:
    """What people say about links."""

    def __init__(self, session: Session, audit: AuditLog, links: Links) -> None:
        self._session = session
        self._audit = audit
        self._links = links

    def links_at(self, agency: str, record_ref: str) -> list[ActiveLink]:
        """The links that end at a record."""
        return self._found(LinkRow.agency == agency, LinkRow.record_ref == record_ref)

    def links_of_member(self, family_ref: str, member_ref: str, agency: str) -> list[ActiveLink]:
        """A member's links at an agency."""
        return self._found(LinkRow.family_ref == family_ref, LinkRow.member_ref == member_ref, LinkRow.agency == agency)

    def linked(self, links: Sequence[str]) -> list[ActiveLink]:
        """Links by their ids that have not ended."""
        found: list[ActiveLink] = []
        for start in range(0, len(links), _BATCH):
            found += self._found(LinkRow.link.in_(links[start : start + _BATCH]))
        return found

    def _found(self, *conditions: object) -> list[ActiveLink]:
        query = select(LinkRow).where(LinkRow.state != "closed", *conditions)  # type: ignore[arg-type]
        return [active_link(row) for row in self._session.execute(query.order_by(LinkRow.link)).scalars()]

    def freeze(self, challenge: Challenge, event: LinkChallenged) -> None:
        """Keep a challenge and freeze its links."""
        self._audit.append(event)
        self._session.execute(
            insert(ChallengeRow).values(
                challenge=challenge.challenge,
                opened_by=challenge.opened_by,
                reason=challenge.reason,
                state=challenge.state,
                opened_at=challenge.opened_at,
            )
        )
        if not challenge.links:
            return
        self._session.execute(
            insert(ChallengeLinkRow),
            [{"challenge": challenge.challenge, "link": link} for link in challenge.links],
        )
        self._set_state(challenge.links, "frozen", challenge.opened_at)
        self._changed(challenge.links, "challenge", challenge.opened_at, challenge.challenge)

    def challenge(self, challenge: str) -> Challenge | None:
        """A challenge by its id."""
        row = self._session.get(ChallengeRow, challenge, populate_existing=True)
        return None if row is None else self._challenge(row)

    def challenges(self, opened_by: str | None = None) -> list[Challenge]:
        """Challenges that are open, oldest first."""
        query = select(ChallengeRow).where(ChallengeRow.state == "open").order_by(ChallengeRow.opened_at)
        if opened_by is not None:
            query = query.where(ChallengeRow.opened_by == opened_by)
        return [self._challenge(row) for row in self._session.execute(query).scalars()]

    def _challenge(self, row: ChallengeRow) -> Challenge:
        links = self._session.execute(
            select(ChallengeLinkRow.link)
            .where(ChallengeLinkRow.challenge == row.challenge)
            .order_by(ChallengeLinkRow.link)
        ).scalars()
        return Challenge(row.challenge, row.opened_by, row.reason, row.state, row.opened_at, tuple(links))

    def end_challenge(self, challenge: str, verdict: str, at: datetime, event: ChallengeDecided) -> None:
        """Decide a challenge."""
        self._audit.append(event)
        self._session.execute(
            update(ChallengeRow).where(ChallengeRow.challenge == challenge).values(state=verdict, decided_at=at)
        )

    def end_links(self, links: Sequence[ActiveLink], why: str, at: datetime) -> None:
        """End links, and recall what was released through them."""
        names = [item.link for item in links]
        seen = self._links.seen(names)
        for link in links:
            self._audit.append(LinkClosed(actor="service", link=link.link, reason=why))
            self._links.close([link.link], at, why)
            if link.link in seen:
                self._links.open_recall(link.link, seen[link.link], why, at)
        self._changed(names, "links", at, None)

    def thaw(self, links: Sequence[str], at: datetime) -> None:
        """Put links in force again, unless another challenge is open about them."""
        contested = set(
            self._session.execute(
                select(ChallengeLinkRow.link)
                .join(ChallengeRow, ChallengeRow.challenge == ChallengeLinkRow.challenge)
                .where(ChallengeRow.state == "open", ChallengeLinkRow.link.in_(links))
            ).scalars()
        )
        free = [link for link in links if link not in contested]
        self._set_state(free, "active", at)
        self._changed(free, "links", at, None)

    def _set_state(self, links: Sequence[str], state: str, at: datetime) -> None:
        self._session.execute(
            update(LinkRow).where(LinkRow.link.in_(links), LinkRow.state != "closed").values(state=state, changed_at=at)
        )

    def _changed(self, links: Sequence[str], kind: str, at: datetime, about: str | None) -> None:
        families = self._session.execute(
            select(LinkRow.family_ref).where(LinkRow.link.in_(links)).distinct().order_by(LinkRow.family_ref)
        ).scalars()
        rows = [{"at": at, "kind": kind, "family_ref": family, "about": about} for family in families]
        if rows:
            self._session.execute(insert(ChangeRow), rows)

    def place(self, marker: NewMarker, at: datetime, event: MarkerPlaced, overrules: bool = False) -> bool:
        """Keep a marker; False if the same is there. Raises `InputError` if the opposite is there and is not overruled."""
        there = self._session.execute(
            select(MarkerRow.decision).where(
                MarkerRow.member_ref == marker.member_ref,
                MarkerRow.agency == marker.agency,
                MarkerRow.record_ref == marker.record_ref,
            )
        ).scalar_one_or_none()
        if there == marker.decision:
            return False
        if there is not None and not overrules:
            raise InputError(
                f"There is a {there}-link decision about this member and this record.",
                next_step="Have the two people who decided agree; if this one is to hold, send it again with `overrule`.",
            )
        self._audit.append(event)
        self._session.execute(
            delete(MarkerRow).where(
                MarkerRow.member_ref == marker.member_ref,
                MarkerRow.agency == marker.agency,
                MarkerRow.record_ref == marker.record_ref,
            )
        )
        self._session.execute(
            insert(MarkerRow).values(
                marker=marker.marker,
                member_ref=marker.member_ref,
                agency=marker.agency,
                record_ref=marker.record_ref,
                decision=marker.decision,
                placed_by=marker.placed_by,
                placed_at=at,
            )
        )
        return True

    def recall(self, recall: str) -> RecallNotice | None:
        """A recall by its id."""
        row = self._session.get(RecallRow, recall, populate_existing=True)
        return None if row is None else self._notice(row)

    def recalls(self, pending: bool = True) -> list[RecallNotice]:
        """Recalls, oldest first; those that wait for an acknowledgement, or all."""
        query = select(RecallRow).order_by(RecallRow.opened_at, RecallRow.recall)
        if pending:
            query = query.where(RecallRow.acknowledged_at.is_(None))
        return [self._notice(row) for row in self._session.execute(query).scalars()]

    def unanswered(self, opened_before: datetime) -> list[RecallNotice]:
        """Recalls that nobody has acknowledged for long and that nobody was reminded of."""
        rows = self._session.execute(
            select(RecallRow).where(
                RecallRow.acknowledged_at.is_(None),
                RecallRow.reminded_at.is_(None),
                RecallRow.opened_at < opened_before,
            )
        ).scalars()
        return [self._notice(row) for row in rows]

    def reminded(self, recall: str, at: datetime) -> None:
        """Note that somebody was reminded of a recall."""
        self._session.execute(update(RecallRow).where(RecallRow.recall == recall).values(reminded_at=at))

    def _notice(self, row: RecallRow) -> RecallNotice:
        link = self._session.get_one(LinkRow, row.link)
        profiles = self._session.execute(
            select(ViewRow.profile)
            .select_from(views_of_links())
            .where(LinkRow.link == row.link)
            .order_by(ViewRow.profile)
        ).scalars()
        return RecallNotice(
            recall=row.recall,
            family_ref=link.family_ref,
            member_ref=link.member_ref,
            agency=link.agency,
            reason=row.reason,
            opened_at=row.opened_at,
            acknowledged_at=row.acknowledged_at,
            outcome=row.outcome,
            profiles=tuple(profiles),
        )

    def acknowledge(self, recall: str, outcome: str, at: datetime, event: RecallAcknowledged) -> None:
        """Keep what the Workbook did."""
        self._audit.append(event)
        self._session.execute(
            update(RecallRow).where(RecallRow.recall == recall).values(acknowledged_at=at, outcome=outcome)
        )
