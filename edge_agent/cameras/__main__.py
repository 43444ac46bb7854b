"""``python -m edge_agent.cameras DRIVER PATH SOCKET``: a camera's own process.

It ends with the agent, whatever ends that. It shows that it lives every second, by asking the
camera; a camera that hangs shows as silence.
"""

from __future__ import annotations

import contextlib
import ctypes
import select
import signal
import socket
import sys
from typing import Final

from edge_agent.cameras import Camera, CameraUnavailable, make
from edge_agent.cameras.signals import ALIVE, FAULT, PICTURE, TAKE, message

BEAT_SECONDS: Final = 1.0
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def main(arguments: list[str]) -> int:
    driver, path, number = arguments
    _end_with_the_agent()
    with socket.socket(fileno=int(number)) as agent:
        try:
            camera = make(driver, path)
            with contextlib.closing(camera):
                camera.open()
                _serve(camera, agent)
        except (CameraUnavailable, ImportError) as error:
            with contextlib.suppress(OSError):
                agent.sendall(message(FAULT, str(error).encode()[:500]))
            return 1
        except OSError:  # the agent has gone
            return 0
    return 0


def _serve(camera: Camera, agent: socket.socket) -> None:
    """Until the agent hangs up. Raises CameraUnavailable and OSError."""
    while True:
        camera.check()
        agent.sendall(message(ALIVE))
        while select.select([agent], [], [], BEAT_SECONDS)[0]:
            order = agent.recv(1)
            if not order:
                return
            if order == TAKE:
                agent.sendall(message(PICTURE, camera.take()))


def _end_with_the_agent() -> None:
    """Also when the agent is killed while the camera hangs: else its device stays taken."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
