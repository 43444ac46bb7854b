"""``python -m edge_agent.updates run|back``: what ``gate-update.service`` starts, as root."""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_agent.updates.environments import Environments
from edge_agent.updates.updater import Places, Terms, Updater

_UNIT = "gate-agent.service"
# A Pi Zero 2 starts the agent in 20 s, and a school's network comes up within two minutes.
_WITHIN_S = 180.0
_STEADY_S = 60.0


class SystemdAgent:
    """The agent as a service of this machine."""

    def restart(self) -> None:
        subprocess.run(("systemctl", "--no-block", "restart", _UNIT), check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m edge_agent.updates", description=__doc__)
    parser.add_argument("what", choices=("run", "back"))
    parser.add_argument("--root", type=Path, default=Path("/opt/gate"))
    parser.add_argument("--inbox", type=Path, default=Path("/var/lib/school-gate/update"))
    parser.add_argument("--sign", type=Path, default=Path("/run/school-gate/alive.json"))
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--within", type=float, default=_WITHIN_S, metavar="SECONDS")
    parser.add_argument("--steady", type=float, default=_STEADY_S, metavar="SECONDS")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    updater = Updater(
        Places(options.root, options.inbox, options.sign),
        Environments(options.root, options.python),
        SystemdAgent(),
        Terms(options.within, options.steady),
    )
    if options.what == "back":
        return 0 if updater.back() else 1
    updater.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
