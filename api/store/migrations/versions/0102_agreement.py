"""Versions of the sharing protocol live the whole life of a version; acts, stops and rehearsals are kept."""

import sqlalchemy as sa
from alembic import op

from api.store.base import UtcDateTime

revision = "0102_agreement"
down_revision = "0003"

_STATES = "state IN ('draft', 'advised', 'approved', 'scheduled', 'live', 'suspended', 'retired')"
_EARLIER = "state IN ('loaded', 'live', 'suspended', 'retired')"


def upgrade() -> None:
    with op.batch_alter_table("protocols") as batch_op:
        batch_op.drop_constraint(op.f("ck_protocols_state"), type_="check")
    op.execute("UPDATE protocols SET state = 'draft' WHERE state = 'loaded'")
    with op.batch_alter_table("protocols") as batch_op:
        batch_op.create_check_constraint(op.f("ck_protocols_state"), _STATES)
    op.create_table(
        "acts",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["protocols.digest"], name=op.f("fk_acts_digest")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_acts")),
        sa.UniqueConstraint("sha256", name=op.f("uq_acts_sha256")),
    )
    op.create_index(op.f("ix_acts_digest"), "acts", ["digest"])
    op.create_table(
        "stops",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_stops")),
    )
    op.create_table(
        "rehearsals",
        sa.Column("report", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["protocols.digest"], name=op.f("fk_rehearsals_digest")),
        sa.PrimaryKeyConstraint("report", name=op.f("pk_rehearsals")),
    )
    op.create_index(op.f("ix_rehearsals_digest"), "rehearsals", ["digest"])


def downgrade() -> None:
    for table in ("rehearsals", "stops", "acts"):
        op.drop_table(table)
    with op.batch_alter_table("protocols") as batch_op:
        batch_op.drop_constraint(op.f("ck_protocols_state"), type_="check")
    op.execute("UPDATE protocols SET state = 'loaded' WHERE state IN ('draft', 'advised', 'approved', 'scheduled')")
    with op.batch_alter_table("protocols") as batch_op:
        batch_op.create_check_constraint(op.f("ck_protocols_state"), _EARLIER)
