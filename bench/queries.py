"""What the pages of a school of 1,000 students cost in the database.

A figure is the time of all queries of one page together, from the first byte sent to the last row
received, run by the functions that the page itself calls, as the web's own role under row-level
security. It is the best of some runs: whatever else the machine does can only add to it.
``…_whole_ms`` includes what Python makes of the rows. Once with 60 school days of taps (120,000)
and once with 600 (1.2 million).
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session

from bench.figures import arguments, report
from bench.long_school import SCHOOL, LongSchool
from central.attendance import board_queries, student_queries
from central.attendance.usual_queries import usual_days
from central.db import enter_schools
from central.evacuation.inside_queries import inside_now
from central.reports import queries as report_queries
from central.reports.queries import Period
from central.settings import Settings
from central.web.board_page import Audience, gather
from central.web.board_usual import UsualDays
from devkit.servers import Postgres, free_port

ZONE = ZoneInfo("America/Santiago")
STUDENTS = 1000
SCHOOL_DAYS = 60  # of 1,000 students who come and go: 120,000 taps
MANY_SCHOOL_DAYS = 600
RUNS = 20


def main() -> None:
    given = arguments(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory(prefix="attendance-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as somebody else when this runs as root
        with Postgres(folder / "postgres", free_port()) as postgres:
            figures = _measure(postgres, "usual", SCHOOL_DAYS, "")
            figures |= _measure(postgres, "long", MANY_SCHOOL_DAYS, "_1200k")
    report("queries", figures, given.json)


def _measure(postgres: Postgres, database: str, school_days: int, suffix: str) -> dict[str, float]:
    postgres.create_database(database)
    settings = Settings.from_env({"DATABASE_URL": postgres.url(database)})
    config = Config("migrations/alembic.ini")
    config.attributes["settings"] = settings
    command.upgrade(config, "head")
    school = LongSchool(STUDENTS, school_days)
    owner = create_engine(settings.database_url)
    school.make(owner)
    owner.dispose()
    with _as_web(settings) as session:
        return _figures(session, _pages(school), suffix)


@contextmanager
def _as_web(settings: Settings) -> Iterator[Session]:
    engine = create_engine(settings.database_url_for("web"))
    with Session(engine) as session:
        enter_schools(session, [SCHOOL])
        secured = session.execute(text("SELECT row_security_active('attendance_days')")).scalar()
        assert secured, "the bench must run under row-level security"
        yield session
    engine.dispose()


def _pages(school: LongSchool) -> dict[str, Callable[[Session], object]]:
    today: date = school.today
    now = datetime.combine(today, school.measured_at, ZONE)
    audience = Audience(
        SCHOOL, ZONE.key, "es", None, sees_gates=True, sees_messages=True, decides=True
    )
    settled = UsualDays()
    course = frozenset({school.a_course})
    period = Period(school.first_of_last(SCHOOL_DAYS), today)
    return {
        # what a board asks at each refresh; the earlier days are kept for ten minutes …
        "dashboard": lambda session: gather(session, audience, settled, now),
        # … and this is what it takes to read those
        "usual_days": lambda session: usual_days(session, SCHOOL, today, ZONE),
        "course": lambda session: (
            board_queries.courses_today(session, SCHOOL, today, course),
            student_queries.students_today(session, SCHOOL, today, course),
        ),
        "all_students": lambda session: student_queries.students_today(session, SCHOOL, today),
        "inside": lambda session: inside_now(session, SCHOOL, today),
        "trend_60d": lambda session: report_queries.attendance_by_day(session, SCHOOL, period),
        "report_60d": lambda session: report_queries.attendance_report(session, SCHOOL, period),
    }


def _figures(
    session: Session, pages: Mapping[str, Callable[[Session], object]], suffix: str
) -> dict[str, float]:
    """Pages take turns, so that a neighbour's busy second spoils one run of each at most."""
    watch = _StopWatch(session.connection().engine)
    figures: dict[str, float] = {}
    for _ in range(RUNS):
        for name, work in pages.items():
            for figure, seconds in _timed(session, work, watch).items():
                key = f"{name}{suffix}{figure}"
                figures[key] = min(figures.get(key, float("inf")), seconds * 1000)
    return dict(sorted(figures.items()))


def _timed(
    session: Session, work: Callable[[Session], object], watch: _StopWatch
) -> dict[str, float]:
    """One run in a transaction of its own: seconds in queries, and in all."""
    session.rollback()
    session.execute(text("SELECT 1"))  # begins the transaction and names the school
    gc.collect()
    watch.seconds = 0.0
    began = time.perf_counter()
    work(session)
    whole = time.perf_counter() - began
    return {"_ms": watch.seconds, "_whole_ms": whole}


class _StopWatch:
    """Adds up how long statements take, their rows fetched."""

    def __init__(self, engine: Engine) -> None:
        self.seconds = 0.0
        self._began = 0.0
        event.listen(engine, "before_cursor_execute", self._start)
        event.listen(engine, "after_cursor_execute", self._end)

    def _start(self, *_: object) -> None:
        self._began = time.perf_counter()

    def _end(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began


if __name__ == "__main__":
    main()
