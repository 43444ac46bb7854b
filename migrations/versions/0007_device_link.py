"""Device keys, health, clock anchors, configuration and commands.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("clock_anchors", "device_health", "commands", "rosters")

GRANTS = {
    "attendance_web": {
        "SELECT": TABLES,
        "INSERT": ("commands",),
        "UPDATE (desired, desired_version)": ("devices",),
    },
    "attendance_ingest": {
        "SELECT": ("clock_anchors", "device_health"),
        "SELECT (school_id, id, device_id, answered_at)": ("commands",),
        "INSERT": ("clock_anchors", "device_health"),
        "UPDATE (offset_ms, at)": ("clock_anchors",),
        "UPDATE (queue_depth, oldest_unsent_s, disk_free_mb, temperature_c, reader_resets,"
        " camera_resets, unsynced)": ("device_health",),
        "UPDATE (health, reported, reported_at)": ("devices",),
        "UPDATE (answered_at, ok, error, result)": ("commands",),
        # a tap that is given its true time can leave the date of its wrong one without any
        "DELETE": ("attendance_days",),
    },
    "attendance_scheduler": {
        "SELECT": ("commands", "rosters", "device_health"),
        "SELECT (school_id, digest, kind, student_id, user_id, revoked_at)": ("cards",),
        "SELECT (school_id, given_names, family_names, photo_opt_in, left_on)": ("students",),
        "SELECT (id, full_name)": ("users",),
        "UPDATE (built_changes, built_on, version)": ("rosters",),
        "UPDATE (sent_at, answered_at, ok, error)": ("commands",),
        "UPDATE (desired_told, roster_told)": ("devices",),
        "DELETE": ("device_health",),
    },
}

# As in 0002: name and arguments -> (what it returns, its query, who may call it).
ACROSS_SCHOOLS = {
    "key_of_device(device text)": (
        "TABLE (school_id bigint, public_key bytea, revoked boolean) STABLE",
        "SELECT school_id, public_key, revoked_at IS NOT NULL FROM devices WHERE id = device",
        ("attendance_web",),
    ),
    # those about which a gate is to be told something, a few at a time
    "schools_with_news_for_gates(most integer)": (
        "TABLE (school_id bigint) STABLE",
        "SELECT school_id FROM ("
        " SELECT school_id FROM commands WHERE sent_at IS NULL AND answered_at IS NULL"
        " UNION SELECT school_id FROM devices"
        " WHERE desired_told <> desired_version AND revoked_at IS NULL"
        " UNION SELECT r.school_id FROM rosters r JOIN schools s ON s.id = r.school_id"
        " WHERE r.built_changes IS DISTINCT FROM r.changes"
        " OR r.built_on IS DISTINCT FROM (now() AT TIME ZONE s.timezone)::date"
        " UNION SELECT d.school_id FROM devices d JOIN rosters r ON r.school_id = d.school_id"
        " WHERE d.kind = 'gate' AND d.revoked_at IS NULL AND r.version IS NOT NULL"
        " AND d.roster_told IS DISTINCT FROM r.version) news LIMIT most",
        ("attendance_scheduler",),
    ),
    # Of the schools that the caller has entered only. It can give a tap the time that an anchor
    # says and nothing else, so ingest needs no right to change taps. Ten years of one boot are
    # what the arithmetic must stand.
    "derive_tap_times(devices text[], boots text[])": (
        "TABLE (school_id bigint, student_id bigint, on_date date, stream_id bigint, seq bigint,"
        " was_student bigint, was_on date, was_clock text) VOLATILE",
        "WITH better AS ("
        " SELECT t.school_id, t.stream_id, t.seq, t.student_id, t.digest, t.verdict, t.on_date, t.clock,"
        " coalesce(t.told_at, t.tapped_at) AS told_at,"
        " coalesce(t.told_clock, t.clock) AS told_clock, s.timezone,"
        " 'epoch'::timestamptz + (a.offset_ms + t.up_ms) * interval '1 millisecond' AS at"
        " FROM (SELECT DISTINCT device_id, boot FROM unnest(devices, boots) AS b (device_id, boot))"
        " asked JOIN clock_anchors a USING (device_id, boot) JOIN schools s ON s.id = a.school_id"
        " JOIN streams m ON m.school_id = a.school_id AND m.device_id = a.device_id"
        " JOIN taps t ON t.school_id = m.school_id AND t.stream_id = m.id AND t.boot = a.boot"
        " WHERE a.school_id = ANY (current_schools()) AND t.up_ms < 315576000000"
        " AND coalesce(t.told_clock, t.clock) <> 'synced')"
        " UPDATE taps t SET told_at = b.told_at, told_clock = b.told_clock, tapped_at = b.at,"
        " on_date = (b.at AT TIME ZONE b.timezone)::date, clock = 'repaired',"
        # a revoked card means its student up to then, as for any other tap
        " student_id = CASE WHEN c.revoked_at IS NULL THEN t.student_id"
        " WHEN c.revoked_at > b.at THEN c.student_id END"
        " FROM better b LEFT JOIN cards c ON c.school_id = b.school_id AND c.digest = b.digest"
        " AND b.verdict <> 'torn'"
        " WHERE t.school_id = b.school_id AND t.stream_id = b.stream_id"
        " AND t.seq = b.seq AND (t.tapped_at, t.clock) IS DISTINCT FROM (b.at, 'repaired')"
        " RETURNING t.school_id, t.student_id, t.on_date, t.stream_id, t.seq, b.student_id,"
        " b.on_date, b.clock",
        ("attendance_ingest",),
    ),
}

NOTE_ROSTER_CHANGE = """
CREATE FUNCTION note_roster_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO rosters AS r (school_id, changes)
    SELECT DISTINCT school_id, 1 FROM changed ORDER BY school_id
    ON CONFLICT (school_id) DO UPDATE SET changes = r.changes + 1;
    RETURN NULL;
