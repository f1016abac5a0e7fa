"""Agencies' cosignatures under the audit log's checkpoints: like the log, they can only be added."""

import sqlalchemy as sa
from alembic import op

from api.store.base import UtcDateTime

revision = "0103"
down_revision = "0102_agreement"

TABLE = "audit_cosignatures"
REFUSAL = "the audit log is append-only"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["size"], ["audit_checkpoints.size"], name=op.f("fk_audit_cosignatures_size_audit_checkpoints")
        ),
        sa.PrimaryKeyConstraint("size", "client", name=op.f("pk_audit_cosignatures")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE ON {TABLE} "
            "FOR EACH ROW EXECUTE FUNCTION kinlink_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION kinlink_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )


def downgrade() -> None:
    op.drop_table(TABLE)
