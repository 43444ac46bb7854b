"""Readers that fail: silent, unplugged, left at a speed where nobody looks for them."""

from __future__ import annotations

import termios
from pathlib import Path

import pytest
from nfc.clf import RemoteTarget, pn532, transport

from emulators.nfc import tags
from emulators.nfc.pn532 import Pn532
from tests.emulators import reading

UID = bytes.fromhex("04A1B2C3D4E580")
URI = "https://colegio.example/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718"


def test_a_silent_chip_is_an_input_output_error_and_comes_back(reader: Pn532, link: Path) -> None:
    reader.put(tags.with_uri(UID, URI))

    with reading.opened(link) as frontend:
        reader.silence()
        with pytest.raises(OSError, match="Input/output error"):
            frontend.sense(RemoteTarget("106A"))

        reader.plug()
        assert reading.read_uri(frontend) == URI


def test_a_silent_chip_cannot_be_opened(reader: Pn532, link: Path) -> None:
    reader.silence()
    port = transport.TTY(str(link))

    with pytest.raises(OSError, match="timed out"):
        pn532.init(port)

    port.close()


def test_an_unplugged_reader_fails_the_host_and_works_again_when_plugged_back(
    reader: Pn532, link: Path
) -> None:
    reader.put(tags.with_uri(UID, URI))

    with reading.opened(link) as frontend:
        reader.unplug()
        with pytest.raises(termios.error, match="Input/output error"):
            frontend.sense(RemoteTarget("106A"))
    assert not link.exists()

    reader.plug()
    with reading.opened(link) as frontend:
        assert reading.read_uri(frontend) == URI


def test_a_host_that_closes_the_port_can_open_it_again(reader: Pn532, link: Path) -> None:
    reader.put(tags.with_uri(UID, URI))

    uris = []
    for _ in range(3):
        with reading.opened(link) as frontend:
            uris.append(reading.read_uri(frontend))

    assert uris == [URI] * 3


def test_a_killed_host_leaves_the_chip_at_a_speed_where_nfcpy_does_not_find_it(
    reader: Pn532, link: Path
) -> None:
    killed = reading.killed_later(link)
    killed.device.chipset.transport.tty.close()
    port = transport.TTY(str(link))

    with pytest.raises(OSError, match="timed out"):
        pn532.init(port)

    port.close()


def test_a_host_brings_a_chip_left_at_high_speed_back_to_the_speed_it_begins_with(
    reader: Pn532, link: Path
) -> None:
    killed = reading.killed_later(link)
    killed.device.chipset.transport.tty.close()
    reader.put(tags.with_uri(UID, URI))

    port = reading.PatientLine(str(link))
    port.open(str(link), 921_600)
    pn532.Chipset(port, pn532.log).set_serial_baudrate(115_200)
    port.close()

    with reading.opened(link) as frontend:
        assert reading.read_uri(frontend) == URI


def test_power_also_brings_a_chip_back_from_high_speed(reader: Pn532, link: Path) -> None:
    killed = reading.killed_later(link)
    killed.device.chipset.transport.tty.close()

    reader.unplug()
    reader.plug()

    with reading.opened(link) as frontend:
        assert frontend.sense(RemoteTarget("106A")) is None


def test_a_reader_knows_whether_a_host_talks_to_it(reader: Pn532, link: Path) -> None:
    before = reader.heard_within(60)
    with reading.opened(link) as frontend:
        frontend.sense(RemoteTarget("106A"))

    assert not before
    assert reader.heard_within(60)
