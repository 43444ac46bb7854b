"""How a deployment starts: one container migrates, the others wait for what it does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.places import ROOT
from devkit.servers import OWNER, Postgres, free_port

SECONDS = 60


class Deployment:
    """Runs scripts with a deployment's settings."""

    def __init__(self, postgres: Postgres, photos: Path) -> None:
        self._env = {
            "DB_HOST": postgres.host,
            "DB_PORT": str(postgres.port),
            "DB_USER": OWNER,
            "DB_PASSWORD": postgres.password,
            "DB_NAME": "postgres",
            "S3_ENDPOINT": f"file://{photos}",
            "PYTHONPATH": str(ROOT),
        }
        self.started: list[subprocess.Popen[str]] = []

    def run(self, *script: str, **changes: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", *script],
            env={**self._env, **changes},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process


@pytest.fixture
def postgres(server_folder: Path) -> Iterator[Postgres]:
    """Not started."""
    server = Postgres(server_folder / "prepared-postgres", free_port())
    yield server
    server.destroy()


@pytest.fixture
def deployment(postgres: Postgres, tmp_path: Path) -> Iterator[Deployment]:
    deployment = Deployment(postgres, tmp_path)
    yield deployment
    for process in deployment.started:
        process.kill()
        process.communicate()


def test_preparing_waits_for_a_database_that_starts_later(
    postgres: Postgres, deployment: Deployment
) -> None:
    preparing = deployment.run("scripts/prepare.py")

    postgres.start()
    said, _ = preparing.communicate(timeout=SECONDS)

    assert preparing.returncode == 0, said
    assert "the database is at the newest schema" in said
    assert postgres.query("SELECT count(*) FROM alembic_version") == "1"
    assert postgres.query("SELECT 1 FROM pg_roles WHERE rolname = 'attendance_web'") == "1"


def test_a_process_starts_only_after_the_migrations(
    postgres: Postgres, deployment: Deployment
) -> None:
    asks = "import os; print('schema', os.environ['DB_NAME'])"
    waiting = deployment.run("scripts/after_migrations.py", sys.executable, "-c", asks)
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "waiting for migrations; the database is at None\n"

    postgres.start()
    preparing = deployment.run("scripts/prepare.py")
    preparing.communicate(timeout=SECONDS)

    assert waiting.stdout.read().splitlines()[-1] == "schema postgres"
    assert waiting.wait(SECONDS) == 0


def test_after_a_rollback_a_newer_schema_is_enough(
    postgres: Postgres, deployment: Deployment
) -> None:
    postgres.start()
    postgres.query("CREATE TABLE alembic_version (version_num text)")
    postgres.query("INSERT INTO alembic_version VALUES ('9999')")

    started = deployment.run("scripts/after_migrations.py", "echo", "started")

    assert started.communicate(timeout=SECONDS)[0] == "started\n"


@pytest.mark.parametrize("script", ["prepare.py", "after_migrations.py"])
def test_unsafe_settings_stop_it_at_once(deployment: Deployment, script: str) -> None:
    process = deployment.run(f"scripts/{script}", "echo", APP_ENV="production")

    said, _ = process.communicate(timeout=SECONDS)

    assert process.returncode == 1
    assert "SECRET_KEY" in said
