"""Enrolling and leaving as a school does: with the days concluded anew, and who did it kept."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from central.accounts.service import record
from central.attendance.service import refresh_days
from central.people import enrolment_service


def change_course(
    session: Session, school_id: int, student_id: int, course_id: int, from_on: date, by: int
) -> int:
    """Let a student belong to another course from a date on; how many days are other than before.

    The days before stay with the course that the student had then.
    """
    enrolment_service.enrol(session, school_id, student_id, course_id, from_on)
    detail = {"course": course_id, "from_on": from_on.isoformat()}
    record(session, school_id, by, "changed_course", f"student:{student_id}", detail)
    return refresh_days(session, school_id, [student_id], from_on, date.max)


def leave_school(session: Session, school_id: int, student_id: int, last_on: date, by: int) -> int:
    """Let a student leave the school after a date; how many days are other than before."""
    enrolment_service.leave(session, school_id, student_id, last_on)
    detail = {"last_on": last_on.isoformat()}
    record(session, school_id, by, "left_school", f"student:{student_id}", detail)
    return refresh_days(session, school_id, [student_id], last_on, date.max)
