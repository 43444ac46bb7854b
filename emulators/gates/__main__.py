"""``python -m emulators.gates --config FILE``: emulated gates, until SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from pathlib import Path

from emulators.gates.api import Api
from emulators.gates.cards import CardBox
from emulators.gates.gate import Gate
from emulators.gates.settings import Settings
from emulators.processes import WrongConfig, log_to_stderr, serve_until_told_to_stop
from emulators.web import Server

log = logging.getLogger("emulators.gates")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m emulators.gates", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a JSON file; see settings.py")
    chosen = parser.parse_args(arguments)
    log_to_stderr()
    try:
        settings = Settings.from_file(chosen.config)
    except WrongConfig as error:
        log.error("%s: %s", chosen.config, error)
        return 2
    with contextlib.ExitStack() as stack:
        try:
            gates = {it.gate: stack.enter_context(Gate(it)) for it in settings.gates}
            api = Api(gates, CardBox(settings.cards_file))
            server = Server("127.0.0.1", settings.http_port, api.site())
        except OSError as error:  # a port in use, a folder that is not there
            log.error("cannot start: %s", error)
            return 1
        log.info("%d gates, controlled at http://127.0.0.1:%d", len(gates), server.port)
        serve_until_told_to_stop(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
