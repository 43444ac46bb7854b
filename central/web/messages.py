"""The message log: what each family was told, whether it arrived, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from central.db import db
from central.notifications import queries
from central.notifications.queries import PAGE_SIZE, Cursor, LogFilter, LoggedMessage
from central.settings import Settings
from central.web.access import current_school, requires
from central.web.messages_wording import explain

MOST_ROWS: Final = 500  # refreshed at once; beyond it a page shows less of its end
# what a person asks for -> the statuses that this is
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "failed": ("failed",),
    "unknown": ("unknown",),
    "queued": ("queued", "sending"),
    "sent": ("sent",),
    "delivered": ("delivered",),
    "read": ("read",),
    "recorded": ("recorded",),
}
WORDS: Final = {
    "failed": _l("Not delivered"),
    "unknown": _l("Not sure"),
    "queued": _l("Waiting"),
    "sent": _l("Sent"),
    "delivered": _l("Delivered"),
    "read": _l("Read"),
    "recorded": _l("Only recorded"),
}

bp = Blueprint("messages", __name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which messages a person wants to see, as the address says it."""

    on_date: date
    today: date
    status: str | None
    typed: str

    def link(self, **changes: Any) -> dict[str, Any]:
        """Arguments of the address that asks for the same but for ``changes``."""
        parts = {
            "date": None if self.on_date == self.today else self.on_date.isoformat(),
            "status": self.status,
            "q": self.typed or None,
        }
        return parts | changes

    def filter(self) -> LogFilter:
        statuses = GROUPS[self.status] if self.status is not None else None
        return LogFilter(statuses=statuses, on_date=self.on_date, typed=self.typed)


@bp.get("/app/messages")
@requires("see_messages")
def index() -> ResponseReturnValue:
    settings: Settings = current_app.extensions["settings"]
    asked = _asked()
    return render_template(
        "messages/index.html", sending=settings.enable_real_notifications, **_shown(asked)
    )


@bp.get("/app/messages/rows")
@requires("see_messages")
def rows() -> ResponseReturnValue:
    """More rows after ``?before=``, as the page's button asks for them."""
    return render_template("messages/_rows.html", **_shown(_asked()))


@bp.get("/app/messages/now")
@requires("see_messages")
def now() -> ResponseReturnValue:
    """The first ``?rows=`` rows and the counts as they are now, for a page that stays open."""
    number = request.args.get("rows", PAGE_SIZE, type=int)
    return render_template(
        "messages/_now.html", **_shown(_asked(), limit=min(max(number, PAGE_SIZE), MOST_ROWS))
    )


def _shown(asked: Asked, *, limit: int = PAGE_SIZE) -> dict[str, Any]:
    school = current_school()
    session = db.session()
    counts = queries.counts_by_status(session, school.id, asked.on_date, asked.typed)
    page = queries.message_log(session, school.id, asked.filter(), before=_cursor(), limit=limit)
    return {
        "asked": asked,
        "zone": ZoneInfo(school.timezone),
        "messages": [(message, explain(message)) for message in page.messages],
        "older": _written(page.older),
        "words": WORDS,
        "counts": {
            group: sum(counts.get(status, 0) for status in statuses)
            for group, statuses in GROUPS.items()
        },
        "total": sum(counts.values()),
        "one_day": timedelta(days=1),
    }


def _asked() -> Asked:
    school = current_school()
    today = datetime.now(UTC).astimezone(ZoneInfo(school.timezone)).date()
    status = request.args.get("status")
    return Asked(
        on_date=min(_date(request.args.get("date", "")) or today, today),
        today=today,
        status=status if status in GROUPS else None,
        typed=request.args.get("q", "").strip(),
    )


def _date(given: str) -> date | None:
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def _written(cursor: Cursor | None) -> str | None:
    return f"{cursor[0].isoformat()}~{cursor[1]}" if cursor is not None else None


def _cursor() -> Cursor | None:
    created_at, _, number = request.args.get("before", "").partition("~")
    try:
        return datetime.fromisoformat(created_at).astimezone(UTC), int(number)
    except ValueError:
        return None


@bp.app_template_filter("steps")
def steps(message: LoggedMessage) -> list[tuple[str, datetime]]:
    """The rungs of the delivery ladder that a message has reached, with their times."""
    reached = (
        ("sent", message.sent_at),
        ("delivered", message.delivered_at),
        ("read", message.read_at),
        ("failed", message.failed_at),
    )
    return [(name, at) for name, at in reached if at is not None]
