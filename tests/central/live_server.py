"""The real web server as its own process, and a browser's side of server-sent events."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from central.accounts.models import User, WebSession
from central.accounts.queries import token_hash
from devkit.ports import accepts
from devkit.servers import free_port
from devkit.waiting import wait_until

GUNICORN = Path(sys.executable).with_name("gunicorn")


class WebServer:
    """Gunicorn with the project's own configuration, on a free port."""

    def __init__(self, env: Mapping[str, str], log: Path, *, workers: int = 1) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self._env = {"PATH": os.environ["PATH"], **env}
        self._log = log
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it accepts connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(GUNICORN), "-c", "python:central.web.gunicorn", "central.wsgi:app"),
                    *("--bind", f"127.0.0.1:{self.port}", "--workers", str(self._workers)),
                ],
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert wait_until(self._answers, 30), self._log.read_text()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, as a supervisor does."""
        assert self._process is not None
        self._process.terminate()

    def has_stopped(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it and its workers with no chance to say goodbye."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=10)

    def _answers(self) -> bool:
        if not accepts(self.port):
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/app/sign-in")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def web_server(env: Mapping[str, str], log: Path, *, workers: int = 1) -> Iterator[WebServer]:
    server = WebServer(env, log, workers=workers)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def a_cookie(session: Session, user: User) -> str:
    """The cookie of a browser in which ``user`` is signed in; commits."""
    now = datetime.now(UTC)
    token = f"token of {user.id} at {now.timestamp()}"
    session.add(
        WebSession(
            token_hash=token_hash(token),
            user_id=user.id,
            last_seen_at=now,
            expires_at=now + timedelta(days=1),
        )
    )
    session.commit()
    return f'attendance="{token}"'


@dataclass(frozen=True)
class Told:
    """An event as it arrived."""

    name: str
    id: str | None
    data: Any
    at: float  # monotonic


class Stream:
    """An open stream, read by a thread of its own so that arrival times are true."""

    def __init__(
        self, origin: str, path: str, cookie: str, *, last_event_id: str | None = None
    ) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=60)
        headers = {"Cookie": cookie, "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self._connection.request("GET", path, headers=headers)
        self._socket = self._connection.sock
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers
        self.ended = threading.Event()
        self._told: deque[Told] = deque()
        if self.status == 200:
            threading.Thread(target=self._read, daemon=True).start()
        else:
            self._connection.close()

    def wait_for(self, name: str, seconds: float = 10) -> Told:
        """The next event of this name; those of other names before it are passed over."""
        found: list[Told] = []

        def arrived() -> bool:
            while self._told and not found:
                told = self._told.popleft()
                if told.name == name:
                    found.append(told)
            return bool(found)

        assert wait_until(arrived, seconds), f"no {name} event within {seconds} s"
        return found[0]

    def all_so_far(self) -> list[Told]:
        told = list(self._told)
        self._told.clear()
        return told

    def close(self) -> None:
        """Hang up, as a page does that is left."""
        with suppress(OSError):  # the server may have done so already
            self._socket.shutdown(socket.SHUT_RDWR)
        assert self.ended.wait(5)

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            while line := self._response.readline():
                text = line.decode().rstrip("\n")
                if text:
                    name, _, value = text.partition(": ")
                    fields[name] = value
                    continue
                if "event" in fields:
                    data = json.loads(fields["data"])
                    self._told.append(
                        Told(fields["event"], fields.get("id"), data, time.monotonic())
                    )
                fields = {}
        except (OSError, http.client.HTTPException):
            pass  # the server died in the middle of a line
        self._connection.close()
        self.ended.set()
