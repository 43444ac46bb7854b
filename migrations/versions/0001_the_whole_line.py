"""The tables of the whole line, from a tap to a message.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schools",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), server_default="America/Santiago", nullable=False),
        sa.Column("locale", sa.String(), server_default="es", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("locale IN ('es', 'en')", name=op.f("ck_schools_locale_known")),
        sa.CheckConstraint("slug ~ '^[a-z0-9-]{2,40}$'", name=op.f("ck_schools_slug_form")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schools")),
        sa.UniqueConstraint("slug", name=op.f("uq_schools_slug")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), server_default="es", nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("locale IN ('es', 'en')", name=op.f("ck_users_locale_known")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "audit_log",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column(
            "detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_audit_log_actor_id")),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_audit_log_school_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_school_id_at", "audit_log", ["school_id", "at"], unique=False)
    op.create_table(
        "courses",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_courses_school_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_courses")),
        sa.UniqueConstraint(
            "school_id", "year", "name", name=op.f("uq_courses_school_id_year_name")
        ),
    )
    op.create_table(
        "gates",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_gates_school_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_gates")),
        sa.UniqueConstraint("school_id", "name", name=op.f("uq_gates_school_id_name")),
    )
    op.create_table(
        "guardians",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("locale", sa.String(), server_default="es", nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("locale IN ('es', 'en')", name=op.f("ck_guardians_locale_known")),
        sa.CheckConstraint("phone ~ '^\\+[1-9][0-9]{7,14}$'", name=op.f("ck_guardians_phone_e164")),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_guardians_school_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_guardians_user_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_guardians")),
    )
    op.create_index("ix_guardians_phone", "guardians", ["school_id", "phone"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role IN ('director', 'inspector', 'teacher', 'technician', 'guardian', 'operator')",
            name=op.f("ck_memberships_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_memberships_school_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memberships_user_id")),
        sa.PrimaryKeyConstraint("school_id", "user_id", "role", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("school_id", sa.BigInteger(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_quarantine_school_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_quarantine_fingerprint")),
    )
    op.create_index(
        "ix_quarantine_school_id_received_at",
        "quarantine",
        ["school_id", "received_at"],
        unique=False,
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("family", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_refresh_tokens_school_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_refresh_tokens_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    op.create_index("ix_refresh_tokens_family", "refresh_tokens", ["family"], unique=False)
    op.create_index("ix_refresh_tokens_user_id", "refresh_tokens", ["user_id"], unique=False)
    op.create_table(
        "site_keys",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(key) = 32", name=op.f("ck_site_keys_key_length")),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_site_keys_school_id")),
        sa.PrimaryKeyConstraint("school_id", name=op.f("pk_site_keys")),
    )
    op.create_table(
        "web_sessions",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("school_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_web_sessions_school_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_web_sessions_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_web_sessions")),
    )
    op.create_index("ix_web_sessions_user_id", "web_sessions", ["user_id"], unique=False)
    op.create_table(
        "course_schedules",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.Time(), nullable=False),
        sa.Column("ends_at", sa.Time(), nullable=False),
        sa.Column("tolerance_minutes", sa.Integer(), server_default="5", nullable=False),
        sa.CheckConstraint(
            "starts_at < ends_at", name=op.f("ck_course_schedules_starts_before_it_ends")
        ),
        sa.CheckConstraint(
            "tolerance_minutes BETWEEN 0 AND 120", name=op.f("ck_course_schedules_tolerance_sane")
        ),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name=op.f("ck_course_schedules_weekday_iso")),
        sa.ForeignKeyConstraint(
            ["school_id", "course_id"],
            ["courses.school_id", "courses.id"],
            name=op.f("fk_course_schedules_school_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_course_schedules_school_id")
        ),
        sa.PrimaryKeyConstraint(
            "school_id", "course_id", "weekday", name=op.f("pk_course_schedules")
        ),
    )
    op.create_table(
        "devices",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), server_default="gate", nullable=False),
        sa.Column("direction", sa.String(), server_default="auto", nullable=False),
        sa.Column("online", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("session", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "direction IN ('in', 'out', 'auto')", name=op.f("ck_devices_direction_known")
        ),
        sa.CheckConstraint(
            "id ~ '^[a-z0-9-]{3,40}$' AND id !~ '^central-'", name=op.f("ck_devices_id_form")
        ),
        sa.CheckConstraint(
            "kind IN ('gate', 'kiosk', 'staff', 'import')", name=op.f("ck_devices_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "gate_id"],
            ["gates.school_id", "gates.id"],
            name=op.f("fk_devices_school_id_gate_id"),
        ),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_devices_school_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_devices")),
        sa.UniqueConstraint("id", name=op.f("uq_devices_id")),
    )
    op.create_index("ix_devices_gate", "devices", ["school_id", "gate_id"], unique=False)
    op.create_table(
        "students",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("given_names", sa.String(), nullable=False),
        sa.Column("family_names", sa.String(), nullable=False),
        sa.Column("photo_opt_in", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("enrolled_on", sa.Date(), nullable=False),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "left_on IS NULL OR left_on >= enrolled_on",
            name=op.f("ck_students_left_after_enrolled"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "course_id"],
            ["courses.school_id", "courses.id"],
            name=op.f("fk_students_school_id_course_id"),
        ),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_students_school_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_students")),
    )
    op.create_index("ix_students_course", "students", ["school_id", "course_id"], unique=False)
    op.create_table(
        "teacher_courses",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "course_id"],
            ["courses.school_id", "courses.id"],
            name=op.f("fk_teacher_courses_school_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_teacher_courses_school_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_teacher_courses_user_id")),
        sa.PrimaryKeyConstraint(
            "school_id", "user_id", "course_id", name=op.f("pk_teacher_courses")
        ),
    )
    op.create_index(
        "ix_teacher_courses_course", "teacher_courses", ["school_id", "course_id"], unique=False
    )
    op.create_table(
        "attendance_days",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("first_entry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_exit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("minutes_late", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.String(), nullable=False),
        sa.CheckConstraint(
            "confidence IN ('sure', 'unsure')", name=op.f("ck_attendance_days_confidence_known")
        ),
        sa.CheckConstraint(
            "status IN ('present', 'late', 'absent', 'justified', 'left_early', 'no_class', 'no_data')",
            name=op.f("ck_attendance_days_status_known"),
        ),
        sa.CheckConstraint(
            "minutes_late >= 0", name=op.f("ck_attendance_days_minutes_late_positive")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_attendance_days_school_id_student_id"),
        ),
        sa.PrimaryKeyConstraint(
            "school_id", "on_date", "student_id", name=op.f("pk_attendance_days")
        ),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_attendance_days_student",
        "attendance_days",
        ["school_id", "student_id", "on_date"],
        unique=False,
    )
    op.create_table(
        "cards",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.String(), server_default="", nullable=False),
        sa.Column(
            "issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('token', 'sun', 'uid', 'qr', 'staff', 'service')",
            name=op.f("ck_cards_kind_known"),
        ),
        sa.CheckConstraint("length(digest) = 16", name=op.f("ck_cards_digest_length")),
        sa.CheckConstraint(
            "num_nonnulls(student_id, user_id) = 1", name=op.f("ck_cards_one_holder")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_cards_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_cards_school_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_cards_user_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_cards")),
        sa.UniqueConstraint("school_id", "digest", name=op.f("uq_cards_school_id_digest")),
    )
    op.create_index("ix_cards_student", "cards", ["school_id", "student_id"], unique=False)
    op.create_table(
        "notifications",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("guardian_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("fact_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'sending') = (lease_until IS NOT NULL)",
            name=op.f("ck_notifications_lease_if_sending"),
        ),
        sa.CheckConstraint("kind IN ('entry', 'exit')", name=op.f("ck_notifications_kind_known")),
        sa.CheckConstraint(
            "status IN ('queued', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown', 'recorded')",
            name=op.f("ck_notifications_status_known"),
        ),
        sa.CheckConstraint("ordinal >= 1", name=op.f("ck_notifications_ordinal_from_one")),
        sa.ForeignKeyConstraint(
            ["school_id", "gate_id"],
            ["gates.school_id", "gates.id"],
            name=op.f("fk_notifications_school_id_gate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "guardian_id"],
            ["guardians.school_id", "guardians.id"],
            name=op.f("fk_notifications_school_id_guardian_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_notifications_school_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "school_id",
            "student_id",
            "on_date",
            "kind",
            "ordinal",
            "guardian_id",
            name=op.f("uq_notifications_school_id_student_id_on_date_kind_ordinal_guardian_id"),
        ),
    )
    op.create_index(
        "ix_notifications_created", "notifications", ["school_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["due_at", "school_id"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_notifications_leased",
        "notifications",
        ["lease_until", "school_id"],
        unique=False,
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index(
        "ix_notifications_guardian",
        "notifications",
        ["school_id", "guardian_id", "fact_at", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'sending')"),
    )
    op.create_table(
        "streams",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column(
            "received", postgresql.INT8MULTIRANGE(), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "last_received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "device_id"],
            ["devices.school_id", "devices.id"],
            name=op.f("fk_streams_school_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_streams_school_id")),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_streams")),
        sa.UniqueConstraint(
            "school_id", "device_id", "key", name=op.f("uq_streams_school_id_device_id_key")
        ),
    )
    op.create_table(
        "student_guardians",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("guardian_id", sa.BigInteger(), nullable=False),
        sa.Column("relationship", sa.String(), nullable=False),
        sa.Column("notify_entry", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("notify_exit", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("may_see", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("may_collect", sa.Boolean(), server_default="true", nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "guardian_id"],
            ["guardians.school_id", "guardians.id"],
            name=op.f("fk_student_guardians_school_id_guardian_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_student_guardians_school_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id"], ["schools.id"], name=op.f("fk_student_guardians_school_id")
        ),
        sa.PrimaryKeyConstraint(
            "school_id", "student_id", "guardian_id", name=op.f("pk_student_guardians")
        ),
    )
    op.create_index(
        "ix_student_guardians_guardian",
        "student_guardians",
        ["school_id", "guardian_id"],
        unique=False,
    )
    op.create_table(
        "taps",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=True),
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("tapped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("clock", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("up_ms", sa.BigInteger(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("card_kind", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("photo", sa.String(), nullable=True),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "clock IN ('synced', 'repaired', 'unsynced')", name=op.f("ck_taps_clock_known")
        ),
        sa.CheckConstraint(
            "direction IN ('in', 'out', 'auto')", name=op.f("ck_taps_direction_known")
        ),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_taps_seq_from_one")),
        sa.ForeignKeyConstraint(
            ["school_id", "gate_id"],
            ["gates.school_id", "gates.id"],
            name=op.f("fk_taps_school_id_gate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "stream_id"],
            ["streams.school_id", "streams.id"],
            name=op.f("fk_taps_school_id_stream_id"),
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "student_id"],
            ["students.school_id", "students.id"],
            name=op.f("fk_taps_school_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("school_id", "stream_id", "seq", name=op.f("pk_taps")),
    )
    op.create_index("ix_taps_arrival", "taps", ["school_id", "id"], unique=False)
    op.create_index("ix_taps_day", "taps", ["school_id", "on_date", "student_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_taps_day", table_name="taps")
    op.drop_index("ix_taps_arrival", table_name="taps")
    op.drop_table("taps")
    op.drop_index("ix_student_guardians_guardian", table_name="student_guardians")
    op.drop_table("student_guardians")
    op.drop_table("streams")
    op.drop_index(
        "ix_notifications_leased",
        table_name="notifications",
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.drop_index(
        "ix_notifications_due",
        table_name="notifications",
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.drop_index(
        "ix_notifications_guardian",
        table_name="notifications",
        postgresql_where=sa.text("status IN ('queued', 'sending')"),
    )
    op.drop_index("ix_notifications_created", table_name="notifications")
    op.drop_table("notifications")
    op.drop_index("ix_cards_student", table_name="cards")
    op.drop_table("cards")
    op.drop_index("ix_attendance_days_student", table_name="attendance_days")
    op.drop_table("attendance_days")
    op.drop_index("ix_teacher_courses_course", table_name="teacher_courses")
    op.drop_table("teacher_courses")
    op.drop_index("ix_students_course", table_name="students")
    op.drop_table("students")
    op.drop_index("ix_devices_gate", table_name="devices")
    op.drop_table("devices")
    op.drop_table("course_schedules")
    op.drop_index("ix_web_sessions_user_id", table_name="web_sessions")
    op.drop_table("web_sessions")
    op.drop_table("site_keys")
    op.drop_index("ix_refresh_tokens_user_id", table_name="refresh_tokens")
    op.drop_index("ix_refresh_tokens_family", table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index("ix_quarantine_school_id_received_at", table_name="quarantine")
    op.drop_table("quarantine")
    op.drop_index("ix_memberships_user_id", table_name="memberships")
    op.drop_table("memberships")
    op.drop_index("ix_guardians_phone", table_name="guardians")
    op.drop_table("guardians")
    op.drop_table("gates")
    op.drop_table("courses")
    op.drop_index("ix_audit_log_school_id_at", table_name="audit_log")
    op.drop_table("audit_log")
    op.drop_table("users")
    op.drop_table("schools")
