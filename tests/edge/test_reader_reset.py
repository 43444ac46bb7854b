"""What is done for a reader that does not come back, at a made-up sysfs and a pty."""

from __future__ import annotations

import os
import pty
import select
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_agent.readers.reset import Machine, reset
from tests.edge.gate import PATIENCE

USBDEVFS_RESET = 21780  # of linux/usbdevice_fs.h


@dataclass
class Bench:
    """A machine with one reader on USB: ``1-1.3``, device 7 of bus 1."""

    root: Path
    refuses: bool = False
    resets: list[tuple[str, int]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.usb.mkdir(parents=True)
        for name, content in (
            ("idVendor", "054c"),
            ("idProduct", "06c3"),
            ("busnum", "1"),
            ("devnum", "7"),
            ("authorized", "1"),
        ):
            (self.usb / name).write_text(content + "\n")
        listed = self.root / "sys/bus/usb/devices"
        listed.mkdir(parents=True)
        (listed / "1-1.3").symlink_to(self.usb)
        self.node.parent.mkdir(parents=True)
        self.node.touch()

    @property
    def usb(self) -> Path:
        return self.root / "sys/devices/platform/usb1/1-1/1-1.3"

    @property
    def node(self) -> Path:
        return self.root / "dev/bus/usb/001/007"

    @property
    def machine(self) -> Machine:
        return Machine(self.root / "sys", self.root / "dev", self._ioctl, self._pause)

    def shows(self, kind: str, name: str) -> Path:
        """A device of the kernel that belongs to the reader; the path under which it is used."""
        interface = self.usb / "1-1.3:1.0" / name
        interface.mkdir(parents=True)
        shown = self.root / "sys/class" / kind / name
        shown.mkdir(parents=True)
        (shown / "device").symlink_to(interface)
        link = self.root / "gate-reader"
        link.symlink_to(f"/dev/{name}")  # as udev does
        return link

    def _ioctl(self, device: int, request: int, _argument: int) -> int:
        if self.refuses:
            raise OSError(19, "No such device")
        self.resets.append((os.readlink(f"/proc/self/fd/{device}"), request))
        return 0

    def _pause(self, _seconds: float) -> None:
        self.seen.append((self.usb / "authorized").read_text())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_reader_named_by_its_product_is_reset_by_the_kernel(bench: Bench) -> None:
    assert reset("usb:054C:06c3", bench.machine) == "usb reset"

    assert bench.resets == [(str(bench.node), USBDEVFS_RESET)]
    assert bench.seen == []


@pytest.mark.parametrize(("kind", "name"), [("tty", "ttyUSB93"), ("input", "event93")])
def test_a_port_or_a_scanner_on_usb_is_found_by_the_kernels_links(
    bench: Bench, kind: str, name: str
) -> None:
    link = bench.shows(kind, name)

    assert reset(str(link), bench.machine) == "usb reset"
    assert bench.resets == [(str(bench.node), USBDEVFS_RESET)]


def test_nfcpys_name_of_a_port_is_understood(bench: Bench) -> None:
    bench.shows("tty", "ttyUSB93")

    assert reset("tty:USB93:pn532", bench.machine) == "usb reset"


def test_where_the_kernel_refuses_the_device_is_plugged_in_anew(bench: Bench) -> None:
    bench.refuses = True

    assert reset("usb:054c:06c3", bench.machine) == "usb plugged in anew"

    assert bench.seen == ["0"]
    assert (bench.usb / "authorized").read_text() == "1"


def test_where_we_may_not_write_to_the_device_it_is_plugged_in_anew(bench: Bench) -> None:
    bench.node.unlink()

    assert reset("usb:054c:06c3", bench.machine) == "usb plugged in anew"


def test_where_nothing_is_allowed_nothing_is_done(bench: Bench) -> None:
    bench.node.unlink()
    (bench.usb / "authorized").unlink()
    (bench.usb / "authorized").mkdir()

    assert reset("usb:054c:06c3", bench.machine) is None


@pytest.mark.parametrize("path", ["usb:1234:5678", "usb", "usb:001:007", "/dev/none-such", "*"])
def test_a_reader_that_is_not_there_is_left_alone(bench: Bench, path: str) -> None:
    assert reset(path, bench.machine) is None
    assert bench.resets == []


@pytest.fixture
def serial_line(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A serial port that is no USB device: the chip's end, and the path of the host's."""
    chip, host = pty.openpty()
    tty.setraw(host)
    link = tmp_path / "gate-reader"
    link.symlink_to(os.ttyname(host))
    yield chip, link
    os.close(chip)
    os.close(host)


def test_a_chip_on_a_serial_line_is_woken_and_told_to_give_up(
    bench: Bench, serial_line: tuple[int, Path]
) -> None:
    chip, link = serial_line

    assert reset(str(link), bench.machine) == "woken up"

    ready, _, _ = select.select([chip], [], [], PATIENCE)
    assert ready
    heard = os.read(chip, 100)
    assert heard.startswith(b"\x55\x55\x00")
    assert heard.endswith(bytes.fromhex("0000ff00ff00"))


def test_a_file_that_is_no_serial_line_is_left_as_it_is(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("as it was")

    assert reset(str(path), bench.machine) is None
    assert path.read_text() == "as it was"
