"""What a gate makes of what a card says: which digest, and whether it may be looked up."""

from __future__ import annotations

import pytest

from contracts.cards import card_digest, token_uri
from contracts.messages import Card
from contracts.sun import sun_digest, sun_uri
from edge_agent import sun
from edge_agent.cards import CardNames, Named
from edge_agent.readers import CardRead, CodeRead, Sighting, TornRead
from emulators.nfc.ntag424 import Ntag424
from tests.edge.gate import DOMAIN, SITE_KEY, token, uid
from tests.edge.secure import secure_card, secure_digest

NAMES = CardNames(SITE_KEY, DOMAIN)
PHONE = bytes.fromhex("08a1b2c3")


def by_uid(number: bytes) -> Card:
    return Card("uid", card_digest(SITE_KEY, number).hex())


def test_nxps_own_example_is_read() -> None:
    # AN12196, section 3.4: keys of zeros
    picc = sun.read(bytes(16), "ef963ff7828658a599f3041510671e88")

    assert picc is not None
    assert (picc.uid.hex(), picc.counter) == ("04de5f1eacc040", 61)


def test_a_token_of_ours_names_its_card() -> None:
    named = NAMES.name(CardRead(uid(1), token_uri(DOMAIN, token(1))), uid_cards=False)

    assert named == Named(Card("token", card_digest(SITE_KEY, token(1)).hex()))


def test_a_secure_card_is_named_by_its_decrypted_number_and_tells_its_counter() -> None:
    link = secure_card(1, counter=41).link()

    named = NAMES.name(CardRead(uid(1), link), uid_cards=False)

    assert (named.card.kind, named.card.digest) == ("sun", secure_digest(1))
    assert (named.verdict, named.counter) == (None, 42)
    assert link == sun_uri(
        DOMAIN, bytes.fromhex(named.card.e or ""), bytes.fromhex(named.card.c or "")
    )


def test_a_secure_card_that_hides_its_number_from_strangers_is_named_all_the_same() -> None:
    named = NAMES.name(CardRead(PHONE, secure_card(1).link()), uid_cards=False)

    assert (named.card.digest, named.verdict) == (secure_digest(1), None)


def test_a_secure_link_on_another_card_is_forged() -> None:
    named = NAMES.name(CardRead(uid(2), secure_card(1).link()), uid_cards=False)

    assert (named.card.digest, named.verdict) == (secure_digest(1), "forged")


def test_a_secure_card_of_another_school_is_unknown_and_its_proof_goes_to_central() -> None:
    theirs = Ntag424(uid(1), DOMAIN, (bytes(16), bytes(16)))

    named = NAMES.name(CardRead(uid(1), theirs.link()), uid_cards=True)

    assert (named.card.kind, named.card.digest) == ("sun", secure_digest(1))
    assert (named.verdict, named.counter) == ("unknown", None)
    assert named.card.e is not None


def test_the_number_of_a_secure_card_is_not_the_card() -> None:
    assert sun_digest(SITE_KEY, uid(1)) != card_digest(SITE_KEY, uid(1))

    named = NAMES.name(CardRead(uid(1), None), uid_cards=True)

    assert named.card.digest != secure_digest(1)


def test_a_secure_link_in_print_is_a_copy_and_nobodys() -> None:
    named = NAMES.name(CodeRead(secure_card(1).link()), uid_cards=True)

    assert (named.card.kind, named.verdict) == ("qr", "unknown")
    assert named.card.digest != secure_digest(1)


@pytest.mark.parametrize(
    ("sighting", "card"),
    [
        (CardRead(uid(1), None), by_uid(uid(1))),
        (
            CardRead(bytes.fromhex("11223344"), "https://other.example/x"),
            by_uid(b"\x11\x22\x33\x44"),
        ),
        (CodeRead("0287454020"), by_uid(b"\x11\x22\x33\x44")),
        (CodeRead("11223344"), by_uid(b"\x11\x22\x33\x44")),
        (CodeRead("04000000000001"), by_uid(uid(1))),
    ],
    ids=["blank", "of another domain", "ten digits", "four bytes", "seven bytes"],
)
def test_a_card_goes_by_its_number_only_where_the_school_allows_it(
    sighting: Sighting, card: Card
) -> None:
    assert NAMES.name(sighting, uid_cards=True) == Named(card)
    assert NAMES.name(sighting, uid_cards=False) == Named(card, "unknown")


@pytest.mark.parametrize(
    "sighting", [CardRead(PHONE, None), CodeRead("08a1b2c3"), CodeRead("0144814787")]
)
def test_a_number_drawn_at_random_identifies_nobody(sighting: Sighting) -> None:
    assert NAMES.name(sighting, uid_cards=True) == Named(by_uid(b"\x08"), "unknown")


def test_a_torn_read_never_goes_by_its_number() -> None:
    assert NAMES.name(TornRead(uid(1)), uid_cards=True) == Named(by_uid(uid(1)), "torn")


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_a_printed_code_holds_a_token_in_small_or_capital_letters(change: type[str]) -> None:
    text = str(change(token_uri(DOMAIN, token(10))))

    named = NAMES.name(CodeRead(text), uid_cards=False)

    assert named == Named(Card("qr", card_digest(SITE_KEY, token(10)).hex()))


@pytest.mark.parametrize("text", ["hola", "https://evil.example/t/" + "0" * 32, "", "9999999999"])
def test_any_other_text_is_nobodys(text: str) -> None:
    named = NAMES.name(CodeRead(text), uid_cards=True)

    assert (named.card.kind, named.verdict) == ("qr", "unknown")
