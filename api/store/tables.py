"""The tables of parties, protocols, submissions and families."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from api.store.base import Base, UtcDateTime

Id = String(64)
Digest = String(64)
IN_FORCE = text("state = 'current'")


def _one_of(column: str, *values: str) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class ProtocolRow(Base):
    """A version of the sharing protocol, by its digest."""

    __tablename__ = "protocols"
    __table_args__ = (
        _one_of("state", "draft", "advised", "approved", "scheduled", "live", "suspended", "retired"),
        UniqueConstraint("protocol", "version"),
        Index(
            "uq_protocols_live",
            "state",
            unique=True,
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
    )
    digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    protocol: Mapped[str] = mapped_column(Id)
    version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(12))
    loaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    live_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ClientRow(Base):
    """A party that may have a token."""

    __tablename__ = "clients"
    __table_args__ = (_one_of("purpose", "agency", "workbook", "operator"),)
    client: Mapped[str] = mapped_column(Id, primary_key=True)
    purpose: Mapped[str] = mapped_column(String(10))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    controller: Mapped[str | None] = mapped_column(String(120))
    officer: Mapped[str | None] = mapped_column(String(120))


class ClientKeyRow(Base):
    """One of a party's keys. Two may be believed at a time while one replaces the other; none is ever forgotten."""

    __tablename__ = "client_keys"
    kid: Mapped[str] = mapped_column(Id, primary_key=True)
    client: Mapped[str] = mapped_column(ForeignKey("clients.client"), index=True)
    jwk: Mapped[str] = mapped_column(Text)
    sealing_key: Mapped[str] = mapped_column(Text)
    sealing_fingerprint: Mapped[str] = mapped_column(String(32))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AssertionRow(Base):
    """A credential that was used: it is not accepted again before it has expired."""

    __tablename__ = "assertions"
    jti_sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class TokenRow(Base):
    """A token, known by its hash only."""

    __tablename__ = "tokens"
    token_sha256: Mapped[str] = mapped_column(Digest, primary_key=True)
    client: Mapped[str] = mapped_column(ForeignKey("clients.client"), index=True)
    kid: Mapped[str] = mapped_column(ForeignKey("client_keys.kid"))
    scope: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class EpochRow(Base):
    """The key-check value of a linkage secret: the first agency of an epoch sets it, all others must show the same."""

    __tablename__ = "epochs"
    protocol: Mapped[str] = mapped_column(Id, primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    key_check_value: Mapped[str] = mapped_column(String(128))
    set_by: Mapped[str] = mapped_column(Id)


class UploadRow(Base):
    """A file that an agency announced. Its parts are on disk until it is complete."""

    __tablename__ = "uploads"
    __table_args__ = (
        _one_of("state", "open", "complete", "quarantined"),
        UniqueConstraint("agency", "file_sha256"),
    )
    upload: Mapped[str] = mapped_column(Id, primary_key=True)
    agency: Mapped[str] = mapped_column(Id, index=True)
    file_sha256: Mapped[str] = mapped_column(Digest)
    bytes: Mapped[int] = mapped_column(BigInteger)
    part_bytes: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    problem: Mapped[str | None] = mapped_column(Text)
    submission: Mapped[str | None] = mapped_column(Id)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SubmissionRow(Base):
    """A submission that passed every check."""

    __tablename__ = "submissions"
    __table_args__ = (
        _one_of("state", "received", "current", "superseded", "withdrawn", "purged"),
        Index("uq_submissions_current", "agency", unique=True, sqlite_where=IN_FORCE, postgresql_where=IN_FORCE),
        Index("ix_submissions_state_number", "state", "number"),
    )
    submission: Mapped[str] = mapped_column(Id, primary_key=True)
    agency: Mapped[str] = mapped_column(Id, index=True)
    number: Mapped[int] = mapped_column(unique=True)
    file_sha256: Mapped[str] = mapped_column(Digest)
    manifest: Mapped[str] = mapped_column(Text)
    protocol_digest: Mapped[str] = mapped_column(ForeignKey("protocols.digest"))
    epoch: Mapped[int]
    workbook_key: Mapped[str] = mapped_column(String(32))
    workbook_box: Mapped[str] = mapped_column(Text)
    extract_date: Mapped[date]
    state: Mapped[str] = mapped_column(String(12))
    receipt: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    encodings_purged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ChainRow(Base):
    """The files that a submission is made of: a full one, then the deltas on it, in order. Of a full one, only itself."""

    __tablename__ = "chains"
    __table_args__ = ({"sqlite_with_rowid": False},)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.submission", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(Id, index=True)


class RecordRow(Base):
    """One record of a submission: what must be seen in clear so that a person is treated safely."""

    __tablename__ = "records"
    __table_args__ = ({"sqlite_with_rowid": False},)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.submission", ondelete="CASCADE"), primary_key=True)
    record_ref: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    shielded: Mapped[bool]
    silent: Mapped[bool]
    deceased: Mapped[bool]
    hold: Mapped[str | None] = mapped_column(String(30))


class CellRow(Base):
    """A sealed value of a linked record: ciphertext that only the Workbook opens."""

    __tablename__ = "cells"
    __table_args__ = ({"sqlite_with_rowid": False},)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.submission", ondelete="CASCADE"), primary_key=True)
    record_ref: Mapped[str] = mapped_column(Id, primary_key=True)
    attribute: Mapped[str] = mapped_column(Id, primary_key=True)
    source: Mapped[str] = mapped_column(Id)
    as_at: Mapped[date]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class ConsentRow(Base):
    """A consent as an agency recorded it."""

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_submission_subject", "submission", "subject_ref"),)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.submission", ondelete="CASCADE"))
    subject_ref: Mapped[str] = mapped_column(Id)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    body: Mapped[str] = mapped_column(Text)


class FamilyRow(Base):
    """A declared family, whole."""

    __tablename__ = "families"
    family_ref: Mapped[str] = mapped_column(Id, primary_key=True)
    version: Mapped[int]
    declaration: Mapped[str] = mapped_column(Text)
    closed: Mapped[date | None]
    declared_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FamilyAliasRow(Base):
    """Another reference of a family: the eldest child changes, the family does not."""

    __tablename__ = "family_aliases"
    alias: Mapped[str] = mapped_column(Id, primary_key=True)
    family_ref: Mapped[str] = mapped_column(ForeignKey("families.family_ref", ondelete="CASCADE"), index=True)


class MemberRow(Base):
    """A member of a family, to find families by person; the declaration has the rest."""

    __tablename__ = "members"
    __table_args__ = ({"sqlite_with_rowid": False},)
    family_ref: Mapped[str] = mapped_column(ForeignKey("families.family_ref", ondelete="CASCADE"), primary_key=True)
    record_ref: Mapped[str] = mapped_column(Id, primary_key=True, index=True)


class FeedRow(Base):
    """When something that decisions depend on was last said to be so: children's stages, workers' allocations."""

    __tablename__ = "feeds"
    feed: Mapped[str] = mapped_column(String(20), primary_key=True)
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ConflictRow(Base):
    """A worker who must not ask about a person: themselves, or their family."""

    __tablename__ = "conflicts"
    __table_args__ = ({"sqlite_with_rowid": False},)
    worker: Mapped[str] = mapped_column(Id, primary_key=True)
    record_ref: Mapped[str] = mapped_column(Id, primary_key=True)
