"""What proves a secure card: NXP's own examples, and every way of not being one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from central.cards.keys import CardKeys, diversified, link_mac
from contracts.messages import Card
from contracts.sun import Picc, sun_digest
from emulators.nfc.ntag424 import Ntag424
from tests.central.secure import KEYS, SITE_KEY, UID, a_secure_card, what_it_says

SCHOOL = 7


def test_the_mac_is_that_of_an12196() -> None:
    # section 3.4.4.2: keys of zeros
    picc = Picc(bytes.fromhex("04de5f1eacc040"), 61)

    assert link_mac(bytes(16), picc).hex() == "94eed9ee65337086"


def test_a_key_is_diversified_as_in_an10922() -> None:
    # section 2.2.1: UID, application and system identifier
    key = bytes.fromhex("00112233445566778899aabbccddeeff")

    found = diversified(key, bytes.fromhex("04782e21801d803042f54e585020416275"))

    assert found.hex() == "a8dd63a3b89d54b37ca802473fda9175"


def test_every_read_of_the_card_proves_its_counter() -> None:
    card = a_secure_card(SCHOOL)

    counters = [KEYS.proven_counter(what_it_says(card), SCHOOL, SITE_KEY) for _ in range(3)]

    assert counters == [1, 2, 3]


def test_cards_and_schools_have_keys_of_their_own() -> None:
    other = UID[:-1] + b"\x00"

    keys = {KEYS.card_key(7, UID), KEYS.card_key(7, other), KEYS.card_key(8, UID)}

    assert len(keys) == 3


def changed(card: Card, name: str) -> Card:
    """The same with one bit of ``e`` or ``c`` turned."""
    value = bytearray.fromhex(getattr(card, name))
    value[-1] ^= 1
    return replace(card, **{name: value.hex()})


@pytest.mark.parametrize(
    "said",
    [
        what_it_says(a_secure_card(8)),
        what_it_says(a_secure_card(SCHOOL, keys=CardKeys(bytes(32)))),
        what_it_says(Ntag424(UID, "x", (bytes(16), KEYS.card_key(SCHOOL, UID)))),
        what_it_says(a_secure_card(SCHOOL), claims=b"\x04" + bytes(6)),
        changed(what_it_says(a_secure_card(SCHOOL)), "e"),
        changed(what_it_says(a_secure_card(SCHOOL)), "c"),
        replace(what_it_says(a_secure_card(SCHOOL)), c=None),
        replace(what_it_says(a_secure_card(SCHOOL)), e=None),
    ],
    ids=[
        "of another school",
        "of another installation",
        "of another site key",
        "under another number",
        "another number",
        "another mac",
        "no mac",
        "no number",
    ],
)
def test_anything_else_proves_nothing(said: Card) -> None:
    assert KEYS.proven_counter(said, SCHOOL, SITE_KEY) is None


def test_a_mac_of_another_read_proves_nothing() -> None:
    card = a_secure_card(SCHOOL)
    first, second = what_it_says(card), what_it_says(card)

    assert KEYS.proven_counter(replace(second, c=first.c), SCHOOL, SITE_KEY) is None


def test_the_digest_that_is_checked_is_the_schools() -> None:
    said = replace(what_it_says(a_secure_card(SCHOOL)), digest=sun_digest(b"\x01" * 32, UID).hex())

    assert KEYS.proven_counter(said, SCHOOL, SITE_KEY) is None


def test_without_a_master_key_there_are_no_keys() -> None:
    assert CardKeys.from_setting("") is None
    made = CardKeys.from_setting(bytes(range(32)).hex())
    assert made is not None
    assert made.card_key(7, UID) == KEYS.card_key(7, UID)
