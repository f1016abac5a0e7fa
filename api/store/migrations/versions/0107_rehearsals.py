"""A rehearsal is a row from its request to its report; before, only reports were kept."""

import sqlalchemy as sa
from alembic import op

from api.store.base import UtcDateTime

revision = "0107"
down_revision = "0109"

_STATES = "state IN ('queued', 'running', 'completed', 'failed')"


def upgrade() -> None:
    bind = op.get_bind()
    reports = bind.execute(sa.text("SELECT report, digest, at, body FROM rehearsals")).mappings().all()
    op.drop_table("rehearsals")
    op.create_table(
        "rehearsals",
        sa.Column("rehearsal", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("requested_by", sa.String(length=64), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("as_of", sa.String(length=128), nullable=True),
        sa.Column("stage_number", sa.Integer(), nullable=False),
        sa.Column("stage_of", sa.Integer(), nullable=False),
        sa.Column("stage_name", sa.String(length=80), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("replayed", sa.Text(), nullable=True),
        sa.Column("report", sa.String(length=64), nullable=True),
        sa.Column("report_body", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint(_STATES, name=op.f("ck_rehearsals_state")),
        sa.ForeignKeyConstraint(["digest"], ["protocols.digest"], name=op.f("fk_rehearsals_digest_protocols")),
        sa.PrimaryKeyConstraint("rehearsal", name=op.f("pk_rehearsals")),
    )
    op.create_index("ix_rehearsals_digest_requested_at", "rehearsals", ["digest", "requested_at"])
    op.create_index(op.f("ix_rehearsals_report"), "rehearsals", ["report"])
    for row in reports:
        bind.execute(
            sa.text(
                "INSERT INTO rehearsals (rehearsal, digest, state, requested_by, requested_at, finished_at, stage_number, stage_of, "
                "stage_name, done, total, report, report_body) "
                "VALUES (:name, :digest, 'completed', 'service', :at, :at, 0, 0, '', 0, 0, :report, :body)"
            ),
            {"name": f"reh-{row['report'][:16]}", **{key: row[key] for key in ("digest", "at", "report", "body")}},
        )


def downgrade() -> None:
    bind = op.get_bind()
    found = bind.execute(
        sa.text(
            "SELECT report, digest, min(finished_at) AS at, min(report_body) AS body FROM rehearsals "
            "WHERE report IS NOT NULL GROUP BY report, digest"
        )
    )
    reports = found.mappings().all()
    op.drop_table("rehearsals")
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
    for row in reports:
        bind.execute(
            sa.text(
                "INSERT INTO rehearsals (report, digest, at, entry, body) VALUES (:report, :digest, :at, 0, :body)"
            ),
            dict(row),
        )
