"""Runs a command once the database has this image's schema: ``after_migrations.py COMMAND…``.

Every process of the compose file starts through it. Waiting by condition holds on any engine, and a
container without ``depends_on`` can be restarted whatever else is down; podman refuses to start
one that depends on a finished container.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import psycopg
from alembic.script import ScriptDirectory

from central.settings import Settings, SettingsError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
PAUSE_SECONDS = 1

log = logging.getLogger("after_migrations")


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    wait_for_schema(settings.database_url.replace("+psycopg", "", 1))
    command = sys.argv[1:]
    os.execvp(command[0], command)  # noqa: S606 - it becomes the container's process


def wait_for_schema(url: str) -> None:
    """Return when the database is at our newest migration or, after a rollback, beyond it."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    earlier = {script.revision for script in scripts.walk_revisions()} - set(scripts.get_heads())
    said = ""
    while True:
        found = revision(url)
        if found is not None and found not in earlier:
            return
        waiting = f"waiting for migrations; the database is at {found}"
        if waiting != said:
            log.info("%s", waiting)
            said = waiting
        time.sleep(PAUSE_SECONDS)


def revision(url: str) -> str | None:
    """The newest migration applied; None while there is none or the database does not answer."""
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return None
    return str(row[0]) if row else None


if __name__ == "__main__":
    main()
