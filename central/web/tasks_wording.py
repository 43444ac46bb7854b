"""Tasks and their reasons in words that a school understands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask_babel import LazyString, gettext, ngettext
from flask_babel import lazy_gettext as _l

_Words = Callable[[Mapping[str, Any], Mapping[int, str]], Any]

TITLES: Final[Mapping[str, LazyString]] = {
    "no_show_check": _l("Tell the families of the missing?"),
    "correction_approval": _l("Approve a correction of a closed day"),
    "absence_request": _l("Decide on a request for absence"),
    "day_open": _l("Students without an exit"),
    "card_alert": _l("A card may have been copied"),
}
STATES: Final[Mapping[str, LazyString]] = {
    "done": _l("Done"),
    "dismissed": _l("Dismissed"),
    "resolved": _l("Resolved by itself"),
}
GROUPS: Final[Mapping[str, LazyString]] = {
    "waiting": _l("Not told yet"),
    "missing": _l("Family told"),
    "arrived": _l("Arrived"),
    "settled": _l("Settled"),
}
RESOLUTIONS: Final[Mapping[str, LazyString]] = {
    "explained": _l("The family explained it"),
    "unreached": _l("The family cannot be reached"),
    "mistaken": _l("Is at school; no gate saw it"),
    "other": _l("Something else"),
}
ENDINGS: Final[Mapping[str, LazyString]] = {
    **RESOLUTIONS,
    "arrived": _l("Arrived"),
    "excused": _l("Absence approved"),
}


def reasons_in_words(
    reasons: Iterable[Mapping[str, Any]], zone: ZoneInfo, courses: Mapping[int, str]
) -> list[str]:
    """The reasons of a task as sentences; ``courses`` are their names by id."""
    return [reason_in_words(reason, zone, courses) for reason in reasons]


def reason_in_words(reason: Mapping[str, Any], zone: ZoneInfo, courses: Mapping[int, str]) -> str:
    """One reason of a task as a sentence, without its full stop."""
    words: _Words = _WORDS.get(reason["code"], _unknown)
    return str(words({**reason, "time": _clock(reason.get("since"), zone)}, courses))


def _clock(since: str | None, zone: ZoneInfo) -> str:
    if since is None:
        return ""
    local = datetime.fromisoformat(since).astimezone(zone)
    return f"{local.hour}:{local.minute:02}"


def _no_news(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    if not reason["time"]:
        return gettext("%(gate)s is not connected", gate=reason["gate"])
    return gettext(
        "%(gate)s has sent no news since %(time)s", gate=reason["gate"], time=reason["time"]
    )


def _backlog(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    return ngettext(
        "%(gate)s has %(num)s tap that it has not sent yet",
        "%(gate)s has %(num)s taps that it has not sent yet",
        reason["taps"],
        gate=reason["gate"],
    )


def _holes(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    return ngettext(
        "%(num)s tap of %(gate)s is missing here",
        "%(num)s taps of %(gate)s are missing here",
        reason["taps"],
        gate=reason["gate"],
    )


def _catching_up(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    return gettext("%(gate)s is back and sends what it kept", gate=reason["gate"])


def _many(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    return gettext(
        "%(missing)s of %(expected)s are missing, more than the limit of %(percent)s %%",
        missing=reason["missing"],
        expected=reason["expected"],
        percent=reason["percent"],
    )


def _empty(reason: Mapping[str, Any], courses: Mapping[int, str]) -> Any:
    name = courses.get(reason["course"], "")
    return gettext("Nobody of %(course)s has come", course=name)


def _late(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    return gettext("The check was due at %(time)s and came too late", time=reason["time"])


def _inside(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    return ngettext(
        "%(num)s student was still inside when the day was closed",
        "%(num)s students were still inside when the day was closed",
        reason["students"],
    )


def _card_forged(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    return gettext(
        "At %(time)s a false card was held to %(gate)s", time=reason["time"], gate=reason["gate"]
    )


def _card_replayed(reason: Mapping[str, Any], _: Mapping[int, str]) -> Any:
    return gettext(
        "At %(time)s a copy of an earlier reading was held to %(gate)s",
        time=reason["time"],
        gate=reason["gate"],
    )


def _unknown(reason: Mapping[str, Any], _: Mapping[int, str]) -> str:
    return str(reason["code"])


def _asked_first(_: Mapping[str, Any], __: Mapping[int, str]) -> Any:
    return gettext("The school wants a person to confirm every absence alert")


_WORDS: Final[Mapping[str, _Words]] = {
    "gate_offline": _no_news,
    "gate_silent": _no_news,
    "gate_backlog": _backlog,
    "gate_holes": _holes,
    "gate_catching_up": _catching_up,
    "asked_first": _asked_first,
    "many_absent": _many,
    "course_empty": _empty,
    "check_late": _late,
    "inside_at_closing": _inside,
    "card_forged": _card_forged,
    "card_replayed": _card_replayed,
}
