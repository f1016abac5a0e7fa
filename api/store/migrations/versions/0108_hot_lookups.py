"""Indexes for what is looked up with every answer, tick and hour in tables that grow for years."""

import sqlalchemy as sa
from alembic import op

revision = "0108"
down_revision = "0107"

_KEPT = sa.text("length(decisions) > 0")


def upgrade() -> None:
    op.create_index("ix_submissions_state_number", "submissions", ["state", "number"])
    op.create_index("ix_profiles_entry", "profiles", ["entry"])
    op.create_index("ix_profiles_kept_at", "profiles", ["at"], sqlite_where=_KEPT, postgresql_where=_KEPT)


def downgrade() -> None:
    op.drop_index("ix_profiles_kept_at", table_name="profiles")
    op.drop_index("ix_profiles_entry", table_name="profiles")
    op.drop_index("ix_submissions_state_number", table_name="submissions")
