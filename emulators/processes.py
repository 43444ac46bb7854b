"""What the emulators' processes have in common: configuration files, and an orderly end."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from emulators.web import Server


class WrongConfig(Exception):
    """A setting is missing or wrong; the text names it first."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises WrongConfig."""
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise WrongConfig(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise WrongConfig(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise WrongConfig(f"{path}: expected an object")
    return value


def log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def serve_until_told_to_stop(server: Server) -> None:
    """Serve until SIGTERM or SIGINT, then return; requests under way are cut off."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    stop.wait()
    server.shutdown()
    thread.join()
    server.server_close()
