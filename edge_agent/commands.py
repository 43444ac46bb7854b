"""Orders from afar: each carried out once at most, whatever is repeated, and answered."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from contracts.control import Answer, Command
from contracts.fields import ContractError
from edge_agent.clock import Clock
from edge_agent.kept_file import keep_json, kept_json

log = logging.getLogger(__name__)

REMEMBERED: Final = 50  # orders; central gives a few a day and none again after an hour
_WAITING: Final = 8


class CommandFailed(Exception):
    """The order could not be carried out; ``code`` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Done:
    """What to answer, and what to do after the answer was handed over."""

    result: Mapping[str, Any] = field(default_factory=dict)
    then: Callable[[], None] | None = None


Action = Callable[[Mapping[str, Any]], Done]


class Commands:
    """``take`` returns at once; ``run`` carries out, in a thread of its own."""

    def __init__(
        self,
        clock: Clock,
        actions: Mapping[str, Action],
        path: Path,
        answer: Callable[[Answer], None],
    ) -> None:
        """``answer`` hands an answer over to be sent; it must return at once."""
        self._clock = clock
        self._actions = actions
        self._path = path
        self._answer = answer
        self._lock = threading.Lock()
        self._answers: dict[str, Answer] = {answer.id: answer for answer in _read(path)}
        self._waiting: queue.Queue[Command | None] = queue.Queue(_WAITING)

    def take(self, command: Command) -> None:
        """Have it carried out, unless that would be wrong; then say why. A known one is answered
        again and not carried out again."""
        with self._lock:
            known = self._answers.get(command.id)
        if known is not None:
            self._answer(known)
            return
        refusal = self._refusal(command)
        if refusal is None:
            # Remembered before it begins: an order that takes us down must not do so twice.
            self._remember(Answer(command.id, ok=False, error="interrupted"))
            try:
                self._waiting.put_nowait(command)
            except queue.Full:
                refusal = "busy"
        if refusal is not None:
            self._finish(Answer(command.id, ok=False, error=refusal))

    def run(self, stop: threading.Event) -> None:
        """Carry out one after the other until ``stop`` is set and ``leave`` was called."""
        while not stop.is_set():
            command = self._waiting.get()
            if command is not None:
                self._carry_out(command)

    def leave(self) -> None:
        """Let ``run`` look whether it should stop."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            log.info("orders are left undone")

    def _refusal(self, command: Command) -> str | None:
        now = self._clock()
        # Without the time we go by the broker: it delivers to who is connected, and lets none wait
        # beyond its end. A gate with a wrong clock is the one that needs a technician most.
        if now.clock != "unsynced" and now.at >= command.expires:
            return "expired"
        return None if command.name in self._actions else "unknown_command"

    def _carry_out(self, command: Command) -> None:
        log.info("order %s: %s", command.id, command.name)
        try:
            done = self._actions[command.name](command.args)
        except CommandFailed as failure:
            self._finish(Answer(command.id, ok=False, error=failure.code))
            return
        self._finish(Answer(command.id, ok=True, result=done.result))
        if done.then is not None:
            done.then()

    def _finish(self, answer: Answer) -> None:
        self._remember(answer)
        self._answer(answer)

    def _remember(self, answer: Answer) -> None:
        with self._lock:
            self._answers.pop(answer.id, None)
            self._answers[answer.id] = answer
            for oldest in list(self._answers)[:-REMEMBERED]:
                del self._answers[oldest]
            keep_json(self._path, [_small(kept) for kept in self._answers.values()])


def _small(answer: Answer) -> str:
    """As kept on the disk: without what a log filled, which would be written with each order."""
    result = answer.result if len(answer.to_json()) < 1000 else {"repeated": True}
    return Answer(answer.id, answer.ok, answer.error, result).to_json().decode()


def _read(path: Path) -> list[Answer]:
    kept = kept_json(path)
    if not isinstance(kept, list):
        return []
    try:
        return [Answer.from_json(str(text).encode()) for text in kept]
    except ContractError as error:
        log.warning("%s is of no use: %s", path.name, error)
        return []
