"""Which photos there are, for whoever may see them, and where work on them waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import and_, func, select, text
from sqlalchemy.orm import Session

from central.accounts.models import AuditEntry, User
from central.attendance.models import Tap
from central.media.models import Photo
from central.media.photo_service import AWAITED, LOOKED
from central.people.models import Student
from central.schools.models import School

LOOKS_LISTED: Final = 50

TapKey = tuple[int, int]  # stream, seq

_WORK = text("SELECT school_id FROM schools_with_photo_work(:at, :kept_from, :awaited_from)")


# Also before a photo without consent is deleted nobody is shown it.
_SHOWN: Final = (
    select(Tap.stream_id, Tap.seq, Photo.jpeg_key)
    .join(
        Photo,
        and_(
            Photo.school_id == Tap.school_id,
            Photo.stream_id == Tap.stream_id,
            Photo.seq == Tap.seq,
        ),
    )
    .join(Student, and_(Student.school_id == Tap.school_id, Student.id == Tap.student_id))
    .where(Student.photo_opt_in, Photo.state == "kept", ~Photo.withdrawn)
)


def schools_with_photo_work(session: Session, *, now: datetime, kept: timedelta) -> list[int]:
    """Schools in which a photo waits to be opened or deleted. Needs none to be named."""
    times = {"at": now, "kept_from": now - kept, "awaited_from": now - AWAITED}
    return list(session.scalars(_WORK, times))


def photos_on(
    session: Session, school_id: int, student_id: int, on_date: date
) -> Mapping[TapKey, str]:
    """The student's taps of a date of which there is a photo, with the photo's key in the store.

    None of a student whose guardian does not agree, also before its photos are deleted.
    """
    query = _SHOWN.where(
        Tap.school_id == school_id, Tap.student_id == student_id, Tap.on_date == on_date
    )
    return {(stream_id, seq): key or "" for stream_id, seq, key in session.execute(query)}


def photo_of_tap(session: Session, school_id: int, student_id: int, tap: TapKey) -> str | None:
    """The key of the photo of one of the student's taps, as above; None without one."""
    stream_id, seq = tap
    query = _SHOWN.where(
        *(Tap.school_id == school_id, Tap.student_id == student_id),
        *(Tap.stream_id == stream_id, Tap.seq == seq),
    )
    row = session.execute(query).one_or_none()
    return None if row is None else row.jpeg_key


def photo_consent(session: Session, school_id: int, student_id: int) -> bool | None:
    """Whether the student's guardian agrees to photos; None where the school takes none."""
    query = (
        select(Student.photo_opt_in)
        .join(School, School.id == Student.school_id)
        .where(
            *(Student.school_id == school_id, Student.id == student_id),
            School.photo_key.is_not(None),
        )
    )
    return session.scalars(query).one_or_none()


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked at a photo; ``subject`` is ``student:12``."""

    at: datetime
    by: str
    student: str


@dataclass(frozen=True, slots=True)
class PhotoFigures:
    """Whether a school's gates take photos, of how many students they may, and what there is."""

    on: bool
    consenting: int
    students: int
    kept: int
    looks: tuple[Look, ...]


def photo_figures(session: Session, school_id: int, today: date) -> PhotoFigures:
    """For the page about photos. The session must have entered the school."""
    here = (Student.school_id == school_id) & (
        Student.left_on.is_(None) | (Student.left_on >= today)
    )
    consenting, students = session.execute(
        select(func.count().filter(Student.photo_opt_in), func.count()).where(here)
    ).one()
    kept = session.scalar(
        select(func.count()).where(
            Photo.school_id == school_id, Photo.state == "kept", ~Photo.withdrawn
        )
    )
    key = session.scalars(select(School.photo_key).where(School.id == school_id)).one()
    return PhotoFigures(
        key is not None, consenting, students, kept or 0, _looks(session, school_id)
    )


def _looks(session: Session, school_id: int) -> tuple[Look, ...]:
    """The latest ones first."""
    query = (
        select(AuditEntry.at, User.full_name, Student.given_names, Student.family_names)
        .outerjoin(User, User.id == AuditEntry.actor_id)
        .outerjoin(
            Student,
            and_(
                Student.school_id == AuditEntry.school_id,
                AuditEntry.subject == func.concat("student:", Student.id),
            ),
        )
        .where(AuditEntry.school_id == school_id, AuditEntry.action == LOOKED)
        .order_by(AuditEntry.at.desc())
        .limit(LOOKS_LISTED)
    )
    return tuple(
        Look(at, by or "", f"{given or ''} {family or ''}".strip())
        for at, by, given, family in session.execute(query)
    )
