"""Certificates, enrolment codes and revocations of devices.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SCHOOL_TABLES = ("certificates", "enrolment_codes")
TABLES = ("authorities", *SCHOOL_TABLES)  # one authority signs for all schools

GRANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "attendance_web": {
        "SELECT": TABLES,
        "INSERT": SCHOOL_TABLES,
        "INSERT (school_id, id, gate_id, kind, direction)": ("devices",),
        "UPDATE (revoked_at)": ("certificates", "devices"),
        "UPDATE (used_at)": ("enrolment_codes",),
        "UPDATE (public_key, trusted, token_digest)": ("devices",),
    },
    "attendance_scheduler": {
        "SELECT": ("authorities",),
        "INSERT": ("authorities",),
        "UPDATE (listed_at)": ("authorities",),
    },
}

# As in 0002: name and arguments -> (what it returns, its query, who may call it).
ACROSS_SCHOOLS = {
    # The only way for the web to a school's site key: with a code that nobody has used.
    "redeem_enrolment_code(asked bytea, at timestamptz)": (
        "TABLE (school_id bigint, device_id text, kind text, site_key bytea) VOLATILE",
        "WITH used AS (UPDATE enrolment_codes SET used_at = at"
        " WHERE digest = asked AND used_at IS NULL RETURNING school_id, device_id, expires_at)"
        " SELECT used.school_id, d.id, d.kind, k.key FROM used"
        " JOIN devices d ON d.school_id = used.school_id AND d.id = used.device_id"
        " JOIN site_keys k ON k.school_id = used.school_id"
        " WHERE used.expires_at > at AND d.revoked_at IS NULL",
        ("attendance_web",),
    ),
    "kiosk_of_token(asked bytea)": (
        "TABLE (school_id bigint, device_id text) STABLE",
        "SELECT school_id, id FROM devices WHERE token_digest = asked AND revoked_at IS NULL",
        ("attendance_web",),
    ),
    # whom the broker must not hear, and which certificates it must not take
    "refused_at_broker(at timestamptz)": (
        "TABLE (device_id text, muted boolean, authority_id bigint, serial text) STABLE",
        "SELECT d.id, true, c.authority_id, c.serial FROM devices d LEFT JOIN certificates c"
        " ON c.school_id = d.school_id AND c.device_id = d.id AND c.expires_at > at"
        " WHERE d.revoked_at IS NOT NULL"
        " UNION ALL SELECT device_id, false, authority_id, serial FROM certificates"
        " WHERE revoked_at IS NOT NULL AND expires_at > at",
        ("attendance_scheduler",),
    ),
}


def upgrade() -> None:
    _create_authorities()
    _create_certificates()
    _create_codes()
    _extend_devices()
    for table in SCHOOL_TABLES:
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


def _create_authorities() -> None:
    op.create_table(
        "authorities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        _time("created_at"),
        _time("listed_at", nullable=True),
        sa.CheckConstraint(
            "state IN ('next', 'current', 'old', 'retired')",
            name=op.f("ck_authorities_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorities")),
    )
    op.create_index(
        "uq_authorities_current",
        "authorities",
        ["state"],
        unique=True,
        postgresql_where=sa.text("state = 'current'"),
    )


def _create_certificates() -> None:
    op.create_table(
        "certificates",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("authority_id", sa.BigInteger(), nullable=False),
        _time("issued_at"),
        _time("expires_at"),
        _time("revoked_at", nullable=True),
        sa.CheckConstraint("serial ~ '^[0-9a-f]{1,40}$'", name=op.f("ck_certificates_serial_form")),
        sa.ForeignKeyConstraint(
            ["authority_id"], ["authorities.id"], name=op.f("fk_certificates_authority_id")
        ),
        *_of_device("certificates"),
        sa.PrimaryKeyConstraint("school_id", "serial", name=op.f("pk_certificates")),
        sa.UniqueConstraint("serial", name=op.f("uq_certificates_serial")),
    )
    op.create_index(
        "ix_certificates_device", "certificates", ["school_id", "device_id", "issued_at"]
    )
    op.create_index(
        "ix_certificates_refused",
        "certificates",
        ["school_id", "expires_at"],
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )


def _create_codes() -> None:
    op.create_table(
        "enrolment_codes",
        sa.Column("school_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("device_id", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _time("created_at"),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        _time("expires_at"),
        _time("used_at", nullable=True),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_enrolment_codes_digest_length")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_enrolment_codes_created_by")
        ),
        *_of_device("enrolment_codes"),
        sa.PrimaryKeyConstraint("school_id", "id", name=op.f("pk_enrolment_codes")),
        sa.UniqueConstraint("digest", name=op.f("uq_enrolment_codes_digest")),
    )
    op.create_index("ix_enrolment_codes_device", "enrolment_codes", ["school_id", "device_id"])


def _extend_devices() -> None:
    op.add_column("devices", sa.Column("trusted", sa.String(), nullable=True))
    op.add_column("devices", sa.Column("token_digest", sa.LargeBinary(), nullable=True))
    op.create_check_constraint(
        op.f("ck_devices_token_digest_length"), "devices", "length(token_digest) = 32"
    )
    op.create_unique_constraint(op.f("uq_devices_token_digest"), "devices", ["token_digest"])
    op.create_index(
        "ix_devices_revoked",
        "devices",
        ["id"],
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of_device(table: str) -> tuple[sa.ForeignKeyConstraint, ...]:
    to_device = sa.ForeignKeyConstraint(
        ["school_id", "device_id"],
        ["devices.school_id", "devices.id"],
        name=op.f(f"fk_{table}_school_id_device_id"),
    )
    to_school = sa.ForeignKeyConstraint(
        ["school_id"], ["schools.id"], name=op.f(f"fk_{table}_school_id")
    )
    return (to_device, to_school)


def _own_school_only(table: str) -> None:
    # the sub-select is evaluated once a statement, not once a row
    own = "school_id = ANY ((SELECT current_schools())::bigint[])"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY own_school ON {table} USING ({own}) WITH CHECK ({own})")


def downgrade() -> None:
    for signature in reversed(ACROSS_SCHOOLS):
        op.execute(f"DROP FUNCTION {signature}")
    op.execute(
        "REVOKE INSERT (school_id, id, gate_id, kind, direction), UPDATE (public_key, revoked_at)"
        " ON devices FROM attendance_web"
    )
    op.drop_index("ix_devices_revoked", "devices")
    op.drop_column("devices", "token_digest")
    op.drop_column("devices", "trusted")
    for table in reversed(TABLES):
        op.drop_table(table)
