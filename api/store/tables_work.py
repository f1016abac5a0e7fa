"""The tables of runs, links, answers, jobs and the audit log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from api.store.base import Base, UtcDateTime
from api.store.tables import Digest, Id, _one_of

ACTIVE = text("state IN ('active', 'frozen')")
KEPT = text("length(decisions) > 0")
"""Whether the inputs of an answer's decisions are still there: statements say it in the same words, or the index is not used."""


class RunRow(Base):
    """A linking run, from its request to its end."""

    __tablename__ = "runs"
    __table_args__ = (_one_of("state", "queued", "running", "completed", "failed"),)
    run: Mapped[str] = mapped_column(Id, primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    requested_by: Mapped[str] = mapped_column(Id)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    inputs: Mapped[str | None] = mapped_column(Text)
    stage_number: Mapped[int] = mapped_column(default=0)
    stage_of: Mapped[int] = mapped_column(default=0)
    stage_name: Mapped[str] = mapped_column(String(80), default="")
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    totals: Mapped[str] = mapped_column(Text, default="{}")
    changes: Mapped[str | None] = mapped_column(Text)
    problem: Mapped[str | None] = mapped_column(Text)


class RunStepRow(Base):
    """A step of a run that is done: it is not done again after a crash."""

    __tablename__ = "run_steps"
    run: Mapped[str] = mapped_column(ForeignKey("runs.run", ondelete="CASCADE"), primary_key=True)
    step: Mapped[str] = mapped_column(Id, primary_key=True)
    result: Mapped[bytes] = mapped_column(LargeBinary)


class LinkRow(Base):
    """A member of a family at an agency. The id stays while the link does, whatever run confirms it."""

    __tablename__ = "links"
    __table_args__ = (
        _one_of("state", "active", "frozen", "closed"),
        _one_of("grade", "certain", "probable"),
        Index("ix_links_family_ref", "family_ref"),
        Index("ix_links_agency_record_ref", "agency", "record_ref"),
        Index(
            "uq_links_active",
            "family_ref",
            "member_ref",
            "agency",
            "record_ref",
            unique=True,
            sqlite_where=ACTIVE,
            postgresql_where=ACTIVE,
        ),
    )
    link: Mapped[str] = mapped_column(Id, primary_key=True)
    family_ref: Mapped[str] = mapped_column(Id)
    member_ref: Mapped[str] = mapped_column(Id)
    agency: Mapped[str] = mapped_column(Id)
    record_ref: Mapped[str] = mapped_column(Id)
    grade: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    evidence: Mapped[str] = mapped_column(Text)
    first_run: Mapped[str | None] = mapped_column(Id)
    last_run: Mapped[str | None] = mapped_column(Id)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_why: Mapped[str | None] = mapped_column(String(40))


class MarkerRow(Base):
    """A person's decision about one person and one record. It outlives runs, submissions and families."""

    __tablename__ = "markers"
    __table_args__ = (
        _one_of("decision", "must", "never"),
        UniqueConstraint("member_ref", "agency", "record_ref"),
    )
    marker: Mapped[str] = mapped_column(Id, primary_key=True)
    member_ref: Mapped[str] = mapped_column(Id)
    agency: Mapped[str] = mapped_column(Id)
    record_ref: Mapped[str] = mapped_column(Id)
    decision: Mapped[str] = mapped_column(String(6))
    placed_by: Mapped[str] = mapped_column(Id)
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ProfileRow(Base):
    """An answer that was given: to whom, about which family, and every decision in it."""

    __tablename__ = "profiles"
    __table_args__ = (
        Index("ix_profiles_family_ref_at", "family_ref", "at"),
        Index("ix_profiles_worker_at", "worker", "at"),
        Index("ix_profiles_entry", "entry"),
        Index("ix_profiles_kept_at", "at", sqlite_where=KEPT, postgresql_where=KEPT),
    )
    profile: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    entry: Mapped[int] = mapped_column(BigInteger)
    family_ref: Mapped[str] = mapped_column(Id)
    worker: Mapped[str] = mapped_column(Id)
    role_function: Mapped[str] = mapped_column(Id)
    purpose: Mapped[str] = mapped_column(Id)
    protocol_digest: Mapped[str] = mapped_column(Digest)
    decisions: Mapped[bytes] = mapped_column(LargeBinary)


class ViewRow(Base):
    """A link through which a profile released something: what is recalled if the link was wrong.

    Who saw a link is found by its family's answers: an index by link would have every answer write to as many pages as it has links.
    """

    __tablename__ = "views"
    __table_args__ = ({"sqlite_with_rowid": False},)
    profile: Mapped[str] = mapped_column(ForeignKey("profiles.profile", ondelete="CASCADE"), primary_key=True)
    link: Mapped[str] = mapped_column(Id, primary_key=True)
    released: Mapped[int]


class RecallRow(Base):
    """A link that ended after something was released through it, until the Workbook says what it did with its copies."""

    __tablename__ = "recalls"
    recall: Mapped[str] = mapped_column(Id, primary_key=True)
    link: Mapped[str] = mapped_column(Id, index=True)
    reason: Mapped[str] = mapped_column(String(40))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(40))
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ChangeRow(Base):
    """Something that the Workbook should ask about again."""

    __tablename__ = "changes"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(30))
    family_ref: Mapped[str | None] = mapped_column(Id, index=True)
    about: Mapped[str | None] = mapped_column(Id)


