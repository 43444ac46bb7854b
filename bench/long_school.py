"""One school with a long past: every student comes and goes on every school day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta

from sqlalchemy import Engine, text

SCHOOL = 1
STUDENTS_PER_COURSE = 40
TODAY = date(2026, 11, 24)  # a Tuesday

# Taps come in the order of their days, as they do in life; a share of students is absent, late,
# or still inside on the last day.
_STATEMENTS = (
    "SET LOCAL session_replication_role = replica",  # rows made by rule need no foreign key checks
    "INSERT INTO schools (id, slug, name) OVERRIDING SYSTEM VALUE VALUES (1, 'largo', 'Colegio')",
    """INSERT INTO courses (school_id, id, year, name, position) OVERRIDING SYSTEM VALUE
       SELECT 1, 1000 + c, 2026, 'Curso ' || c, c FROM generate_series(0, :courses - 1) c""",
    """INSERT INTO course_schedules (school_id, course_id, weekday, starts_at, ends_at)
       SELECT 1, id, weekday, '08:00', '15:30' FROM courses, generate_series(1, 5) weekday""",
    """INSERT INTO students (school_id, id, course_id, given_names, family_names, enrolled_on)
       OVERRIDING SYSTEM VALUE
       SELECT 1, 10000 + n, 1000 + n / 40, 'Niño ' || n, 'Familia ' || n, :first
       FROM generate_series(0, :students - 1) n""",
    """INSERT INTO enrolments (school_id, student_id, course_id, from_on)
       SELECT 1, id, course_id, enrolled_on FROM students""",
    """INSERT INTO guardians (school_id, id, full_name, phone) OVERRIDING SYSTEM VALUE
       SELECT 1, id, 'Apoderada ' || id, '+5698' || (1000000 + id) FROM students""",
    """INSERT INTO student_guardians (school_id, student_id, guardian_id, relationship)
       SELECT 1, id, id, 'mother' FROM students""",
    """INSERT INTO gates (school_id, id, name) OVERRIDING SYSTEM VALUE
       VALUES (1, 10, 'Norte'), (1, 11, 'Sur')""",
    """INSERT INTO devices (school_id, id, gate_id, online, status_at)
       SELECT 1, 'gate-' || id, id, true, now() FROM gates""",
    """INSERT INTO streams (school_id, id, device_id, key) OVERRIDING SYSTEM VALUE
       SELECT 1, id, 'gate-' || id, 's' FROM gates""",
    """CREATE TEMPORARY TABLE school_days ON COMMIT DROP AS
       SELECT d::date AS on_date, row_number() OVER (ORDER BY d) AS n
       FROM generate_series(CAST(:first AS date), CAST(:today AS date), interval '1 day') d
       WHERE extract(isodow FROM d) <= 5""",
    """CREATE TEMPORARY TABLE visits ON COMMIT DROP AS
       SELECT on_date, n, id AS student_id, 10 + id % 2 AS gate_id,
              (hashint4((id * 7919 + n)::int) & 1023) AS dice,
              (on_date + time '07:40' + (id % 25) * interval '1 minute')
                  AT TIME ZONE 'America/Santiago' AS came_at,
              (on_date + time '15:31' + (id % 17) * interval '1 minute')
                  AT TIME ZONE 'America/Santiago' AS left_at
       FROM school_days, students ORDER BY n, id""",
    """INSERT INTO taps (school_id, stream_id, seq, student_id, gate_id, direction, tapped_at,
           on_date, clock, boot, up_ms, reader, card_kind, digest, verdict, received_at)
       SELECT 1, gate_id, row_number() OVER (PARTITION BY gate_id ORDER BY at), student_id,
              gate_id, 'auto', at, on_date, 'synced', 'b', 1, 'r1', 'token',
              decode(md5(student_id::text), 'hex'), 'accepted', at
       FROM visits, LATERAL (VALUES (came_at), (left_at)) AS t (at) ORDER BY at""",
    """INSERT INTO attendance_days (school_id, on_date, student_id, status, first_entry_at,
           last_exit_at, inside, minutes_late, passages, confidence, method)
       SELECT 1, on_date, student_id,
              CASE WHEN dice < 60 THEN 'absent' WHEN dice < 75 THEN 'justified'
                   WHEN dice < 130 THEN 'late' ELSE 'present' END,
              CASE WHEN dice >= 75 THEN came_at END,
              CASE WHEN dice >= 75 AND on_date < CAST(:today AS date) THEN left_at END,
              on_date = CAST(:today AS date) AND dice >= 75,
              CASE WHEN dice BETWEEN 75 AND 129 THEN 9 ELSE 0 END,
              CASE WHEN dice >= 75 THEN 2 ELSE 0 END, 'sure',
              CASE WHEN dice >= 75 THEN 'taps' ELSE 'closing' END
       FROM visits""",
    """INSERT INTO day_closings (school_id, on_date)
       SELECT 1, on_date FROM school_days WHERE on_date < CAST(:today AS date)""",
    """INSERT INTO notifications (school_id, guardian_id, student_id, kind, on_date, ordinal,
           fact_at, gate_id, due_at, status, created_at)
       SELECT 1, student_id, student_id, 'entry', on_date, 1, came_at, gate_id, came_at,
              'delivered', came_at FROM visits
       WHERE dice >= 75 AND on_date > CAST(:today AS date) - 60""",
)


@dataclass(frozen=True, slots=True)
class LongSchool:
    """``school_days`` days up to and including today, two taps a student and day."""

    students: int
    school_days: int

    today = TODAY
    measured_at = time(9, 30)
    a_course = 1003

    def first_of_last(self, school_days: int) -> date:
        """The first of that many weekdays that end today."""
        day, left = self.today, school_days - 1
        while left:
            day -= timedelta(days=1)
            left -= day.isoweekday() <= 5
        return day

    def make(self, owner: Engine) -> None:
        """Fill an empty database."""
        sizes = {
            "students": self.students,
            "courses": -(-self.students // STUDENTS_PER_COURSE),
            "first": self.first_of_last(self.school_days),
            "today": self.today,
        }
        with owner.begin() as connection:
            for statement in _STATEMENTS:
                names = [name for name in sizes if f":{name}" in statement]
                connection.execute(text(statement), {name: sizes[name] for name in names})
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
