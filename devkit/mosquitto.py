"""A private Mosquitto, configured by the same files as the one in production."""

from __future__ import annotations

import getpass
import signal
from collections.abc import Mapping
from pathlib import Path

from devkit.debian import tool
from devkit.places import ROOT, write_private
from devkit.ports import accepts
from devkit.process import Program
from devkit.server import Server
from devkit.shell import run

CONFIGURATION = ROOT / "mosquitto.conf"
ACCESS_LIST = ROOT / "mosquitto.acl"
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
        if self._running is not None:
            self._running.send(signal.SIGHUP)

    @property
    def store(self) -> Path:
        """Sessions, queued and retained messages; deleting it is the worst that can happen."""
        return self.folder / "mosquitto.db"

    def prepare(self) -> Program:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_passwords()
        write_private(self.folder / "acl", ACCESS_LIST.read_text())
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
        """The deployment's configuration with our port, our folder, and the user that we are."""
        ours = {
            "listener": f"{self.port} {self.host}",
            "password_file": f"{self.folder}/passwords",
            "acl_file": f"{self.folder}/acl",
            "persistence_location": f"{self.folder}/",
        }
        lines = CONFIGURATION.read_text().splitlines()
        settings = dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))
        settings = {**settings, **ours, "user": getpass.getuser()}
        return "".join(f"{name} {value}\n" for name, value in settings.items())
