"""People's sign-ins and sessions."""

import sqlalchemy as sa
from alembic import op

from api.store.base import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "person_sessions",
        sa.Column("session_sha256", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=81), nullable=False),
        sa.Column("offices", sa.Text(), nullable=False),
        sa.Column("how", sa.String(length=10), nullable=False),
        sa.Column("acr", sa.String(length=200), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("authenticated_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("how IN ('provider', 'link')", name=op.f("ck_person_sessions_how")),
        sa.PrimaryKeyConstraint("session_sha256", name=op.f("pk_person_sessions")),
        sa.UniqueConstraint("session", name=op.f("uq_person_sessions_session")),
    )
    op.create_index(op.f("ix_person_sessions_person"), "person_sessions", ["person"])
    op.create_index(op.f("ix_person_sessions_expires_at"), "person_sessions", ["expires_at"])
    op.create_table(
        "sign_ins",
        sa.Column("state_sha256", sa.String(length=64), nullable=False),
        sa.Column("browser_sha256", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=128), nullable=False),
        sa.Column("return_to", sa.String(length=400), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_sign_ins")),
    )
    op.create_index(op.f("ix_sign_ins_expires_at"), "sign_ins", ["expires_at"])
    op.create_table(
        "sign_in_links",
        sa.Column("link_sha256", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=81), nullable=False),
        sa.Column("offices", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("link_sha256", name=op.f("pk_sign_in_links")),
    )
    op.create_index(op.f("ix_sign_in_links_expires_at"), "sign_in_links", ["expires_at"])


def downgrade() -> None:
    op.drop_table("sign_in_links")
    op.drop_table("sign_ins")
    op.drop_table("person_sessions")
