"""A country of schools to measure with: made by the database itself, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5

from sqlalchemy import Engine, text

STUDENTS_PER_COURSE = 40
DEVICES_PER_SCHOOL = 2

# Ids are given and not drawn, so that the bench can compute who taps where without asking.
_STATEMENTS = (
    """INSERT INTO schools (id, slug, name) OVERRIDING SYSTEM VALUE
       SELECT s, 'school-' || s, 'Colegio ' || s FROM generate_series(1, :schools) s""",
    """INSERT INTO alert_policies (school_id, tell_entries, tell_exits)
       SELECT id, true, true FROM schools""",
    """INSERT INTO courses (school_id, id, year, name) OVERRIDING SYSTEM VALUE
       SELECT s, s * 1000 + c, 2026, 'Curso ' || c
       FROM generate_series(1, :schools) s, generate_series(0, :courses - 1) c""",
    """INSERT INTO course_schedules (school_id, course_id, weekday, starts_at, ends_at)
       SELECT school_id, id, weekday, '08:00', '15:30'
       FROM courses, generate_series(1, 7) weekday""",
    """INSERT INTO students
           (school_id, id, course_id, given_names, family_names, enrolled_on)
       OVERRIDING SYSTEM VALUE
       SELECT s, s * 10000 + n, s * 1000 + n / 40, 'Niño ' || n, 'Familia ' || n, '2026-03-01'
       FROM generate_series(1, :schools) s, generate_series(0, :students - 1) n""",
    """INSERT INTO enrolments (school_id, student_id, course_id, from_on)
       SELECT school_id, id, course_id, enrolled_on FROM students""",
    """INSERT INTO cards (school_id, digest, kind, student_id)
       SELECT school_id, decode(md5(id::text), 'hex'), 'token', id FROM students""",
    """INSERT INTO guardians (school_id, id, full_name, phone) OVERRIDING SYSTEM VALUE
       SELECT school_id, id, 'Apoderada ' || id, '+569' || (10000000 + id) FROM students""",
    """INSERT INTO student_guardians
           (school_id, student_id, guardian_id, relationship, notify_entry, notify_exit)
       SELECT school_id, id, id, 'mother', true, true FROM students""",
    """INSERT INTO gates (school_id, id, name) OVERRIDING SYSTEM VALUE
       SELECT s, s * 10 + g, 'Puerta ' || g
       FROM generate_series(1, :schools) s, generate_series(0, :gates - 1) g""",
    """INSERT INTO devices (school_id, id, gate_id)
       SELECT school_id, 'gate-' || id, id FROM gates""",
)
_FILLED = ", ".join(statement.split()[2] for statement in _STATEMENTS)

# Checked for all rows at once it takes a third of the time that it takes for each.
_OVERLAP_NAME = "ex_enrolments_overlap"
_OVERLAP = text(
    f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{_OVERLAP_NAME}'"
)


@dataclass(frozen=True, slots=True)
class Nation:
    """Schools of equal size, each student with a card and a guardian who wants every message."""

    schools: int
    students_per_school: int

    def make(self, owner: Engine) -> None:
        """Fill an empty database."""
        sizes = {
            "schools": self.schools,
            "students": self.students_per_school,
            "courses": -(-self.students_per_school // STUDENTS_PER_COURSE),
            "gates": DEVICES_PER_SCHOOL,
        }
        with owner.begin() as connection:
            overlap = connection.scalar(_OVERLAP)
            connection.execute(text(f"ALTER TABLE enrolments DROP CONSTRAINT {_OVERLAP_NAME}"))
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # no look-ups
            for statement in _STATEMENTS:
                names = [name for name in sizes if f":{name}" in statement]
                connection.execute(text(statement), {name: sizes[name] for name in names})
            connection.execute(
                text(f"ALTER TABLE enrolments ADD CONSTRAINT {_OVERLAP_NAME} {overlap}")
            )
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Not of tables that are still empty: their statistics would say that they stay so.
            connection.execute(text(f"VACUUM ANALYZE {_FILLED}"))

    @property
    def devices(self) -> list[str]:
        """In an order in which neighbours are of different schools."""
        return [
            f"gate-{school * 10 + gate}"
            for gate in range(DEVICES_PER_SCHOOL)
            for school in range(1, self.schools + 1)
        ]

    def digest(self, device: str, number: int) -> str:
        """The card of a student at ``device``: students take turns at the gates of the school."""
        school, gate = divmod(int(device.removeprefix("gate-")), 10)
        position = (number * DEVICES_PER_SCHOOL + gate) % self.students_per_school
        student = school * 10000 + position
        return md5(str(student).encode(), usedforsecurity=False).hexdigest()