class AlertRow(Base):
    """Something that a person at a party should look at."""

    __tablename__ = "alerts"
    alert: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    about: Mapped[str] = mapped_column(String(60))
    recipient: Mapped[str] = mapped_column(Id, index=True)
    entry: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobRow(Base):
    """Work to do, who is doing it, and until when they hold it. `fence` grows with every holder, `deaths` with every one that went silent."""

    __tablename__ = "jobs"
    __table_args__ = (
        _one_of("state", "waiting", "held", "done", "failed"),
        Index("ix_jobs_state_not_before", "state", "not_before"),
        UniqueConstraint("key"),
    )
    job: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(10))
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    holder: Mapped[str | None] = mapped_column(Id)
    fence: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0, server_default="0")


class EntryRow(Base):
    """One entry of the audit log. The database refuses to change or delete it."""

    __tablename__ = "audit_entries"
    entry: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    leaf: Mapped[bytes] = mapped_column(LargeBinary(32))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class NodeRow(Base):
    """The hash of a perfect subtree of the log, from 256 leaves up: what keeps proofs quick."""

    __tablename__ = "audit_nodes"
    __table_args__ = ({"sqlite_with_rowid": False},)
    level: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class HeadRow(Base):
    """How long the log is, and its last leaf: one row, locked while an entry is added.

    `generation` is how long the log was after the last event that can change a decision.
    """

    __tablename__ = "audit_head"
    only: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    last_leaf: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    generation: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OpeningRow(Base):
    """What opens a commitment of an entry: the value and its salt. Deleted when a person's data is erased."""

    __tablename__ = "audit_openings"
    __table_args__ = (Index("ix_audit_openings_value", "value"), {"sqlite_with_rowid": False})
    entry: Mapped[int] = mapped_column(BigInteger, ForeignKey("audit_entries.entry"), primary_key=True)
    field: Mapped[str] = mapped_column(String(30), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary(32))
    value: Mapped[str] = mapped_column(Text)


class CheckpointRow(Base):
    """A signed head of the log."""

    __tablename__ = "audit_checkpoints"
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CosignatureRow(Base):
    """An agency's line under a signed head of the log."""

    __tablename__ = "audit_cosignatures"
    size: Mapped[int] = mapped_column(ForeignKey("audit_checkpoints.size"), primary_key=True)
    client: Mapped[str] = mapped_column(Id, primary_key=True)
    line: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ChallengeRow(Base):
    """Somebody says that a link is wrong. Until it is decided, nothing is released through the link."""

    __tablename__ = "challenges"
    __table_args__ = (_one_of("state", "open", "upheld", "rejected"),)
    challenge: Mapped[str] = mapped_column(Id, primary_key=True)
    opened_by: Mapped[str] = mapped_column(Id)
    reason: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ChallengeLinkRow(Base):
    """A link that a challenge is about."""

    __tablename__ = "challenge_links"
    challenge: Mapped[str] = mapped_column(ForeignKey("challenges.challenge", ondelete="CASCADE"), primary_key=True)
    link: Mapped[str] = mapped_column(Id, primary_key=True, index=True)


class BreakGlassRow(Base):
    """Emergency access of one worker to one family: stated, limited in time, judged afterwards by somebody else."""

    __tablename__ = "break_glass"
    __table_args__ = (Index("ix_break_glass_family_ref_worker", "family_ref", "worker"),)
    access: Mapped[str] = mapped_column(Id, primary_key=True)
    family_ref: Mapped[str] = mapped_column(Id)
    worker: Mapped[str] = mapped_column(Id)
    role_function: Mapped[str] = mapped_column(Id)
    reason: Mapped[str] = mapped_column(String(40))
    manager: Mapped[str] = mapped_column(Id)
    explanation: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    review_due: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    reviewed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reviewer: Mapped[str | None] = mapped_column(Id)
    outcome: Mapped[str | None] = mapped_column(String(20))
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OnceRow(Base):
    """An answer to a request with an idempotency key: the same request again gets the same answer."""

    __tablename__ = "once"
    client: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(Digest)
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class CursorRow(Base):
    """How far something that reads in order has come."""

    __tablename__ = "cursors"
    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)


class CertificateRow(Base):
    """What was deleted on one day, signed."""

    __tablename__ = "certificates"
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeletionRow(Base):
    """Something that was deleted, and of which agency if it was one's: what certificates count."""

    __tablename__ = "deletions"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    kind: Mapped[str] = mapped_column(String(40))
    count: Mapped[int] = mapped_column(BigInteger)
    entry: Mapped[int] = mapped_column(BigInteger)
    agency: Mapped[str | None] = mapped_column(Id)
