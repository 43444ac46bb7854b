"""Row-level security, and what each process may do.

A transaction names its schools in ``app.schools``; every policy compares with that. Each process
logs in as its own role with only the rights that it uses. Looking across schools is possible only
through the functions at the end, which return ids and nothing personal.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROLES = ("attendance_web", "attendance_ingest", "attendance_worker", "attendance_scheduler")

SCHOOL_TABLES = (
    "site_keys",
    "audit_log",
    "courses",
    "teacher_courses",
    "students",
    "guardians",
    "student_guardians",
    "cards",
    "course_schedules",
    "gates",
    "devices",
    "streams",
    "taps",
    "attendance_days",
    "notifications",
)
SECURED = (*SCHOOL_TABLES, "schools", "memberships", "quarantine")

GRANTS = {
    "attendance_web": {
        "SELECT": (
            "schools",
            "users",
            "memberships",
            "web_sessions",
            "refresh_tokens",
            "audit_log",
            "courses",
            "teacher_courses",
            "students",
            "guardians",
            "student_guardians",
            "cards",
            "course_schedules",
            "gates",
            "devices",
            "streams",
            "taps",
            "attendance_days",
            "notifications",
            "quarantine",
            "alembic_version",
        ),
        "INSERT": ("web_sessions", "refresh_tokens", "audit_log"),
        "UPDATE": ("web_sessions", "refresh_tokens"),
        "UPDATE (password_hash, locale)": ("users",),
        "UPDATE (status, provider_id, error_code, error, lease_until, due_at, sent_at,"
        " delivered_at, read_at, failed_at)": ("notifications",),
        "UPDATE (stopped_at)": ("guardians",),
    },
    "attendance_ingest": {
        "SELECT (id, timezone)": ("schools",),
        "SELECT": (
            "gates",
            "devices",
            "streams",
            "cards",
            "course_schedules",
            "student_guardians",
            "taps",
            "attendance_days",
            "notifications",
        ),
        "SELECT (school_id, id, course_id)": ("students",),
        "SELECT (school_id, id, phone, stopped_at)": ("guardians",),
        "SELECT (id, fingerprint)": ("quarantine",),
        "INSERT": ("streams", "taps", "attendance_days", "notifications", "quarantine"),
        "UPDATE (received, last_received_at)": ("streams",),
        "UPDATE (status, first_entry_at, last_exit_at, inside, minutes_late, passages,"
        " confidence)": ("attendance_days",),
        "UPDATE (online, session, version, status_at)": ("devices",),
    },
    "attendance_worker": {
        "SELECT": ("schools", "notifications", "gates"),
        "SELECT (school_id, id, given_names)": ("students",),
        "SELECT (school_id, id, phone, locale, stopped_at)": ("guardians",),
        "UPDATE (status, attempts, due_at, lease_until, provider_id, error_code, error,"
        " sent_at, failed_at)": ("notifications",),
    },
    "attendance_scheduler": {
        "SELECT (token_hash, expires_at)": ("web_sessions", "refresh_tokens"),
        "DELETE": ("web_sessions", "refresh_tokens"),
    },
}

CURRENT_SCHOOLS = """
CREATE FUNCTION current_schools() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(nullif(current_setting('app.schools', true), ''), '{}')::bigint[] $$
"""

# name and arguments -> (what it returns, its query, who may call it)
ACROSS_SCHOOLS = {
    "schools_of_devices(device_ids text[])": (
        "TABLE (device_id text, school_id bigint)",
        "SELECT id, school_id FROM devices WHERE id = ANY (device_ids) AND revoked_at IS NULL",
        ("attendance_ingest",),
    ),
    "schools_with_due_notifications(at timestamptz, most integer)": (
        "TABLE (school_id bigint)",
        "SELECT DISTINCT n.school_id FROM (SELECT school_id FROM notifications"
        " WHERE status = 'queued' AND due_at <= at ORDER BY due_at LIMIT most) n",
        ("attendance_worker", "attendance_scheduler"),
    ),
    "schools_with_lapsed_leases(at timestamptz)": (
        "TABLE (school_id bigint)",
        "SELECT DISTINCT n.school_id FROM notifications n"
        " WHERE n.status = 'sending' AND n.lease_until < at",
        ("attendance_worker", "attendance_scheduler"),
    ),
    "all_school_ids()": (
        "TABLE (school_id bigint)",
        "SELECT id FROM schools",
        ("attendance_scheduler", "attendance_worker"),
    ),
    "memberships_of(member_id bigint)": (
        "TABLE (school_id bigint, role text)",
        "SELECT m.school_id, m.role FROM memberships m WHERE m.user_id = member_id",
        ("attendance_web",),
    ),
    "last_tap_received_at()": (  # for readiness: how long ago ingest last stored anything
        "timestamptz",
        "SELECT max(last_received_at) FROM streams",
        ("attendance_web",),
    ),
}

# The same shape, for the one change that reaches across schools: a guardian's wish to be left
# alone, written from a phone that several schools may know.
CHANGES_ACROSS_SCHOOLS = {
    "stop_guardians(phones text[], at timestamptz)": (
        "TABLE (school_id bigint)",
        "UPDATE guardians SET stopped_at = at WHERE phone = ANY (phones) AND stopped_at IS NULL"
        " RETURNING guardians.school_id",
        ("attendance_web",),
    ),
}


def upgrade() -> None:
    op.execute(
        "DO $$ BEGIN IF NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles"
        " WHERE rolname = current_user) THEN RAISE EXCEPTION"
        " 'DB_USER: % needs BYPASSRLS, since it owns tables under forced row-level security',"
        " current_user; END IF; END $$"
    )
    for role in ROLES:
        _create_role(role)
    op.execute(CURRENT_SCHOOLS)
    op.execute("REVOKE ALL ON FUNCTION current_schools() FROM PUBLIC")
    for role in ROLES:
        op.execute(f"GRANT EXECUTE ON FUNCTION current_schools() TO {role}")
    for table in SECURED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in (*SCHOOL_TABLES, "memberships"):
        _own_school_only(table, "school_id")
    _own_school_only("schools", "id")
    _quarantine_policies()
    for role, rights in GRANTS.items():
        for right, tables in rights.items():
            op.execute(f"GRANT {right} ON {', '.join(tables)} TO {role}")
    for signature, (returns, query, callers) in ACROSS_SCHOOLS.items():
        _across_schools(f"{signature} RETURNS {returns} STABLE", query)
        _only_for(signature, callers)
    for signature, (returns, query, callers) in CHANGES_ACROSS_SCHOOLS.items():
        _across_schools(f"{signature} RETURNS {returns} VOLATILE", query)
        _only_for(signature, callers)


def _create_role(role: str) -> None:
    """Roles belong to the whole server: another database of it may have made them already."""
    op.execute(
        f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )


def _own_school_only(table: str, column: str) -> None:
    # the sub-select is evaluated once a statement, not once a row
    own = f"{column} = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"CREATE POLICY own_school ON {table} USING ({own}) WITH CHECK ({own})")


def _quarantine_policies() -> None:
    """Like the others, but a message of an unknown sender has no school and can still be kept."""
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"CREATE POLICY own_school ON quarantine FOR SELECT USING ({own})")
    op.execute(
        f"CREATE POLICY kept ON quarantine FOR INSERT WITH CHECK (school_id IS NULL OR {own})"
    )


def _across_schools(head: str, query: str) -> None:
    op.execute(
        f"CREATE FUNCTION {head} LANGUAGE sql SECURITY DEFINER"
        f" SET search_path = pg_catalog, public, pg_temp AS $$ {query} $$"
    )


def _only_for(signature: str, callers: tuple[str, ...]) -> None:
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    for role in callers:
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {role}")


def downgrade() -> None:
    for signature in (*CHANGES_ACROSS_SCHOOLS, *reversed(ACROSS_SCHOOLS)):
        op.execute(f"DROP FUNCTION {signature}")
    for table in SECURED:
        op.execute(f"DROP POLICY own_school ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP POLICY kept ON quarantine")
    op.execute("DROP FUNCTION current_schools()")
    for role in ROLES:
        op.execute(f"DROP OWNED BY {role}")  # its rights here; the role may serve other databases
