"""Cards at a PC/SC reader: whole, torn, blank and foreign ones."""

from __future__ import annotations

import ndef
import pytest

from contracts.cards import token_uri
from contracts.sun import sun_of
from devkit.waiting import wait_until
from edge_agent.readers import CardRead, ReaderUnavailable, Sighting, TornRead
from edge_agent.readers.apdu import CardGone, read_uri
from edge_agent.readers.slot import SlotReader
from emulators.nfc.ntag424 import Ntag424
from emulators.nfc.tags import Ntag, with_uri
from tests.edge.gate import DOMAIN, PATIENCE, token, uid
from tests.edge.secure import secure_card
from tests.edge.slots import ATR_CLASSIC, ATR_ISO_DEP, ATR_ULTRALIGHT, FakeSlot, answers_of

LINK = token_uri(DOMAIN, token(1))


def plain_card(model: str = "213") -> Ntag:
    return with_uri(uid(1), LINK, model)


@pytest.fixture
def slot() -> FakeSlot:
    return FakeSlot()


@pytest.fixture
def reader(slot: FakeSlot) -> SlotReader:
    made = SlotReader(slot)
    made.open()
    return made


@pytest.mark.parametrize("model", ["213", "215"])
def test_a_card_is_read_with_its_link_once(slot: FakeSlot, reader: SlotReader, model: str) -> None:
    slot.put(plain_card(model))

    assert reader.poll() == CardRead(uid(1), LINK)
    assert reader.poll() is None


def test_a_secure_card_says_something_else_each_time_it_comes(
    slot: FakeSlot, reader: SlotReader
) -> None:
    card, said = secure_card(1), set()
    for _ in range(2):
        slot.put(card)
        sighting = reader.poll()
        assert isinstance(sighting, CardRead)
        assert sun_of(sighting.uri or "")
        said.add(sighting.uri)

    assert len(said) == 2
    assert card.counter == 2  # not once more for each command


def test_an_empty_field_is_nothing(reader: SlotReader) -> None:
    assert reader.poll() is None


def test_a_card_is_read_again_after_it_was_away(slot: FakeSlot, reader: SlotReader) -> None:
    slot.put(plain_card())
    reader.poll()
    slot.take()
    assert reader.poll() is None

    slot.put(plain_card())

    assert reader.poll() == CardRead(uid(1), LINK)


def test_the_next_card_may_come_without_a_pause(slot: FakeSlot, reader: SlotReader) -> None:
    slot.put(plain_card())
    reader.poll()

    slot.put(with_uri(uid(2), LINK))

    assert reader.poll() == CardRead(uid(2), LINK)


@pytest.mark.parametrize("card", [plain_card(), secure_card(1)], ids=["plain", "secure"])
def test_at_no_command_does_a_torn_read_pass_for_a_blank_card(
    card: Ntag | Ntag424, reader: SlotReader, slot: FakeSlot
) -> None:
    seen: list[Sighting | None] = []
    for patience in range(12):
        slot.put(card, patience=patience)
        seen.append(reader.poll())
        slot.take()
        reader.poll()

    assert seen[:2] == [None, None]  # gone before its number was known
    assert seen[2] == TornRead(uid(1))
    assert isinstance(seen[-1], CardRead)
    for sighting in seen[2:]:
        assert sighting == TornRead(uid(1)) or (isinstance(sighting, CardRead) and sighting.uri)


def test_a_torn_card_held_again_is_read(slot: FakeSlot, reader: SlotReader) -> None:
    slot.put(plain_card(), patience=3)
    assert reader.poll() == TornRead(uid(1))

    slot.hold_still()

    assert reader.poll() == CardRead(uid(1), LINK)


def test_a_card_held_badly_is_told_of_once_in_a_while(slot: FakeSlot, reader: SlotReader) -> None:
    class Weak(Ntag):
        def command(self, frame: bytes) -> bytes | None:
            return None

    slot.put(Weak(uid(1)))
    assert reader.poll() == TornRead(uid(1))

    assert reader.poll() is None
    assert wait_until(lambda: reader.poll() == TornRead(uid(1)), PATIENCE)


@pytest.mark.parametrize("model", ["213", "215"])
def test_a_blank_card_is_read_to_the_end(slot: FakeSlot, reader: SlotReader, model: str) -> None:
    slot.put(Ntag(uid(1), model))

    assert reader.poll() == CardRead(uid(1), None)


def test_a_card_that_cannot_hold_a_link_is_not_asked_to_be_held_longer(
    slot: FakeSlot, reader: SlotReader
) -> None:
    slot.put(Ntag(uid(1)), atr=ATR_CLASSIC)

    assert reader.poll() == CardRead(uid(1), None)


@pytest.mark.parametrize("answer", ["6a82", "6d00", "6e00"])
def test_a_bank_card_is_read_to_the_end_without_a_link(answer: str) -> None:
    assert read_uri(lambda _: bytes.fromhex(answer), ATR_ISO_DEP) is None


@pytest.mark.parametrize("answer", ["6300", "6f00", "", "90", "6982"])
@pytest.mark.parametrize("atr", [ATR_ISO_DEP, ATR_ULTRALIGHT])
def test_any_other_refusal_is_a_card_that_went_away(answer: str, atr: bytes) -> None:
    with pytest.raises(CardGone):
        read_uri(lambda _: bytes.fromhex(answer), atr)


def test_an_unformatted_card_is_read_to_the_end() -> None:
    blank = bytes(16) + b"\x90\x00"

    assert read_uri(lambda _: blank, ATR_ULTRALIGHT) is None


def test_another_content_and_a_broken_one_have_no_link() -> None:
    for message in (b"".join(ndef.message_encoder([ndef.TextRecord("hola")])), b"\xd1\xff\xff\xff"):
        tag = Ntag(uid(1))
        tag.store(message)

        assert read_uri(answers_of(tag), ATR_ULTRALIGHT) is None


def test_a_long_message_with_a_long_length_is_read() -> None:
    link = f"https://{DOMAIN}/{'x' * 300}"

    assert read_uri(answers_of(with_uri(uid(1), link, "215")), ATR_ULTRALIGHT) == link


def test_an_endless_file_is_not_read() -> None:
    asked = []

    def boast(command: bytes) -> bytes:
        asked.append(command)
        capabilities = bytes.fromhex("001720010000ff0406e104ffff0000")
        return (
            b"\xff\xff" if command == bytes.fromhex("00b0000002") else capabilities
        ) + b"\x90\x00"

    assert read_uri(boast, ATR_ISO_DEP) is None
    assert len(asked) < 10


def test_a_reader_that_is_unplugged_is_not_available(slot: FakeSlot, reader: SlotReader) -> None:
    slot.put(plain_card())
    slot.is_plugged = False

    with pytest.raises(ReaderUnavailable):
        reader.poll()
    reader.close()
    with pytest.raises(ReaderUnavailable, match="not open"):
        reader.poll()


def test_a_reader_plugged_in_again_reads_the_card_that_lies_there(
    slot: FakeSlot, reader: SlotReader
) -> None:
    slot.put(plain_card())
    reader.poll()
    reader.close()

    reader.open()

    assert reader.poll() == CardRead(uid(1), LINK)
