"""A private Mosquitto, configured as the one in production is except for TLS.

The settings that are not defaults are there because the defaults lose messages: 1,000 queued and
20 in flight make the broker drop what it has acknowledged, and half an hour between saves loses
every session when it is killed.
"""

from __future__ import annotations

import getpass
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from devkit.debian import tool
from devkit.places import write_private
from devkit.ports import accepts
from devkit.process import Program
from devkit.server import Server
from devkit.shell import run

CENTRAL_USERS = ("central-ingest", "central-web", "central-worker", "central-scheduler")


class Mosquitto(Server):
    """A broker that admits ``users`` (name → password); names of ``CENTRAL_USERS`` serve central.

    Any other user is a device and may only write below ``gate/v1/<name>/up`` and read below
    ``gate/v1/<name>/down``.
    """

    def __init__(self, folder: Path, port: int, users: Mapping[str, str]) -> None:
        super().__init__(folder, port)
        self._users = dict(users)

    def admit(self, users: Mapping[str, str]) -> None:
        """Let these in as well (or with a new password), also while it runs."""
        self._users.update(users)
        self._write_passwords()
        if self._running is not None and self._running.alive():
            os.kill(self.pid, signal.SIGHUP)

    @property
    def store(self) -> Path:
        """Sessions, queued and retained messages; deleting it is the worst that can happen."""
        return self.folder / "mosquitto.db"

    def prepare(self) -> Program:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_passwords()
        write_private(self.folder / "acl", access_list())
        write_private(self.folder / "mosquitto.conf", self._configuration())
        broker = tool("mosquitto", "mosquitto")
        return Program(
            name="mosquitto",
            argv=(str(broker.path), "-c", str(self.folder / "mosquitto.conf")),
            env=broker.env,
            log=self.log,
            ready=lambda _: accepts(self.port),
        )

    def _write_passwords(self) -> None:
        lines = "".join(f"{name}:{password}\n" for name, password in self._users.items())
        draft = self.folder / "passwords.plain"
        write_private(draft, lines)
        hasher = tool("mosquitto_passwd", "mosquitto")
        run((str(hasher.path), "-U", str(draft)), hasher.env)
        draft.replace(self.folder / "passwords")

    def _configuration(self) -> str:
        return f"""\
listener {self.port} {self.host}
allow_anonymous false
password_file {self.folder}/passwords
acl_file {self.folder}/acl
user {getpass.getuser()}
log_dest stderr
persistence true
persistence_location {self.folder}/
autosave_interval 5
max_queued_messages 1000000
max_inflight_messages 1000
max_packet_size 1100000
"""


def access_list() -> str:
    """Who may use which topic; ``%u`` is the name under which somebody logged in."""
    central = "".join(
        f"user {name}\ntopic readwrite gate/v1/#\ntopic read $share/+/gate/v1/#\n\n"
        for name in CENTRAL_USERS
    )
    return f"{central}pattern write gate/v1/%u/up/#\npattern read gate/v1/%u/down/#\n"
