"""What each role may do, and how long a sign-in lasts. Pure: values in, value out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# Who may do what in a school. The only place that decides it: pages and API both ask `may`.
PERMISSIONS: Final[Mapping[str, frozenset[str]]] = {
    # the board, taps and attendance days; a teacher's are those of their own courses
    "see_attendance": frozenset({"director", "inspector", "teacher"}),
    # students and their cards; a teacher's are those of their own courses
    "see_students": frozenset({"director", "inspector", "teacher", "technician"}),
    # without this one, everything above is limited to the courses that the person teaches
    "see_every_course": frozenset({"director", "inspector", "technician"}),
    # what was sent to whom, with the guardians' telephone numbers
    "see_messages": frozenset({"director", "inspector"}),
    # decide what waits for a person: whom to alarm, what to excuse, how a day is corrected
    "decide_tasks": frozenset({"director", "inspector"}),
    # requests to be excused, with their reasons and documents: to see, to make and to decide
    "manage_absences": frozenset({"director", "inspector"}),
    # terms, weekly hours, holidays and other exceptions; everybody who sees attendance sees them
    "manage_calendar": frozenset({"director", "inspector"}),
    # the school's settings: when and of what families are told
    "see_settings": frozenset({"director", "inspector"}),
    "manage_alerts": frozenset({"director"}),
    # photos of the gates: to look at one, which is in the audit log, and to enter a consent
    "see_photos": frozenset({"director", "inspector"}),
    # let the school's gates take photos at all, and see who looked
    "manage_photos": frozenset({"director"}),
    # say that a passage or a whole day was otherwise than the cards tell
    "correct_days": frozenset({"director", "inspector"}),
    # let a student go with somebody; who may collect, and whom a court order forbids it
    "withdraw_students": frozenset({"director", "inspector"}),
    # the guardians' telephone numbers beside a list of students; every look is in the audit log
    "see_phones": frozenset({"director", "inspector"}),
    # begin and end an evacuation, and say who looks after which course
    "lead_evacuation": frozenset({"director", "inspector"}),
    # the list of an evacuation, of every course whoever teaches it, and marking on it
    "mark_evacuation": frozenset({"director", "inspector", "teacher"}),
    "see_gates": frozenset({"director", "inspector", "technician", "operator"}),
    # restart a gate's devices, read their logs, make them show themselves
    "steer_gates": frozenset({"technician", "operator"}),
    # register a gate's devices, let them in by a code, put them out of action and back
    "manage_gates": frozenset({"director", "technician", "operator"}),
    # bring a new version of the software to the school's gates, step by step
    "update_gates": frozenset({"technician", "operator"}),
    # tap emulated cards; the page exists in development only
    "try_gates": frozenset({"director", "inspector", "technician"}),
}
STAFF_ROLES: Final = frozenset({"director", "inspector", "teacher", "technician", "operator"})

# A morning and an afternoon at the desk without signing in again, but not overnight on a shared
# computer; and once a week in any case, so that a stolen cookie dies by itself.
IDLE_LIMIT: Final = timedelta(hours=12)
ABSOLUTE_LIMIT: Final = timedelta(days=7)
# How stale `last_seen_at` may be: a write per minute instead of one per request.
SEEN_RESOLUTION: Final = timedelta(minutes=1)


def may(role: str, permission: str) -> bool:
    """Whether ``role`` includes ``permission``. An unknown permission is a bug: KeyError."""
    return role in PERMISSIONS[permission]


@dataclass(frozen=True, slots=True)
class SchoolSeen:
    """The school that a person looks at."""

    id: int
    name: str
    timezone: str  # IANA name


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person, in the school that they look at."""

    user_id: int
    full_name: str
    email: str
    locale: str
    school: SchoolSeen | None  # None until a person with several schools has chosen
    roles: frozenset[str]  # in that school
    staff_schools: tuple[int, ...]  # where the person has staff pages

    def may(self, permission: str) -> bool:
        return any(may(role, permission) for role in self.roles)


@dataclass(frozen=True, slots=True)
class SessionTimes:
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def live(self, now: datetime) -> bool:
        """Whether a browser may go on with this session at ``now``."""
        if self.revoked_at is not None:
            return False
        return now < self.expires_at and now - self.last_seen_at < IDLE_LIMIT

    def worth_touching(self, now: datetime) -> bool:
        return now - self.last_seen_at >= SEEN_RESOLUTION


def staff_schools(roles_by_school: Mapping[int, Iterable[str]]) -> tuple[int, ...]:
    """The schools in which a person has staff pages, by id; a guardian alone has none."""
    return tuple(
        sorted(school for school, roles in roles_by_school.items() if STAFF_ROLES & set(roles))
    )


def school_to_enter(chosen: int | None, schools: tuple[int, ...]) -> int | None:
    """The school to show: the one chosen while still a member, else the only one, else none."""
    if chosen in schools:
        return chosen
    return schools[0] if len(schools) == 1 else None


# In this order: Edge and Opera also say Chrome, Chrome also says Safari.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def describe_browser(user_agent: str | None) -> tuple[str, str]:
    """Browser and system as people call them; an empty string for what is not recognised."""
    text = user_agent or ""
    browser = next((name for mark, name in _BROWSERS if mark in text), "")
    system = next((name for mark, name in _SYSTEMS if mark in text), "")
    return browser, system
