"""What was deleted is counted by agency, so that each gets a certificate of its own and learns nothing of the others."""

import sqlalchemy as sa
from alembic import op

revision = "0109"
down_revision = "0105"


def upgrade() -> None:
    op.add_column("deletions", sa.Column("agency", sa.String(length=64), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("deletions", schema=None) as batch_op:
        batch_op.drop_column("agency")
