"""Who may collect a student, withdrawals, the history of absences, and entries made by hand.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    "absence_events",
    "authorised_persons",
    "custody_flags",
    "manual_entries",
    "withdrawals",
)

# Staff work at pages alone, so no other process learns of custody or of identity numbers.
GRANTS = {
    "attendance_web": {
        "SELECT": TABLES,
        "INSERT": (*TABLES, "taps", "streams"),
        "UPDATE (state, stream_id, seq, decided_by, decided_at, decision_note)": (
            "manual_entries",
        ),
        "UPDATE (photo_key, revoked_at, revoked_by)": ("authorised_persons",),
        "UPDATE (ended_at, ended_by)": ("custody_flags",),
        "UPDATE (notify_entry, notify_exit, notify_absence, may_see, may_collect)": (
            "student_guardians",
        ),
        "UPDATE (received, last_received_at)": ("streams",),
        # the staff desk, made when a school first needs it
        "INSERT (school_id, name)": ("gates",),
        "INSERT (school_id, id, gate_id, kind)": ("devices",),
    },
}

# The web adds what staff say and cannot pretend that a card was read.
STAFF_TAPS_ONLY = """
CREATE POLICY staff_only ON taps AS RESTRICTIVE FOR INSERT TO attendance_web
WITH CHECK (card_kind = 'staff')
"""


def upgrade() -> None:
    _create_tables()
    for table in TABLES:
        _own_school_only(table)
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"GRANT {right} ON {', '.join(tables)} TO {role}")
    op.execute(STAFF_TAPS_ONLY)


def _own_school_only(table: str) -> None:
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_school ON {table} USING ({own}) WITH CHECK ({own})")


def _create_tables() -> None:
    op.create_table(
        "authorised_persons",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("identity_kind", sa.String(), nullable=False),
        sa.Column("identity_number", sa.String(), nullable=False),
        sa.Column("relationship", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("photo_key", sa.String(), nullable=True),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "identity_kind IN ('run', 'passport')",
            name=op.f("ck_authorised_persons_identity_kind_known"),
        ),
        sa.CheckConstraint(
            "phone ~ '^\\+[1-9][0-9]{7,14}$'", name=op.f("ck_authorised_persons_phone_e164")
        ),
        sa.CheckConstraint(
            "relationship IN ('mother', 'father', 'grandparent', 'sibling', 'uncle_aunt', 'transport', 'neighbour', 'other')",
            name=op.f("ck_authorised_persons_relationship_known"),
        ),
        sa.CheckConstraint(
            "(revoked_by IS NULL) = (revoked_at IS NULL)",
            name=op.f("ck_authorised_persons_revoked_by_and_at"),
        ),
        sa.CheckConstraint(
            "from_on <= until_on", name=op.f("ck_authorised_persons_dates_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_authorised_persons_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by"], ["users.id"], name=op.f("fk_authorised_persons_revoked_by")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_authorised_persons_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_authorised_persons_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_authorised_persons")),
    )
    op.create_index(
        "ix_authorised_persons_student",
        "authorised_persons",
        ["school_id", "student_id"],
        unique=False,
    )
    op.create_table(
        "custody_flags",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("person_name", sa.String(), nullable=False),
        sa.Column("guardian_id", sa.BigInteger(), nullable=True),
        sa.Column("identity_kind", sa.String(), nullable=True),
        sa.Column("identity_number", sa.String(), nullable=True),
        sa.Column("court_order", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "identity_kind IN ('run', 'passport')",
            name=op.f("ck_custody_flags_identity_kind_known"),
        ),
        sa.CheckConstraint(
            "(ended_by IS NULL) = (ended_at IS NULL)", name=op.f("ck_custody_flags_ended_by_and_at")
        ),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_custody_flags_dates_in_order")),
        sa.CheckConstraint(
            "num_nonnulls(identity_kind, identity_number) IN (0, 2)",
            name=op.f("ck_custody_flags_identity_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_custody_flags_author_id")
        ),
        sa.ForeignKeyConstraint(["ended_by"], ["users.id"], name=op.f("fk_custody_flags_ended_by")),
        sa.ForeignKeyConstraint(
            ["school_id", "guardian_id"],
            ["guardians.school_id", "guardians.id"],
            name=op.f("fk_custody_flags_school_id_guardian_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_custody_flags_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_custody_flags_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_custody_flags")),
    )
    op.create_index(
        "ix_custody_flags_student", "custody_flags", ["school_id", "student_id"], unique=False
    )
    op.create_table(
        "manual_entries",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_key", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("state", sa.String(), server_default="applied", nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('approved', 'rejected')) = (decided_at IS NOT NULL)",
            name=op.f("ck_manual_entries_decision_has_its_time"),
        ),
        sa.CheckConstraint(
            "direction IN ('in', 'out')", name=op.f("ck_manual_entries_direction_known")
        ),
        sa.CheckConstraint(
            "num_nonnulls(stream_id, seq) = CASE WHEN state IN ('applied', 'approved') THEN 2 ELSE 0 END",
            name=op.f("ck_manual_entries_tap_if_it_counts"),
        ),
        sa.CheckConstraint(
            "state IN ('applied', 'proposed', 'approved', 'rejected')",
            name=op.f("ck_manual_entries_state_known"),
        ),
        sa.CheckConstraint("decided_by <> author_id", name=op.f("ck_manual_entries_two_people")),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_manual_entries_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_manual_entries_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_manual_entries_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_manual_entries_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_manual_entries")),
        sa.UniqueConstraint(
            "school_id", "request_key", name=op.f("uq_manual_entries_school_id_request_key")
        ),
    )
    op.create_index(
        "ix_manual_entries_day",
        "manual_entries",
        ["school_id", "student_id", "on_date"],
        unique=False,
    )
    op.create_table(
        "absence_events",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("guardian_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "action IN ('requested', 'approved', 'rejected', 'withdrawn', 'reopened')",
            name=op.f("ck_absence_events_action_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(user_id, guardian_id) = 1", name=op.f("ck_absence_events_one_person")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "guardian_id"],
            ["guardians.school_id", "guardians.id"],
            name=op.f("fk_absence_events_school_id_guardian_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "request_id"],
            ["absence_requests.school_id", "absence_requests.id"],
            name=op.f("fk_absence_events_school_id_request_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_absence_events_school_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_absence_events_user_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_absence_events")),
    )
    op.create_index(
        "ix_absence_events_request", "absence_events", ["school_id", "request_id"], unique=False
    )
    op.create_table(
        "withdrawals",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_key", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("guardian_id", sa.BigInteger(), nullable=True),
        sa.Column("authorised_person_id", sa.BigInteger(), nullable=True),
        sa.Column("person_name", sa.String(), nullable=False),
        sa.Column("relationship", sa.String(), nullable=False),
        sa.Column("identity_kind", sa.String(), nullable=False),
        sa.Column("identity_number", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("signature_key", sa.String(), nullable=True),
        sa.Column("stream_id", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "identity_kind IN ('run', 'passport')", name=op.f("ck_withdrawals_identity_kind_known")
        ),
        sa.CheckConstraint(
            "reason IN ('medical', 'family', 'illness', 'procedure', 'other')",
            name=op.f("ck_withdrawals_reason_known"),
        ),
        sa.CheckConstraint(
            "refusal IN ('custody', 'not_authorised', 'not_yet', 'expired', 'revoked', 'other_identity')",
            name=op.f("ck_withdrawals_refusal_known"),
        ),
        sa.CheckConstraint(
            "CASE WHEN refusal IS NULL THEN num_nonnulls(stream_id, seq) = 2 ELSE num_nonnulls(stream_id, seq, signature_key) = 0 END",
            name=op.f("ck_withdrawals_exit_unless_refused"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(guardian_id, authorised_person_id) = 1",
            name=op.f("ck_withdrawals_one_person"),
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_withdrawals_author_id")),
        sa.ForeignKeyConstraint(
            ["school_id", "authorised_person_id"],
            ["authorised_persons.school_id", "authorised_persons.id"],
            name=op.f("fk_withdrawals_school_id_authorised_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "guardian_id"],
            ["guardians.school_id", "guardians.id"],
            name=op.f("fk_withdrawals_school_id_guardian_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_withdrawals_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_withdrawals_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint(
            "school_id", "request_key", name=op.f("uq_withdrawals_school_id_request_key")
        ),
    )
    op.create_index(
        "ix_withdrawals_day", "withdrawals", ["school_id", "on_date", "student_id"], unique=False
    )


def downgrade() -> None:
    op.execute("DROP POLICY staff_only ON taps")
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"REVOKE {right} ON {', '.join(tables)} FROM {role}")
    op.drop_index("ix_withdrawals_day", table_name="withdrawals")
    op.drop_table("withdrawals")
    op.drop_index("ix_absence_events_request", table_name="absence_events")
    op.drop_table("absence_events")
    op.drop_index("ix_manual_entries_day", table_name="manual_entries")
    op.drop_table("manual_entries")
    op.drop_index("ix_custody_flags_student", table_name="custody_flags")
    op.drop_table("custody_flags")
    op.drop_index("ix_authorised_persons_student", table_name="authorised_persons")
    op.drop_table("authorised_persons")
