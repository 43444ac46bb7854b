"""An agent as its own process, at an emulated reader, with somebody who watches its lights."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from contracts.cards import card_digest, token_uri
from contracts.roster import Roster, RosterEntry
from emulators.nfc.pn532 import Pn532
from emulators.nfc.tags import Tag, with_uri

REPOSITORY = Path(__file__).resolve().parents[2]
SITE_KEY = bytes(range(32))
DOMAIN = "colegio.example.cl"
PASSWORD = "a-made-up-password"
PATIENCE = 10.0  # seconds; on this machine things take milliseconds, but it is shared


def token(number: int) -> bytes:
    return number.to_bytes(16, "big")


def uid(number: int) -> bytes:
    return b"\x04" + number.to_bytes(6, "big")


def card(number: int, model: str = "213") -> Tag:
    """The card of student ``number``, fresh from the box."""
    return with_uri(uid(number), token_uri(DOMAIN, token(number)), model)


def digest(number: int) -> str:
    return card_digest(SITE_KEY, token(number)).hex()


def roster(
    version: str = "r1", states: Mapping[int, str] | None = None, *, students: int = 9
) -> Roster:
    """Students from 1 on are active, unless ``states`` says otherwise."""
    told = states or {}
    entries = {
        digest(number): RosterEntry(f"Student {number}", told.get(number, "active"))
        for number in range(1, students + 1)
    }
    return Roster(version, entries)


class Answers:
    """Listens where the emulated lights would be."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def next(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next answer. Raises TimeoutError when the gate stays dark."""
        self._socket.settimeout(seconds)
        answer: dict[str, Any] = json.loads(self._socket.recv(4096))
        return answer

    def all_so_far(self) -> list[dict[str, Any]]:
        """What was answered and not looked at yet, without waiting."""
        found = []
        self._socket.setblocking(False)
        while True:
            try:
                found.append(json.loads(self._socket.recv(4096)))
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


class Gate:
    """A folder with everything that one agent needs, and the agent's process."""

    def __init__(self, folder: Path, device: str, broker_port: int) -> None:
        self.folder = folder
        self.device = device
        self.data = folder / "data"
        self.roster_file = folder / "roster.json"
        self.log = folder / "agent.log"
        self.reader = Pn532(folder / "reader")
        self.answers = Answers(folder / "lights")
        self.python: tuple[str, ...] = (sys.executable,)
        self.program = "edge_agent"
        self.home = REPOSITORY  # where the interpreter finds the agent first
        self.clock = "host"
        self.host = "127.0.0.1"
        self.tls = ""  # lines of the broker's table
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "site-key").write_text(SITE_KEY.hex())
        self.write_roster(roster())
        self.write_config(broker_port)

    def __enter__(self) -> Self:
        self.reader.plug()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.kill()
        self.reader.unplug()
        self.answers.close()

    def write_roster(self, content: Roster | bytes) -> None:
        """Replace the file whole, as whoever fetches it does."""
        draft = self.roster_file.with_suffix(".new")
        draft.write_bytes(content if isinstance(content, bytes) else content.to_json())
        draft.replace(self.roster_file)

    def write_config(self, broker_port: int, extra: str = "") -> None:
        self.config.write_text(f"""\
device = "{self.device}"
data_dir = "data"
clock = "{self.clock}"
[broker]
host = "{self.host}"
port = {broker_port}
{self.tls}
username = "{self.device}"
password = "{PASSWORD}"
[site]
key_file = "site-key"
token_domain = "{DOMAIN}"
[roster]
file = "roster.json"
[[readers]]
name = "entrada"
driver = "nfcpy"
path = "{self.folder}/reader"
direction = "auto"
[feedback]
kind = "emulated"
socket = "lights"
{extra}""")

    @property
    def config(self) -> Path:
        return self.folder / "agent.toml"

    @property
    def database(self) -> Path:
        return self.data / "outbox.db"

    def start(self) -> None:
        command = [*self.python, "-m", self.program, "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.home, stdout=log, stderr=log)

    def wait_for_exit(self) -> int:
        """Until it ends by itself; its status."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL, as when the memory ran out or the plug was pulled."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def terminate(self) -> tuple[int, float]:
        """SIGTERM; the exit status and how many seconds it took."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(PATIENCE)
        return status, time.monotonic() - started

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def exit_status(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def tap(self, tag: Tag, seconds: float = PATIENCE) -> dict[str, Any]:
        """Hold a card to the reader until the lights answer, then take it away for good."""
        self.reader.put(tag)
        try:
            return self.answers.next(seconds)
        finally:
            self.take_away()

    def take_away(self) -> None:
        """Until the agent has noticed, so that the same card would be a new arrival."""
        self.reader.take()
        assert self.reader.wait_until_seen_empty(polls=4, timeout=PATIENCE)

    def stored(self) -> dict[int, Mapping[str, Any]]:
        """What lies in the outbox file, by seq, also while the agent runs."""
        with closing(sqlite3.connect(self.database)) as database:
            rows = database.execute("SELECT seq, tap, repeats FROM outbox ORDER BY seq").fetchall()
        return {seq: json.loads(tap) | {"repeat": repeats} for seq, tap, repeats in rows}

    def depth(self) -> int:
        """How many taps lie in the outbox file."""
        with closing(sqlite3.connect(self.database)) as database:
            count: int = database.execute("SELECT count(*) FROM outbox").fetchone()[0]
        return count

    def memory_kb(self) -> int:
        """Resident set size of the agent."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1])

    def logged(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))
