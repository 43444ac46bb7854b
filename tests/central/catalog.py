"""What PostgreSQL says that a database holds, as text by which two databases are compared."""

from __future__ import annotations

from sqlalchemy import Connection, text

# Each query yields one line for each thing in the schema. ``alembic_version`` is Alembic's own.
QUERIES = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
          AND c.relname <> 'alembic_version'
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
          AND conrelid::regclass::text <> 'alembic_version'
    """,
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    """,
    "storage": """
        SELECT relname, relkind, reloptions::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic_version%'
    """,
}
# What only migrations make: models know nothing of it.
GUARDS = {
    "policies": """
        SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies
        WHERE schemaname = 'public'
    """,
    "secured": """
        SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relrowsecurity
    """,
    "functions": """
        SELECT oid::regprocedure::text, prosecdef, proconfig::text, proacl::text FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    """,
    "types": """
        SELECT typname FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%alembic_version'
    """,
    "grants": """
        SELECT relname, grantee::regrole::text, privilege_type, is_grantable
        FROM pg_class, aclexplode(relacl)
        WHERE relnamespace = 'public'::regnamespace AND grantee <> relowner
    """,
    "column_grants": """
        SELECT attrelid::regclass::text, attname, grantee::regrole::text, privilege_type
        FROM pg_attribute, aclexplode(attacl)
        WHERE attrelid::regclass::text NOT LIKE 'pg_%'
    """,
}


def schema_of(connection: Connection) -> dict[str, set[str]]:
    """Tables, columns, constraints, indexes: all that a model declares."""
    return _listed(connection, QUERIES)


def guards_of(connection: Connection) -> dict[str, set[str]]:
    """Policies, functions and rights."""
    return _listed(connection, GUARDS)


def _listed(connection: Connection, queries: dict[str, str]) -> dict[str, set[str]]:
    return {
        name: {" | ".join(str(part) for part in row) for row in connection.execute(text(query))}
        for name, query in queries.items()
    }
