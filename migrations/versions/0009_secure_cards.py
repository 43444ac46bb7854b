"""What secure cards prove, which taps are doubted, and whether a school takes plain numbers.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Ingest checks what secure cards say, and asks a person about what it does not believe.
GRANTS = {
    "attendance_ingest": {
        "SELECT": ("site_keys",),
        "SELECT (uid_cards)": ("schools",),
        "UPDATE (doubt)": ("taps",),
        "SELECT (school_id, id, kind, on_date, subject, state, reasons)": ("tasks",),
        "INSERT (school_id, kind, on_date, subject, reasons, created_at)": ("tasks",),
        "UPDATE (reasons)": ("tasks",),
    },
    "attendance_scheduler": {
        "SELECT (uid_cards)": ("schools",),
        "SELECT (doubt)": ("taps",),
    },
}

NOTE_SCHOOL_CHANGE = """
CREATE FUNCTION note_school_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO rosters AS r (school_id, changes) VALUES (NEW.id, 1)
    ON CONFLICT (school_id) DO UPDATE SET changes = r.changes + 1;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.add_column(
        "schools", sa.Column("uid_cards", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column("taps", sa.Column("counter", sa.Integer(), nullable=True))
    op.add_column("taps", sa.Column("doubt", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_taps_doubt_known"), "taps", "doubt IN ('forged', 'replayed')"
    )
    said = sa.text("counter IS NOT NULL")
    op.create_index(
        "ix_taps_counter", "taps", ["school_id", "digest", "counter"], postgresql_where=said
    )
    op.create_index(
        "ix_taps_card", "taps", ["school_id", "digest", "tapped_at"], postgresql_where=said
    )
    op.create_index(
        "ix_taps_doubted",
        "taps",
        ["school_id", "on_date", "digest"],
        postgresql_where=sa.text("doubt IS NOT NULL"),
    )
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"GRANT {right} ON {', '.join(tables)} TO {role}")
    op.execute(NOTE_SCHOOL_CHANGE)
    op.execute("REVOKE ALL ON FUNCTION note_school_change() FROM PUBLIC")
    op.execute(
        "CREATE TRIGGER roster_policy AFTER UPDATE OF uid_cards ON schools FOR EACH ROW"
        " WHEN (OLD.uid_cards IS DISTINCT FROM NEW.uid_cards)"
        " EXECUTE FUNCTION note_school_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER roster_policy ON schools")
    op.execute("DROP FUNCTION note_school_change()")
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            if "uid_cards" not in right and "doubt" not in right:
                op.execute(f"REVOKE {right} ON {', '.join(tables)} FROM {role}")
    op.drop_index("ix_taps_doubted", table_name="taps")
    op.drop_index("ix_taps_card", table_name="taps")
    op.drop_index("ix_taps_counter", table_name="taps")
    op.drop_constraint(op.f("ck_taps_doubt_known"), "taps")
    op.drop_column("taps", "doubt")
    op.drop_column("taps", "counter")
    op.drop_column("schools", "uid_cards")
