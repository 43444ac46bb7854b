"""Scanners that type like a keyboard."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.cards import token_uri
from edge_agent.readers import CodeRead, ReaderUnavailable, make
from edge_agent.readers.hid import HidReader
from edge_agent.readers.keys import FORGET_AFTER, LONGEST_LINE, Line
from tests.edge.gate import DOMAIN, token
from tests.edge.keyboard import ENTER, Keyboard

LINK = token_uri(DOMAIN, token(1))
DROPPED = 3


class Desk:
    """A reader at a device, and what was grabbed."""

    def __init__(self, folder: Path, layout: str = "us") -> None:
        self.keyboard = Keyboard(folder / "event7", layout)
        self.grabbed: list[int] = []
        self.reader = HidReader(str(folder / "event7"), layout, self.grabbed.append)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.reader.open()
    yield made
    made.reader.close()
    made.keyboard.unplug()


def test_a_scanned_code_is_a_sighting_once(desk: Desk) -> None:
    desk.keyboard.scan(LINK)

    assert desk.reader.poll() == CodeRead(LINK)
    assert desk.reader.poll() is None


@pytest.mark.parametrize("layout", ["us", "es"])
def test_a_scanner_of_any_layout_types_a_whole_link(tmp_path: Path, layout: str) -> None:
    desk = Desk(tmp_path, layout)
    desk.reader.open()
    text = "https://Colegio.example.cl:8443/t?e=00FF&c=12-34_5"

    desk.keyboard.scan(text)

    assert desk.reader.poll() == CodeRead(text)
    desk.reader.close()
    desk.keyboard.unplug()


def test_a_scanner_of_another_layout_is_not_understood(tmp_path: Path) -> None:
    keyboard = Keyboard(tmp_path / "event7", "es")
    reader = HidReader(str(tmp_path / "event7"), "us", lambda _: None)
    reader.open()

    keyboard.scan(LINK)

    sighting = reader.poll()
    assert isinstance(sighting, CodeRead)
    assert sighting.text != LINK
    reader.close()
    keyboard.unplug()


def test_two_codes_in_a_hurry_are_two_sightings_in_their_order(desk: Desk) -> None:
    desk.keyboard.scan("11223344")
    desk.keyboard.scan("0287454020")

    assert desk.reader.poll() == CodeRead("11223344")
    assert desk.reader.poll() == CodeRead("0287454020")


def test_a_code_that_is_still_being_typed_is_not_yet_a_sighting(desk: Desk) -> None:
    desk.keyboard.type(LINK)
    assert desk.reader.poll() is None

    desk.keyboard.press(ENTER)

    assert desk.reader.poll() == CodeRead(LINK)


def test_an_empty_line_is_nothing(desk: Desk) -> None:
    desk.keyboard.press(ENTER)

    assert desk.reader.poll() is None


def test_a_key_that_is_held_counts_once(desk: Desk) -> None:
    held = 2  # of value: the kernel repeats the key
    desk.keyboard.type("1")
    desk.keyboard.event(1, 2, held)
    desk.keyboard.event(1, 2, held)
    desk.keyboard.press(ENTER)

    assert desk.reader.poll() == CodeRead("1")


def test_a_code_of_which_keys_were_lost_is_not_guessed(desk: Desk) -> None:
    desk.keyboard.type("1122")
    desk.keyboard.event(0, DROPPED, 0)
    desk.keyboard.scan("3344")
    desk.keyboard.scan("11223344")

    assert desk.reader.poll() == CodeRead("11223344")
    assert desk.reader.poll() is None


def test_the_device_is_ours_alone(desk: Desk) -> None:
    assert len(desk.grabbed) == 1


def test_what_is_no_input_device_cannot_be_grabbed(tmp_path: Path) -> None:
    keyboard = Keyboard(tmp_path / "event7")

    with pytest.raises(ReaderUnavailable, match="cannot be grabbed"):
        make("hid", str(tmp_path / "event7"), {"layout": "us"}).open()

    keyboard.unplug()


def test_a_device_that_somebody_else_has_is_not_available_and_not_kept_open(
    tmp_path: Path,
) -> None:
    kept: list[int] = []

    def taken(device: int) -> None:
        kept.append(device)
        raise OSError(16, "Device or resource busy")

    keyboard = Keyboard(tmp_path / "event7")
    with pytest.raises(ReaderUnavailable, match="busy"):
        HidReader(str(tmp_path / "event7"), "us", taken).open()

    with pytest.raises(OSError, match="Bad file descriptor"):
        fcntl.fcntl(kept[0], fcntl.F_GETFD)
    keyboard.unplug()


def test_an_unplugged_device_is_not_available(desk: Desk) -> None:
    desk.keyboard.scan("11223344")
    assert desk.reader.poll() is not None

    desk.keyboard.unplug()

    with pytest.raises(ReaderUnavailable):
        desk.reader.poll()


def test_a_device_that_is_not_there_is_not_available(tmp_path: Path) -> None:
    with pytest.raises(ReaderUnavailable, match="No such file"):
        make("hid", str(tmp_path / "none")).open()


def test_a_reader_that_is_not_open_says_so_and_closing_it_does_nothing(tmp_path: Path) -> None:
    reader = make("hid", str(tmp_path / "none"))
    reader.close()

    with pytest.raises(ReaderUnavailable, match="not open"):
        reader.poll()


def test_half_a_code_is_forgotten_after_a_pause() -> None:
    line = Line("us")
    for code in (2, 3):
        line.press(code, 10.0)

    typed = [line.press(code, 10.1 + FORGET_AFTER) for code in (4, ENTER)]

    assert typed == [None, "3"]


def test_more_keys_than_any_code_has_are_nothing() -> None:
    line = Line("us")
    for _ in range(LONGEST_LINE + 1):
        line.press(2, 10.0)

    assert line.press(ENTER, 10.0) is None
    line.press(2, 10.0)
    assert line.press(ENTER, 10.0) == "1"
