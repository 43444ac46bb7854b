"""Private servers for the whole run, each started by the first test that asks for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.servers import CENTRAL_USERS, Mosquitto, Postgres, Redis, free_port


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Where the private servers keep their data. Not below pytest's own folder.

    That one is closed to the user that PostgreSQL runs as when the tests run as root.
    """
    with tempfile.TemporaryDirectory(prefix="attendance-tests-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path) -> Iterator[Postgres]:
    """One PostgreSQL; a test makes a database of its own in it (``create_database``)."""
    # A test kills processes, never the machine, so nothing is lost without fsync.
    with Postgres(server_folder / "postgres", free_port(), settings={"fsync": "off"}) as server:
        yield server


@pytest.fixture(scope="session")
def mosquitto(server_folder: Path) -> Iterator[Mosquitto]:
    """One broker. Central's users have their own name as password; ``admit`` lets devices in."""
    users = {name: name for name in CENTRAL_USERS}
    with Mosquitto(server_folder / "mosquitto", free_port(), users) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(server_folder: Path) -> Iterator[Redis]:
    """One Redis; a test uses a database number or a prefix of its own."""
    with Redis(server_folder / "redis", free_port()) as server:
        yield server
