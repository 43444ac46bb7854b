"""Before the other processes start: the newest schema, and a bucket for the photos.

Run once by the compose file, with the settings of the deployment. Repeating it changes nothing.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

from central.media.store import S3Store, StoreUnavailable, store_of
from central.settings import Settings, SettingsError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations" / "alembic.ini"
PATIENCE_SECONDS = 60  # a first start of PostgreSQL on a slow disk
PAUSE_SECONDS = 1

log = logging.getLogger("prepare")


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        log.error("%s", error)
        return 1
    if not wait_for_database(settings):
        return 1
    command.upgrade(Config(str(MIGRATIONS)), "head")
    log.info("the database is at the newest schema")
    prepare_bucket(settings)
    return 0


def wait_for_database(settings: Settings) -> bool:
    """Whether the database accepted a connection of its owner before patience ran out."""
    url = settings.database_url.replace("+psycopg", "", 1)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                log.error("the database cannot be reached: %s", error)
                return False
        else:
            return True
        time.sleep(PAUSE_SECONDS)


def prepare_bucket(settings: Settings) -> None:
    """Make the bucket unless it exists. Taps do not wait for photos, so failing stops nothing."""
    store = store_of(settings)
    if not isinstance(store, S3Store):
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            store.make_bucket()
        except StoreUnavailable as error:
            if time.monotonic() > deadline:
                log.warning("no photos until it is solved: %s", error)
                return
        else:
            log.info("the photo store is ready")
            return
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
