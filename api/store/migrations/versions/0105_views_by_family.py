"""Views are found by the answers about a link's family: no index by link any more."""

from alembic import op

revision = "0105"
down_revision = "0104"


def upgrade() -> None:
    op.drop_index("ix_views_link", table_name="views")


def downgrade() -> None:
    op.create_index("ix_views_link", "views", ["link"])
