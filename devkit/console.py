"""Telling the person at the terminal what is going on."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

REDRAW_SECONDS = 1.0
SIGN_OF_LIFE_SECONDS = 15.0  # in a log, where a line cannot be redrawn


def say(text: str) -> None:
    print(text, flush=True)


def note(text: str) -> None:
    """A line with the time of day, for what happens while everything runs."""
    say(f"{time.strftime('%H:%M:%S')}  {text}")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, how long it has taken so far, and how long it took."""
    started = time.monotonic()
    ended = threading.Event()
    ticker = threading.Thread(target=_tick, args=(title, started, ended), daemon=True)
    ticker.start()
    try:
        yield
    except BaseException:
        _finish(title, "failed", ended, ticker)
        raise
    _finish(title, f"{time.monotonic() - started:.1f} s", ended, ticker)


def _tick(title: str, started: float, ended: threading.Event) -> None:
    redraws = sys.stdout.isatty()
    if redraws:
        _redraw(title, "…")
    while not ended.wait(REDRAW_SECONDS if redraws else SIGN_OF_LIFE_SECONDS):
        elapsed = f"{time.monotonic() - started:.0f} s"
        if redraws:
            _redraw(title, elapsed)
        else:
            say(f"  {title} … {elapsed}")


def _finish(title: str, outcome: str, ended: threading.Event, ticker: threading.Thread) -> None:
    ended.set()
    ticker.join()
    if sys.stdout.isatty():
        _redraw(title, outcome)
        say("")
    else:
        say(f"  {title:<44} {outcome}")


def _redraw(title: str, outcome: str) -> None:
    sys.stdout.write(f"\r\x1b[K  {title:<44} {outcome}")
    sys.stdout.flush()
