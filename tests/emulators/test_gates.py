"""The rig of emulated gates: its process, driven over HTTP, with an agent that runs nfcpy."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nfc
import pytest
import requests
from nfc.clf import RemoteTarget

from tests.emulators import reading
from tests.emulators.processes import REPOSITORY, address, running
from tests.emulators.waiting import eventually

DOMAIN = "colegio.example"
CARDS = [
    {
        "student": number,
        "uid": f"04a1b2c3d4e5{number:02x}",
        "token": f"{number:032x}",
        "model": "213" if number % 2 else "215",
    }
    for number in range(1, 21)
]
STAFF = [{"name": "inspectora", "uid": "04112233445566", "token": "f" * 32, "model": "213"}]


class SmallAgent(threading.Thread):
    """Polls a reader with nfcpy and answers at the gate's light, as little as an agent can do."""

    def __init__(self, folder: Path, gate: str) -> None:
        super().__init__(name=f"agent {gate}")
        self._port = folder / f"{gate}.tty"
        self._light = str(folder / f"{gate}.sock")
        self._ended = threading.Event()
        self.answers = 0

    def __enter__(self) -> SmallAgent:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError, termios.error), reading.opened(self._port) as reader:
                self._poll(reader)
            self._ended.wait(0.05)

    def _poll(self, reader: nfc.ContactlessFrontend) -> None:
        there, misses = b"", 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as light:
            while not self._ended.wait(0.05):
                target = reader.sense(RemoteTarget("106A"))
                misses = misses + 1 if target is None else 0
                if target is None:
                    there = b"" if misses >= 3 else there
                elif target.sdd_res != there:
                    there = bytes(target.sdd_res)
                    card = nfc.tag.activate(reader, target)
                    light.sendto(self._answer(there, reading.uri_of(card)), self._light)

    def _answer(self, uid: bytes, uri: str | None) -> bytes:
        self.answers += 1
        pattern = "accept" if uri else "hold"
        return json.dumps({"pattern": pattern, "uid": uid.hex(), "uri": uri}).encode()


def write_cards(folder: Path, cards: list[dict[str, Any]]) -> None:
    (folder / "cards.json").write_text(
        json.dumps({"domain": DOMAIN, "cards": cards, "staff": STAFF})
    )


def write_config(folder: Path, **changes: Any) -> Path:
    config = {
        "http_port": 0,
        "gates": [
            {
                "gate": gate,
                "device": f"demo-{gate}",
                "reader_link": str(folder / f"{gate}.tty"),
                "feedback_socket": str(folder / f"{gate}.sock"),
            }
            for gate in ("norte", "sur")
        ],
        "cards_file": str(folder / "cards.json"),
    }
    path = folder / "gates.json"
    path.write_text(json.dumps(config | changes))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_cards(tmp_path, CARDS)
    return tmp_path


@pytest.fixture
def gates(folder: Path) -> Iterator[str]:
    with running("emulators.gates", "--config", str(write_config(folder))) as process:
        yield address(process)


@pytest.fixture
def agent(gates: str, folder: Path) -> Iterator[SmallAgent]:
    with SmallAgent(folder, "norte") as agent:
        yield agent


def present(gates: str, **order: Any) -> requests.Response:
    return requests.post(f"{gates}/present", json={"gate": "norte"} | order, timeout=30)


def state_of(gates: str, gate: str = "norte") -> dict[str, Any]:
    states = requests.get(f"{gates}/gates", timeout=5).json()["gates"]
    return next(state for state in states if state["gate"] == gate)


def test_a_student_s_card_is_read_and_the_agent_s_answer_comes_back(
    gates: str, agent: SmallAgent
) -> None:
    answer = present(gates, student=7)

    assert answer.status_code == 200
    body = answer.json()
    assert body["read"] is True
    assert body["feedback"]["uid"] == CARDS[6]["uid"]
    assert body["feedback"]["uri"] == f"https://{DOMAIN}/t/{7:032x}"
    assert 0 < body["took_ms"] < 3000


