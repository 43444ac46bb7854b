"""Whom an exception of the calendar was told, and what a school tells families at all.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Families hear of what is out of the ordinary; the rest a school switches on.
SWITCHES = {"tell_entries": "false", "tell_exits": "false", "tell_late": "true"}
ASK_FIRST = "ask_first"


def upgrade() -> None:
    op.add_column(
        "calendar_exceptions", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "calendar_exceptions",
        sa.Column("told_messages", sa.Integer(), server_default="0", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_calendar_exceptions_told_messages_counted"),
        "calendar_exceptions",
        "told_messages >= 0",
    )
    op.execute("GRANT UPDATE (told_at, told_messages) ON calendar_exceptions TO attendance_web")
    for column, default in {**SWITCHES, ASK_FIRST: "false"}.items():
        op.add_column(
            "alert_policies",
            sa.Column(column, sa.Boolean(), server_default=default, nullable=False),
        )
    # a school with a row had said what it wants; one without takes the new default
    op.execute(
        "UPDATE alert_policies SET tell_entries = NOT exceptions_only,"
        " tell_exits = NOT exceptions_only"
    )
    op.drop_column("alert_policies", "exceptions_only")
    op.execute(
        f"GRANT UPDATE ({', '.join(SWITCHES)}, {ASK_FIRST}) ON alert_policies TO attendance_web"
    )
    op.execute(
        f"GRANT SELECT (school_id, {', '.join(SWITCHES)}) ON alert_policies TO attendance_ingest"
    )


def downgrade() -> None:
    op.add_column(
        "alert_policies",
        sa.Column("exceptions_only", sa.Boolean(), server_default="false", nullable=False),
    )
    op.execute("UPDATE alert_policies SET exceptions_only = NOT (tell_entries OR tell_exits)")
    op.execute("GRANT UPDATE (exceptions_only) ON alert_policies TO attendance_web")
    op.execute("GRANT SELECT (exceptions_only) ON alert_policies TO attendance_ingest")
    for column in (*SWITCHES, ASK_FIRST):
        op.drop_column("alert_policies", column)
    op.drop_constraint(op.f("ck_calendar_exceptions_told_messages_counted"), "calendar_exceptions")
    op.drop_column("calendar_exceptions", "told_messages")
    op.drop_column("calendar_exceptions", "told_at")
