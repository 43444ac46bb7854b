"""What the pages of the inspector's office have in common: reading forms, finding a student."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from flask import Flask, current_app, flash, request

from central.accounts.rules import SchoolSeen
from central.attendance.student_queries import students_found
from central.calendar.rules import moment
from central.db import db
from central.errors import Busy, Conflict, DomainError, NotAllowed, NotFound
from central.media.store import Store, store_of
from central.settings import Settings
from central.web import desk_wording
from central.web.access import current_school, current_viewer
from central.withdrawals.queries import StudentSeen, student_seen

LONGEST_TEXT: Final = 500
FOUND: Final = 20


@dataclass(frozen=True, slots=True)
class Here:
    """The school that the viewer works in, and what its wall clock and calendar show."""

    school: SchoolSeen
    user_id: int
    now: datetime

    @property
    def id(self) -> int:
        return self.school.id

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.school.timezone)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def clock(self) -> str:
        return self.now.astimezone(self.zone).strftime("%H:%M")


def register(app: Flask, settings: Settings) -> None:
    app.extensions["documents"] = store_of(settings)
    app.jinja_env.globals["desk_words"] = desk_wording
    app.jinja_env.globals["new_request_key"] = lambda: str(uuid4())


def here() -> Here:
    return Here(current_school(), current_viewer().user_id, datetime.now(UTC))


def documents() -> Store:
    store: Store = current_app.extensions["documents"]
    return store


def found_students(place: Here) -> dict[str, Any]:
    """What the field for finding a student typed, and whom it found."""
    typed = request.args.get("q", "").strip()
    students = students_found(db.session(), place.id, place.today, typed, limit=FOUND)
    return {"typed": typed, "found": students}


def known_student(place: Here, student_id: int) -> StudentSeen:
    """The student of this id. Raises NotFound."""
    student = student_seen(db.session(), place.id, student_id)
    if student is None:
        raise NotFound("no such student")
    return student


def try_to(change: Callable[[], Any], done: str) -> str | None:
    """Make a change and commit it; the code of what went wrong, else None and ``done`` is said."""
    session = db.session()
    try:
        change()
        session.commit()
    except (Conflict, Busy, NotAllowed) as error:
        session.rollback()
        return code_of(error)
    flash(done)
    return None


def try_or_say(
    change: Callable[[], Any],
    done: str,
    words: Callable[[str], Any] = desk_wording.problem_words,
) -> None:
    """``try_to`` for a small form: what went wrong is said on the page that follows."""
    problem = try_to(change, done)
    if problem is not None:
        flash(str(words(problem)), "wrong")


def code_of(error: DomainError) -> str:
    return error.code if isinstance(error, Busy) else error.detail or error.code


def text(name: str, longest: int = LONGEST_TEXT) -> str:
    """What was typed, without control characters, which PostgreSQL or a file cannot hold."""
    typed = request.form.get(name, "")
    plain = "".join(letter for letter in typed if letter in "\n\t" or ord(letter) >= 32)
    return plain.strip()[:longest]


def needed(name: str, longest: int = LONGEST_TEXT) -> str:
    """``text`` that must not be empty. Raises Conflict."""
    typed = text(name, longest)
    if not typed:
        raise Conflict("incomplete")
    return typed


def choice(name: str, words: Mapping[str, Any]) -> str:
    """One of the codes of ``words``. Raises Conflict."""
    chosen = request.form.get(name, "")
    if chosen not in words:
        raise Conflict("incomplete")
    return chosen


def day(name: str) -> date:
    """A date of the form. Raises Conflict."""
    found = optional_day(request.form.get(name, ""))
    if found is None:
        raise Conflict("incomplete")
    return found


def optional_day(given: str) -> date | None:
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def wall_clock(name: str) -> time:
    """A time of the form. Raises Conflict."""
    try:
        return time.fromisoformat(request.form.get(name, ""))
    except ValueError:
        raise Conflict("incomplete") from None


def moment_on(on_date: date, name: str, zone: ZoneInfo) -> datetime:
    """When the school's wall clock showed the typed time on a date. Raises Conflict."""
    try:
        return moment(on_date, wall_clock(name), zone)
    except OverflowError:
        raise Conflict("incomplete") from None


def file(name: str, largest: int) -> tuple[str, bytes] | None:
    """Name and content of an uploaded file, of one that is too large a byte more than allowed."""
    upload = request.files.get(name)
    if upload is None or not upload.filename:
        return None
    return upload.filename, upload.stream.read(largest + 1)


def request_key() -> UUID:
    """What the form was minted with. Raises Conflict."""
    try:
        return UUID(request.form.get("request_key", ""))
    except ValueError:
        raise Conflict("incomplete") from None
