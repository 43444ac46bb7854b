"""Kills process groups once the process that asked for it is gone, however it went.

Run as a script by ``devkit.process``. Its standard input is a pipe whose other end only the asking
process holds: ``+123`` puts group 123 under guard, ``-123`` releases it, and the end of the pipe
means that the asker has died, by SIGKILL too. Groups, so that grandchildren go as well.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
