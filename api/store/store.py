"""The store: transactions that read or write, and everything that can be done in one.

A method that changes something takes the event that tells about it, and both are in one transaction. What is only bookkeeping of
the machine itself (leases, progress, used credentials, expired tokens) has no event of its own. A method appends its event before
it touches a row: the log's head is locked first everywhere, so writers queue there and cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.store.agreement import Agreement
from api.store.base import connection_of
from api.store.constraints import explained
from api.store.corrections import Corrections
from api.store.desk import Desk
from api.store.engine import WRITES
from api.store.erasure import Erasure
from api.store.families import Families
from api.store.gate import GateStore
from api.store.identity import Identity
from api.store.jobs import Jobs
from api.store.links import Links
from api.store.log import AuditLog
from api.store.people import People
from api.store.profiles import Profiles
from api.store.questions import Questions
from api.store.retention import Retention
from api.store.submissions import Submissions

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Transaction:
    """Everything that one transaction can read and, if it writes, change."""

    def __init__(self, session: Session, clock: Clock, writes: bool) -> None:
        self.session = session
        self.audit = AuditLog(session, clock, writes)
        self.identity = Identity(session, self.audit)
        self.people = People(session, self.audit)
        self.submissions = Submissions(session, self.audit)
        self.families = Families(session, self.audit)
        self.links = Links(session, self.audit)
        self.profiles = Profiles(session, self.audit)
        self.corrections = Corrections(session, self.audit, self.links)
        self.desk = Desk(session, self.audit, self.profiles)
        self.agreement = Agreement(session, self.audit, self.identity, self.profiles)
        self.retention = Retention(session, self.audit, self.links)
        self.erasure = Erasure(session, self.audit, self.retention)
        self.questions = Questions(session, self.audit)
        self.jobs = Jobs(session, self.audit)
        self.gate = GateStore(session, self.audit)

    def roll_back(self) -> None:
        """Undo everything so far; nothing more can be done in this transaction."""
        self.session.rollback()
        connection_of(self.session).rollback()


class Store:
    """The database of the service."""

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.clock = clock
        self._writing = engine.execution_options(**{WRITES: True})
        snapshot = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reading = engine.execution_options(**snapshot)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that sees one state of the database and changes nothing."""
        with explained(), _session(self._reading) as session:
            yield Transaction(session, self.clock, writes=False)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that is kept whole, or not at all if anything in it fails."""
        with explained(), _session(self._writing) as session:
            yield Transaction(session, self.clock, writes=True)

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


@contextmanager
def _session(engine: Engine) -> Iterator[Session]:
    """A session over one connection and its transaction, which statements may use without the session (`connection_of`)."""
    with engine.connect() as connection, Session(connection, join_transaction_mode="control_fully") as session:
        yield session
        if session.in_transaction():
            session.commit()
        connection.commit()
