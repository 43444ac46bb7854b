"""Imported by Alembic and the app factory, so that every table is registered."""

from central.accounts.models import AuditEntry, Membership, RefreshToken, User, WebSession
from central.attendance.models import AttendanceDay, Tap
from central.calendar.models import CourseSchedule
from central.cards.models import Card
from central.devices.models import Device, Gate, QuarantinedMessage, Stream
from central.notifications.models import Notification
from central.people.models import Course, Guardian, Student, StudentGuardian, TeacherCourse
from central.schools.models import School, SiteKey

__all__ = [
    "AttendanceDay",
    "AuditEntry",
    "Card",
    "Course",
    "CourseSchedule",
    "Device",
    "Gate",
    "Guardian",
    "Membership",
    "Notification",
    "QuarantinedMessage",
    "RefreshToken",
    "School",
    "SiteKey",
    "Stream",
    "Student",
    "StudentGuardian",
    "Tap",
    "TeacherCourse",
    "User",
    "WebSession",
]
