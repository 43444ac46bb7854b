"""Signed releases of the agent and their roll-outs.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCHOOL_TABLES = ("rollouts", "rollout_devices")

GRANTS = {
    "attendance_web": {
        "SELECT": ("releases", *SCHOOL_TABLES),
        "INSERT": SCHOOL_TABLES,
        "UPDATE (state, reason, changed_at)": SCHOOL_TABLES,
    },
}


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("store_key", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "version ~ '^[0-9]+[.][0-9]+[.][0-9]+$'", name=op.f("ck_releases_version_form")
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_releases_sha256_form")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_releases")),
    )
    _create_rollouts()
    _create_rollout_devices()
    for table in SCHOOL_TABLES:
        _own_school_only(table)
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"GRANT {right} ON {', '.join(tables)} TO {role}")


def _create_rollouts() -> None:
    op.create_table(
        "rollouts",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="running", nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("started_by", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'stopped', 'done')",
            name=op.f("ck_rollouts_state_known"),
        ),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_rollouts_school_id")),
        sa.ForeignKeyConstraint(
            ["version"], ["releases.version"], name=op.f("fk_rollouts_version")
        ),
        sa.ForeignKeyConstraint(["started_by"], ["users.id"], name=op.f("fk_rollouts_started_by")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_rollouts")),
    )
    op.create_index(
        "uq_rollouts_unfinished",
        "rollouts",
        ["school_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('running', 'paused')"),
    )


def _create_rollout_devices() -> None:
    op.create_table(
        "rollout_devices",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("rollout_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'offered', 'installing', 'active', 'rolled_back', 'refused')",
            name=op.f("ck_rollout_devices_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_rollout_devices_school_id")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "rollout_id"],
            ["rollouts.school_id", "rollouts.id"],
            name=op.f("fk_rollout_devices_school_id_rollout_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "device_id"],
            ["devices.school_id", "devices.id"],
            name=op.f("fk_rollout_devices_school_id_device_id"),
        ),
        sa.PrimaryKeyConstraint(
            "school_id", "rollout_id", "device_id", name=op.f("pk_rollout_devices")
        ),
    )
    op.create_index("ix_rollout_devices_device", "rollout_devices", ["school_id", "device_id"])


def _own_school_only(table: str) -> None:
    # the sub-select is evaluated once a statement, not once a row
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_school ON {table} USING ({own}) WITH CHECK ({own})")


def downgrade() -> None:
    for table in ("rollout_devices", "rollouts", "releases"):
        op.drop_table(table)
