"""A private Redis with the append-only file on: its default loses the whole queue when killed."""

from __future__ import annotations

import socket

from devkit.debian import tool
from devkit.places import secret_in, write_private
from devkit.process import Program, Running
from devkit.server import Server


class Redis(Server):
    """One Redis in a folder of its own, with a password."""

    @property
    def password(self) -> str:
        return secret_in(self.folder / "redis.password")

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@{self.host}:{self.port}/{database}"

    def prepare(self) -> Program:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "redis.conf"
        write_private(settings, self._configuration())
        server = tool("redis-server", "redis-server")
        return Program(
            name="redis",
            argv=(str(server.path), str(settings)),
            env=server.env,
            log=self.log,
            ready=self._answers,
        )

    def _configuration(self) -> str:
        return f"""\
bind {self.host}
port {self.port}
requirepass {self.password}
dir "{self.folder}"
appendonly yes
appendfsync everysec
save ""
"""

    def _answers(self, _running: Running) -> bool:
        """A plain connection is not enough: while it loads its file it refuses every command."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode())
                with connection.makefile("rb") as answers:
                    return b"+PONG" in answers.read()
        except OSError:
            return False
