"""A PC/SC reader and its card without any hardware: pcscd with a virtual reader, unpacked by us.

The virtual reader (vsmartcard's vpcd) waits on a TCP port; a card is whoever connects to it, and
is gone when the connection ends. Messages have two bytes of length before them; one byte alone is
an order to the card: off, on, reset, or to tell its ATR.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devkit import debian
from devkit.ports import free_port
from emulators.nfc.ntag424 import Ntag424
from emulators.nfc.tags import Ntag
from tests.edge.gate import PATIENCE
from tests.edge.slots import answers_of, atr_of

NAME = "Virtual PCD"
_TELL_ATR = 4
_DRIVER = "usr/lib/pcsc/drivers/serial/libifdvpcd.so"
_SOCKET = Path("/run/pcscd/pcscd.comm")  # fixed in the daemon


class Missing(Exception):
    """What this machine lacks."""


@dataclass(frozen=True)
class Tools:
    """Where the daemon, the virtual reader and Python's binding are."""

    daemon: Path
    driver: Path
    binding: Path
    libraries: str


def find_tools() -> Tools:
    """From the system or from Debian packages of our own. Raises Missing."""
    roots = [debian.unpacked("debian-pcsc"), Path("/")]

    def first(pattern: str) -> Path:
        for root in roots:
            for found in sorted(root.glob(pattern)):
                return found
        raise Missing(f"{pattern} is in none of the packages")

    here = f"{sys.version_info.major}{sys.version_info.minor}"
    extension = first(f"usr/lib/python3/dist-packages/smartcard/scard/_scard.cpython-{here}-*.so")
    libraries = [str(folder) for folder in roots[0].glob("usr/lib/*-linux-gnu*")]
    return Tools(
        daemon=first("usr/sbin/pcscd"),
        driver=first(_DRIVER),
        binding=extension.parent.parent,
        libraries=":".join(libraries),
    )


@contextmanager
def daemon(tools: Tools, folder: Path) -> Iterator[int]:
    """pcscd with one virtual reader; the port at which cards come."""
    if _SOCKET.exists():
        raise Missing("another pcscd runs on this machine")
    port = free_port()
    config = folder / "reader.conf"
    config.write_text(
        f'FRIENDLYNAME "{NAME}"\nDEVICENAME /dev/null:{port:#x}\n'
        f"LIBPATH {tools.driver}\nCHANNELID {port:#x}\n"
    )
    command = [str(tools.daemon), "--foreground", "--config", str(config)]
    with (folder / "pcscd.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={"LD_LIBRARY_PATH": tools.libraries}
        )
    try:
        _wait_for_port(process, port, folder / "pcscd.log")
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise Missing(f"pcscd does not run here: {log.read_text(errors='replace')[-300:]}")


@contextmanager
def held(card: Ntag | Ntag424, port: int, *, commands: int | None = None) -> Iterator[None]:
    """A card at the reader. It goes away after so many ``commands``, in the middle of a read."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as line:
        line.settimeout(None)
        thread = threading.Thread(target=_serve, args=(card, line, commands))
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)


def _serve(card: Ntag | Ntag424, line: socket.socket, commands: int | None) -> None:
    answer = answers_of(card)
    done = 0
    with suppress(OSError, EOFError):
        while True:
            message = _received(line, int.from_bytes(_received(line, 2), "big"))
            if message == bytes([_TELL_ATR]):
                said = atr_of(card)
            elif len(message) == 1:
                answer = answers_of(card)  # powered anew
                continue
            elif commands is not None and done >= commands:
                line.shutdown(socket.SHUT_RDWR)
                return
            else:
                done += 1
                said = answer(message)
            line.sendall(len(said).to_bytes(2, "big") + said)


def _received(line: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        part = line.recv(length - len(content))
        if not part:
            raise EOFError
        content += part
    return content
