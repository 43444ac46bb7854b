"""The promise of the whole line, with every part of it real and killed in turn."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import PHONE, Visit
from tests.e2e.line import Beep, Children, Line

pytestmark = pytest.mark.slow

VICTIMS = ("agent-demo-norte", "ingest", "worker", "web", "mosquitto", "redis", "postgres")
BEEPS_AROUND_A_KILL = 6


@pytest.fixture(scope="module")
def line(server_folder: Path) -> Iterator[Line]:
    with Line.started(server_folder / "line") as line:
        yield line


@pytest.fixture(scope="module")
def students(line: Line) -> Iterator[int]:
    """Every student of the demo school, each handed out once in the whole module."""
    return iter([id for (id,) in line.rows("SELECT id FROM students ORDER BY id")])


def assert_kept_once_and_told_once(line: Line, beeps: list[Beep]) -> None:
    """Wait until the line is quiet, then compare what was beeped with what is stored and told."""
    line.wait_for(lambda: missing(line, beeps) == [], f"missing: {missing(line, beeps)}")
    line.wait_for(lambda: unsettled(line) == 0, "messages are still on their way")
    assert holes(line) == []
    taps = line.rows("SELECT count(*), count(DISTINCT (stream_id, seq)) FROM taps")
    assert taps[0][0] == taps[0][1]
    sent = Counter(message["callback_data"] for message in line.messages())
    assert [callback for callback, times in sent.items() if times > 1] == []
    facts = Counter((m["phone"], m["template"], *m["parameters"][:2]) for m in line.messages())
    assert [fact for fact, times in facts.items() if times > 1] == []


def missing(line: Line, beeps: list[Beep]) -> list[Beep]:
    """Beeped taps that central does not hold for that very student."""
    held = {
        tuple(row)
        for row in line.rows(
            "SELECT s.device_id, t.seq, t.student_id FROM taps t"
            " JOIN streams s ON s.school_id = t.school_id AND s.id = t.stream_id"
            " WHERE s.key <> 'history'"
        )
    }
    return [beep for beep in beeps if (beep.device, beep.seq, beep.student) not in held]


def holes(line: Line) -> list[str]:
    """Streams that are not one run from 1."""
    return [
        key
        for (key,) in line.rows(
            "SELECT key FROM streams"
            " WHERE received <> int8multirange(int8range(1, upper(received)))"
        )
    ]


def unsettled(line: Line) -> int:
    query = "SELECT count(*) FROM notifications WHERE status IN ('queued', 'sending')"
    return int(line.rows(query)[0][0])


def test_a_tap_reaches_the_mothers_phone(line: Line, students: Iterator[int]) -> None:
    student = next(students)

    beep = line.tap("norte", student)

    assert beep is not None
    assert_kept_once_and_told_once(line, [beep])
    told = line.rows(
        "SELECT g.phone FROM student_guardians l JOIN guardians g"
        " ON g.school_id = l.school_id AND g.id = l.guardian_id"
        " WHERE l.student_id = :student AND l.notify_entry",
        student=student,
    )
    phones = {f"+{message['phone'].lstrip('+')}" for message in line.messages()}
    assert {phone for (phone,) in told} <= phones


def test_a_staff_card_opens_the_list_at_the_gate_when_central_does_not_answer(
    line: Line, students: Iterator[int], browser: Browser
) -> None:
    beep = line.tap("norte", next(students))
    assert beep is not None
    line.wait_for(lambda: missing(line, [beep]) == [], "the tap did not arrive")
    ((family_names, course),) = line.rows(
        "SELECT s.family_names, c.name FROM students s JOIN courses c"
        " ON c.school_id = s.school_id AND c.id = s.course_id WHERE s.id = :student",
        student=beep.student,
    )
    kept = Path(line.record()["demo"]) / "agents" / "demo-norte" / "data" / "evacuation.sealed"
    before = kept.stat().st_mtime_ns if kept.exists() else 0
    line.kill("agent-demo-norte")  # it fetches when it starts; else a minute may pass
    line.wait_for(lambda: kept.exists() and kept.stat().st_mtime_ns > before, "no list was fetched")
    page = Visit(browser, line.urls["evacuation"], width=PHONE)

    with line.stopped("web"):
        page.page.goto("/")
        page.page.get_by_role("button", name="Abrir con tarjeta de personal").click()
        for _ in range(2):
            assert line.present("norte", "inspector")["pattern"] == "accept"
        page.page.get_by_role("button", name="Cerrar la lista").wait_for()

    headings = page.page.get_by_role("heading", level=2)
    assert any(text.startswith(course) for text in headings.all_inner_texts())
    assert family_names in page.page.locator("ul").all_inner_texts()[0]
    assert page.complaints == []
    page.close()


def test_whoever_is_killed_every_beeped_tap_is_kept_once_and_told_once(
    line: Line, students: Iterator[int]
) -> None:
    everybody = list(students)[:560]
    north, south = iter(everybody[::2]), iter(everybody[1::2])

    with Children(line, "norte", north) as at_north, Children(line, "sur", south) as at_south:
        for victim in VICTIMS:
            at_north.beep_on(BEEPS_AROUND_A_KILL)
            at_south.beep_on(BEEPS_AROUND_A_KILL)
            line.kill(victim)
        at_north.beep_on(BEEPS_AROUND_A_KILL)
        at_south.beep_on(BEEPS_AROUND_A_KILL)

    assert_kept_once_and_told_once(line, at_north.beeps + at_south.beeps)


def test_a_broker_that_forgets_everything_loses_nothing(line: Line) -> None:
    ingest, broker = line.process("ingest"), line.process("mosquitto")
    store = Path(line.record()["services"]["mqtt"]["folder"]) / "mosquitto.db"
    absent = [
        id
        for (id,) in line.rows(
            "SELECT id FROM students s WHERE NOT EXISTS (SELECT 1 FROM taps t"
            " WHERE t.student_id = s.id AND t.boot <> 'history') ORDER BY id DESC LIMIT 20"
        )
    ]

    os.kill(ingest["pid"], signal.SIGSTOP)  # so that the broker has to queue
    beeps = [beep for student in absent if (beep := line.tap("sur", student)) is not None]
    os.killpg(broker["pid"], signal.SIGSTOP)  # so that it cannot write its store once more
    store.unlink(missing_ok=True)
    line.kill("mosquitto")
    os.kill(ingest["pid"], signal.SIGCONT)

    assert len(beeps) == len(absent)
    assert_kept_once_and_told_once(line, beeps)
