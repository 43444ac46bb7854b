"""Each process may do in the database what its work needs and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

SessionAs = Callable[..., Session]

INSUFFICIENT_PRIVILEGE = "42501"

# role -> statements that its work does not need
FORBIDDEN = {
    "web": [
        "SELECT key FROM site_keys",
        "UPDATE taps SET student_id = NULL",
        "DELETE FROM taps",
        "UPDATE attendance_days SET student_id = 1",
        "UPDATE calendar_exceptions SET reason = ''",
        "DELETE FROM calendar_exceptions",
        "UPDATE day_corrections SET status = 'present'",
        "DELETE FROM day_corrections",
        "UPDATE absence_requests SET student_id = 1",
        "DELETE FROM day_closings",
        "UPDATE absence_events SET note = ''",
        "UPDATE authorised_persons SET identity_number = ''",
        "DELETE FROM authorised_persons",
        "UPDATE custody_flags SET person_name = ''",
        "DELETE FROM custody_flags",
        "UPDATE manual_entries SET at = now()",
        "DELETE FROM manual_entries",
        "UPDATE withdrawals SET refusal = NULL",
        "DELETE FROM withdrawals",
        "DELETE FROM notifications",
        "UPDATE notifications SET guardian_id = 1",
        "INSERT INTO no_shows DEFAULT VALUES",
        "INSERT INTO no_show_checks DEFAULT VALUES",
        "DELETE FROM no_shows",
        "UPDATE no_shows SET student_id = 1",
        "UPDATE tasks SET subject = '{}'",
        "DELETE FROM tasks",
        "INSERT INTO gate_outages DEFAULT VALUES",
        "UPDATE users SET email = 'a@b.example'",
        "UPDATE users SET disabled_at = NULL",
        "INSERT INTO memberships DEFAULT VALUES",
        "UPDATE memberships SET role = 'operator'",
        "UPDATE audit_log SET action = 'nothing'",
        "DELETE FROM audit_log",
        "UPDATE guardians SET phone = NULL",
        "DELETE FROM students",
        "INSERT INTO quarantine DEFAULT VALUES",
        "DELETE FROM quarantine",
        "UPDATE photos SET jpeg_key = 'another'",
        "UPDATE schools SET name = ''",
        "UPDATE students SET given_names = ''",
        "SELECT schools_of_devices('{gate-001}')",
        "SELECT derive_tap_times('{}', '{}')",
        "UPDATE devices SET gate_id = 1",
        "DELETE FROM devices",
        "UPDATE authorities SET state = 'current'",
        "INSERT INTO authorities DEFAULT VALUES",
        "UPDATE certificates SET expires_at = now()",
        "DELETE FROM certificates",
        "UPDATE enrolment_codes SET expires_at = now()",
        "SELECT refused_at_broker(now())",
        "UPDATE commands SET result = NULL",
        "INSERT INTO clock_anchors DEFAULT VALUES",
        "UPDATE rosters SET version = ''",
        "INSERT INTO releases DEFAULT VALUES",
        "UPDATE releases SET sha256 = ''",
        "UPDATE rollouts SET version = '1.0.0'",
        "UPDATE rollout_devices SET stage = 0",
        "DELETE FROM rollouts",
        "SELECT all_school_ids()",
        "CREATE TABLE mine (id int)",
        "DROP POLICY own_school ON taps",
        "ALTER TABLE taps DISABLE ROW LEVEL SECURITY",
        "SET ROLE attendance_ingest",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
    ],
    "ingest": [
        "UPDATE site_keys SET key = ''",
        "UPDATE taps SET student_id = NULL",
        "SELECT note FROM tasks",
        "UPDATE tasks SET state = 'done'",
        "SELECT * FROM users",
        "SELECT full_name FROM guardians",
        "SELECT given_names FROM students",
        "SELECT * FROM web_sessions",
        "SELECT * FROM refresh_tokens",
        "SELECT * FROM memberships",
        "SELECT * FROM audit_log",
        "SELECT payload FROM quarantine",
        "SELECT name FROM schools",
        "UPDATE taps SET tapped_at = now()",
        "DELETE FROM taps",
        "DELETE FROM streams",
        "UPDATE streams SET key = 'other'",
        "UPDATE taps SET clock = 'synced'",
        "DELETE FROM clock_anchors",
        "SELECT args FROM commands",
        "UPDATE commands SET name = 'restart'",
        "UPDATE devices SET public_key = NULL",
        "UPDATE devices SET desired = '{}'",
        "SELECT key_of_device('gate-001')",
        "SELECT redeem_enrolment_code('', now())",
        "SELECT * FROM authorities",
        "SELECT * FROM certificates",
        "UPDATE devices SET revoked_at = NULL",
        "SELECT comment FROM absence_requests",
        "SELECT * FROM custody_flags",
        "SELECT * FROM authorised_persons",
        "SELECT * FROM withdrawals",
        "SELECT * FROM manual_entries",
        "SELECT reason FROM day_corrections",
        "INSERT INTO day_corrections DEFAULT VALUES",
        "UPDATE notifications SET status = 'sent'",
        "DELETE FROM notifications",
        "UPDATE devices SET gate_id = 1",
        "INSERT INTO no_shows DEFAULT VALUES",
        "SELECT note FROM no_shows",
        "SELECT * FROM tasks",
        "UPDATE cards SET student_id = 1",
        "INSERT INTO students DEFAULT VALUES",
        "SELECT memberships_of(1)",
        "SELECT * FROM photos",
        "CREATE TABLE mine (id int)",
        "SET ROLE attendance_web",
    ],
    "worker": [
        "SELECT * FROM taps",
        "INSERT INTO photos DEFAULT VALUES",
        "UPDATE photos SET size = 1",
        "UPDATE students SET photo_opt_in = true",
        "SELECT * FROM users",
        "SELECT * FROM cards",
        "SELECT * FROM attendance_days",
        "SELECT family_names FROM students",
        "SELECT full_name FROM guardians",
        "SELECT * FROM audit_log",
        "SELECT note FROM no_shows",
        "SELECT reason FROM calendar_exceptions",
        "INSERT INTO notifications DEFAULT VALUES",
        "DELETE FROM notifications",
        "UPDATE notifications SET guardian_id = 1",
        "UPDATE guardians SET stopped_at = NULL",
        "SELECT memberships_of(1)",
        "SELECT schools_of_devices('{gate-001}')",
        "SELECT * FROM authorities",
        "SELECT * FROM certificates",
        "CREATE TABLE mine (id int)",
    ],
    "scheduler": [
        "SELECT * FROM users",
        "SELECT user_id FROM web_sessions",
        "UPDATE web_sessions SET revoked_at = NULL",
        "INSERT INTO refresh_tokens DEFAULT VALUES",
        "SELECT full_name FROM guardians",
        "SELECT digest FROM taps",
        "SELECT * FROM photos",
        "UPDATE students SET photo_opt_in = true",
        "SELECT comment FROM absence_requests",
        "INSERT INTO day_corrections DEFAULT VALUES",
        "DELETE FROM taps",
        "UPDATE notifications SET status = 'sent'",
        "DELETE FROM notifications",
        "UPDATE no_shows SET note = ''",
        "DELETE FROM no_shows",
        "UPDATE alert_policies SET tell_entries = true",
        "UPDATE tasks SET owner_id = 1",
        "DELETE FROM tasks",
        "DELETE FROM audit_log",
        "SELECT email FROM users",
        "UPDATE authorities SET state = 'retired'",
        "SELECT redeem_enrolment_code('', now())",
        "SELECT * FROM enrolment_codes",
        "UPDATE devices SET revoked_at = NULL",
        "UPDATE commands SET name = 'restart'",
        "UPDATE devices SET public_key = NULL",
        "SELECT memberships_of(1)",
        "CREATE TABLE mine (id int)",
    ],
}


@pytest.mark.parametrize(
    ("role", "statement"),
    [(role, statement) for role, statements in FORBIDDEN.items() for statement in statements],
)
def test_a_process_cannot_do_what_it_does_not_need(
    session_as: SessionAs, role: str, statement: str
) -> None:
    process = session_as(role, 1)

    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner") as refusal:
        process.execute(text(statement))

    assert getattr(refusal.value.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE


def test_functions_that_look_across_schools_cannot_be_misled_or_borrowed(owner: Engine) -> None:
    """Their names resolve in a fixed place, temporary objects last, and PUBLIC may not call them.

    A function that runs with its owner's rights would otherwise look names up where its caller
    says: https://www.postgresql.org/docs/current/sql-createfunction.html (writing SECURITY DEFINER
    functions safely).
    """
    with owner.connect() as connection:
        functions = connection.execute(
            text(
                "SELECT proname, prosecdef, proconfig,"
                " has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc"
                " WHERE pronamespace = 'public'::regnamespace"
            )
        ).all()

    assert {name for name, definer, _, _ in functions if definer} >= {
        "schools_of_devices",
        "memberships_of",
        "all_school_ids",
    }
    for name, definer, config, anybody in functions:
        assert not anybody, f"PUBLIC may call {name}"
        if definer:
            assert config == ["search_path=pg_catalog, public, pg_temp"], name
