"""The agent as a process: unmodified nfcpy at an emulated PN532, a real broker, real signals."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devkit.servers import Mosquitto, free_port
from devkit.waiting import wait_until
from emulators.nfc.tags import Ntag, Torn
from tests.edge.central import Central
from tests.edge.gate import PATIENCE, REPOSITORY, Gate, card, digest, roster, uid


def test_a_card_is_answered_stored_and_sent(gate: Gate, central: Central) -> None:
    gate.start()

    answer = gate.tap(card(1))
    central.wait_for(lambda: central.taps)

    assert answer | {"at": None} == {
        "pattern": "accept",
        "name": "Student 1",
        "verdict": "accepted",
        "seq": 1,
        "at": None,
    }
    tap = central.taps[0]
    assert (tap.seq, tap.verdict, tap.reader, tap.clock) == (1, "accepted", "entrada", "synced")
    assert (tap.card.kind, tap.card.digest) == ("token", digest(1))
    assert tap.at.isoformat() == answer["at"]


def test_the_gate_answers_and_remembers_without_a_network(gate: Gate) -> None:
    gate.write_config(free_port())
    gate.start()

    answers = [gate.tap(card(number)) for number in (1, 2, 3)]

    assert [answer["seq"] for answer in answers] == [1, 2, 3]
    assert list(gate.stored()) == [1, 2, 3]


def test_what_waited_leaves_when_the_network_comes(
    gate: Gate, mosquitto: Mosquitto, prompt_central: Central
) -> None:
    gate.write_config(free_port())
    gate.start()
    stream_taps = [gate.tap(card(number))["seq"] for number in (1, 2, 3)]
    gate.terminate()

    gate.write_config(mosquitto.port)
    gate.start()

    prompt_central.wait_for(lambda: len({tap.seq for tap in prompt_central.taps}) == 3)
    assert {tap.seq for tap in prompt_central.taps} == set(stream_taps)
    assert wait_until(lambda: not gate.stored(), PATIENCE)


def test_twice_quickly_is_one_tap_answered_twice(gate: Gate) -> None:
    gate.start()

    first, second = gate.tap(card(1)), gate.tap(card(1))

    assert (second["pattern"], second["seq"]) == (first["pattern"], first["seq"])
    assert wait_until(lambda: [row["repeat"] for row in gate.stored().values()] == [1], PATIENCE)


@pytest.mark.parametrize("answers", range(7))
def test_a_torn_read_asks_to_hold_the_card(gate: Gate, answers: int) -> None:
    gate.start()

    answer = gate.tap(Torn(card(1), answers))

    assert (answer["pattern"], answer["verdict"], answer["name"]) == ("hold", "torn", None)
    assert {row["verdict"] for row in gate.stored().values()} == {"torn"}


def test_a_blank_card_is_refused_and_not_asked_to_be_held(gate: Gate) -> None:
    gate.start()

    answer = gate.tap(Ntag(uid(1)))

    assert (answer["pattern"], answer["verdict"]) == ("reject", "unknown")


def test_an_unplugged_reader_comes_back_by_itself(gate: Gate) -> None:
    gate.start()
    gate.tap(card(1))

    gate.reader.unplug()
    assert wait_until(lambda: "reader entrada: not available" in gate.logged(), PATIENCE)
    gate.reader.plug()

    assert gate.tap(card(2))["seq"] == 2
    assert "Traceback" not in gate.logged()


def test_a_reader_that_comes_and_goes_leaves_no_files_open(gate: Gate) -> None:
    gate.start()
    gate.tap(card(1))
    before = gate.open_files()

    for number in (2, 3, 4):
        gate.reader.unplug()
        gate.reader.plug()
        gate.tap(card(number))

    assert gate.open_files() <= before + 1


def test_a_new_roster_is_used_without_a_restart(gate: Gate) -> None:
    gate.start()
    assert gate.tap(card(1))["verdict"] == "accepted"

    gate.write_roster(roster("r2", {1: "revoked"}))
    assert wait_until(lambda: "roster version r2" in gate.logged(), PATIENCE)

    assert gate.tap(card(1))["verdict"] == "revoked"


def test_a_damaged_roster_changes_nothing(gate: Gate) -> None:
    gate.start()
    gate.tap(card(2))

    gate.write_roster(b'{"version": "r2", "cards": [')
    assert wait_until(lambda: "keeping version r1" in gate.logged(), PATIENCE)

    assert gate.tap(card(1))["verdict"] == "accepted"


def test_a_damaged_outbox_is_set_aside_and_the_gate_goes_on(
    gate: Gate, prompt_central: Central
) -> None:
    gate.data.mkdir()
    gate.database.write_bytes(b"the remains of a bad night" * 500)
    gate.start()

    assert gate.tap(card(1))["seq"] == 1

    prompt_central.wait_for(lambda: prompt_central.taps)
    assert len(list(gate.data.glob("outbox.db.damaged-*"))) == 1
    assert "outbox damaged" in gate.logged()


def test_a_full_disk_is_answered_and_recovered_from(gate: Gate) -> None:
    gate.write_config(free_port())
    gate.start()
    gate.tap(card(1))
    unlimited = resource.prlimit(gate.pid, resource.RLIMIT_FSIZE)

    resource.prlimit(gate.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
    lost = gate.tap(card(2))
    resource.prlimit(gate.pid, resource.RLIMIT_FSIZE, unlimited)
    kept = gate.tap(card(2))

    assert (lost["pattern"], lost["seq"]) == ("not_stored", None)
    assert (kept["pattern"], kept["seq"]) == ("accept", 2)
    assert list(gate.stored()) == [1, 2]
    assert gate.exit_status() is None


def test_sigterm_ends_it_in_two_seconds_with_zero(gate: Gate, central: Central) -> None:
    gate.start()
    central.wait_for(lambda: central.statuses)

    status, seconds = gate.terminate()

    assert (status, seconds < 2) == (0, True)
    central.wait_for_statuses(2)
    assert not central.statuses[-1].online


def test_sigterm_waits_for_receipts_but_not_for_long(gate: Gate, central: Central) -> None:
    gate.start()
    gate.tap(card(1))
    central.wait_for(lambda: central.taps)

    status, seconds = gate.terminate()

    assert (status, seconds < 2) == (0, True)
    assert list(gate.stored()) == [1]


def test_sigterm_sends_what_waits(gate: Gate, prompt_central: Central) -> None:
    gate.start()
    prompt_central.wait_for(lambda: prompt_central.statuses)
    gate.tap(card(1))

    status, seconds = gate.terminate()

    assert (status, seconds < 2) == (0, True)
    assert gate.stored() == {}
    assert {tap.seq for tap in prompt_central.taps} == {1}


@pytest.mark.parametrize("plugged", [True, False], ids=["reader plugged", "reader unplugged"])
def test_sigterm_without_a_network_is_as_quick(gate: Gate, plugged: bool) -> None:
    gate.write_config(free_port())
    gate.start()
    gate.tap(card(1))
    if not plugged:
        gate.reader.unplug()

    status, seconds = gate.terminate()

    assert (status, seconds < 2) == (0, True)


def test_a_killed_agent_is_seen_offline_by_its_will(gate: Gate, central: Central) -> None:
    gate.start()
    central.wait_for(lambda: central.statuses)

    gate.kill()

    central.wait_for_statuses(2)
    birth, will = central.statuses
    assert (birth.online, will.online) == (True, False)
    assert birth.session == will.session


def test_health_comes_with_the_connection(gate: Gate, central: Central) -> None:
    gate.start()

    central.wait_for(lambda: central.healths)

    health = central.healths[0]
    assert (health.roster_version, health.clock, health.queue_depth) == ("r1", "synced", 0)


def test_a_child_is_answered_within_150_ms(gate: Gate, prompt_central: Central) -> None:
    gate.start()
    gate.tap(card(1))
    took = []
    for number in range(2, 22):
        started = time.monotonic()
        gate.reader.put(card(number))
        gate.answers.next()
        took.append(time.monotonic() - started)
        gate.take_away()

    assert statistics.median(took) < 0.15


def test_it_imports_without_any_hardware_library() -> None:
    script = (
        "import sys\n"
        "sys.modules['nfc'] = sys.modules['ndef'] = sys.modules['serial'] = None\n"
        "import edge_agent.__main__\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('flask', 'sqlalchemy')]"
    )

    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True, timeout=30)


def test_an_unusable_data_folder_ends_it_with_one_line(gate: Gate, tmp_path: Path) -> None:
    gate.data.mkdir()
    gate.database.mkdir()
    gate.start()

    assert wait_until(lambda: gate.exit_status() is not None, PATIENCE)
    assert gate.exit_status() == 1
    assert "the outbox cannot be used" in gate.logged()
    assert "Traceback" not in gate.logged()