END $$
"""
TRIGGERS = (
    ("cards", "INSERT", "NEW"),
    ("cards", "UPDATE", "NEW"),
    ("cards", "DELETE", "OLD"),
    ("students", "UPDATE", "NEW"),
)


def upgrade() -> None:
    _extend_devices()
    _extend_taps()
    _create_anchors_and_health()
    _create_commands()
    _create_rosters()
    for table in TABLES:
        _own_school_only(table)
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
    _watch_rosters()


def _extend_devices() -> None:
    for column in (
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("health", _json(), nullable=True),
        sa.Column("desired", _json(), server_default="{}", nullable=False),
        sa.Column("desired_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("desired_told", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reported", _json(), nullable=True),
        _time("reported_at", nullable=True),
        sa.Column("roster_told", sa.String(), nullable=True),
    ):
        op.add_column("devices", column)
    op.create_check_constraint(
        op.f("ck_devices_public_key_length"), "devices", "length(public_key) = 91"
    )
    op.create_index(
        "ix_devices_untold",
        "devices",
        ["school_id"],
        postgresql_where=sa.text("desired_told <> desired_version"),
    )


def _extend_taps() -> None:
    op.add_column("taps", _time("told_at", nullable=True))
    op.add_column("taps", sa.Column("told_clock", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_taps_told_whole"), "taps", "num_nonnulls(told_at, told_clock) IN (0, 2)"
    )
    op.create_index(
        "ix_taps_derived",
        "taps",
        ["school_id", "stream_id", "boot"],
        postgresql_where=sa.text("coalesce(told_clock, clock) <> 'synced'"),
    )


def _create_anchors_and_health() -> None:
    op.create_table(
        "clock_anchors",
        _whole("school_id"),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        _whole("offset_ms"),
        _time("at"),
        sa.CheckConstraint(
            "offset_ms BETWEEN 0 AND 7258118400000",
            name=op.f("ck_clock_anchors_offset_sensible"),
        ),
        *_of_device("clock_anchors"),
        sa.PrimaryKeyConstraint("school_id", "device_id", "boot", name=op.f("pk_clock_anchors")),
    )
    op.create_table(
        "device_health",
        _whole("school_id"),
        sa.Column("device_id", sa.String(), nullable=False),
        _time("slot_at"),
        _whole("queue_depth"),
        _whole("oldest_unsent_s"),
        _whole("disk_free_mb"),
        sa.Column("temperature_c", sa.Integer(), nullable=True),
        _whole("reader_resets"),
        _whole("camera_resets"),
        sa.Column("unsynced", sa.Boolean(), nullable=False),
        *_of_device("device_health"),
        sa.PrimaryKeyConstraint("school_id", "device_id", "slot_at", name=op.f("pk_device_health")),
    )
    op.create_index("ix_device_health_slot", "device_health", ["slot_at"])


def _create_commands() -> None:
    op.create_table(
        "commands",
        _whole("school_id"),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("args", _json(), server_default="{}", nullable=False),
        _whole("requested_by"),
        _time("created_at", server_default=sa.text("now()")),
        _time("expires_at"),
        _time("sent_at", nullable=True),
        _time("answered_at", nullable=True),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("result", _json(), nullable=True),
        sa.CheckConstraint(
            "name IN ('identify', 'restart', 'logs', 'sync', 'selftest', 'photo-test')",
            name=op.f("ck_commands_name_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(answered_at, ok) IN (0, 2)", name=op.f("ck_commands_answer_whole")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["users.id"], name=op.f("fk_commands_requested_by")
        ),
        *_of_device("commands"),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_commands")),
    )
    op.create_index("ix_commands_device", "commands", ["school_id", "device_id", "id"])
    op.create_index(
        "ix_commands_waiting",
        "commands",
        ["school_id"],
        postgresql_where=sa.text("sent_at IS NULL AND answered_at IS NULL"),
    )


def _create_rosters() -> None:
    op.create_table(
        "rosters",
        _whole("school_id"),
        sa.Column("changes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("built_changes", sa.BigInteger(), nullable=True),
        sa.Column("built_on", sa.Date(), nullable=True),
        sa.Column("version", sa.String(), nullable=True),
        _of_school("rosters"),
        sa.PrimaryKeyConstraint("school_id", name=op.f("pk_rosters")),
    )
    op.execute("INSERT INTO rosters (school_id, changes) SELECT id, 1 FROM schools")


def _watch_rosters() -> None:
    op.execute(NOTE_ROSTER_CHANGE)
    op.execute("REVOKE ALL ON FUNCTION note_roster_change() FROM PUBLIC")
    for table, event, rows in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER roster_{event.lower()} AFTER {event} ON {table}"
            f" REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT"
            " EXECUTE FUNCTION note_roster_change()"
        )


def _json() -> sa.types.TypeEngine[object]:
    return sa.dialects.postgresql.JSONB()


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _time(
    name: str, *, nullable: bool = False, server_default: sa.TextClause | None = None
) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=nullable, server_default=server_default
    )


def _of_school(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["school_id"], ["schools.id"], name=op.f(f"fk_{table}_school_id")
    )


def _of_device(table: str) -> tuple[sa.ForeignKeyConstraint, ...]:
    to_device = sa.ForeignKeyConstraint(
        ["school_id", "device_id"],
        ["devices.school_id", "devices.id"],
        name=op.f(f"fk_{table}_school_id_device_id"),
    )
    return (to_device, _of_school(table))


def _own_school_only(table: str) -> None:
    # the sub-select is evaluated once a statement, not once a row
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_school ON {table} USING ({own}) WITH CHECK ({own})")


def downgrade() -> None:
    for table, event, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER roster_{event.lower()} ON {table}")
    op.execute("DROP FUNCTION note_roster_change()")
    for signature in reversed(ACROSS_SCHOOLS):
        op.execute(f"DROP FUNCTION {signature}")
    op.execute("REVOKE DELETE ON attendance_days FROM attendance_ingest")
    op.execute(
        "REVOKE SELECT (school_id, digest, kind, student_id, user_id, revoked_at) ON cards"
        " FROM attendance_scheduler"
    )
    op.execute(
        "REVOKE SELECT (given_names, family_names, photo_opt_in, left_on) ON students"
        " FROM attendance_scheduler"
    )
    op.execute("REVOKE SELECT (id, full_name) ON users FROM attendance_scheduler")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_index("ix_taps_derived", "taps")
    op.drop_column("taps", "told_at")
    op.drop_column("taps", "told_clock")
    op.drop_index("ix_devices_untold", "devices")
    for column in ("public_key", "health", "desired", "desired_version", "desired_told"):
        op.drop_column("devices", column)
    for column in ("reported", "reported_at", "roster_told"):
        op.drop_column("devices", column)