def test_the_state_of_a_gate_shows_its_reader_its_light_and_the_last_card(
    gates: str, agent: SmallAgent
) -> None:
    idle = state_of(gates, "sur")
    present(gates, student=2)

    state = state_of(gates)

    assert state["device"] == "demo-norte"
    assert state["reader"] == {"plugged": True, "silent": False, "open": True}
    assert state["light"] == "green"
    assert state["feedback"]["pattern"] == "accept"
    assert state["last_card"] == "student 2"
    assert idle["reader"]["open"] is False
    assert idle["light"] == "off"
    assert idle["feedback"] is None


def test_the_light_goes_out_again(gates: str, agent: SmallAgent) -> None:
    present(gates, student=2)

    assert eventually(lambda: state_of(gates)["light"] == "off")


@pytest.mark.parametrize(
    ("card", "pattern"), [("unknown", "accept"), ("blank", "hold"), ("torn", "hold")]
)
def test_cards_that_no_child_should_have(
    gates: str, agent: SmallAgent, card: str, pattern: str
) -> None:
    feedback = present(gates, card=card).json()["feedback"]

    assert feedback["pattern"] == pattern
    if card == "unknown":
        assert feedback["uri"].startswith(f"https://{DOMAIN}/t/")
        assert feedback["uri"] not in {f"https://{DOMAIN}/t/{it['token']}" for it in CARDS}


def test_a_card_of_the_staff_is_called_by_its_name(gates: str, agent: SmallAgent) -> None:
    assert present(gates, card="inspectora").json()["feedback"]["uid"] == STAFF[0]["uid"]


def test_a_repeated_card_is_a_new_arrival_each_time(gates: str, agent: SmallAgent) -> None:
    body = present(gates, student=3, repeat=2).json()

    assert [it["feedback"]["uid"] for it in body["readings"]] == [CARDS[2]["uid"]] * 3
    assert agent.answers == 3


def test_a_card_that_comes_back_after_another_is_a_new_arrival(
    gates: str, agent: SmallAgent
) -> None:
    answers = [present(gates, student=number).json() for number in (4, 5, 4)]

    assert [it["feedback"]["uid"] for it in answers] == [CARDS[at]["uid"] for at in (3, 4, 3)]


def test_a_gate_takes_at_least_four_children_a_second(gates: str, agent: SmallAgent) -> None:
    present(gates, student=20)  # the agent is there

    started = time.monotonic()
    for number in range(1, 13):
        assert present(gates, student=number).json()["read"]
    took = time.monotonic() - started

    assert 12 / took >= 4


def test_children_who_arrive_together_each_get_their_own_answer(
    gates: str, agent: SmallAgent
) -> None:
    students = range(1, 11)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda it: present(gates, student=it).json(), students))

    assert [it["feedback"]["uid"] for it in answers] == [CARDS[at - 1]["uid"] for at in students]


def test_without_an_agent_the_card_is_not_read_and_the_answer_says_so(gates: str) -> None:
    answer = present(gates, student=1)

    assert answer.status_code == 504
    assert answer.json()["read"] is False
    assert answer.json()["error"] == "agent_silent"


