"""The morning rush through the whole line: 600 children in three minutes, seen on a real board.

Starts a line of its own, opens the director's board in Chromium, taps every student of the demo
school once at two gates, and measures how long after each tap the child is on the board and the
message at the provider. Every figure counts what the pages and tables hold, not what was sent.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread
from typing import Any, Final

from bench.figures import arguments, report
from tests.e2e.browser import Visit, chromium
from tests.e2e.line import Beep, Line

SETTLE_SECONDS: Final = 60

# Rows carry the moment of their tap; note when each is first there.
_WATCH: Final = """
() => {
  window.arrived = new Map();
  const note = (row) => {
    if (row.matches?.('li.sighting') && !window.arrived.has(row.id))
      window.arrived.set(row.id, Date.now() - Number(row.dataset.at));
  };
  document.querySelectorAll('li.sighting').forEach((row) => window.arrived.set(row.id, null));
  new MutationObserver((changes) => {
    for (const change of changes) change.addedNodes.forEach(note);
  }).observe(document.body, { childList: true, subtree: true });
}
"""
_DELAYS: Final = "() => [...window.arrived.values()].filter((delay) => delay !== null)"


def tap_all(line: Line, gate: str, students: Sequence[int], seconds: float) -> Iterator[Beep]:
    """Tap each student at an even pace over ``seconds``; yields what was beeped."""
    began = time.monotonic()
    for number, student in enumerate(students):
        Event().wait(max(0.0, began + number * seconds / len(students) - time.monotonic()))
        beep = line.tap(gate, student)
        if beep is not None:
            yield beep


def rush(line: Line, students: Sequence[int], seconds: float) -> list[Beep]:
    """Both gates at once."""
    beeps: list[Beep] = []
    threads = [
        Thread(target=lambda g=gate, s=half: beeps.extend(tap_all(line, g, s, seconds)))
        for gate, half in (("norte", students[::2]), ("sur", students[1::2]))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return beeps


def measure(line: Line, seconds: float) -> dict[str, float]:
    students = [student for (student,) in line.rows("SELECT id FROM students ORDER BY id")]
    expected = line.rows("SELECT count(*) FROM student_guardians WHERE notify_entry")[0][0]
    with chromium() as browser:
        visit = Visit(browser, line.origin)
        visit.sign_in(*line.account("director"))
        visit.page.goto("/app/board")
        visit.page.get_by_text("En vivo").wait_for()
        visit.page.evaluate(_WATCH)
        beeps: list[Beep] = []
        thread = Thread(target=lambda: beeps.extend(rush(line, students, seconds)))
        thread.start()
        while thread.is_alive():
            visit.page.wait_for_timeout(200)  # lets the browser's events through
        visit.page.wait_for_function(
            f"window.arrived.size >= {len(students)}", timeout=SETTLE_SECONDS * 1000
        )
        delays: list[float] = visit.page.evaluate(_DELAYS)
        assert visit.complaints == [], visit.complaints
    line.wait_for(lambda: len(line.messages()) >= expected, "messages are missing", SETTLE_SECONDS)
    return _figures(line, beeps, delays, expected)


def _figures(
    line: Line, beeps: Sequence[Beep], delays: Sequence[float], expected: int
) -> dict[str, float]:
    messages = line.messages()
    repeated = sum(times - 1 for times in Counter(m["callback_data"] for m in messages).values())
    stored = line.rows("SELECT count(*) FROM taps WHERE boot <> 'history'")[0][0]
    return {
        "beeped": len(beeps),
        "stored": stored,
        "on_board": len(delays),
        "messages_expected": expected,
        "messages_sent": len(messages),
        "messages_repeated": repeated,
        **_spread("tap_to_board_ms", delays),
        **_spread("tap_to_provider_ms", _message_delays(line, messages)),
    }


def _message_delays(line: Line, messages: Sequence[dict[str, Any]]) -> list[float]:
    facts = {
        f"{school}:{id}": at.timestamp()
        for school, id, at in line.rows("SELECT school_id, id, fact_at FROM notifications")
    }
    return [(m["at"] - facts[m["callback_data"]]) * 1000 for m in messages]


def _spread(name: str, values: Sequence[float]) -> dict[str, float]:
    hundredths = quantiles(values, n=100)
    return {
        f"{name}_p50": hundredths[49],
        f"{name}_p95": hundredths[94],
        f"{name}_max": max(values),
    }


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=180, help="how long the rush lasts")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attendance-bench-") as folder:
        Path(folder).chmod(0o711)
        with Line.started(Path(folder) / "line") as line:
            report("rush", measure(line, given.seconds), given.json)


if __name__ == "__main__":
    main()
