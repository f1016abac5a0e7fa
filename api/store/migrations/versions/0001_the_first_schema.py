"""The first schema."""

import sqlalchemy as sa
from alembic import op

from api.store.base import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("about", sa.String(length=60), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("alert", name=op.f("pk_alerts")),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alerts_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_alerts_recipient"), ["recipient"], unique=False)

    op.create_table(
        "assertions",
        sa.Column("jti_sha256", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("jti_sha256", name=op.f("pk_assertions")),
    )
    with op.batch_alter_table("assertions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_assertions_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "audit_checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("entry", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_audit_entries")),
    )
    op.create_table(
        "audit_head",
        sa.Column("only", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_leaf", sa.LargeBinary(length=32), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_nodes",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name=op.f("pk_audit_nodes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "break_glass",
        sa.Column("access", sa.String(length=64), nullable=False),
        sa.Column("family_ref", sa.String(length=64), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("role_function", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("manager", sa.String(length=64), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("review_due", UtcDateTime(), nullable=False),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.Column("reviewer", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("reminded_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("access", name=op.f("pk_break_glass")),
    )
    with op.batch_alter_table("break_glass", schema=None) as batch_op:
        batch_op.create_index("ix_break_glass_family_ref_worker", ["family_ref", "worker"], unique=False)
        batch_op.create_index(batch_op.f("ix_break_glass_review_due"), ["review_due"], unique=False)

    op.create_table(
        "certificates",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_certificates")),
    )
    op.create_table(
        "challenges",
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'upheld', 'rejected')", name=op.f("ck_challenges_state")),
        sa.PrimaryKeyConstraint("challenge", name=op.f("pk_challenges")),
    )
    op.create_table(
        "changes",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("family_ref", sa.String(length=64), nullable=True),
        sa.Column("about", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_changes")),
    )
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_changes_family_ref"), ["family_ref"], unique=False)

    op.create_table(
        "clients",
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("purpose IN ('agency', 'workbook', 'operator')", name=op.f("ck_clients_purpose")),
        sa.PrimaryKeyConstraint("client", name=op.f("pk_clients")),
    )
    op.create_table(
        "conflicts",
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("record_ref", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("worker", "record_ref", name=op.f("pk_conflicts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cursors",
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )
    op.create_table(
        "deletions",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_deletions")),
    )
    with op.batch_alter_table("deletions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deletions_at"), ["at"], unique=False)

    op.create_table(
        "epochs",
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("key_check_value", sa.String(length=128), nullable=False),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("protocol", "epoch", name=op.f("pk_epochs")),
    )
    op.create_table(
        "families",
        sa.Column("family_ref", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("declaration", sa.Text(), nullable=False),
        sa.Column("closed", sa.Date(), nullable=True),
        sa.Column("declared_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("family_ref", name=op.f("pk_families")),
    )
    op.create_table(
        "feeds",
        sa.Column("feed", sa.String(length=20), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name=op.f("pk_feeds")),
    )
    op.create_table(
        "jobs",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'held', 'done', 'failed')", name=op.f("ck_jobs_state")),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("ix_jobs_state_not_before", ["state", "not_before"], unique=False)

    op.create_table(
        "links",
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("family_ref", sa.String(length=64), nullable=False),
        sa.Column("member_ref", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("record_ref", sa.String(length=64), nullable=False),
        sa.Column("grade", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("first_run", sa.String(length=64), nullable=True),
        sa.Column("last_run", sa.String(length=64), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("ended_why", sa.String(length=40), nullable=True),
        sa.CheckConstraint("grade IN ('certain', 'probable')", name=op.f("ck_links_grade")),
        sa.CheckConstraint("state IN ('active', 'frozen', 'closed')", name=op.f("ck_links_state")),
        sa.PrimaryKeyConstraint("link", name=op.f("pk_links")),
    )
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.create_index("ix_links_agency_record_ref", ["agency", "record_ref"], unique=False)
        batch_op.create_index("ix_links_family_ref", ["family_ref"], unique=False)
        batch_op.create_index(
            "uq_links_active",
            ["family_ref", "member_ref", "agency", "record_ref"],
            unique=True,
            sqlite_where=sa.text("state IN ('active', 'frozen')"),
            postgresql_where=sa.text("state IN ('active', 'frozen')"),
        )

    op.create_table(
        "markers",
        sa.Column("marker", sa.String(length=64), nullable=False),
        sa.Column("member_ref", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("record_ref", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=6), nullable=False),
        sa.Column("placed_by", sa.String(length=64), nullable=False),
        sa.Column("placed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("decision IN ('must', 'never')", name=op.f("ck_markers_decision")),
        sa.PrimaryKeyConstraint("marker", name=op.f("pk_markers")),
        sa.UniqueConstraint("member_ref", "agency", "record_ref", name=op.f("uq_markers_member_ref_agency_record_ref")),
    )
    op.create_table(
        "once",
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("client", "key", name=op.f("pk_once")),
    )
    with op.batch_alter_table("once", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_once_at"), ["at"], unique=False)

    op.create_table(
        "profiles",
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("family_ref", sa.String(length=64), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("role_function", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("protocol_digest", sa.String(length=64), nullable=False),
        sa.Column("decisions", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("profile", name=op.f("pk_profiles")),
    )
    with op.batch_alter_table("profiles", schema=None) as batch_op:
        batch_op.create_index("ix_profiles_family_ref_at", ["family_ref", "at"], unique=False)
        batch_op.create_index("ix_profiles_worker_at", ["worker", "at"], unique=False)

    op.create_table(
        "protocols",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.Column("live_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state IN ('loaded', 'live', 'suspended', 'retired')", name=op.f("ck_protocols_state")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_protocols")),
        sa.UniqueConstraint("protocol", "version", name=op.f("uq_protocols_protocol_version")),
    )
    with op.batch_alter_table("protocols", schema=None) as batch_op:
        batch_op.create_index(
            "uq_protocols_live",
            ["state"],
            unique=True,
            sqlite_where=sa.text("state = 'live'"),
            postgresql_where=sa.text("state = 'live'"),
        )

    op.create_table(
        "recalls",
        sa.Column("recall", sa.String(length=64), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=True),
        sa.Column("reminded_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("recall", name=op.f("pk_recalls")),
    )
    with op.batch_alter_table("recalls", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recalls_link"), ["link"], unique=False)

    op.create_table(
        "runs",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("requested_by", sa.String(length=64), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=True),
        sa.Column("stage_number", sa.Integer(), nullable=False),
        sa.Column("stage_of", sa.Integer(), nullable=False),
        sa.Column("stage_name", sa.String(length=80), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("totals", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'running', 'completed', 'failed')", name=op.f("ck_runs_state")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_runs")),
    )
    op.create_table(
        "uploads",
        sa.Column("upload", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("part_bytes", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("submission", sa.String(length=64), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'complete', 'quarantined')", name=op.f("ck_uploads_state")),
        sa.PrimaryKeyConstraint("upload", name=op.f("pk_uploads")),
        sa.UniqueConstraint("agency", "file_sha256", name=op.f("uq_uploads_agency_file_sha256")),
    )
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_uploads_agency"), ["agency"], unique=False)

    op.create_table(
        "audit_openings",
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.String(length=30), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["audit_entries.entry"], name=op.f("fk_audit_openings_entry_audit_entries")),
        sa.PrimaryKeyConstraint("entry", "field", name=op.f("pk_audit_openings")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("audit_openings", schema=None) as batch_op:
        batch_op.create_index("ix_audit_openings_value", ["value"], unique=False)

    op.create_table(
        "challenge_links",
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["challenge"],
            ["challenges.challenge"],
            name=op.f("fk_challenge_links_challenge_challenges"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("challenge", "link", name=op.f("pk_challenge_links")),
    )
    with op.batch_alter_table("challenge_links", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_challenge_links_link"), ["link"], unique=False)

    op.create_table(
        "client_keys",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("jwk", sa.Text(), nullable=False),
        sa.Column("sealing_key", sa.Text(), nullable=False),
        sa.Column("sealing_fingerprint", sa.String(length=32), nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["client"], ["clients.client"], name=op.f("fk_client_keys_client_clients")),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_client_keys")),
    )
    with op.batch_alter_table("client_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_client_keys_client"), ["client"], unique=False)

    op.create_table(
        "family_aliases",
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("family_ref", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["family_ref"],
            ["families.family_ref"],
            name=op.f("fk_family_aliases_family_ref_families"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("alias", name=op.f("pk_family_aliases")),
    )
    with op.batch_alter_table("family_aliases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_family_aliases_family_ref"), ["family_ref"], unique=False)

    op.create_table(
        "members",
        sa.Column("family_ref", sa.String(length=64), nullable=False),
        sa.Column("record_ref", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["family_ref"], ["families.family_ref"], name=op.f("fk_members_family_ref_families"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("family_ref", "record_ref", name=op.f("pk_members")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_members_record_ref"), ["record_ref"], unique=False)

    op.create_table(
        "run_steps",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.run"], name=op.f("fk_run_steps_run_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "step", name=op.f("pk_run_steps")),
    )
    op.create_table(
        "submissions",
        sa.Column("submission", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("protocol_digest", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("workbook_key", sa.String(length=32), nullable=False),
        sa.Column("workbook_box", sa.Text(), nullable=False),
        sa.Column("extract_date", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("encodings_purged_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'current', 'superseded', 'withdrawn', 'purged')", name=op.f("ck_submissions_state")
        ),
        sa.ForeignKeyConstraint(
            ["protocol_digest"], ["protocols.digest"], name=op.f("fk_submissions_protocol_digest_protocols")
        ),
        sa.PrimaryKeyConstraint("submission", name=op.f("pk_submissions")),
        sa.UniqueConstraint("number", name=op.f("uq_submissions_number")),
    )
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submissions_agency"), ["agency"], unique=False)
        batch_op.create_index(
            "uq_submissions_current",
            ["agency"],
            unique=True,
            sqlite_where=sa.text("state = 'current'"),
            postgresql_where=sa.text("state = 'current'"),
        )

    op.create_table(
        "views",
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["profile"], ["profiles.profile"], name=op.f("fk_views_profile_profiles"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("profile", "link", name=op.f("pk_views")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("views", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_views_link"), ["link"], unique=False)

    op.create_table(
        "cells",
        sa.Column("submission", sa.String(length=64), nullable=False),
        sa.Column("record_ref", sa.String(length=64), nullable=False),
        sa.Column("attribute", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("as_at", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission"], ["submissions.submission"], name=op.f("fk_cells_submission_submissions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("submission", "record_ref", "attribute", name=op.f("pk_cells")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chains",
        sa.Column("submission", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission"],
            ["submissions.submission"],
            name=op.f("fk_chains_submission_submissions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("submission", "position", name=op.f("pk_chains")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("chains", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chains_source"), ["source"], unique=False)

    op.create_table(
        "consents",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("submission", sa.String(length=64), nullable=False),
        sa.Column("subject_ref", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission"],
            ["submissions.submission"],
            name=op.f("fk_consents_submission_submissions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_consents")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consents_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("ix_consents_submission_subject", ["submission", "subject_ref"], unique=False)

    op.create_table(
        "records",
        sa.Column("submission", sa.String(length=64), nullable=False),
        sa.Column("record_ref", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("shielded", sa.Boolean(), nullable=False),
        sa.Column("silent", sa.Boolean(), nullable=False),
        sa.Column("deceased", sa.Boolean(), nullable=False),
        sa.Column("hold", sa.String(length=30), nullable=True),
        sa.ForeignKeyConstraint(
            ["submission"],
            ["submissions.submission"],
            name=op.f("fk_records_submission_submissions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("submission", "record_ref", name=op.f("pk_records")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tokens",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client"], ["clients.client"], name=op.f("fk_tokens_client_clients")),
        sa.ForeignKeyConstraint(["kid"], ["client_keys.kid"], name=op.f("fk_tokens_kid_client_keys")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_tokens")),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tokens_client"), ["client"], unique=False)
        batch_op.create_index(batch_op.f("ix_tokens_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tokens_expires_at"))
        batch_op.drop_index(batch_op.f("ix_tokens_client"))

    op.drop_table("tokens")
    op.drop_table("records")
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_index("ix_consents_submission_subject")
        batch_op.drop_index(batch_op.f("ix_consents_expires_at"))

    op.drop_table("consents")
    with op.batch_alter_table("chains", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chains_source"))

    op.drop_table("chains")
    op.drop_table("cells")
    with op.batch_alter_table("views", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_views_link"))

    op.drop_table("views")
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_submissions_current",
            sqlite_where=sa.text("state = 'current'"),
            postgresql_where=sa.text("state = 'current'"),
        )
        batch_op.drop_index(batch_op.f("ix_submissions_agency"))

    op.drop_table("submissions")
    op.drop_table("run_steps")
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_members_record_ref"))

    op.drop_table("members")
    with op.batch_alter_table("family_aliases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_family_aliases_family_ref"))

    op.drop_table("family_aliases")
    with op.batch_alter_table("client_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_client_keys_client"))

    op.drop_table("client_keys")
    with op.batch_alter_table("challenge_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_challenge_links_link"))

    op.drop_table("challenge_links")
    with op.batch_alter_table("audit_openings", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_openings_value")

    op.drop_table("audit_openings")
    with op.batch_alter_table("uploads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_uploads_agency"))

    op.drop_table("uploads")
    op.drop_table("runs")
    with op.batch_alter_table("recalls", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recalls_link"))

    op.drop_table("recalls")
    with op.batch_alter_table("protocols", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_protocols_live", sqlite_where=sa.text("state = 'live'"), postgresql_where=sa.text("state = 'live'")
        )

    op.drop_table("protocols")
    with op.batch_alter_table("profiles", schema=None) as batch_op:
        batch_op.drop_index("ix_profiles_worker_at")
        batch_op.drop_index("ix_profiles_family_ref_at")

    op.drop_table("profiles")
    with op.batch_alter_table("once", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_once_at"))

    op.drop_table("once")
    op.drop_table("markers")
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_links_active",
            sqlite_where=sa.text("state IN ('active', 'frozen')"),
            postgresql_where=sa.text("state IN ('active', 'frozen')"),
        )
        batch_op.drop_index("ix_links_family_ref")
        batch_op.drop_index("ix_links_agency_record_ref")

    op.drop_table("links")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_state_not_before")

    op.drop_table("jobs")
    op.drop_table("feeds")
    op.drop_table("families")
    op.drop_table("epochs")
    with op.batch_alter_table("deletions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deletions_at"))

    op.drop_table("deletions")
    op.drop_table("cursors")
    op.drop_table("conflicts")
    op.drop_table("clients")
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_changes_family_ref"))

    op.drop_table("changes")
    op.drop_table("challenges")
    op.drop_table("certificates")
    with op.batch_alter_table("break_glass", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_break_glass_review_due"))
        batch_op.drop_index("ix_break_glass_family_ref_worker")

    op.drop_table("break_glass")
    op.drop_table("audit_nodes")
    op.drop_table("audit_head")
    op.drop_table("audit_entries")
    op.drop_table("audit_checkpoints")
    with op.batch_alter_table("assertions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_assertions_expires_at"))

    op.drop_table("assertions")
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alerts_recipient"))
        batch_op.drop_index(batch_op.f("ix_alerts_at"))

    op.drop_table("alerts")