def test_an_agent_that_starts_late_still_reads_the_waiting_card(gates: str, folder: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(present, gates, student=9)
        eventually(lambda: state_of(gates)["last_card"] == "student 9")
        with SmallAgent(folder, "norte"):
            assert waiting.result().json()["read"] is True


def test_agents_may_come_and_go(gates: str, folder: Path) -> None:
    for number in (1, 2, 3):
        with SmallAgent(folder, "norte"):
            assert present(gates, student=number).json()["read"] is True


def test_an_agent_may_be_there_before_the_gates(folder: Path) -> None:
    with (
        SmallAgent(folder, "norte"),
        running("emulators.gates", "--config", str(write_config(folder))) as process,
    ):
        assert present(address(process), student=1).json()["read"] is True


def test_an_agent_survives_the_gates_being_started_anew(folder: Path) -> None:
    config = str(write_config(folder))
    with SmallAgent(folder, "norte"):
        for number in (1, 2):
            with running("emulators.gates", "--config", config) as process:
                assert present(address(process), student=number).json()["read"] is True


def test_the_plug_of_a_reader_can_be_pulled_and_put_back(gates: str, agent: SmallAgent) -> None:
    pulled = requests.post(f"{gates}/readers/norte/unplug", timeout=5).json()
    refused = present(gates, student=1)

    assert pulled["reader"] == {"plugged": False, "silent": False, "open": False}
    assert refused.status_code == 409
    assert refused.json()["error"] == "reader_unplugged"

    requests.post(f"{gates}/readers/norte/plug", timeout=5)
    assert present(gates, student=1).json()["read"] is True


def test_a_silent_reader_reads_nothing_until_it_is_plugged_anew(
    gates: str, agent: SmallAgent
) -> None:
    silenced = requests.post(f"{gates}/readers/norte/silence", timeout=5).json()
    refused = present(gates, student=1)

    assert silenced["reader"]["silent"] is True
    assert refused.status_code == 504

    requests.post(f"{gates}/readers/norte/plug", timeout=5)
    assert present(gates, student=1).json()["read"] is True


def test_a_card_issued_while_the_gates_run_is_there(
    gates: str, agent: SmallAgent, folder: Path
) -> None:
    before = present(gates, student=99)
    fresh = {"student": 99, "uid": "04999999999999", "token": "9" * 32, "model": "213"}
    write_cards(folder, [*CARDS, fresh])

    after = present(gates, student=99)

    assert before.status_code == 404
    assert after.json()["feedback"]["uid"] == "04999999999999"


@pytest.mark.parametrize(
    ("order", "status", "error", "field"),
    [
        ({"gate": "oeste", "student": 1}, 404, "unknown_gate", "gate"),
        ({"gate": None, "student": 1}, 400, "missing_gate", "gate"),
        ({"student": 4711}, 404, "unknown_student", "student"),
        ({"student": "1"}, 400, "bad_student", "student"),
        ({"student": True}, 400, "bad_student", "student"),
        ({"card": "gold"}, 404, "unknown_card", "card"),
        ({"card": 5}, 400, "bad_card", "card"),
        ({"student": 1, "card": "torn"}, 400, "one_card_expected", "student"),
        ({}, 400, "one_card_expected", "student"),
        ({"student": 1, "repeat": -1}, 400, "bad_repeat", "repeat"),
        ({"student": 1, "repeat": 1000}, 400, "bad_repeat", "repeat"),
    ],
)
def test_a_wrong_order_is_refused_with_the_field_named(
    gates: str, order: dict[str, Any], status: int, error: str, field: str
) -> None:
    answer = present(gates, **order)

    assert answer.status_code == status
    assert answer.json()["error"] == error
    assert answer.json()["field"] == field
    assert answer.json()["detail"]


def test_what_is_not_json_or_not_a_path_is_refused(gates: str) -> None:
    form = requests.post(f"{gates}/present", data={"gate": "norte"}, timeout=5)
    broken = requests.post(
        f"{gates}/present", data="{", headers={"Content-Type": "application/json"}, timeout=5
    )

    assert form.status_code == 415
    assert broken.status_code == 400
    assert requests.get(f"{gates}/present", timeout=5).status_code == 405
    assert requests.get(f"{gates}/nothing", timeout=5).status_code == 404
    assert requests.post(f"{gates}/readers/oeste/plug", timeout=5).status_code == 404


def test_a_broken_cards_file_is_said_and_does_not_stop_the_gates(
    gates: str, agent: SmallAgent, folder: Path
) -> None:
    (folder / "cards.json").write_text('{"domain": "x", "cards": [{"student": 1, "uid": "zz"}]}')
    refused = present(gates, student=1)

    write_cards(folder, CARDS)

    assert refused.status_code == 503
    assert "cards[0]" in refused.json()["detail"]
    assert present(gates, student=1).json()["read"] is True


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"http_port": "80"}, "http_port"),
        ({"gates": []}, "gates"),
        ({"gates": [{"gate": "norte"}]}, "gates[0].feedback_socket"),
        ({"cards_file": None}, "cards_file"),
    ],
)
def test_a_wrong_configuration_names_the_key_and_stops(
    folder: Path, changes: dict[str, Any], named: str
) -> None:
    config = write_config(folder, **changes)

    stopped = subprocess.run(
        [sys.executable, "-m", "emulators.gates", "--config", str(config)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert stopped.returncode == 2
    assert named in stopped.stderr
