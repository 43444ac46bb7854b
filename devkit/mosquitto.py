"""A private Mosquitto, configured by the same files as the one in production."""

from __future__ import annotations

import getpass
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devkit.debian import Tool, tool
from devkit.places import ROOT, write_private
from devkit.ports import accepts
from devkit.process import Program
from devkit.server import Server
from devkit.shell import run

CONFIGURATION = ROOT / "mosquitto.conf"
ACCESS_LIST = ROOT / "mosquitto.acl"
START = ROOT / "scripts" / "mosquitto-start.sh"
PLAIN_PORT, TLS_PORT = 1883, 8883  # in the deployment's configuration
CENTRAL_USERS = ("central-ingest", "central-web", "central-worker", "central-scheduler")


@dataclass(frozen=True)
class Door:
    """Where gates come in: a port for TLS, and the folder in which central's scheduler writes
    certificates, lists and refusals for the broker.
    """

    port: int
    written: Path


class Mosquitto(Server):
    """A broker that admits ``users`` (name → password); names of ``CENTRAL_USERS`` serve central.

    Any other user is a device and may only write below ``gate/v1/<name>/up`` and read below
    ``gate/v1/<name>/down``. In a deployment devices have certificates instead of passwords and come
    by ``door``; without one the broker leaves that part of the configuration out.
    """

    def __init__(
        self, folder: Path, port: int, users: Mapping[str, str], door: Door | None = None
    ) -> None:
        super().__init__(folder, port)
        self._users = dict(users)
        self.door = door

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
            argv=(str(broker.path), "-c", str(self.folder / "mosquitto.conf"))
            if self.door is None
            else ("/bin/sh", str(START)),
            env=broker.env if self.door is None else self._environment(broker, self.door),
            log=self.log,
            ready=lambda _: all(map(accepts, self._ports())),
        )

    def _environment(self, broker: Tool, door: Door) -> dict[str, str]:
        """Of the start script: the deployment's, with our places."""
        return {
            **broker.env,
            "PATH": f"{broker.path.parent}:{broker.env['PATH']}",
            "MOSQUITTO_DATA": str(self.folder),
            "MOSQUITTO_CONF": str(self.folder / "mosquitto.conf"),
            "MOSQUITTO_RULES": str(ACCESS_LIST),
            "BROKER_FOLDER": str(door.written),
        }

    def _ports(self) -> list[int]:
        return [self.port] if self.door is None else [self.port, self.door.port]

    def _write_passwords(self) -> None:
        lines = "".join(f"{name}:{password}\n" for name, password in self._users.items())
        draft = self.folder / "passwords.plain"
        write_private(draft, lines)
        hasher = tool("mosquitto_passwd", "mosquitto")
        run((str(hasher.path), "-U", str(draft)), hasher.env)
        draft.replace(self.folder / "passwords")

    def _configuration(self) -> str:
        """The deployment's configuration with our ports, our folder, and the user that we are."""
        text = CONFIGURATION.read_text().replace("/mosquitto/data", str(self.folder))
        inside, _, outside = text.partition(f"listener {TLS_PORT}\n")
        inside = inside.replace(f"listener {PLAIN_PORT}\n", f"listener {self.port} {self.host}\n")
        user = f"user {getpass.getuser()}\n"
        if self.door is None:
            return user + inside
        return f"{user}{inside}listener {self.door.port} {self.host}\n{outside}"
