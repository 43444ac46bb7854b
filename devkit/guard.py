"""Kills processes once the process that asked for it is gone, however it went.

Run by ``devkit.process``. Its standard input is a pipe whose other end only the asking process
holds: ``+123`` puts process 123 and all that it starts under guard, ``-123`` releases it, and the
end of the pipe means that the asker has died, by SIGKILL too.
"""

from __future__ import annotations

import signal
import sys

from devkit.proc import kill_family


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    leaders: set[int] = set()
    for line in sys.stdin:
        leader = int(line[1:])
        if line.startswith("+"):
            leaders.add(leader)
        else:
            leaders.discard(leader)
    for leader in leaders:
        kill_family(leader)


if __name__ == "__main__":
    main()
