"""No-shows, the checks before an alarm, and the tasks that people decide.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("tasks", "alert_policies", "no_show_checks", "no_shows")

# Who is missing is found by the scheduler, who came after all by ingest; people decide in the web.
GRANTS = {
    "attendance_web": {
        "SELECT": TABLES,
        "INSERT": ("tasks", "alert_policies", "notifications"),
        "UPDATE (reasons, state, owner_id, decided_by, decided_at, note)": ("tasks",),
        "UPDATE (grace_minutes, most_absent_percent, silent_after_minutes, exceptions_only)": (
            "alert_policies",
        ),
        "UPDATE (state, told_at, arrived_at, owner_id, note, resolution, resolved_at,"
        " resolved_by)": ("no_shows",),
    },
    "attendance_ingest": {
        "SELECT (school_id, exceptions_only)": ("alert_policies",),
        "SELECT (school_id, on_date, student_id, state, told_at, arrived_at, resolution,"
        " resolved_at)": ("no_shows",),
        "UPDATE (state, arrived_at, resolution, resolved_at)": ("no_shows",),
        "UPDATE (status_received_at, health_at, backlog)": ("devices",),
    },
    "attendance_worker": {
        "SELECT (school_id, on_date, student_id, resolved_at)": ("no_shows",),
        "SELECT (school_id, id, kind, from_on, until_on, starts_at, ends_at)": (
            "calendar_exceptions",
        ),
    },
    "attendance_scheduler": {
        "SELECT": (
            *TABLES,
            "gates",
            "devices",
            "streams",
            "student_guardians",
            "notifications",
            "courses",
        ),
        "SELECT (school_id, id, phone, stopped_at)": ("guardians",),
        "INSERT": ("tasks", "no_show_checks", "no_shows", "notifications", "gate_outages"),
        "UPDATE (reasons, state, decided_by, decided_at, note)": ("tasks",),
        "UPDATE (expected, missing, task_id)": ("no_show_checks",),
        "UPDATE (course_id, begins_at, found_at, state, told_at, arrived_at, resolution,"
        " resolved_at)": ("no_shows",),
        "UPDATE (until_at)": ("gate_outages",),
        "UPDATE (summary)": ("day_closings",),
        "DELETE": ("gate_outages",),
    },
}

KINDS_BEFORE = "kind IN ('entry', 'exit')"
KINDS = (
    "kind IN ('entry', 'exit', 'arrived_after_alert', 'absence', 'withdrawal', 'calendar_change')"
)


def upgrade() -> None:
    _create_tables()
    _let_messages_be_about_more_than_passages()
    op.add_column(
        "student_guardians",
        sa.Column("notify_absence", sa.Boolean(), server_default="true", nullable=False),
    )
    # who may not see a child is not told about it either
    op.execute("UPDATE student_guardians SET notify_absence = false WHERE NOT may_see")
    for column in ("status_received_at", "health_at"):
        op.add_column("devices", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.add_column("devices", sa.Column("backlog", sa.Integer(), nullable=True))
    op.execute("UPDATE devices SET status_received_at = status_at")
    for table in TABLES:
        _own_school_only(table)
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"GRANT {right} ON {', '.join(tables)} TO {role}")


def _let_messages_be_about_more_than_passages() -> None:
    op.drop_constraint("ck_notifications_kind_known", "notifications")
    op.create_check_constraint(op.f("ck_notifications_kind_known"), "notifications", KINDS)
    op.alter_column("notifications", "gate_id", existing_type=sa.BigInteger(), nullable=True)
    op.create_check_constraint(
        op.f("ck_notifications_gate_of_passage"),
        "notifications",
        "(kind IN ('entry', 'exit', 'arrived_after_alert')) = (gate_id IS NOT NULL)",
    )


def _own_school_only(table: str) -> None:
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_school ON {table} USING ({own}) WITH CHECK ({own})")


def _create_tables() -> None:
    op.create_table(
        "alert_policies",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("grace_minutes", sa.Integer(), nullable=True),
        sa.Column(
            "most_absent_percent", sa.Integer(), server_default=sa.text("25"), nullable=False
        ),
        sa.Column(
            "silent_after_minutes", sa.Integer(), server_default=sa.text("10"), nullable=False
        ),
        sa.Column("exceptions_only", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "grace_minutes BETWEEN 0 AND 240", name=op.f("ck_alert_policies_grace_sane")
        ),
        sa.CheckConstraint(
            "most_absent_percent BETWEEN 1 AND 100", name=op.f("ck_alert_policies_share_sane")
        ),
        sa.CheckConstraint(
            "silent_after_minutes BETWEEN 2 AND 240", name=op.f("ck_alert_policies_silence_sane")
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_alert_policies_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", name=op.f("pk_alert_policies")),
    )
    op.create_table(
        "tasks",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column(
            "subject", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column(
            "reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("state", sa.String(), server_default="open", nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)", name=op.f("ck_tasks_decided_if_closed")
        ),
        sa.CheckConstraint(
            "kind IN ('no_show_check', 'correction_approval', 'absence_request', 'day_open',"
            " 'card_alert')",
            name=op.f("ck_tasks_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'done', 'dismissed', 'resolved')", name=op.f("ck_tasks_state_known")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_tasks_decided_by")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_tasks_owner_id")),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_tasks_school_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_tasks")),
    )
    op.create_index(
        "uq_tasks_open",
        "tasks",
        ["school_id", "kind", "on_date", "subject"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "no_show_checks",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("missing", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "missing BETWEEN 0 AND expected", name=op.f("ck_no_show_checks_missing_of_expected")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "task_id"],
            ["tasks.school_id", "tasks.id"],
            name=op.f("fk_no_show_checks_school_id_task_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_no_show_checks_school_id")
        ),
        sa.PrimaryKeyConstraint(
            "school_id", "on_date", "begins_at", name=op.f("pk_no_show_checks")
        ),
    )
    op.create_table(
        "no_shows",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), server_default="held", nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("resolution", sa.String(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'told') = (told_at IS NOT NULL)", name=op.f("ck_no_shows_told_with_time")
        ),
        sa.CheckConstraint(
            "resolution IN ('arrived', 'excused', 'explained', 'unreached', 'mistaken', 'other')",
            name=op.f("ck_no_shows_resolution_known"),
        ),
        sa.CheckConstraint(
            "state IN ('held', 'told', 'cleared', 'dismissed')",
            name=op.f("ck_no_shows_state_known"),
        ),
        sa.CheckConstraint(
            "(resolution IS NULL) = (resolved_at IS NULL)",
            name=op.f("ck_no_shows_resolved_with_time"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_no_shows_owner_id")),
        sa.ForeignKeyConstraint(
            ["resolved_by"], ["users.id"], name=op.f("fk_no_shows_resolved_by")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "course_id"],
            ["courses.school_id", "courses.id"],
            name=op.f("fk_no_shows_school_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "on_date", "begins_at"],
            ["no_show_checks.school_id", "no_show_checks.on_date", "no_show_checks.begins_at"],
            name=op.f("fk_no_shows_school_id_on_date_begins_at"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_no_shows_school_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("school_id", "on_date", "student_id", name=op.f("pk_no_shows")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "ix_no_shows_student", "no_shows", ["school_id", "student_id", "on_date"], unique=False
    )


def downgrade() -> None:
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"REVOKE {right} ON {', '.join(tables)} FROM {role}")
    op.drop_column("devices", "backlog")
    op.drop_column("devices", "health_at")
    op.drop_column("devices", "status_received_at")
    op.drop_column("student_guardians", "notify_absence")
    op.execute("DELETE FROM notifications WHERE kind NOT IN ('entry', 'exit')")
    op.drop_constraint("ck_notifications_gate_of_passage", "notifications")
    op.alter_column("notifications", "gate_id", existing_type=sa.BigInteger(), nullable=False)
    op.drop_constraint("ck_notifications_kind_known", "notifications")
    op.create_check_constraint(op.f("ck_notifications_kind_known"), "notifications", KINDS_BEFORE)
    op.drop_index("ix_no_shows_student", table_name="no_shows")
    op.drop_table("no_shows")
    op.drop_table("no_show_checks")
    op.drop_index("uq_tasks_open", table_name="tasks", postgresql_where=sa.text("state = 'open'"))
    op.drop_table("tasks")
    op.drop_table("alert_policies")
