"""``python -m central.jobs worker`` sends messages; ``… scheduler`` acts by the clock."""

from __future__ import annotations

import argparse
import os
import sys

from central import logging
from central.jobs import scheduler, worker
from central.settings import Settings, SettingsError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m central.jobs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("worker", help="run jobs: send the messages that are due")
    commands.add_parser("scheduler", help="wake workers and tidy up; one of several leads")
    command = parser.parse_args().command
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    logging.configure(settings, command)
    processes = {"worker": worker.run, "scheduler": scheduler.run}
    processes[command](settings)


if __name__ == "__main__":
    main()
