"""The emulated reader, driven by real nfcpy."""

from __future__ import annotations

import contextlib
import os
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import ndef
import nfc
import pytest
from nfc.clf import RemoteTarget

from emulators.nfc import frames, tags
from emulators.nfc.chip import crc_a
from emulators.nfc.pn532 import Pn532
from tests.emulators import reading
from tests.emulators.waiting import eventually

UID = bytes.fromhex("04A1B2C3D4E580")
GET_VERSION = bytes.fromhex("0000ff02fed4022a00")
URI = "https://colegio.example/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718"


@pytest.mark.parametrize("model", ["213", "215"])
def test_nfcpy_reads_the_link_and_the_product_of_a_card(
    reader: Pn532, link: Path, model: str
) -> None:
    reader.put(tags.with_uri(UID, URI, model))

    with reading.opened(link) as frontend:
        card = reading.activate(frontend)

        assert card.identifier == UID
        assert card.product == f"NXP NTAG{model}"
        assert reading.uri_of(card) == URI


@pytest.mark.parametrize("model", ["213", "215"])
def test_a_blank_card_is_formatted_and_empty(reader: Pn532, link: Path, model: str) -> None:
    reader.put(tags.Ntag(UID, model))

    with reading.opened(link) as frontend:
        card = reading.activate(frontend)

        assert card.identifier == UID
        assert card.ndef is not None
        assert card.ndef.length == 0
        assert reading.uri_of(card) is None


@pytest.mark.parametrize("model", ["213", "215"])
def test_a_link_written_by_nfcpy_is_there_at_the_next_read(
    reader: Pn532, link: Path, model: str
) -> None:
    card_in_hand = tags.Ntag(UID, model)
    reader.put(card_in_hand)

    with reading.opened(link) as frontend:
        card = reading.activate(frontend)
        card.ndef.records = [ndef.UriRecord(URI)]

        assert reading.read_uri(frontend) == URI
    assert b"colegio.example/t/" in card_in_hand.pages(4, 20)


@pytest.mark.parametrize("model", ["213", "215"])
def test_a_card_made_read_only_refuses_to_be_written(reader: Pn532, link: Path, model: str) -> None:
    reader.put(tags.with_uri(UID, URI, model))

    with reading.opened(link) as frontend:
        assert reading.activate(frontend).protect()

        locked = reading.activate(frontend)
        with pytest.raises(nfc.tag.tt2.Type2TagCommandError):
            locked.write(4, b"\x00\x00\x00\x00")
        assert reading.read_uri(frontend) == URI


@pytest.mark.parametrize("answers", range(10))
def test_a_torn_read_shows_the_card_but_no_link_or_the_whole_link(
    reader: Pn532, link: Path, answers: int
) -> None:
    reader.put(tags.Torn(tags.with_uri(UID, URI), answers))

    with reading.opened(link) as frontend:
        found = frontend.sense(RemoteTarget("106A"))
        uri = reading.read_uri(frontend)

    assert found.sdd_res == UID
    needed = 7  # AUTHENTICATE, GET_VERSION and five READs reach the end of the link
    assert uri == (URI if answers >= needed else None)


@pytest.mark.parametrize("answers", range(7))
def test_a_card_withdrawn_in_the_middle_leaves_an_empty_field(
    reader: Pn532, link: Path, answers: int
) -> None:
    reader.put(tags.Withdrawn(tags.with_uri(UID, URI), answers))

    with reading.opened(link) as frontend:
        assert reading.read_uri(frontend) is None
        assert frontend.sense(RemoteTarget("106A")) is None


def test_taking_the_card_away_while_it_is_read_silences_it(reader: Pn532, link: Path) -> None:
    reader.put(tags.with_uri(UID, URI))

    with reading.opened(link) as frontend:
        card = reading.activate(frontend)
        reader.take()

        assert card.identifier == UID
        assert reading.uri_of(card) is None
        assert frontend.sense(RemoteTarget("106A")) is None


def test_an_empty_field_is_reported_at_once_and_remembered(reader: Pn532, link: Path) -> None:
    with reading.opened(link) as frontend:
        started = time.monotonic()
        found = frontend.sense(RemoteTarget("106A"))
        took = time.monotonic() - started

    assert found is None
    assert took < 0.5
    assert reader.wait_until_seen_empty(timeout=0)


def test_nobody_has_seen_the_field_empty_until_the_host_polls_again(
    reader: Pn532, link: Path
) -> None:
    with reading.opened(link) as frontend:
        frontend.sense(RemoteTarget("106A"))
        reader.put(tags.Ntag(UID))
        frontend.sense(RemoteTarget("106A"))

        reader.take()
        assert not reader.wait_until_seen_empty(timeout=0)

        waiting = threading.Thread(target=frontend.sense, args=(RemoteTarget("106A"),))
        waiting.start()
        assert reader.wait_until_seen_empty(timeout=5)
        waiting.join()


def test_a_host_that_never_reads_does_not_stop_the_chip(reader: Pn532, link: Path) -> None:
    with a_port(link) as port:
        for _ in range(3000):
            port.write(GET_VERSION)

    def opens() -> bool:  # not at once: answers to the dead host are still under way
        with contextlib.suppress(OSError), reading.opened(link) as frontend:
            return frontend.sense(RemoteTarget("106A")) is None
        return False

    assert eventually(opens)


def test_the_chip_acknowledges_within_the_time_nfcpy_waits(reader: Pn532, link: Path) -> None:
    took = []
    with a_port(link) as port:
        for _ in range(5):
            started = time.monotonic()
            port.write(bytes(10) + GET_VERSION)
            assert port.read(6) == frames.ACK
            took.append(time.monotonic() - started)
            port.read(13)  # the answer itself

    assert min(took) < 0.1  # the best of some, for the machine may be busy


def test_a_command_the_chip_does_not_know_or_that_lacks_its_data_is_a_syntax_error(
    reader: Pn532, link: Path
) -> None:
    unknown, without_data = b"\xd4\xf0", b"\xd4\x4a"

    with a_port(link) as port:
        port.write(frames.encode(unknown) + frames.encode(without_data))
        answers = [port.read(6), port.read(8), port.read(6), port.read(8)]

    assert answers == [frames.ACK, frames.SYNTAX_ERROR] * 2


@contextlib.contextmanager
def a_port(link: Path) -> Iterator[IO[bytes]]:
    """The host's end of the line at the speed the chip begins with, without nfcpy."""
    descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY)
    with os.fdopen(descriptor, "r+b", buffering=0) as port:
        settings = termios.tcgetattr(descriptor)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(descriptor, termios.TCSANOW, settings)
        yield port


def test_the_checksum_is_that_of_the_standard() -> None:
    # ISO/IEC 14443-3 annex B gives these two.
    assert crc_a(bytes.fromhex("0000")) == bytes.fromhex("a01e")
    assert crc_a(bytes.fromhex("1234")) == bytes.fromhex("26cf")
