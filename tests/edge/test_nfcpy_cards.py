"""What our nfcpy driver makes of cards, whole and torn, at an emulated PN532."""

from __future__ import annotations

import ndef
import pytest

from contracts.cards import token_uri
from contracts.sun import sun_of
from devkit.waiting import wait_until
from edge_agent.readers import CardRead, TornRead
from edge_agent.readers.nfcpy import NfcpyReader
from emulators.nfc.pn532 import Pn532
from emulators.nfc.tags import NAK, Ntag, Tag, Torn, Withdrawn
from tests.edge.gate import DOMAIN, PATIENCE, card, token, uid
from tests.edge.reading import URI, look, take_away
from tests.edge.secure import secure_card


@pytest.mark.parametrize("model", ["213", "215"])
def test_a_card_is_read_with_its_link(chip: Pn532, reader: NfcpyReader, model: str) -> None:
    chip.put(card(1, model))

    assert look(reader) == CardRead(uid(1), URI)


def test_an_empty_field_is_nothing(reader: NfcpyReader) -> None:
    assert look(reader) is None


def test_a_card_that_stays_is_seen_once_and_again_after_it_was_away(
    chip: Pn532, reader: NfcpyReader
) -> None:
    chip.put(card(1))
    assert look(reader) is not None
    assert look(reader) is None

    take_away(chip, reader)
    chip.put(card(1))

    assert look(reader) == CardRead(uid(1), URI)


def test_a_card_that_leaves_after_it_was_read_is_not_torn(chip: Pn532, reader: NfcpyReader) -> None:
    chip.put(card(1))
    assert look(reader) is not None

    chip.put(Torn(card(1), 0))  # still there, but too far away to answer

    assert look(reader) is None


def test_the_next_card_may_come_without_a_pause(chip: Pn532, reader: NfcpyReader) -> None:
    chip.put(card(1))
    assert look(reader) == CardRead(uid(1), URI)

    chip.put(card(2))

    assert look(reader) == CardRead(uid(2), token_uri(DOMAIN, token(2)))


def test_a_secure_card_says_something_else_each_time(chip: Pn532, reader: NfcpyReader) -> None:
    said = []
    for counter in (0, 1):
        chip.put(secure_card(1, counter))
        said.append(look(reader))
        take_away(chip, reader)

    uris = {read.uri for read in said if isinstance(read, CardRead)}
    assert {sun_of(uri or "") is not None for uri in uris} == {True}
    assert len(uris) == 2


def test_at_no_command_does_a_torn_secure_card_pass_for_a_blank_one(
    chip: Pn532, reader: NfcpyReader
) -> None:
    seen = set()
    for answers in range(14):
        chip.put(Torn(secure_card(1), answers))
        sighting = look(reader)
        seen.add(type(sighting))
        assert isinstance(sighting, TornRead) or (
            isinstance(sighting, CardRead) and sun_of(sighting.uri or "")
        )
        take_away(chip, reader)

    assert seen == {TornRead, CardRead}


@pytest.mark.parametrize("answers", range(7))
@pytest.mark.parametrize("kind", [Torn, Withdrawn])
def test_a_read_torn_after_few_commands_is_torn_and_not_blank(
    chip: Pn532, reader: NfcpyReader, kind: type[Torn], answers: int
) -> None:
    chip.put(kind(card(1), answers))

    sighting = look(reader)

    if sighting is None:  # gone before its number was known
        assert (kind, answers) == (Withdrawn, 0)
    else:
        assert sighting == TornRead(uid(1))


def test_at_no_command_does_a_torn_read_pass_for_a_blank_card(
    chip: Pn532, reader: NfcpyReader
) -> None:
    seen = []
    for answers in range(30):
        chip.put(Torn(card(1), answers))
        seen.append(look(reader))
        take_away(chip, reader)

    assert set(seen) == {TornRead(uid(1)), CardRead(uid(1), URI)}
    assert isinstance(seen[0], TornRead)
    assert isinstance(seen[-1], CardRead)


