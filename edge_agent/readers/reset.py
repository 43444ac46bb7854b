"""What can be done for a reader that does not come back by opening it again.

A USB device is reset as if it were plugged in anew: by the kernel's own call where we may write to
the device, else by taking its authorisation away for a moment. A PN532 on a serial line sleeps or
waits in the middle of a command: it is woken and told to give up.
"""

from __future__ import annotations

import fcntl
import logging
import os
import termios
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_agent.readers.paths import serial_port, usb_product

log = logging.getLogger(__name__)

_USBDEVFS_RESET: Final = 0x5514  # _IO('U', 20), linux/usbdevice_fs.h
_UNPLUGGED_SECONDS: Final = 0.5  # long enough for a reader to lose its state
# UM0701-02, section 7.2.11: a long preamble wakes the chip; an ACK ends whatever it was doing.
_WAKE_UP: Final = b"\x55\x55" + bytes(14) + bytes.fromhex("0000ff00ff00")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the kernel shows its devices; ``pause`` waits for so many seconds."""

    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    ioctl: Callable[[int, int, int], Any] = fcntl.ioctl
    pause: Callable[[float], None] = time.sleep


def reset(path: str, machine: Machine | None = None) -> str | None:
    """Do what can be done for the reader at ``path``; what it was, None if there is nothing.

    Never raises: the reader is opened again afterwards in any case.
    """
    machine = machine or Machine()
    usb = _usb_device(path, machine)
    if usb is not None:
        return _reset_usb(usb, machine)
    port = serial_port(path)
    return None if port is None else _wake_up(port)


def _usb_device(path: str, machine: Machine) -> Path | None:
    """The USB device's folder in sysfs, if the reader is one."""
    product = usb_product(path)
    if product is not None:
        devices = sorted((machine.sys / "bus/usb/devices").glob("*"))
        return next((one for one in devices if _product(one) == product), None)
    port = serial_port(path)
    if port is None:
        return None
    name = Path(os.path.realpath(port)).name
    for kind in ("tty", "input"):
        shown = machine.sys / "class" / kind / name / "device"
        if shown.exists():
            return next((one for one in _upwards(shown.resolve()) if _product(one)), None)
    return None


def _upwards(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.parents


def _product(folder: Path) -> tuple[str, str] | None:
    found = _line(folder / "idVendor"), _line(folder / "idProduct")
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _reset_usb(usb: Path, machine: Machine) -> str | None:
    bus, number = _line(usb / "busnum"), _line(usb / "devnum")
    if bus is not None and number is not None:
        node = machine.dev / "bus/usb" / f"{int(bus):03}" / f"{int(number):03}"
        if _kernel_resets(node, machine):
            return "usb reset"
    return "usb plugged in anew" if _authorised_anew(usb, machine) else None


def _kernel_resets(node: Path, machine: Machine) -> bool:
    try:
        device = os.open(node, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        log.debug("%s: %s", node, error)
        return False
    try:
        machine.ioctl(device, _USBDEVFS_RESET, 0)
    except OSError as error:
        log.debug("%s: %s", node, error)
        return False
    finally:
        os.close(device)
    return True


def _authorised_anew(usb: Path, machine: Machine) -> bool:
    switch = usb / "authorized"
    try:
        switch.write_text("0")
        machine.pause(_UNPLUGGED_SECONDS)
        switch.write_text("1")
    except OSError as error:
        log.debug("%s: %s", switch, error)
        return False
    return True


def _wake_up(port: str) -> str | None:
    try:
        line = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        log.debug("%s: %s", port, error)
        return None
    try:
        tty.setraw(line)
        settings = termios.tcgetattr(line)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(line, termios.TCSANOW, settings)
        os.write(line, _WAKE_UP)
        termios.tcdrain(line)
        termios.tcflush(line, termios.TCIFLUSH)
    except (OSError, termios.error) as error:
        log.debug("%s: %s", port, error)
        return None
    finally:
        os.close(line)
    return "woken up"


def _line(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
