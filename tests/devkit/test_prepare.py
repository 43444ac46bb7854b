"""What a deployment runs first: it waits for the database, then brings it to the newest schema."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.places import ROOT
from devkit.servers import OWNER, Postgres, free_port


@pytest.fixture
def postgres(server_folder: Path) -> Iterator[Postgres]:
    server = Postgres(server_folder / "prepared-postgres", free_port())
    yield server
    server.destroy()


def prepare(postgres: Postgres, tmp_path: Path, **changes: str) -> subprocess.Popen[str]:
    env = {
        "DB_HOST": postgres.host,
        "DB_PORT": str(postgres.port),
        "DB_USER": OWNER,
        "DB_PASSWORD": postgres.password,
        "DB_NAME": "postgres",
        "S3_ENDPOINT": f"file://{tmp_path}",
        **changes,
    }
    return subprocess.Popen(
        [sys.executable, "-u", "scripts/prepare.py"],
        env={**env, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_it_waits_for_a_database_that_starts_later(postgres: Postgres, tmp_path: Path) -> None:
    preparing = prepare(postgres, tmp_path)

    postgres.start()
    said, _ = preparing.communicate(timeout=60)

    assert preparing.returncode == 0, said
    assert "the database is at the newest schema" in said
    assert postgres.query("SELECT count(*) FROM alembic_version") == "1"
    assert postgres.query("SELECT 1 FROM pg_roles WHERE rolname = 'attendance_web'") == "1"


def test_unsafe_settings_stop_it_at_once(postgres: Postgres, tmp_path: Path) -> None:
    preparing = prepare(postgres, tmp_path, APP_ENV="production")

    said, _ = preparing.communicate(timeout=60)

    assert preparing.returncode == 1
    assert "SECRET_KEY" in said
