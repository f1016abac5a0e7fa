"""What people did to versions of the sharing protocol, in the database, with what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from api.agreement import SignedAct
from api.protocol_versions import ProtocolVersion
from api.store.identity import Identity
from api.store.log import AuditLog
from api.store.profiles import Profiles
from api.store.rehearsals import Rehearsals
from api.store.tables import ProtocolRow
from api.store.tables_agreement import ActRow, StopRow
from api.store.tables_work import KEPT, ChangeRow, ProfileRow
from protocols.audit.events.agreement import ProtocolActivated, ReleasesStarted, ReleasesStopped
from protocols.audit.events.answers import AlertRaised
from protocols.audit.events.keeping import InputsExported
from protocols.audit.events.vocabulary import Event
from protocols.errors import Refusal
from protocols.lifecycle import Act, Standing
from protocols.rehearsal import RehearsalReport

_PAGE = 100


class Agreement:
    """Versions, acts on them, stops, rehearsals, and the kept inputs that they are held on."""

    def __init__(self, session: Session, audit: AuditLog, identity: Identity, profiles: Profiles) -> None:
        self._session = session
        self._audit = audit
        self._identity = identity
        self._profiles = profiles
        self.rehearsals = Rehearsals(session, audit)

    def version(self, digest: str) -> ProtocolVersion | None:
        """A version by its digest."""
        return self._identity.protocol(digest)

    def live(self) -> ProtocolVersion | None:
        """The version in force."""
        return self._identity.live_protocol()

    def versions(self) -> list[ProtocolVersion]:
        """Every version, newest first."""
        rows = self._session.execute(select(ProtocolRow).order_by(ProtocolRow.loaded_at.desc())).scalars()
        return [ProtocolVersion(row.digest, row.protocol, row.version, row.text, row.state) for row in rows]

    def acts(self, digest: str) -> tuple[Act, ...]:
        """Everything that was done to a version, oldest first."""
        rows = self._session.execute(select(ActRow.body).where(ActRow.digest == digest).order_by(ActRow.number))
        return tuple(Act.read(body, "act") for body in rows.scalars())

    def tokens(self, digest: str) -> list[str]:
        """The signed acts on a version as they came, oldest first."""
        rows = self._session.execute(select(ActRow.token).where(ActRow.digest == digest).order_by(ActRow.number))
        return list(rows.scalars())

    def stopped(self) -> frozenset[str]:
        """The agencies whose releases are stopped."""
        return frozenset(self._session.execute(select(StopRow.agency)).scalars())

    def keep_act(self, signed: SignedAct, after: Standing, events: tuple[Event, ...], at: datetime) -> None:
        """Keep an act and what came of it. Raises `Refusal` if the same act is there."""
        there = select(ActRow.number).where(ActRow.sha256 == signed.sha256)
        if self._session.execute(there).first() is not None:
            raise Refusal("This act is on record already.", next_step="Look at the version's record.")
        entry = self._audit.append(events[0])
        self._session.execute(
            insert(ActRow).values(
                sha256=signed.sha256,
                digest=after.digest,
                token=signed.token,
                body=signed.act.canonical().decode(),
                entry=entry,
            )
        )
        for event in events[1:]:
            self._put_into_effect(event, at)
        self._session.execute(
            update(ProtocolRow).where(ProtocolRow.digest == after.digest).values(state=after.status.value)
        )

    def _put_into_effect(self, event: Event, at: datetime) -> None:
        if isinstance(event, AlertRaised):
            self._profiles.raise_alert(event, at)
        elif isinstance(event, ProtocolActivated):
            self._identity.activate_protocol(event.digest, at, event)
        else:
            self._stop_or_start(event, at, self._audit.append(event))

    def _stop_or_start(self, event: Event, at: datetime, entry: int) -> None:
        if not isinstance(event, ReleasesStopped | ReleasesStarted):
            return
        self._session.execute(delete(StopRow).where(StopRow.agency == event.agency))
        if isinstance(event, ReleasesStopped):
            self._session.execute(insert(StopRow).values(agency=event.agency, at=at, entry=entry))
        self._session.execute(insert(ChangeRow).values(at=at, kind="releases", about=event.agency))

    def rehearsal(self, digest: str) -> RehearsalReport | None:
        """A rehearsal's report by its digest."""
        return self.rehearsals.report(digest)

    def exported(self, event: InputsExported) -> None:
        """Record that kept decision inputs left the service."""
        self._audit.append(event)

    def count_since(self, since: datetime) -> int:
        """How many answers there are since a moment whose inputs are still kept."""
        kept = select(func.count()).select_from(ProfileRow).where(ProfileRow.at >= since, KEPT)
        return int(self._session.execute(kept).scalar_one())

    def answers_since(self, since: datetime) -> Iterator[bytes]:
        """The decisions of every answer since a moment whose inputs are still kept, oldest first."""
        last = -1
        while True:
            rows = self._session.execute(
                select(ProfileRow.entry, ProfileRow.decisions)
                .where(ProfileRow.at >= since, ProfileRow.entry > last, KEPT)
                .order_by(ProfileRow.entry)
                .limit(_PAGE)
            ).all()
            yield from (row.decisions for row in rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1].entry
