"""Canaries, and passes for one batch through the gate."""

import sqlalchemy as sa
from alembic import op

from api.store.base import UtcDateTime

revision = "0104"
down_revision = "0103"


def upgrade() -> None:
    op.create_table(
        "canaries",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("record_ref", sa.String(length=64), nullable=False),
        sa.Column("planted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "record_ref", name=op.f("pk_canaries")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gate_passes",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_gate_passes")),
    )


def downgrade() -> None:
    op.drop_table("gate_passes")
    op.drop_table("canaries")
