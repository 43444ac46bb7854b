"""The entries of the rail and the bottom bar, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flask import Flask, current_app, g, request, url_for
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l


@dataclass(frozen=True, slots=True)
class Entry:
    """A group of pages. Shown once its first page exists, to those who may open it."""

    label: LazyString
    icon: str  # of Tabler Icons
    endpoint: str  # the page that opens first
    permission: str
    also: tuple[str, ...] = ()  # other blueprints of the group
    on_phones: bool = True  # the bottom bar has no room for all; the account menu has the rest


# To add one: a line here, and its icon is picked up by the next `npm run build`.
ENTRIES: Final = (
    Entry(
        _l("Today"), icon="layout-dashboard", endpoint="board.index", permission="see_attendance"
    ),
    Entry(_l("People"), icon="users", endpoint="people.index", permission="see_students"),
    Entry(
        _l("Office"),
        icon="clipboard-list",
        endpoint="absences.index",
        permission="manage_absences",
        also=("corrections", "withdrawals", "collectors", "student_day"),
    ),
    Entry(
        _l("Calendar"),
        icon="calendar-event",
        endpoint="calendar.index",
        permission="see_attendance",
        also=("calendar_exceptions", "calendar_hours", "calendar_years"),
    ),
    Entry(_l("Messages"), icon="message-2", endpoint="messages.index", permission="see_messages"),
    Entry(_l("Gates"), icon="door", endpoint="gates.index", permission="see_gates"),
    Entry(
        _l("Reports"), icon="chart-histogram", endpoint="reports.index", permission="see_attendance"
    ),
    Entry(
        _l("Settings"),
        icon="settings",
        endpoint="school_settings.index",
        permission="see_settings",
        on_phones=False,
    ),
    Entry(_l("Try it"), icon="nfc", endpoint="dev_gates.index", permission="try_gates"),
)


@dataclass(frozen=True, slots=True)
class Link:
    label: LazyString
    icon: str
    url: str
    current: bool
    on_phones: bool


SEARCH: Final = "people.search"  # answers htmx with a fragment, anybody else with a page


def register(app: Flask) -> None:
    app.context_processor(lambda: {"navigation": list(links()), "search_url": search_url()})


def links() -> Iterator[Link]:
    """The entries that the viewer may open, in the school looked at."""
    viewer = g.get("viewer")
    if viewer is None or viewer.school is None:
        return
    here = (request.endpoint or "").partition(".")[0]
    for entry in ENTRIES:
        if entry.endpoint in current_app.view_functions and viewer.may(entry.permission):
            blueprint = entry.endpoint.partition(".")[0]
            current = here == blueprint or here in entry.also
            url = url_for(entry.endpoint)
            yield Link(entry.label, entry.icon, url, current, entry.on_phones)


def search_url() -> str | None:
    """Where the search field asks, for those who may see students; None without that page."""
    viewer = g.get("viewer")
    if viewer is None or viewer.school is None or not viewer.may("see_students"):
        return None
    return url_for(SEARCH) if SEARCH in current_app.view_functions else None
