"""Passes what is shown on to the browsers that look, without ever waiting for one."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from edge_agent.answer_settings import ScreenSettings
from edge_agent.feedback.base import Outcome
from edge_agent.screen.showing import showing_of

MOST_BROWSERS: Final = 4  # one kiosk, and what is left of it after it crashed
_WAITING: Final = 16
_STILL_HERE_SECONDS: Final = 15.0
_STILL_HERE: Final = b": still here\n\n"

_Line = queue.Queue[bytes | None]


class Screen:
    """A ``Feedback`` that shows itself to browsers. For any number of threads."""

    def __init__(self, settings: ScreenSettings, device: str) -> None:
        self._settings = settings
        self._device = device
        self._lock = threading.Lock()
        self._browsers: list[_Line] = []
        self._link: Mapping[str, Any] = {"online": True, "clock": True}

    def show(self, outcome: Outcome) -> None:
        """Returns at once. Without a browser the answer is not shown to anybody."""
        showing = showing_of(outcome, self._device, self._settings.locale, self._settings.zone)
        self._tell(_event("show", showing.wire()))

    def note(self, *, online: bool, clock: str) -> None:
        """Whether central is reached, and whether the clock can be trusted; cheap if unchanged."""
        link = {"online": online, "clock": clock != "unsynced"}
        if link != self._link:
            self._link = link
            self._tell(_event("link", link))

    def events(self) -> Iterator[bytes]:
        """What a browser is told from now on, as ``text/event-stream``; ends with ``close``."""
        line: _Line = queue.Queue(_WAITING)
        with self._lock:
            for old in self._browsers[: 1 - MOST_BROWSERS]:
                self._drop(old)
            self._browsers.append(line)
        try:
            yield b"retry: 1000\n\n" + _event("link", self._link)
            while True:
                try:
                    event = line.get(timeout=_STILL_HERE_SECONDS)
                except queue.Empty:
                    event = _STILL_HERE  # a browser that is gone is noticed by writing to it
                if event is None:
                    return
                yield event
        finally:
            with self._lock:
                if line in self._browsers:
                    self._browsers.remove(line)

    def close(self) -> None:
        """Let go of all browsers; they come back by themselves when we do."""
        with self._lock:
            for line in list(self._browsers):
                self._drop(line)

    def _tell(self, event: bytes) -> None:
        with self._lock:
            for line in list(self._browsers):
                try:
                    line.put_nowait(event)
                except queue.Full:  # it does not read any more
                    self._drop(line)

    def _drop(self, line: _Line) -> None:
        self._browsers.remove(line)
        while True:
            try:
                line.put_nowait(None)
            except queue.Full:
                line.get_nowait()
            else:
                return


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
