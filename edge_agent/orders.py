"""What each order from afar does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge_agent.clock import Clock
from edge_agent.commands import Action, CommandFailed, Done
from edge_agent.feedback import Feedback, Outcome
from edge_agent.feedback.base import IDENTIFY
from edge_agent.log_memory import LINES_KEPT, LogMemory
from edge_agent.photos.photographer import Photographer
from edge_agent.selftest import SelfTest, as_result

_BLINK_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60
_PHOTO_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Orders:
    """What orders act on. ``restart`` and ``sync`` return at once."""

    clock: Clock
    feedback: Feedback
    logs: LogMemory
    selftest: SelfTest
    stop: threading.Event
    restart: Callable[[], None]
    sync: Callable[[], None]
    camera: Photographer | None = None

    def actions(self) -> Mapping[str, Action]:
        """By the names on the wire."""
        return {
            "identify": self._identify,
            "restart": self._restart,
            "logs": self._logs,
            "sync": self._sync,
            "selftest": self._selftest,
            "photo-test": self._photo_test,
        }

    def _identify(self, args: Mapping[str, Any]) -> Done:
        """Show at the gate which one it is."""
        seconds = _whole(args, "seconds", 10, _LONGEST_SECONDS)
        for _ in range(seconds):
            self.feedback.show(Outcome(IDENTIFY, None, IDENTIFY, None, self.clock().at))
            if self.stop.wait(_BLINK_SECONDS):
                raise CommandFailed("interrupted")
        return Done({"seconds": seconds})

    def _restart(self, _: Mapping[str, Any]) -> Done:
        return Done(then=self.restart)

    def _logs(self, args: Mapping[str, Any]) -> Done:
        count = _whole(args, "lines", 100, LINES_KEPT)
        return Done({"lines": list(self.logs.last(count))})

    def _sync(self, _: Mapping[str, Any]) -> Done:
        self.sync()
        return Done({"roster_version": self.selftest.vitals.roster.version})

    def _selftest(self, _: Mapping[str, Any]) -> Done:
        return Done(as_result(self.selftest.run()))

    def _photo_test(self, _: Mapping[str, Any]) -> Done:
        """Take a photo, measure it, and throw it away: nobody has agreed to be on it."""
        if self.camera is None:
            raise CommandFailed("no_camera")
        picture = self.camera.try_one(_PHOTO_SECONDS)
        if picture is None:
            raise CommandFailed("camera_silent")
        return Done({"bytes": len(picture.jpeg), "took_ms": picture.took_ms})


def _whole(args: Mapping[str, Any], name: str, usual: int, most: int) -> int:
    value = args.get(name, usual)
    if type(value) is not int or not 1 <= value <= most:
        raise CommandFailed("wrong_args")
    return value
