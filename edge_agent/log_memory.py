"""The last lines of the log, without what nobody needs to see, for whoever asks from afar."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Sequence
from typing import Final

LINES_KEPT: Final = 500
MOST_LETTERS: Final = 300  # of a line; a trace is many lines' worth in one
MOST_SENT: Final = 24_000  # letters in one answer, below what the broker and central take

# Digests, keys and tokens; signatures; addresses with a password; numbers as long as a phone's.
_SECRETS: Final = (
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), "<token>"),
    (re.compile(r"\b[0-9a-fA-F]{16,}\b"), "<hex>"),
    (re.compile(r"(?<=://)[^/@\s]+@"), "<login>@"),
    (re.compile(r"(?i)(password|secret|key)(\s*[=:]\s*)\S+"), r"\1\2<secret>"),
    (re.compile(r"\+?\b\d(?:[ ]?\d){8,}\b"), "<number>"),
)


class LogMemory(logging.Handler):
    """Keeps every line that is logged while the level lets it through."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(redacted(self.format(record))[:MOST_LETTERS])

    def last(self, count: int) -> Sequence[str]:
        """The newest ``count`` lines, oldest first; fewer if they are long."""
        kept: deque[str] = deque()
        room = MOST_SENT
        for line in reversed(list(self._lines)[-count:]):
            room -= len(line) + 4  # what JSON puts around it
            if room < 0:
                break
            kept.appendleft(line)
        return kept


def redacted(line: str) -> str:
    """The line without secrets and personal numbers."""
    for pattern, instead in _SECRETS:
        line = pattern.sub(instead, line)
    return line
