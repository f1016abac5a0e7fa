"""An agency's mailboxes: its record of processing names them."""

import sqlalchemy as sa
from alembic import op

revision = "0111"
down_revision = "0110"


def upgrade() -> None:
    op.add_column("clients", sa.Column("controller", sa.String(length=120), nullable=True))
    op.add_column("clients", sa.Column("officer", sa.String(length=120), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("clients", schema=None) as batch_op:
        batch_op.drop_column("officer")
        batch_op.drop_column("controller")
