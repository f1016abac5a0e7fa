"""A job counts the workers that died in it, so that one that kills them all is given up."""

import sqlalchemy as sa
from alembic import op

revision = "0110"
down_revision = "0108"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("deaths", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("deaths")
