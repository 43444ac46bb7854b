"""The database roles as which the processes log in. What each may do is granted in migrations."""

from __future__ import annotations

from psycopg import sql
from sqlalchemy import Connection

from central.settings import DATABASE_ROLES, Settings


def give_roles_their_passwords(connection: Connection, settings: Settings) -> None:
    """Let each process role that exists log in with its derived password. Repeating is safe."""
    driver = connection.connection.driver_connection
    assert driver is not None  # a checked-out connection always has one
    for role in DATABASE_ROLES:
        name = f"attendance_{role}"
        with driver.cursor() as cursor:
            if cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
                cursor.execute(
                    sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(name), sql.Literal(settings.role_password(role))
                    )
                )
