"""The emulated secure cards: they go on counting, and what they said can be copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.sun import Picc, picc_of, sun_of
from emulators.gates.cards import CardBox
from emulators.nfc.ntag424 import Copy, Ntag424
from emulators.processes import WrongConfig
from tests.emulators.rig import CARDS, SmallAgent, present, write_cards

UID = "04a1b2c3d4e5ff"
CHIP = {"student": 99, "uid": UID, "model": "424", "number_key": "00" * 16, "mac_key": "11" * 16}


def test_a_secure_card_at_a_gate_says_something_else_each_time(
    gates: str, agent: SmallAgent, folder: Path
) -> None:
    write_cards(folder, [*CARDS, CHIP])

    said = [present(gates, student=99).json()["feedback"]["uri"] for _ in range(2)]

    assert None not in map(sun_of, said)
    assert len(set(said)) == 2


def test_a_copied_card_says_what_the_first_secure_one_said_last(
    gates: str, agent: SmallAgent, folder: Path
) -> None:
    write_cards(folder, [*CARDS, CHIP])
    said = sun_of(present(gates, student=99).json()["feedback"]["uri"])

    feedback = present(gates, card="copied").json()["feedback"]

    assert feedback["uid"] == UID
    copied = sun_of(feedback["uri"])
    assert copied is not None
    assert said is not None
    assert copied[1] == said[1]  # the same proof; the padding of the number is random


def test_a_chip_begins_with_a_counter_that_no_process_before_it_reached(tmp_path: Path) -> None:
    write_cards(tmp_path, [CHIP])

    chip = CardBox(tmp_path / "cards.json").of_student(99)

    assert isinstance(chip, Ntag424)
    assert 1_000 < chip.counter < 2**24


def test_of_plain_cards_there_is_no_copy_to_make(tmp_path: Path) -> None:
    write_cards(tmp_path, CARDS)

    with pytest.raises(LookupError, match="no secure one"):
        CardBox(tmp_path / "cards.json").named("copied")


@pytest.mark.parametrize(
    "change", [{"mac_key": "11"}, {"mac_key": None}, {"uid": "0411"}, {"number_key": "zz"}]
)
def test_a_chip_that_is_not_whole_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    write_cards(tmp_path, [CHIP | change])

    with pytest.raises(WrongConfig, match=r"cards\[0\]"):
        CardBox(tmp_path / "cards.json").of_student(99)


def test_a_chip_answers_the_commands_of_reading_and_no_others() -> None:
    chip = Ntag424(bytes.fromhex(UID), "x.example", (bytes(16), bytes(16)))

    assert chip.select()
    assert chip.command(b"\xe0\x80") == bytes.fromhex("067777710280")
    assert chip.command(b"\x02\x00\xb0\x00\x00\x02") == b"\x02\x6d\x00"  # nothing is selected
    assert chip.command(b"\x03" + bytes.fromhex("00a4040007d276000085010200")) == b"\x03\x6a\x82"
    assert chip.command(b"\xb2") == b"\xa2"
    assert chip.command(b"\xc2") == b"\xc2"
    assert chip.command(b"\x30\x04") is None
    assert chip.command(b"") is None
    assert chip.counter == 0


def test_a_copy_needs_no_keys_and_never_counts() -> None:
    copy = Copy(bytes.fromhex(UID), "https://x.example/t?e=0&c=0")

    assert copy.link() == copy.link()
    assert copy.counter == 0


def test_the_number_in_the_link_is_the_chips_own() -> None:
    chip = Ntag424(bytes.fromhex(UID), "x.example", (bytes(16), bytes(16)), counter=7)

    assert sun_of(chip.link()) is not None
    assert picc_of(b"\xc7" + chip.uid + (8).to_bytes(3, "little") + bytes(5)) == Picc(chip.uid, 8)
