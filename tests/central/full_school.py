"""A school with one row in every table that belongs to schools."""

from __future__ import annotations

from datetime import date, time
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from central.models import (
    AbsenceEvent,
    AbsenceRequest,
    AttendanceDay,
    AuditEntry,
    AuthorisedPerson,
    Authority,
    CalendarException,
    Certificate,
    ClockAnchor,
    Command,
    CourseSchedule,
    CustodyFlag,
    DayClosing,
    DayCorrection,
    DeviceHealth,
    EnrolmentCode,
    Evacuation,
    EvacuationMark,
    EvacuationOpener,
    EvacuationPerson,
    EvacuationStaff,
    GateCourse,
    GateOutage,
    ManualEntry,
    Membership,
    NoShow,
    NoShowCheck,
    Notification,
    Photo,
    QuarantinedMessage,
    Release,
    Rollout,
    RolloutDevice,
    School,
    SchoolYear,
    Stream,
    Tap,
    Task,
    TeacherCourse,
    Term,
    Withdrawal,
)
from tests.builders import (
    MORNING,
    SCHOOL_DAY,
    a_course,
    a_device,
    a_digest,
    a_gate,
    a_guardian,
    a_school,
    a_student,
    a_user,
)


def a_full_school(session: Session) -> School:
    school = a_school(session)
    course = a_course(session, school, starts_at=None)
    student = a_student(session, course, card=f"card of {school.id}")
    guardian = a_guardian(session, student)
    gate = a_gate(session, school)
    device = a_device(session, gate)
    user = a_user(session)
    stream = Stream(school_id=school.id, device_id=device.id, key="s1")
    year = SchoolYear(
        school_id=school.id, year=2026, starts_on=date(2026, 3, 2), ends_on=date(2026, 12, 18)
    )
    check = NoShowCheck(
        school_id=school.id, on_date=SCHOOL_DAY, begins_at=MORNING, checked_at=MORNING
    )
    evacuation = Evacuation(
        school_id=school.id, kind="drill", started_by=user.id, started_at=MORNING
    )
    authority = Authority(state="old", certificate=b"c", sealed_key=b"k", created_at=MORNING)
    session.merge(
        Release(version="1.0.0", sha256="0" * 64, size=1, store_key="r", published_at=MORNING)
    )
    rollout = Rollout(school_id=school.id, version="1.0.0", started_at=MORNING, changed_at=MORNING)
    session.add_all([stream, year, check, evacuation, authority, rollout])
    session.flush()
    here = {"school_id": school.id, "student_id": student.id}
    fled = EvacuationPerson(**here, evacuation_id=evacuation.id, course_id=course.id, sure=True)
    absence = AbsenceRequest(
        **here, from_on=SCHOOL_DAY, until_on=SCHOOL_DAY, kind="absence", reason="illness"
    )
    person = AuthorisedPerson(
        **here,
        full_name="Rosa Díaz",
        identity_kind="run",
        identity_number="12345678-5",
        relationship="neighbour",
        from_on=SCHOOL_DAY,
        author_id=user.id,
    )
    session.add_all([fled, absence, person])
    session.flush()
    session.add_all(
        [
            CourseSchedule(
                school_id=school.id,
                course_id=course.id,
                weekday=3,
                starts_at=time(8),
                ends_at=time(15),
            ),
            Tap(
                **here,
                stream_id=stream.id,
                seq=1,
                gate_id=gate.id,
                direction="auto",
                tapped_at=MORNING,
                on_date=SCHOOL_DAY,
                clock="synced",
                boot="b",
                up_ms=1,
                reader="r1",
                card_kind="token",
                digest=a_digest(f"card of {school.id}"),
                verdict="accepted",
            ),
            AttendanceDay(
                **here,
                on_date=SCHOOL_DAY,
                status="present",
                inside=True,
                passages=1,
                confidence="sure",
            ),
            Notification(
                **here,
                guardian_id=guardian.id,
                kind="entry",
                on_date=SCHOOL_DAY,
                ordinal=1,
                fact_at=MORNING,
                gate_id=gate.id,
                due_at=MORNING,
            ),
            QuarantinedMessage(
                school_id=school.id,
                fingerprint=f"fingerprint {school.id}".encode(),
                topic="t",
                reason="r",
                payload=b"p",
                payload_bytes=1,
            ),
            Photo(
                school_id=school.id,
                device_id=device.id,
                id="0" * 32,
                size=1,
                offered_at=MORNING,
                taken_at=MORNING,
                try_at=MORNING,
            ),
            AuditEntry(school_id=school.id, actor_id=user.id, action="signed_in"),
            Membership(school_id=school.id, user_id=user.id, role="director"),
            Term(
                school_id=school.id,
                school_year_id=year.id,
                name="1",
                starts_on=year.starts_on,
                ends_on=year.ends_on,
            ),
            CalendarException(
                school_id=school.id,
                from_on=date(2026, 9, 18),
                until_on=date(2026, 9, 18),
                kind="holiday",
                reason="Fiestas Patrias",
            ),
            ManualEntry(
                **here,
                request_key=uuid4(),
                on_date=SCHOOL_DAY,
                direction="in",
                at=MORNING,
                reason="forgot the card",
                author_id=user.id,
                state="proposed",
            ),
            AbsenceEvent(
                school_id=school.id, request_id=absence.id, action="requested", user_id=user.id
            ),
            CustodyFlag(
                **here,
                person_name="Nadie",
                court_order="C-1-2026",
                from_on=SCHOOL_DAY,
                author_id=user.id,
            ),
            Withdrawal(
                **here,
                request_key=uuid4(),
                on_date=SCHOOL_DAY,
                at=MORNING,
                authorised_person_id=person.id,
                person_name=person.full_name,
                relationship=person.relationship,
                identity_kind="run",
                identity_number=person.identity_number,
                reason="medical",
                refusal="custody",
                author_id=user.id,
            ),
            DayCorrection(
                **here,
                on_date=SCHOOL_DAY,
                kind="set_status",
                status="present",
                reason="seen in class",
                author_id=user.id,
            ),
            DayClosing(school_id=school.id, on_date=SCHOOL_DAY),
            Task(school_id=school.id, kind="no_show_check", on_date=SCHOOL_DAY),
            NoShow(
                **here,
                on_date=SCHOOL_DAY,
                course_id=course.id,
                begins_at=MORNING,
                found_at=MORNING,
            ),
            GateOutage(school_id=school.id, gate_id=gate.id, from_at=MORNING),
            GateCourse(school_id=school.id, gate_id=gate.id, course_id=course.id),
            TeacherCourse(school_id=school.id, user_id=user.id, course_id=course.id),
            EvacuationMark(
                **here,
                evacuation_id=evacuation.id,
                key=UUID(int=school.id),
                state="safe",
                marked_by=user.id,
                made_at=MORNING,
            ),
            EvacuationStaff(
                school_id=school.id,
                evacuation_id=evacuation.id,
                course_id=course.id,
                user_id=user.id,
                assigned_by=user.id,
            ),
            ClockAnchor(
                school_id=school.id, device_id=device.id, boot="b", offset_ms=1, at=MORNING
            ),
            DeviceHealth(
                school_id=school.id,
                device_id=device.id,
                slot_at=MORNING,
                queue_depth=0,
                oldest_unsent_s=0,
                disk_free_mb=9,
                reader_resets=0,
                camera_resets=0,
                unsynced=False,
            ),
            Command(
                school_id=school.id,
                device_id=device.id,
                name="identify",
                requested_by=user.id,
                expires_at=MORNING,
            ),
            Certificate(
                school_id=school.id,
                serial=f"{school.id:x}",
                device_id=device.id,
                authority_id=authority.id,
                issued_at=MORNING,
                expires_at=MORNING,
            ),
            EnrolmentCode(
                school_id=school.id,
                device_id=device.id,
                digest=school.id.to_bytes(32, "big"),
                created_at=MORNING,
                created_by=user.id,
                expires_at=MORNING,
            ),
            RolloutDevice(
                school_id=school.id,
                rollout_id=rollout.id,
                device_id=device.id,
                stage=0,
                changed_at=MORNING,
            ),
            EvacuationOpener(
                school_id=school.id, salt=bytes(16), public_key=bytes(32), created_by=user.id
            ),
        ]
    )
    session.flush()
    return school
