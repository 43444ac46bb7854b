"""How our nfcpy driver opens a reader, loses it, and finds it again, at an emulated PN532."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from edge_agent.readers import CardRead, ReaderUnavailable
from edge_agent.readers.nfcpy import NfcpyReader
from edge_agent.readers.paths import serial_port
from emulators.nfc.pn532 import Pn532
from emulators.nfc.tags import Ntag
from tests.edge.gate import card, uid
from tests.edge.reading import URI, look, open_patiently


def test_an_unplugged_reader_is_said_to_be_unavailable_and_works_when_it_is_back(
    chip: Pn532, reader: NfcpyReader
) -> None:
    chip.unplug()
    with pytest.raises(ReaderUnavailable):
        reader.poll()
    reader.close()
    with pytest.raises(ReaderUnavailable):
        reader.open()

    chip.plug()
    open_patiently(reader)
    chip.put(card(1))

    assert look(reader) == CardRead(uid(1), URI)


def test_a_reader_unplugged_in_the_middle_of_a_read_is_unavailable(
    chip: Pn532, reader: NfcpyReader
) -> None:
    class Unplugging(Ntag):
        def command(self, frame: bytes) -> bytes | None:
            chip.silence()
            return super().command(frame)

    chip.put(Unplugging(uid(1)))

    with pytest.raises(ReaderUnavailable):
        reader.poll()


def test_a_chip_that_stops_answering_is_unavailable(chip: Pn532, reader: NfcpyReader) -> None:
    chip.silence()

    with pytest.raises(ReaderUnavailable):
        reader.poll()


def test_a_reader_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ReaderUnavailable):
        NfcpyReader(str(tmp_path / "nothing")).open()


def test_nfcpys_own_search_that_finds_nothing_is_unavailable() -> None:
    with pytest.raises(ReaderUnavailable):
        NfcpyReader("tty:there-is-none:pn532").open()


def test_a_reader_not_opened_is_unavailable_and_can_be_closed(tmp_path: Path) -> None:
    reader = NfcpyReader(str(tmp_path / "reader"))
    with pytest.raises(ReaderUnavailable):
        reader.poll()
    reader.close()


def test_a_chip_left_at_a_high_speed_by_a_killed_agent_is_found_again(
    chip: Pn532, tmp_path: Path
) -> None:
    killed = NfcpyReader(str(tmp_path / "reader"))
    open_patiently(killed)  # and never closed: the chip stays at 921,600 baud

    reader = NfcpyReader(str(tmp_path / "reader"))
    open_patiently(reader)
    chip.put(card(1))

    assert look(reader) == CardRead(uid(1), URI)
    reader.close()
    assert killed is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a name below /dev")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # nfcpy leaks a file
def test_nfcpys_own_notation_opens_the_same_reader_also_after_a_kill(
    chip: Pn532, tmp_path: Path
) -> None:
    link = Path(f"/dev/ttyUSB{os.getpid()}")
    link.symlink_to(tmp_path / "reader")
    path = f"tty:USB{os.getpid()}:pn532"
    try:
        killed = NfcpyReader(path)
        open_patiently(killed)
        reader = NfcpyReader(path)
        open_patiently(reader)
        chip.put(card(1))
        assert look(reader) == CardRead(uid(1), URI)
        reader.close()
        killed.close()
    finally:
        link.unlink()


def test_a_path_with_spaces_may_lead_to_a_reader(chip: Pn532, tmp_path: Path) -> None:
    link = tmp_path / "the reader; of Ana"
    link.symlink_to(tmp_path / "reader")
    reader = NfcpyReader(str(link))

    open_patiently(reader)
    chip.put(card(1))

    assert look(reader) == CardRead(uid(1), URI)
    reader.close()


def test_nothing_with_a_meaning_for_a_shell_reaches_nfcpy(tmp_path: Path) -> None:
    port = tmp_path / "x; touch owned"
    port.touch()

    with pytest.raises(ReaderUnavailable, match="to a shell"):
        NfcpyReader(str(port)).open()


@pytest.mark.parametrize(
    ("path", "port"),
    [
        ("/dev/gate-reader", "/dev/gate-reader"),
        ("tty:AMA0:pn532", "/dev/ttyAMA0"),
        ("tty:serial0:pn532", "/dev/serial0"),
        ("tty:USB0:arygon", None),
        ("tty:AMA:pn532:x", None),
        ("usb:054c:06c3", None),
    ],
)
def test_only_one_named_port_with_a_pn532_is_ever_slowed_down(path: str, port: str | None) -> None:
    assert serial_port(path) == port


def test_a_read_leaves_time_to_answer_within_150_ms(chip: Pn532, reader: NfcpyReader) -> None:
    took = []
    for number in range(1, 21):
        chip.put(card(number))
        started = time.monotonic()
        assert look(reader) is not None
        took.append(time.monotonic() - started)

    assert sorted(took)[10] < 0.1
