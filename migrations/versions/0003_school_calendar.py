"""The school year, exceptions, enrolments, and what else decides a day.

Every fact from which a day is concluded can be read by each process that concludes days: ingest
when a tap comes, the web when somebody changes a fact, the scheduler when a day is closed.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    "school_years",
    "terms",
    "calendar_exceptions",
    "enrolments",
    "absence_requests",
    "day_corrections",
    "day_closings",
    "gate_outages",
    "gate_courses",
)

# What concluding a day reads, and nothing of the why: that may be a child's illness.
FACTS = {
    "SELECT": ("school_years", "terms", "enrolments", "gate_outages", "gate_courses"),
    "SELECT (school_id, id, from_on, until_on, course_id, kind, starts_at, ends_at, cancelled_at)": (
        "calendar_exceptions",
    ),
    "SELECT (school_id, id, student_id, from_on, until_on, kind, status)": ("absence_requests",),
    "SELECT (school_id, id, student_id, on_date, kind, status, minutes_late, stream_id, seq,"
    " state)": ("day_corrections",),
    "SELECT (school_id, on_date)": ("day_closings",),
}
GRANTS = {
    "attendance_web": {
        "SELECT": TABLES,
        "INSERT": (
            "school_years",
            "terms",
            "calendar_exceptions",
            "course_schedules",
            "enrolments",
            "absence_requests",
            "day_corrections",
            "day_closings",
            "attendance_days",
        ),
        "UPDATE (starts_on, ends_on)": ("school_years",),
        "UPDATE (cancelled_at, cancelled_by)": ("calendar_exceptions",),
        "UPDATE (starts_at, ends_at, tolerance_minutes)": ("course_schedules",),
        "UPDATE (until_on)": ("enrolments",),
        "UPDATE (course_id, left_on)": ("students",),
        "UPDATE (status, decided_by, decided_at, decision_note)": ("absence_requests",),
        "UPDATE (state, decided_by, decided_at, decision_note)": ("day_corrections",),
        "UPDATE (status, first_entry_at, last_exit_at, inside, minutes_late, passages,"
        " confidence, method)": ("attendance_days",),
        # a day about which nothing is known any more, the terms of a year before others
        "DELETE": ("attendance_days", "terms", "enrolments"),
    },
    "attendance_ingest": {**FACTS, "UPDATE (method)": ("attendance_days",)},
    "attendance_scheduler": {
        **FACTS,
        "SELECT": (*FACTS["SELECT"], "course_schedules", "attendance_days"),
        "SELECT (id, timezone)": ("schools",),
        "SELECT (comes_at)": ("absence_requests",),
        "SELECT (school_id, id, course_id)": ("students",),
        "SELECT (school_id, stream_id, seq, student_id, gate_id, direction, tapped_at, on_date,"
        " clock, card_kind, reader)": ("taps",),
        "INSERT": ("attendance_days", "day_closings"),
        "UPDATE (status, first_entry_at, last_exit_at, inside, minutes_late, passages,"
        " confidence, method)": ("attendance_days",),
        "DELETE": ("attendance_days",),
    },
}


def upgrade() -> None:
    _create_tables()
    _date_the_weekly_hours()
    op.add_column(
        "attendance_days",
        sa.Column("method", sa.String(), server_default="taps", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_attendance_days_method_known"),
        "attendance_days",
        "method IN ('taps', 'staff', 'absence', 'correction', 'calendar', 'closing')",
    )
    op.execute(
        "INSERT INTO enrolments (school_id, student_id, course_id, from_on, until_on)"
        " SELECT school_id, id, course_id, enrolled_on, left_on - 1 FROM students"
        " WHERE left_on IS NULL OR left_on > enrolled_on"
    )
    for table in TABLES:
        _own_school_only(table)
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"GRANT {right} ON {', '.join(tables)} TO {role}")


def _date_the_weekly_hours() -> None:
    """Hours from a date on, so that a change in August leaves March as it was."""
    op.add_column(
        "course_schedules",
        sa.Column("from_on", sa.Date(), server_default="1900-01-01", nullable=False),
    )
    op.drop_constraint("pk_course_schedules", "course_schedules")
    op.create_primary_key(
        op.f("pk_course_schedules"),
        "course_schedules",
        ["school_id", "course_id", "weekday", "from_on"],
    )
    op.alter_column("course_schedules", "starts_at", existing_type=sa.Time(), nullable=True)
    op.alter_column("course_schedules", "ends_at", existing_type=sa.Time(), nullable=True)
    op.create_check_constraint(
        op.f("ck_course_schedules_hours_whole"),
        "course_schedules",
        "num_nonnulls(starts_at, ends_at) IN (0, 2)",
    )


def _own_school_only(table: str) -> None:
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_school ON {table} USING ({own}) WITH CHECK ({own})")


def _create_tables() -> None:
    op.create_table(
        "day_closings",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column(
            "closed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("closed_by", sa.BigInteger(), nullable=True),
        sa.Column(
            "summary", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["users.id"], name=op.f("fk_day_closings_closed_by")
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_day_closings_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "on_date", name=op.f("pk_day_closings")),
    )
    op.create_table(
        "school_years",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(school_id, school_id, '[]')"), "="),
            (sa.text("daterange(starts_on, ends_on, '[]')"), "&&"),
            using="gist",
            name="ex_school_years_overlap",
        ),
        sa.CheckConstraint(
            "starts_on <= ends_on", name=op.f("ck_school_years_starts_before_it_ends")
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_school_years_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_school_years")),
        sa.UniqueConstraint("school_id", "year", name=op.f("uq_school_years_school_id_year")),
    )
    op.create_table(
        "calendar_exceptions",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("starts_at", sa.Time(), nullable=True),
        sa.Column("ends_at", sa.Time(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "CASE kind WHEN 'hours' THEN num_nonnulls(starts_at, ends_at) > 0 WHEN 'early_leave' THEN starts_at IS NULL AND ends_at IS NOT NULL WHEN 'recovery' THEN num_nonnulls(starts_at, ends_at) IN (0, 2) ELSE num_nonnulls(starts_at, ends_at) = 0 END",
            name=op.f("ck_calendar_exceptions_hours_as_the_kind_needs"),
        ),
        sa.CheckConstraint(
            "kind IN ('holiday', 'suspension', 'no_class', 'hours', 'early_leave', 'recovery')",
            name=op.f("ck_calendar_exceptions_kind_known"),
        ),
        sa.CheckConstraint(
            "cancelled_by IS NULL OR cancelled_at IS NOT NULL",
            name=op.f("ck_calendar_exceptions_cancelled_by_and_at"),
        ),
        sa.CheckConstraint(
            "from_on <= until_on", name=op.f("ck_calendar_exceptions_dates_in_order")
        ),
        sa.CheckConstraint(
            "starts_at < ends_at", name=op.f("ck_calendar_exceptions_starts_before_it_ends")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_calendar_exceptions_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["cancelled_by"], ["users.id"], name=op.f("fk_calendar_exceptions_cancelled_by")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "course_id"],
            ["courses.school_id", "courses.id"],
            name=op.f("fk_calendar_exceptions_school_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_calendar_exceptions_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_calendar_exceptions")),
    )
    op.create_index(
        "ix_calendar_exceptions_dates",
        "calendar_exceptions",
        ["school_id", "until_on", "from_on"],
        unique=False,
    )
    op.create_table(
        "gate_courses",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "course_id"],
            ["courses.school_id", "courses.id"],
            name=op.f("fk_gate_courses_school_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "gate_id"],
            ["gates.school_id", "gates.id"],
            name=op.f("fk_gate_courses_school_id_gate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_gate_courses_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "gate_id", "course_id", name=op.f("pk_gate_courses")),
    )
    op.create_index(
        "ix_gate_courses_course", "gate_courses", ["school_id", "course_id"], unique=False
    )
    op.create_table(
        "gate_outages",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("from_at <= until_at", name=op.f("ck_gate_outages_times_in_order")),
        sa.ForeignKeyConstraint(
            ["school_id", "gate_id"],
            ["gates.school_id", "gates.id"],
            name=op.f("fk_gate_outages_school_id_gate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_gate_outages_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_gate_outages")),
    )
    op.create_index(
        "ix_gate_outages_gate", "gate_outages", ["school_id", "gate_id", "from_at"], unique=False
    )
    op.create_index(
        "uq_gate_outages_open",
        "gate_outages",
        ["school_id", "gate_id"],
        unique=True,
        postgresql_where=sa.text("until_at IS NULL"),
    )
    op.create_table(
        "terms",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("school_year_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(school_id, school_id, '[]')"), "="),
            (sa.text("daterange(starts_on, ends_on, '[]')"), "&&"),
            using="gist",
            name="ex_terms_overlap",
        ),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_terms_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["school_id", "school_year_id"],
            ["school_years.school_id", "school_years.id"],
            name=op.f("fk_terms_school_id_school_year_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_terms_school_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_terms")),
    )
    op.create_table(
        "absence_requests",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("comes_at", sa.Time(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), server_default="", nullable=False),
        sa.Column("requested_by_user", sa.BigInteger(), nullable=True),
        sa.Column("requested_by_guardian", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(), server_default="pending", nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.String(), nullable=True),
        sa.Column("document_key", sa.String(), nullable=True),
        sa.Column("document_name", sa.String(), nullable=True),
        sa.Column("document_type", sa.String(), nullable=True),
        sa.Column("document_bytes", sa.Integer(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('absence', 'late', 'early_leave')",
            name=op.f("ck_absence_requests_kind_known"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected', 'withdrawn')",
            name=op.f("ck_absence_requests_status_known"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('approved', 'rejected') OR decided_at IS NOT NULL",
            name=op.f("ck_absence_requests_decision_has_its_time"),
        ),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_absence_requests_dates_in_order")),
        sa.CheckConstraint(
            "num_nonnulls(document_key, document_name, document_type, document_bytes) IN (0, 4)",
            name=op.f("ck_absence_requests_document_whole"),
        ),
        sa.CheckConstraint(
            "(kind = 'late') = (comes_at IS NOT NULL)",
            name=op.f("ck_absence_requests_late_says_until_when"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_absence_requests_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_user"], ["users.id"], name=op.f("fk_absence_requests_requested_by_user")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "requested_by_guardian"],
            ["guardians.school_id", "guardians.id"],
            name=op.f("fk_absence_requests_school_id_requested_by_guardian"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_absence_requests_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_absence_requests_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_absence_requests")),
    )
    op.create_index(
        "ix_absence_requests_late",
        "absence_requests",
        ["school_id", "until_on"],
        unique=False,
        postgresql_where=sa.text("kind = 'late' AND status = 'approved'"),
    )
    op.create_index(
        "ix_absence_requests_student",
        "absence_requests",
        ["school_id", "student_id", "from_on"],
        unique=False,
    )
    op.create_table(
        "day_corrections",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("minutes_late", sa.Integer(), nullable=True),
        sa.Column("stream_id", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("state", sa.String(), server_default="applied", nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.String(), nullable=True),
        sa.CheckConstraint(
            "CASE kind WHEN 'set_status' THEN status IS NOT NULL AND num_nonnulls(stream_id, seq) = 0 ELSE num_nonnulls(stream_id, seq) = 2 AND num_nonnulls(status, minutes_late) = 0 END",
            name=op.f("ck_day_corrections_content_as_the_kind_needs"),
        ),
        sa.CheckConstraint(
            "kind IN ('set_status', 'ignore_tap', 'restore_tap')",
            name=op.f("ck_day_corrections_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('applied', 'proposed', 'approved', 'rejected')",
            name=op.f("ck_day_corrections_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'rejected') OR decided_at IS NOT NULL",
            name=op.f("ck_day_corrections_decision_has_its_time"),
        ),
        sa.CheckConstraint(
            "status IN ('present', 'late', 'absent', 'justified', 'left_early', 'no_class', 'no_data')",
            name=op.f("ck_day_corrections_status_known"),
        ),
        sa.CheckConstraint("decided_by <> author_id", name=op.f("ck_day_corrections_two_people")),
        sa.CheckConstraint(
            "minutes_late >= 0", name=op.f("ck_day_corrections_minutes_late_positive")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_day_corrections_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["users.id"], name=op.f("fk_day_corrections_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_day_corrections_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_day_corrections_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_day_corrections")),
    )
    op.create_index(
        "ix_day_corrections_day",
        "day_corrections",
        ["school_id", "student_id", "on_date"],
        unique=False,
    )
    op.create_table(
        "enrolments",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(school_id, school_id, '[]')"), "="),
            (sa.text("int8range(student_id, student_id, '[]')"), "="),
            (sa.text("daterange(from_on, until_on, '[]')"), "&&"),
            using="gist",
            name="ex_enrolments_overlap",
        ),
        sa.CheckConstraint("from_on <= until_on", name=op.f("ck_enrolments_dates_in_order")),
        sa.ForeignKeyConstraint(
            ["school_id", "course_id"],
            ["courses.school_id", "courses.id"],
            name=op.f("fk_enrolments_school_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_enrolments_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_enrolments_school_id")
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_enrolments")),
    )
    op.create_index("ix_enrolments_course", "enrolments", ["school_id", "course_id"], unique=False)
    op.create_index(
        "ix_enrolments_student", "enrolments", ["school_id", "student_id", "from_on"], unique=False
    )


def downgrade() -> None:
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"REVOKE {right} ON {', '.join(tables)} FROM {role}")
    op.drop_constraint("ck_attendance_days_method_known", "attendance_days")
    op.drop_column("attendance_days", "method")
    _forget_the_dates_of_weekly_hours()
    op.drop_index("ix_enrolments_student", table_name="enrolments")
    op.drop_index("ix_enrolments_course", table_name="enrolments")
    op.drop_table("enrolments")
    op.drop_index("ix_day_corrections_day", table_name="day_corrections")
    op.drop_table("day_corrections")
    op.drop_index("ix_absence_requests_late", table_name="absence_requests")
    op.drop_index("ix_absence_requests_student", table_name="absence_requests")
    op.drop_table("absence_requests")
    op.drop_table("terms")
    op.drop_index(
        "uq_gate_outages_open",
        table_name="gate_outages",
        postgresql_where=sa.text("until_at IS NULL"),
    )
    op.drop_index("ix_gate_outages_gate", table_name="gate_outages")
    op.drop_table("gate_outages")
    op.drop_index("ix_gate_courses_course", table_name="gate_courses")
    op.drop_table("gate_courses")
    op.drop_index("ix_calendar_exceptions_dates", table_name="calendar_exceptions")
    op.drop_table("calendar_exceptions")
    op.drop_table("school_years")
    op.drop_table("day_closings")


def _forget_the_dates_of_weekly_hours() -> None:
    """Keep the newest hours of each weekday, as all that can be said without dates."""
    op.execute(
        "DELETE FROM course_schedules old USING course_schedules new"
        " WHERE (old.school_id, old.course_id, old.weekday)"
        " = (new.school_id, new.course_id, new.weekday) AND old.from_on < new.from_on"
    )
    op.execute("DELETE FROM course_schedules WHERE starts_at IS NULL")
    op.drop_constraint("ck_course_schedules_hours_whole", "course_schedules")
    op.alter_column("course_schedules", "ends_at", existing_type=sa.Time(), nullable=False)
    op.alter_column("course_schedules", "starts_at", existing_type=sa.Time(), nullable=False)
    op.drop_constraint("pk_course_schedules", "course_schedules")
    op.create_primary_key(
        op.f("pk_course_schedules"), "course_schedules", ["school_id", "course_id", "weekday"]
    )
    op.drop_column("course_schedules", "from_on")
