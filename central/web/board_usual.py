"""Keeps the earlier days that boards compare with: slow to read, needed at every refresh."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from central.attendance.board_queries import Courses
from central.attendance.board_rules import DayCourse
from central.attendance.usual_queries import usual_days

KEPT_SECONDS = 600  # an old day changes only when a gate that was cut off sends its taps
MOST_KEPT = 256  # boards; each takes some 60 kB for a school of 600

_Key = tuple[int, date, frozenset[int] | None]


class UsualDays:
    """Remembers ``usual_days`` for a while. Threads may share it; two may read the same once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, tuple[float, Sequence[DayCourse]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, session: Session, school_id: int, on_date: date, zone: ZoneInfo, courses: Courses
    ) -> Sequence[DayCourse]:
        key = (school_id, on_date, None if courses is None else frozenset(courses))
        with self._lock:
            read_at, days = self._kept.get(key, (0.0, ()))
        if time.monotonic() - read_at < KEPT_SECONDS:
            return days
        days = usual_days(session, school_id, on_date, zone, courses)
        with self._lock:
            self._kept[key] = (time.monotonic(), days)
            self._kept.move_to_end(key)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return days
