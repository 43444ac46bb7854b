"""Imported by Alembic and the app factory, so that every table is registered."""

from central.absences.models import AbsenceEvent, AbsenceRequest
from central.accounts.models import AuditEntry, Membership, RefreshToken, User, WebSession
from central.attendance.manual_models import ManualEntry
from central.attendance.models import AttendanceDay, DayClosing, DayCorrection, Tap
from central.calendar.models import CalendarException, CourseSchedule, SchoolYear, Term
from central.cards.models import Card
from central.devices.link_models import ClockAnchor, Command, DeviceHealth, RosterState
from central.devices.models import (
    Device,
    Gate,
    GateCourse,
    GateOutage,
    QuarantinedMessage,
    Stream,
)
from central.evacuation.models import (
    Evacuation,
    EvacuationMark,
    EvacuationOpener,
    EvacuationPerson,
    EvacuationStaff,
)
from central.identity.models import Authority, Certificate, EnrolmentCode
from central.media.models import Photo
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
from central.releases.models import Release, Rollout, RolloutDevice
from central.schools.models import School, SiteKey
from central.tasks.models import Task
from central.withdrawals.models import AuthorisedPerson, CustodyFlag, Withdrawal

__all__ = [
    "AbsenceEvent",
    "AbsenceRequest",
    "AlertPolicy",
    "AttendanceDay",
    "AuditEntry",
    "AuthorisedPerson",
    "Authority",
    "CalendarException",
    "Card",
    "Certificate",
    "ClockAnchor",
    "Command",
    "Course",
    "CourseSchedule",
    "CustodyFlag",
    "DayClosing",
    "DayCorrection",
    "Device",
    "DeviceHealth",
    "Enrolment",
    "EnrolmentCode",
    "Evacuation",
    "EvacuationMark",
    "EvacuationOpener",
    "EvacuationPerson",
    "EvacuationStaff",
    "Gate",
    "GateCourse",
    "GateOutage",
    "Guardian",
    "ManualEntry",
    "Membership",
    "NoShow",
    "NoShowCheck",
    "Notification",
    "Photo",
    "QuarantinedMessage",
    "RefreshToken",
    "Release",
    "Rollout",
    "RolloutDevice",
    "RosterState",
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
    "Withdrawal",
]
