"""What a technician hears of a gate: at the reader with a service card, and from ``doctor``."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devkit.servers import Mosquitto, free_port
from devkit.waiting import wait_until
from edge_agent.doctor import locale_of
from edge_agent.doctor_desk import SOCKET, AgentSilent, ask_agent
from edge_agent.findings import Finding
from edge_agent.findings_words import NOTES, PARTS, REMEDIES
from edge_agent.selftest import certificate_finding
from tests.edge.central import Central
from tests.edge.gate import PATIENCE, REPOSITORY, Gate, card, roster
from tests.edge.tls import Authority
from tests.edge.values import MORNING

SERVICE = 3
WELL = "✓"


def doctor(gate: Gate, language: str = "en_GB.UTF-8") -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "doctor", "--config", str(gate.config)],
        cwd=REPOSITORY,
        env={**os.environ, "LC_ALL": language},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def line(report: str, part: str) -> str:
    return next(line for line in report.splitlines() if f" {part} " in line)


def running(gate: Gate, central: Central) -> None:
    gate.write_roster(roster(states={SERVICE: "service"}))
    gate.start()
    central.wait_for_statuses(1)
    assert gate.tap(card(1))["pattern"] == "accept"  # the reader is there


def test_a_service_card_is_greeted_and_the_gate_then_looks_at_itself(
    gate: Gate, central: Central
) -> None:
    running(gate, central)

    patterns = [gate.tap(card(SERVICE))["pattern"], *(gate.answers.next()["pattern"] for _ in "12")]

    assert patterns == ["accept", "testing", "tested_well"]
    (tap,) = [tap for tap in gate.stored().values() if tap["card"]["kind"] == "staff"]
    assert tap["verdict"] == "accepted"


def test_a_service_card_finds_what_is_wrong(gate: Gate) -> None:
    gate.write_roster(roster(states={SERVICE: "service"}))
    gate.write_config(free_port())  # no broker
    gate.start()

    gate.tap(card(SERVICE))

    assert [gate.answers.next()["pattern"] for _ in range(2)] == ["testing", "tested_fault"]


def test_doctor_asks_a_running_agent_and_disturbs_nobody(gate: Gate, central: Central) -> None:
    running(gate, central)

    status, said = doctor(gate)

    assert (status, "All is well." in said) == (0, True), said
    assert "running" in line(said, "Agent")
    assert line(said, "Reader entrada").strip().startswith(WELL)
    assert len(central.statuses) == 1  # nobody else came under its name
    assert gate.tap(card(2))["pattern"] == "accept"


def test_doctor_names_each_fault_with_its_remedy_and_fails(gate: Gate) -> None:
    gate.write_config(free_port())
    gate.start()
    assert gate.tap(card(1))["pattern"] == "accept"

    status, said = doctor(gate, "es_CL.UTF-8")

    assert status == 1
    assert "Para revisar: 1." in said
    fault, remedy = said.split("▲")[1].splitlines()[:2]
    assert "sin conexión" in fault
    assert re.search(r"→ Revisa la red y que deje salir al puerto \d+", remedy)


def test_doctor_looks_itself_where_no_agent_runs(gate: Gate, central: Central) -> None:
    gate.data.mkdir()

    status, said = doctor(gate)

    assert status == 0, said
    assert "not running" in line(said, "Agent")
    for part in ("Reader entrada", "Disk", "Clock", "Connection", "List of cards"):
        assert line(said, part).strip().startswith(WELL), said
    assert central.statuses == []

    gate.start()
    assert gate.tap(card(1))["pattern"] == "accept"


def test_doctor_finds_a_reader_that_is_not_plugged_and_a_broker_that_refuses(
    gate: Gate, mosquitto: Mosquitto
) -> None:
    gate.reader.unplug()
    config = gate.config.read_text()
    gate.config.write_text(config.replace('password = "', 'password = "not-'))

    status, said = doctor(gate)

    assert status == 1
    assert "→ Start the agent" in said  # it has never run here
    assert not gate.data.exists()
    assert "→ Look at the reader's cable and power" in said
    assert "→ Look at the network, port" in said
    gate.reader.plug()


def test_an_agent_that_does_not_answer_is_a_fault(short_folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(short_folder / SOCKET))
        silent.listen()
        with pytest.raises(AgentSilent):
            ask_agent(short_folder, patience_s=0.1)
    assert ask_agent(short_folder) is None  # a socket that a killed agent has left


def test_the_socket_is_for_nobody_else(gate: Gate) -> None:
    gate.start()

    assert wait_until((gate.data / SOCKET).exists, PATIENCE)
    assert wait_until(lambda: (gate.data / SOCKET).stat().st_mode & 0o077 == 0, PATIENCE)


@pytest.mark.parametrize(
    ("days", "note"),
    [(200, "certificate_days"), (3, "certificate_soon"), (-2, "certificate_expired")],
)
def test_a_certificate_is_a_fault_before_its_end(tmp_path: Path, days: int, note: str) -> None:
    left = timedelta(days=days, hours=1)
    issued = Authority(tmp_path / "ca", "ours").issue("gate-1", valid=(-timedelta(days=9), left))

    finding = certificate_finding(issued[0], datetime.now(UTC))

    assert (finding.note, finding.ok) == (note, days > 14)


def test_a_certificate_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("?")

    assert certificate_finding(tmp_path / "x.pem", MORNING).note == "certificate_unreadable"
    assert certificate_finding(tmp_path / "none.pem", MORNING).note == "certificate_unreadable"
    assert certificate_finding(None, MORNING).ok


def test_both_languages_say_everything_and_know_a_remedy_for_each_fault() -> None:
    for words in (PARTS, NOTES, REMEDIES):
        assert words["es"].keys() == words["en"].keys()
    for locale, notes in NOTES.items():
        for note, said in notes.items():
            figures = set(re.findall(r"\{(\w+)\}", said + REMEDIES[locale].get(note, "")))
            other = set(re.findall(r"\{(\w+)\}", NOTES["en"][note] + REMEDIES["en"].get(note, "")))
            assert figures == other, note


def test_a_fault_says_what_to_do_and_a_finding_does_not() -> None:
    assert Finding("disk", False, "disk_full").remedy("es").startswith("Borra")
    assert Finding("disk", True, "disk_free", {"mb": 900}).remedy("es") == ""


@pytest.mark.parametrize(
    ("environment", "locale"),
    [("es_CL.UTF-8", "es"), ("en_GB", "en"), ("C.UTF-8", "en"), ("", "en")],
)
def test_the_report_is_in_the_language_of_the_terminal(environment: str, locale: str) -> None:
    assert locale_of(environment) == locale
