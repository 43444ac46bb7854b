"""``python -m central.ingest``: stores what the gates send, until SIGTERM.

Exits with another status than 0 when something unexpected happens; the supervisor starts it again
and the broker delivers what was not stored.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from threading import Event

import structlog

from central import logging
from central.cards.keys import CardKeys
from central.ingest.consumer import Broker, Consumer
from central.ingest.database import Database
from central.queue import Queue
from central.settings import Settings, SettingsError

log = structlog.stdlib.get_logger(__name__)


def main() -> int:
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging.configure(settings, "ingest")
    spare_the_collector()
    stopping = Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stopping.set())
    run(settings, stopping)
    return 0


def spare_the_collector() -> None:
    """Look for cycles rarely. A batch makes thousands of objects and leaves hardly a cycle.

    At Python's own pace the search takes a fifth of the time that ingest spends on a tap.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def run(settings: Settings, stopping: Event) -> None:
    """Consume until ``stopping`` is set."""
    broker = Broker(
        settings.mqtt_host,
        settings.mqtt_port,
        settings.mqtt_client_id,
        settings.mqtt_username,
        settings.mqtt_password,
    )
    keys = CardKeys.from_setting(settings.card_master_key)
    database = Database(settings.database_url_for("ingest"), keys)
    queue = Queue(settings.redis_url)
    log.info("started")
    try:
        Consumer(broker, database, queue.wake_drain).run(stopping)
    except Exception:
        log.exception("stopped_unexpectedly")
        raise
    finally:
        database.close()
        queue.close()
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
