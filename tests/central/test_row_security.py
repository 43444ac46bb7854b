"""The database itself keeps schools apart.

Below the code, so a wrong query, a forgotten filter or an injected statement meets it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from central.db import leave_schools
from central.settings import DATABASE_ROLES
from tests.central.full_school import a_full_school

SessionAs = Callable[..., Session]

# Found by the hash of a secret before anybody knows the school; they say nothing about a child.
FOUND_BY_SECRET = {"web_sessions", "refresh_tokens"}


@dataclass(frozen=True)
class World:
    mine: int
    theirs: int


@pytest.fixture
def world(session: Session) -> World:
    """Two schools, each with one row in every school table."""
    schools = [a_full_school(session) for _ in range(2)]
    session.commit()
    return World(mine=schools[0].id, theirs=schools[1].id)


def tables_with_a_school(connection: Connection) -> dict[str, str]:
    """Each table that belongs to schools -> the column that says to which."""
    rows = connection.execute(
        text(
            "SELECT attrelid::regclass::text FROM pg_attribute"
            " JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')"
            " WHERE relnamespace = 'public'::regnamespace AND attname = 'school_id'"
        )
    )
    found = {name: "school_id" for (name,) in rows if name not in FOUND_BY_SECRET}
    return {"schools": "id", **found}


def may(session: Session, table: str, right: str) -> list[str]:
    """The columns of ``table`` on which the session's own role has ``right``."""
    rows = session.execute(
        text(
            "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:table AS regclass)"
            " AND attnum > 0 AND NOT attisdropped"
            " AND has_column_privilege(attrelid, attnum, :right)"
        ),
        {"table": table, "right": right},
    )
    return [name for (name,) in rows]


def test_every_table_of_a_school_forces_row_security(owner: Engine) -> None:
    with owner.connect() as connection:
        tables = tables_with_a_school(connection)
        secured = connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
                " AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid)"
            )
        ).scalars()

        assert len(tables) > 15
        assert set(tables) - set(secured) == set()


def test_no_process_is_above_the_rules(owner: Engine) -> None:
    roles = [f"attendance_{name}" for name in DATABASE_ROLES]
    with owner.connect() as connection:
        plain = connection.execute(
            text(
                "SELECT rolname FROM pg_roles r WHERE rolname = ANY (:roles)"
                " AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)"
                " AND NOT has_schema_privilege(rolname, 'public', 'CREATE')"
                " AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid)"
                " AND NOT EXISTS (SELECT FROM pg_class WHERE relowner = r.oid)"
            ),
            {"roles": roles},
        ).scalars()

        assert set(plain) == set(roles)


@pytest.mark.parametrize("role", DATABASE_ROLES)
def test_a_process_reads_the_rows_of_its_school_only(
    world: World, session: Session, session_as: SessionAs, role: str
) -> None:
    process = session_as(role, world.mine)
    for table, column in tables_with_a_school(session.connection()).items():
        both = session.execute(text(f"SELECT {column} FROM {table} ORDER BY 1")).scalars().all()
        assert both == [world.mine, world.theirs], f"each school needs one row in {table}"

        readable = may(process, table, "SELECT")
        if not readable:
            continue
        seen = process.execute(text(f"SELECT count(*) FROM {table}")).scalar()
        assert seen == 1, f"{role} sees {seen} rows of {table}"
        if column in readable:
            foreign = text(f"SELECT count(*) FROM {table} WHERE {column} = {world.theirs}")
            assert process.execute(foreign).scalar() == 0, f"{role} sees another school's {table}"


@pytest.mark.parametrize("role", DATABASE_ROLES)
def test_a_process_that_names_no_school_sees_nothing(
    world: World, session: Session, session_as: SessionAs, role: str
) -> None:
    never_named, left = session_as(role), session_as(role, world.mine)
    leave_schools(left)

    for table in tables_with_a_school(session.connection()):
        for process in (never_named, left):
            if may(process, table, "SELECT"):
                assert process.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0


def test_a_school_named_for_one_transaction_is_named_again_in_the_next(
    world: World, session_as: SessionAs
) -> None:
    process = session_as("web", world.mine)
    seen = []
    for _ in range(2):
        seen.append(process.execute(text("SELECT id FROM schools")).scalars().all())
        process.commit()

    assert seen == [[world.mine], [world.mine]]


def test_a_connection_does_not_carry_a_school_into_its_next_use(
    world: World, session_as: SessionAs
) -> None:
    first = session_as("web", world.mine)
    first.execute(text("SELECT 1"))
    connection = first.connection()
    engine = connection.engine
    first.close()

    with Session(engine) as second:
        assert second.execute(text("SELECT count(*) FROM schools")).scalar() == 0


@pytest.mark.parametrize("role", DATABASE_ROLES)
def test_a_process_changes_the_rows_of_its_school_only(
    world: World, session: Session, session_as: SessionAs, role: str
) -> None:
    process = session_as(role, world.mine)
    for table, column in tables_with_a_school(session.connection()).items():
        changeable = set(may(process, table, "UPDATE")) & set(may(process, table, "SELECT"))
        if changeable:
            name = min(changeable)
            touched = process.connection().execute(text(f"UPDATE {table} SET {name} = {name}"))
            assert touched.rowcount == 1, f"{role} changes {touched.rowcount} rows of {table}"
        assert column not in may(process, table, "UPDATE"), f"{role} may move rows of {table}"


@pytest.mark.parametrize("role", DATABASE_ROLES)
def test_a_process_adds_rows_to_its_school_only(
    world: World, session: Session, session_as: SessionAs, role: str
) -> None:
    for table, column in tables_with_a_school(session.connection()).items():
        process = session_as(role, world.mine)
        addable = may(process, table, "INSERT")
        if not addable:
            continue
        foreign = text(f"SELECT {', '.join(addable)} FROM {table} WHERE {column} = {world.theirs}")
        stored = session.execute(foreign).mappings().one()
        row = {name: "{}" if isinstance(value, dict) else value for name, value in stored.items()}
        columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)

        with pytest.raises(ProgrammingError, match="row-level security"):
            process.execute(
                text(f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({values})"),
                row,
            )
        process.rollback()
