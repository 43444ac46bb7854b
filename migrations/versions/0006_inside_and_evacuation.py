"""Evacuations and who was marked safe, and who opens the list that a gate keeps.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = (
    "evacuations",
    "evacuation_people",
    "evacuation_marks",
    "evacuation_staff",
    "evacuation_openers",
)

# Marks are facts: nobody changes or removes one.
GRANTS = {
    "attendance_web": {
        "SELECT": TABLES,
        "INSERT": TABLES,
        "UPDATE (ended_by, ended_at, note)": ("evacuations",),
        "UPDATE (user_id, assigned_by, assigned_at)": ("evacuation_staff",),
        "UPDATE (revoked_at)": ("evacuation_openers",),
        "DELETE": ("evacuation_staff",),
    },
}


def upgrade() -> None:
    _create_evacuations()
    _create_people_and_marks()
    _create_staff()
    _create_openers()
    op.create_index(
        "ix_attendance_days_notable",
        "attendance_days",
        ["school_id", "on_date", "student_id", "status"],
        postgresql_where=sa.text("status <> 'present'"),
    )
    for table in TABLES:
        _own_school_only(table)
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"GRANT {right} ON {', '.join(tables)} TO {role}")


def _create_evacuations() -> None:
    op.create_table(
        "evacuations",
        _school(),
        _id(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("started_by", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("kind IN ('drill', 'real')", name=op.f("ck_evacuations_kind_known")),
        sa.CheckConstraint("started_at <= ended_at", name=op.f("ck_evacuations_times_in_order")),
        sa.CheckConstraint(
            "num_nonnulls(ended_by, ended_at) IN (0, 2)", name=op.f("ck_evacuations_end_whole")
        ),
        _user("evacuations", "ended_by"),
        _user("evacuations", "started_by"),
        _of_school("evacuations"),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_evacuations")),
    )
    op.create_index(
        "uq_evacuations_running",
        "evacuations",
        ["school_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _create_people_and_marks() -> None:
    op.create_table(
        "evacuation_people",
        _school(),
        sa.Column("evacuation_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("sure", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.BigInteger(), nullable=True),
        _user("evacuation_people", "added_by"),
        _to("evacuation_people", ["evacuation_id"], "evacuations", ["id"]),
        _to("evacuation_people", ["student_id"], "students", ["id"]),
        _to("evacuation_people", ["course_id"], "courses", ["id"]),
        _of_school("evacuation_people"),
        sa.PrimaryKeyConstraint(
            "school_id", "evacuation_id", "student_id", name=op.f("pk_evacuation_people")
        ),
    )
    op.create_table(
        "evacuation_marks",
        _school(),
        _id(),
        sa.Column("evacuation_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("marked_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state IN ('safe', 'missing', 'unmarked')", name=op.f("ck_evacuation_marks_state_known")
        ),
        _user("evacuation_marks", "marked_by"),
        _to(
            "evacuation_marks",
            ["evacuation_id", "student_id"],
            "evacuation_people",
            ["evacuation_id", "student_id"],
        ),
        _of_school("evacuation_marks"),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_evacuation_marks")),
        sa.UniqueConstraint(
            "school_id",
            "evacuation_id",
            "key",
            name=op.f("uq_evacuation_marks_school_id_evacuation_id_key"),
        ),
    )
    op.create_index(
        "ix_evacuation_marks_latest",
        "evacuation_marks",
        ["school_id", "evacuation_id", "student_id", "made_at"],
    )


def _create_staff() -> None:
    op.create_table(
        "evacuation_staff",
        _school(),
        sa.Column("evacuation_id", sa.BigInteger(), nullable=False),
        sa.Column("course_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("assigned_by", sa.BigInteger(), nullable=False),
        sa.Column(
            "assigned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        _user("evacuation_staff", "assigned_by"),
        _user("evacuation_staff", "user_id"),
        _to("evacuation_staff", ["evacuation_id"], "evacuations", ["id"]),
        _to("evacuation_staff", ["course_id"], "courses", ["id"]),
        _of_school("evacuation_staff"),
        sa.PrimaryKeyConstraint(
            "school_id", "evacuation_id", "course_id", name=op.f("pk_evacuation_staff")
        ),
    )


def _create_openers() -> None:
    op.create_table(
        "evacuation_openers",
        _school(),
        _id(),
        sa.Column("card_id", sa.BigInteger(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "length(public_key) = 32", name=op.f("ck_evacuation_openers_public_key_length")
        ),
        sa.CheckConstraint("length(salt) = 16", name=op.f("ck_evacuation_openers_salt_length")),
        sa.CheckConstraint(
            "num_nonnulls(card_id, salt) = 1", name=op.f("ck_evacuation_openers_pin_or_card")
        ),
        _user("evacuation_openers", "created_by"),
        _to("evacuation_openers", ["card_id"], "cards", ["id"]),
        _of_school("evacuation_openers"),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_evacuation_openers")),
    )
    op.create_index(
        "uq_evacuation_openers_pin",
        "evacuation_openers",
        ["school_id"],
        unique=True,
        postgresql_where=sa.text("salt IS NOT NULL AND revoked_at IS NULL"),
    )
    op.create_index(
        "uq_evacuation_openers_card",
        "evacuation_openers",
        ["school_id", "card_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def _school() -> sa.Column[int]:
    return sa.Column("school_id", sa.BigInteger(), nullable=False)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _of_school(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["school_id"], ["schools.id"], name=op.f(f"fk_{table}_school_id")
    )


def _user(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["users.id"], name=op.f(f"fk_{table}_{column}"))


def _to(
    table: str, columns: list[str], target: str, target_columns: list[str]
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["school_id", *columns],
        [f"{target}.{column}" for column in ("school_id", *target_columns)],
        name=op.f(f"fk_{table}_school_id_{'_'.join(columns)}"),
    )


def _own_school_only(table: str) -> None:
    # the sub-select is evaluated once a statement, not once a row
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_school ON {table} USING ({own}) WITH CHECK ({own})")


def downgrade() -> None:
    op.drop_index("ix_attendance_days_notable", table_name="attendance_days")
    for table in reversed(TABLES):
        op.drop_table(table)
