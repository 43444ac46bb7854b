"""``python -m tests.edge.moved_clock run --config FILE``: the agent on a clock that can be moved.

With ``clock = "moved"`` it goes by the host's clock plus as many seconds as the file ``clock``
beside FILE says now. A test so sets the time of one gate, and of nothing else on the machine.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from edge_agent.__main__ import main
from edge_agent.clock import CLOCKS, Clock, Moment, host_clock


def moved_clock(file: Path) -> Clock:
    def now() -> Moment:
        moment = host_clock()
        seconds = float(file.read_text()) if file.exists() else 0.0
        return replace(moment, at=moment.at + timedelta(seconds=seconds))

    return now


if __name__ == "__main__":
    CLOCKS["moved"] = moved_clock(Path(sys.argv[-1]).parent / "clock")
    sys.exit(main())
