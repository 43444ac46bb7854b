"""How long it takes to find who has not come and to queue what their guardians are told.

Everything is real: PostgreSQL with durable commits, and the scheduler's own role under row-level
security. ``ms_1000`` is one school of 5,000 with 1,000 missing, two guardians each: the best of
several mornings. ``s_200000`` is the check of 200 schools of 1,000, a fifth missing, one after the
other; ``s_200000_held`` is the same with everybody missing, which is held and told to nobody.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from bench.figures import arguments, report
from bench.nation import Nation
from central.db import enter_schools
from central.no_shows import scene_queries
from central.no_shows.scene_queries import Start
from central.no_shows.service import Checked, run_check
from central.settings import Settings
from devkit.servers import Postgres, free_port

GRACE = timedelta(minutes=15)
MORNINGS = (date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 6), date(2026, 3, 9))
HELD_ON = date(2026, 3, 10)
PRESENT = """
    INSERT INTO attendance_days
        (school_id, on_date, student_id, status, first_entry_at, inside, passages, confidence)
    SELECT school_id, :on_date, id, 'present', :at, true, 1, 'sure' FROM students WHERE id % 5 > 0
"""
SECOND_GUARDIANS = (
    """INSERT INTO guardians (school_id, id, full_name, phone) OVERRIDING SYSTEM VALUE
       SELECT school_id, id + 100000000, 'Apoderado ' || id, '+569' || (50000000 + id)
       FROM students""",
    """INSERT INTO student_guardians (school_id, student_id, guardian_id, relationship)
       SELECT school_id, id, id + 100000000, 'father' FROM students""",
)


def main() -> None:
    given = arguments(__doc__ or "").parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="attendance-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as somebody else when this runs as root
        with Postgres(folder / "postgres", free_port()) as postgres:
            with _nation(postgres, Nation(1, 5_000)) as sessions:
                runs = [_mornings(sessions, [1], on_date) for on_date in MORNINGS]
                figures["ms_1000"] = min(run.seconds for run in runs) * 1000
                figures["missing_of_ms_1000"] = runs[0].missing
                figures["messages_of_ms_1000"] = runs[0].messages
            schools = list(range(1, 201))
            with _nation(postgres, Nation(200, 1_000)) as sessions:
                run = _mornings(sessions, schools, MORNINGS[0])
                held = _mornings(sessions, schools, HELD_ON)
        figures |= {
            "s_200000": run.seconds,
            "missing_of_s_200000": run.missing,
            "messages_of_s_200000": run.messages,
            "s_200000_held": held.seconds,
            "missing_of_s_200000_held": held.missing,
            "messages_of_s_200000_held": held.messages,
            "statements_per_school": run.most_statements,
            "statements_least": run.least_statements,
        }
    report("noshow", figures, given.json)


class Run:
    """What the check of one morning in some schools came to."""

    def __init__(self, seconds: float, checked: Sequence[Checked], statements: list[int]) -> None:
        self.seconds = seconds
        self.missing = sum(one.missing for one in checked)
        self.messages = sum(one.told.messages for one in checked)
        self.most_statements = max(statements)
        self.least_statements = min(statements)


def _mornings(sessions: sessionmaker[Session], schools: list[int], on_date: date) -> Run:
    """Check these schools as the scheduler does: found together, then each on its own."""
    now = datetime(on_date.year, on_date.month, on_date.day, 11, 16, tzinfo=UTC)
    said = [0]
    engine = sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", lambda *_: said.__setitem__(0, said[0] + 1))
    began = time.perf_counter()
    with sessions.begin() as session:
        enter_schools(session, schools)
        starts = scene_queries.morning_of(session, schools, now, GRACE).starts
    checked, statements = [], []
    for start in starts:
        said[0] = 0
        checked.append(_check(sessions, start, now))
        statements.append(said[0])
    return Run(time.perf_counter() - began, checked, statements)


def _check(sessions: sessionmaker[Session], start: Start, now: datetime) -> Checked:
    with sessions.begin() as session:
        enter_schools(session, [start.school_id])
        checked = run_check(session, start, now=now)
    assert checked is not None, "each morning is checked once"
    return checked


@contextmanager
def _nation(postgres: Postgres, nation: Nation) -> Iterator[sessionmaker[Session]]:
    """A database with the nation's mornings; sessions of the scheduler in it."""
    name = f"bench_{nation.schools}"
    postgres.create_database(name)
    settings = Settings.from_env({"DATABASE_URL": postgres.url(name)})
    config = Config("migrations/alembic.ini")
    config.attributes["settings"] = settings
    command.upgrade(config, "head")
    owner = create_engine(settings.database_url)
    nation.make(owner)
    _prepare(owner, MORNINGS if nation.schools == 1 else MORNINGS[:1])
    engine = create_engine(settings.database_url_for("scheduler"))
    yield sessionmaker(engine)
    engine.dispose()
    owner.dispose()


def _prepare(owner: Engine, mornings: Sequence[date]) -> None:
    """Gates that live, second guardians, and four of five students in on each morning."""
    with owner.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no look-ups
        for statement in SECOND_GUARDIANS:
            connection.execute(text(statement))
        for on_date in mornings:
            at = datetime(on_date.year, on_date.month, on_date.day, 10, 50, tzinfo=UTC)
            connection.execute(text(PRESENT), {"on_date": on_date, "at": at})
        at = datetime(2026, 3, 2, tzinfo=UTC)
        connection.execute(
            text(
                "UPDATE devices SET online = true, status_at = :at, status_received_at = :at,"
                " health_at = '2027-01-01', backlog = 0"
            ),
            {"at": at},
        )
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    main()
