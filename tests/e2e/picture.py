"""Makes the pictures of the README: ``python -m tests.e2e.picture docs/images``.

Starts a line of its own in a time zone where it is the first hour of the school day, gives it the
morning so far, lets some children tap, and photographs the director's board and a mother's phone.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.attendance.service import SentTaps, record_taps
from central.cards.models import Card
from central.demo.history import CardHolder, past_days
from central.demo.school import GATES, demo_school
from central.demo.service import record_history
from contracts.messages import MAX_TAPS, TapBatch
from tests.e2e.browser import DESKTOP, PHONE, Visit, chromium
from tests.e2e.line import Line

FIRST_HOUR: Final = 8
NEWCOMERS: Final = 6


def zone_of_the_morning(now: datetime) -> str:
    """A time zone where it is now between 8:00 and 9:00 of a day."""
    ahead = (FIRST_HOUR - now.hour) % 24
    ahead = ahead if ahead <= 14 else ahead - 24
    return f"Etc/GMT{-ahead:+d}"  # POSIX counts west as positive


def set_to_morning(line: Line, now: datetime) -> list[int]:
    """Give the demo school its past and this morning in that zone; who has not come yet."""
    name = zone_of_the_morning(now)
    zone = ZoneInfo(name)
    with Session(line.database) as session, session.begin():
        session.execute(text("TRUNCATE taps, attendance_days, notifications, streams"))
        school = demo_school(session)
        assert school is not None
        school.timezone = name
        session.flush()
        record_history(session, school.id, zone, now=now)
        _record_today(session, school.id, now.astimezone(zone).date(), zone, now)
        absent = session.scalars(
            text(
                "SELECT id FROM students WHERE id NOT IN (SELECT student_id FROM attendance_days"
                " WHERE on_date = :today) ORDER BY id"
            ),
            {"today": now.astimezone(zone).date()},
        )
        return list(absent)


def _record_today(
    session: Session, school_id: int, today: date, zone: ZoneInfo, now: datetime
) -> None:
    digests = session.scalars(
        select(Card.digest).where(Card.school_id == school_id).order_by(Card.student_id.desc())
    )
    holders = [CardHolder(digest.hex()) for digest in digests]
    for day in past_days(holders, tuple(GATES), [today], zone):
        taps = tuple(tap for tap in day.taps if tap.at < now - timedelta(minutes=1))
        for start in range(0, len(taps), MAX_TAPS):
            batch = TapBatch("today", taps[start : start + MAX_TAPS])
            record_taps(session, [SentTaps(day.device, batch)], now=now)


def main(folder: Path) -> None:
    """Write ``board.png`` and ``phone.png`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="attendance-picture-") as state:
        Path(state).chmod(0o711)
        with Line.started(Path(state) / "line") as line:
            absent = set_to_morning(line, datetime.now(UTC))
            for student in absent[:NEWCOMERS]:
                line.tap("norte", student)
            line.wait_for(lambda: len(line.messages()) >= NEWCOMERS, "no message arrived")
            _photograph(line, folder)


def _photograph(line: Line, folder: Path) -> None:
    email, password = line.account("director")
    with chromium() as browser:
        visit = Visit(browser, line.origin, width=DESKTOP)
        visit.sign_in(email, password)
        visit.page.goto("/app/board")
        visit.page.get_by_text("En vivo").wait_for()
        visit.keep(folder / "board.png")
        phone = line.messages()[-1]["phone"]
        visit = Visit(browser, line.urls["phones"].rstrip("/"), width=PHONE)
        visit.page.goto(f"/?lang=es#{phone}")
        visit.page.get_by_text("ingresó").last.wait_for()
        visit.keep(folder / "phone.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
