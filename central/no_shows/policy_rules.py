"""What a school may set about the word it sends to families, and what that comes to. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

from central.no_shows.rules import DEFAULT_MOST_ABSENT_PERCENT, DEFAULT_SILENT_AFTER

LONGEST_GRACE_MINUTES: Final = 240  # later than that an alert only says that nobody looked
SHORTEST_SILENCE_MINUTES: Final = 2  # a gate reports its health once a minute
LONGEST_SILENCE_MINUTES: Final = 240


class AlertSettings(NamedTuple):
    """When and of what families are told; without arguments, as for a school that has not said.

    ``grace_minutes`` None is that of the installation.
    """

    grace_minutes: int | None = None
    most_absent_percent: int = DEFAULT_MOST_ABSENT_PERCENT
    silent_after_minutes: int = DEFAULT_SILENT_AFTER // timedelta(minutes=1)
    tell_entries: bool = False
    tell_exits: bool = False
    tell_late: bool = True
    ask_first: bool = False


class Volumes(NamedTuple):
    """Messages on a usual school day, of each kind, had each been told; of ``days`` looked at.

    ``late_only`` are those of ``late`` to guardians who do not hear of usual entries.
    """

    days: int = 0
    entries: float = 0
    exits: float = 0
    late: float = 0
    late_only: float = 0
    absences: float = 0


def settings_problem(new: AlertSettings) -> str | None:
    """Why these settings cannot be; None when they can."""
    if new.grace_minutes is not None and not 0 <= new.grace_minutes <= LONGEST_GRACE_MINUTES:
        return "grace_does_not_fit"
    if not 1 <= new.most_absent_percent <= 100:
        return "share_does_not_fit"
    if not SHORTEST_SILENCE_MINUTES <= new.silent_after_minutes <= LONGEST_SILENCE_MINUTES:
        return "silence_does_not_fit"
    return None


def messages_a_day(chosen: AlertSettings, volumes: Volumes) -> int:
    """How many messages these settings would send on a usual school day.

    That a person confirms absences first makes them no fewer: it is not known whom they refuse.
    """
    sent = volumes.absences
    if chosen.tell_entries:
        sent += volumes.entries
    if chosen.tell_exits:
        sent += volumes.exits
    if chosen.tell_late:
        sent += volumes.late_only if chosen.tell_entries else volumes.late
    return round(sent)