@pytest.mark.parametrize("answers", range(7))
def test_a_blank_card_torn_is_torn_too(chip: Pn532, reader: NfcpyReader, answers: int) -> None:
    chip.put(Torn(Ntag(uid(1)), answers))

    assert look(reader) in (TornRead(uid(1)), CardRead(uid(1), None))


def test_a_torn_card_held_again_is_read(chip: Pn532, reader: NfcpyReader) -> None:
    chip.put(Torn(card(1), 3))
    assert look(reader) == TornRead(uid(1))

    chip.put(card(1))

    assert look(reader) == CardRead(uid(1), URI)


def test_a_card_held_badly_is_told_of_once_in_a_while(chip: Pn532, reader: NfcpyReader) -> None:
    chip.put(Torn(card(1), 0))
    assert look(reader) == TornRead(uid(1))

    assert look(reader) is None
    assert wait_until(lambda: look(reader) == TornRead(uid(1)), PATIENCE)


@pytest.mark.parametrize("model", ["213", "215"])
def test_a_factory_blank_card_is_read_to_the_end(
    chip: Pn532, reader: NfcpyReader, model: str
) -> None:
    chip.put(Ntag(uid(1), model))

    assert look(reader) == CardRead(uid(1), None)


def test_a_card_with_another_content_has_no_link(chip: Pn532, reader: NfcpyReader) -> None:
    tag = Ntag(uid(1))
    tag.store(b"".join(ndef.message_encoder([ndef.TextRecord("hola")])))
    chip.put(tag)

    assert look(reader) == CardRead(uid(1), None)


def test_a_card_with_a_broken_message_has_no_link(chip: Pn532, reader: NfcpyReader) -> None:
    tag = Ntag(uid(1))
    tag.store(b"\xd1\xff\xff\xff")
    chip.put(tag)

    assert look(reader) == CardRead(uid(1), None)


def test_a_link_is_not_quoted_a_second_time(chip: Pn532, reader: NfcpyReader) -> None:
    tag = Ntag(uid(1))
    uri = "https://colegio.example.cl/t?e=00ff&c=1234"
    tag.store(b"".join(ndef.message_encoder([ndef.UriRecord(uri)])))
    chip.put(tag)

    assert look(reader) == CardRead(uid(1), uri)


class Unformatted(Ntag):
    """A card of the family that no NFC Forum format was ever written to."""

    def __init__(self, number: bytes) -> None:
        super().__init__(number)
        self._memory[12:] = bytes(len(self._memory) - 12)


class Deaf(Ntag):
    """Answers every read with "I heard nonsense", as through a weak field."""

    def command(self, frame: bytes) -> bytes | None:
        return NAK if frame[:1] == b"\x30" else super().command(frame)


class Foreign:
    """A card that speaks none of our languages: ``sel_res`` says so."""

    sens_res = bytes.fromhex("0400")

    def __init__(self, number: bytes, sel_res: bytes) -> None:
        self.uid = number
        self.sel_res = sel_res

    def select(self) -> bool:
        return True

    def command(self, frame: bytes) -> bytes | None:
        return None


def test_an_unformatted_card_is_read_to_the_end(chip: Pn532, reader: NfcpyReader) -> None:
    chip.put(Unformatted(uid(1)))

    assert look(reader) == CardRead(uid(1), None)


def test_a_card_that_hears_nonsense_is_torn(chip: Pn532, reader: NfcpyReader) -> None:
    chip.put(Deaf(uid(1)))

    assert look(reader) == TornRead(uid(1))


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        (Foreign(bytes.fromhex("11223344"), b"\x08"), "MIFARE Classic"),
        (Foreign(bytes.fromhex("08112233"), b"\x40"), "phone"),
    ],
)
def test_cards_that_cannot_hold_a_token_are_not_asked_to_be_held_longer(
    chip: Pn532, reader: NfcpyReader, tag: Tag, kind: str
) -> None:
    chip.put(tag)

    assert look(reader) == CardRead(tag.uid, None), kind
