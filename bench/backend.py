"""Central's half of the line for benches: a database with a nation in it, and ingest itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine

from bench.nation import Nation
from central.settings import Settings
from devkit.process import Program, Running, last_lines
from devkit.servers import Mosquitto, Postgres, Redis

READY_SECONDS = 30


def ingest_environment(postgres: Postgres, broker: Mosquitto, redis: Redis) -> dict[str, str]:
    """Its settings, with a database made for it."""
    postgres.create_database("bench")
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": postgres.url("bench"),
        "REDIS_URL": redis.url(0),
        "MQTT_HOST": broker.host,
        "MQTT_PORT": str(broker.port),
        "MQTT_USERNAME": "central-ingest",
        "MQTT_PASSWORD": "central-ingest",
    }


def filled_database(settings: Settings, nation: Nation) -> Engine:
    """Migrated, and ``nation`` in it; the engine is its owner's."""
    config = Config("migrations/alembic.ini")
    config.attributes["settings"] = settings
    command.upgrade(config, "head")
    owner = create_engine(settings.database_url)
    nation.make(owner)
    return owner


@contextmanager
def running_ingest(environment: dict[str, str], log: Path, profile: Path | None) -> Iterator[None]:
    """``python -m central.ingest``, subscribed; with ``profile`` cProfile writes there."""
    log.unlink(missing_ok=True)
    profiled = ("-m", "cProfile", "-o", str(profile)) if profile else ()
    process = Running(
        Program(
            name="ingest",
            argv=(sys.executable, *profiled, "-m", "central.ingest"),
            env=environment,
            log=log,
            ready=lambda _pid: '"connected"' in log.read_text(),
            cwd=Path.cwd(),
        )
    )
    process.wait_ready(READY_SECONDS)
    try:
        yield
    except TimeoutError as error:
        raise SystemExit(f"{error}\n{last_lines(log)}") from error
    process.stop()
    if process.exit_status() != 0:
        raise SystemExit(f"ingest ended with {process.exit_status()}\n{last_lines(log)}")
