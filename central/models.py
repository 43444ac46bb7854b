"""Imported by Alembic and the app factory, so that every table is registered."""

from central.absences.models import AbsenceRequest
from central.accounts.models import AuditEntry, Membership, RefreshToken, User, WebSession
from central.attendance.models import AttendanceDay, DayClosing, DayCorrection, Tap
from central.calendar.models import CalendarException, CourseSchedule, SchoolYear, Term
from central.cards.models import Card
from central.devices.models import (
    Device,
    Gate,
    GateCourse,
    GateOutage,
    QuarantinedMessage,
    Stream,
)
from central.no_shows.models import AlertPolicy, NoShow, NoShowCheck
from central.notifications.models import Notification
from central.people.models import (
    Course,
    Enrolment,
    Guardian,
    Student,
    StudentGuardian,
    TeacherCourse,
)
from central.schools.models import School, SiteKey
from central.tasks.models import Task

__all__ = [
    "AbsenceRequest",
    "AlertPolicy",
    "AttendanceDay",
    "AuditEntry",
    "CalendarException",
    "Card",
    "Course",
    "CourseSchedule",
    "DayClosing",
    "DayCorrection",
    "Device",
    "Enrolment",
    "Gate",
    "GateCourse",
    "GateOutage",
    "Guardian",
    "Membership",
    "NoShow",
    "NoShowCheck",
    "Notification",
    "QuarantinedMessage",
    "RefreshToken",
    "School",
    "SchoolYear",
    "SiteKey",
    "Stream",
    "Student",
    "StudentGuardian",
    "Tap",
    "Task",
    "TeacherCourse",
    "Term",
    "User",
    "WebSession",
]
