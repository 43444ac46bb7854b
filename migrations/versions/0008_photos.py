"""Photos taken at the gate.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

GRANTS = {
    "attendance_web": {
        "SELECT": ("photos",),
        "INSERT": ("photos",),
        "UPDATE (state, sent_at, try_at, withdrawn)": ("photos",),
        "UPDATE (photo_key)": ("schools",),
        "UPDATE (photo_opt_in)": ("students",),
    },
    "attendance_worker": {
        "SELECT": ("photos",),
        "UPDATE (state, reason, stream_id, seq, taken_at, try_at, sealed_key, jpeg_key)": (
            "photos",
        ),
        "DELETE": ("photos",),
        "SELECT (school_id, stream_id, seq, student_id, tapped_at, photo)": ("taps",),
        "SELECT (school_id, id, device_id)": ("streams",),
        "SELECT (photo_opt_in)": ("students",),
    },
    "attendance_scheduler": {
        "SELECT (photo_key)": ("schools",),
        "UPDATE (photo_key)": ("schools",),
    },
}

# As in 0002: name and arguments -> (what it returns, its query, who may call it).
ACROSS_SCHOOLS = {
    # where a photo waits to be opened, its sealed form is no longer needed, or it is to be deleted
    "schools_with_photo_work(at timestamptz, kept_from timestamptz, awaited_from timestamptz)": (
        "TABLE (school_id bigint) STABLE",
        "SELECT school_id FROM photos WHERE state = 'sent' AND try_at <= at"
        " UNION SELECT school_id FROM photos"
        " WHERE state IN ('kept', 'refused') AND sealed_key IS NOT NULL"
        " UNION SELECT school_id FROM photos WHERE withdrawn"
        " UNION SELECT school_id FROM photos WHERE taken_at < kept_from"
        " UNION SELECT school_id FROM photos WHERE state <> 'kept' AND taken_at < awaited_from",
        ("attendance_worker", "attendance_scheduler"),
    ),
}

# A consent that is taken back reaches every photo, whoever takes it back and however.
WITHDRAW_PHOTOS = """
CREATE FUNCTION withdraw_photos() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE photos p SET withdrawn = true FROM taps t
    WHERE p.school_id = NEW.school_id AND t.school_id = p.school_id
    AND t.stream_id = p.stream_id AND t.seq = p.seq AND t.student_id = NEW.id;
    RETURN NULL;
END $$
"""
NOTE_PHOTO_KEY = """
CREATE FUNCTION note_photo_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO rosters AS r (school_id, changes) VALUES (NEW.id, 1)
    ON CONFLICT (school_id) DO UPDATE SET changes = r.changes + 1;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.add_column("schools", sa.Column("photo_key", sa.LargeBinary(), nullable=True))
    op.create_check_constraint(
        op.f("ck_schools_photo_key_length"), "schools", "length(photo_key) = 32"
    )
    op.create_index(
        "ix_taps_photo",
        "taps",
        ["school_id", "photo"],
        postgresql_where=sa.text("photo IS NOT NULL"),
    )
    _create_photos()
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"GRANT {right} ON {', '.join(tables)} TO {role}")
    for signature, (returns, query, callers) in ACROSS_SCHOOLS.items():
        op.execute(
            f"CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE sql SECURITY DEFINER"
            f" SET search_path = pg_catalog, public, pg_temp AS $$ {query} $$"
        )
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        for role in callers:
            op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {role}")
    _watch_consent_and_key()


def _create_photos() -> None:
    op.create_table(
        "photos",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="offered", nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sealed_key", sa.String(), nullable=True),
        sa.Column("jpeg_key", sa.String(), nullable=True),
        sa.Column("stream_id", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "state IN ('offered', 'sent', 'kept', 'refused')", name=op.f("ck_photos_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (reason IS NOT NULL)",
            name=op.f("ck_photos_refused_for_a_reason"),
        ),
        sa.CheckConstraint(
            "state <> 'kept' OR num_nonnulls(jpeg_key, stream_id, seq) = 3",
            name=op.f("ck_photos_kept_whole"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(stream_id, seq) IN (0, 2)", name=op.f("ck_photos_tap_whole")
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "device_id"],
            ["devices.school_id", "devices.id"],
            name=op.f("fk_photos_school_id_device_id"),
        ),
        sa.ForeignKeyConstraint(["school_id"], ["schools.id"], name=op.f("fk_photos_school_id")),
        sa.PrimaryKeyConstraint("school_id", "device_id", "id", name=op.f("pk_photos")),
        sa.UniqueConstraint(
            "school_id", "stream_id", "seq", name=op.f("uq_photos_school_id_stream_id_seq")
        ),
    )
    for name, column, where in (
        ("ix_photos_to_open", "try_at", "state = 'sent'"),
        (
            "ix_photos_sealed",
            "school_id",
            "state IN ('kept', 'refused') AND sealed_key IS NOT NULL",
        ),
        ("ix_photos_withdrawn", "school_id", "withdrawn"),
        ("ix_photos_taken", "taken_at", None),
        ("ix_photos_awaited", "taken_at", "state <> 'kept'"),
    ):
        condition = None if where is None else sa.text(where)
        op.create_index(name, "photos", [column], postgresql_where=condition)
    # the sub-select is evaluated once a statement, not once a row
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute("ALTER TABLE photos ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE photos FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_school ON photos USING ({own}) WITH CHECK ({own})")


def _watch_consent_and_key() -> None:
    for function in (WITHDRAW_PHOTOS, NOTE_PHOTO_KEY):
        op.execute(function)
    for name in ("withdraw_photos", "note_photo_key"):
        op.execute(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
    op.execute(
        "CREATE TRIGGER withdraw_photos AFTER UPDATE OF photo_opt_in ON students FOR EACH ROW"
        " WHEN (OLD.photo_opt_in AND NOT NEW.photo_opt_in) EXECUTE FUNCTION withdraw_photos()"
    )
    op.execute(
        "CREATE TRIGGER note_photo_key AFTER UPDATE OF photo_key ON schools FOR EACH ROW"
        " WHEN (OLD.photo_key IS DISTINCT FROM NEW.photo_key) EXECUTE FUNCTION note_photo_key()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER note_photo_key ON schools")
    op.execute("DROP TRIGGER withdraw_photos ON students")
    op.execute("DROP FUNCTION note_photo_key()")
    op.execute("DROP FUNCTION withdraw_photos()")
    for signature in ACROSS_SCHOOLS:
        op.execute(f"DROP FUNCTION {signature}")
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            if tables != ("photos",):  # its own go with it
                op.execute(f"REVOKE {right} ON {', '.join(tables)} FROM {role}")
    op.drop_table("photos")
    op.drop_index("ix_taps_photo", "taps")
    op.drop_constraint("ck_schools_photo_key_length", "schools")
    op.drop_column("schools", "photo_key")
