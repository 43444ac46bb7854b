"""An agent as small as one can be, and the files that a rig of gates is started with."""

from __future__ import annotations

import contextlib
import json
import socket
import termios
import threading
from pathlib import Path
from typing import Any

import nfc
import requests
from nfc.clf import RemoteTarget

from tests.emulators import reading

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


def present(gates: str, **order: Any) -> requests.Response:
    return requests.post(f"{gates}/present", json={"gate": "norte"} | order, timeout=30)


def state_of(gates: str, gate: str = "norte") -> dict[str, Any]:
    states = requests.get(f"{gates}/gates", timeout=5).json()["gates"]
    return next(state for state in states if state["gate"] == gate)
