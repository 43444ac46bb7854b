"""The board's changes, rendered: for streams as they happen, for pages that poll when they ask."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from flask import Flask, current_app, get_template_attribute, render_template
from flask_babel import force_locale
from sqlalchemy.orm import Session

from central.attendance.passage_queries import Sighting, TapKey, arrivals_after
from central.db import db, enter_schools
from central.web.board_page import Audience, Summary, gather
from central.web.board_usual import UsualDays
from central.web.live_hub import Event

PARTS: Final = ("figures", "attention", "curve")
REFRESH_SECONDS: Final = 30.0  # also without news: "usual at this hour" moves on
# The curve is most of an update and moves a pixel with a child: not with every child of a rush,
# on the telephone of somebody who pays for the data.
CURVE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Update:
    """What a page needs to become current.

    ``groups`` are complete: a page replaces all rows of a group by these. ``parts`` are the
    fragments beside the stream by name.
    """

    day: str
    at_ms: int
    cursor: int
    groups: Mapping[str, Sequence[str]]
    parts: Mapping[str, str]
    taps: frozenset[TapKey]

    def to_json(self) -> str:
        content: dict[str, Any] = {
            "day": self.day,
            "at": self.at_ms,
            "cursor": self.cursor,
            "groups": self.groups,
            "parts": self.parts,
        }
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def usual_days() -> UsualDays:
    """The process's memory of earlier days."""
    kept: UsualDays = current_app.extensions["usual_days"]
    return kept


def update_after(
    session: Session, audience: Audience, after: int, known: frozenset[TapKey] = frozenset()
) -> Update:
    """Everything that changed after the cursor, in the language of the request."""
    now = datetime.now(UTC)
    summary = gather(session, audience, usual_days(), now)
    day = summary.moment.on_date
    arrivals = arrivals_after(
        session, audience.school_id, day, after, audience.courses, known=known
    )
    return Update(
        day=day.isoformat(),
        at_ms=int(now.timestamp() * 1000),
        cursor=arrivals.cursor,
        groups={name: _rows(group, audience) for name, group in arrivals.groups.items()},
        parts=render_parts(summary, audience),
        taps=arrivals.taps,
    )


def render_parts(summary: Summary, audience: Audience) -> dict[str, str]:
    """The fragments of the board beside its stream, each course's bar one of its own."""
    parts = {
        name: render_template(f"board/_{name}.html", summary=summary, audience=audience)
        for name in PARTS
    }
    bar = get_template_attribute("board/_course.html", "bar")
    return parts | {f"course-{course.id}": str(bar(course)) for course in summary.courses}


def _rows(sightings: Sequence[Sighting], audience: Audience) -> list[str]:
    row = get_template_attribute("board/_row.html", "row")
    return [str(row(sighting, audience.zone)) for sighting in sightings]


class BoardFeed:
    """What is new on the boards of one audience."""

    def __init__(self, app: Flask, audience: Audience, after: int) -> None:
        self._app = app
        self._audience = audience
        self._cursor = after
        self._known: frozenset[TapKey] = frozenset()
        self._sent: dict[str, str] = {}
        self._curve_due = 0.0
        self._rest = REFRESH_SECONDS

    def news(self, kinds: frozenset[str]) -> Event | None:
        """Looks at everything whatever the kinds: what a commit touched is rarely one part."""
        with (
            self._app.test_request_context("/app/live"),
            force_locale(self._audience.locale),
            Session(db.engine) as session,
        ):
            enter_schools(session, [self._audience.school_id])
            update = update_after(session, self._audience, self._cursor, self._known)
        self._cursor, self._known = update.cursor, update.taps
        parts = self._worth_sending(update.parts, time.monotonic())
        if not parts and not update.groups:
            return None
        return Event("board", replace(update, parts=parts).to_json(), update.cursor)

    def rest(self) -> float:
        return self._rest

    def _worth_sending(self, parts: Mapping[str, str], now: float) -> dict[str, str]:
        """The parts that changed; the curve now and then, and then once more at the end."""
        changed = {name: html for name, html in parts.items() if html != self._sent.get(name)}
        self._rest = REFRESH_SECONDS
        if "curve" in changed and now < self._curve_due:
            del changed["curve"]
            self._rest = self._curve_due - now
        if "curve" in changed:
            self._curve_due = now + CURVE_SECONDS
        self._sent |= changed
        return changed
