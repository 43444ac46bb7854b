"""What a secure card's link is made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.cards import card_digest
from contracts.sun import Picc, picc_of, plain_picc, session_vector, sun_digest, sun_of, sun_uri
from tests.contracts.strategies import unhurried

E, C = "ef963ff7828658a599f3041510671e88", "94eed9ee65337086"  # AN12196
UID = bytes.fromhex("04de5f1eacc040")


@unhurried
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8))
def test_a_link_is_read_back(e: bytes, c: bytes) -> None:
    assert sun_of(sun_uri("colegio.example.cl", e, c)) == (e.hex(), c.hex())


@pytest.mark.parametrize(
    "uri",
    [
        "",
        f"https://colegio.example.cl/t?e={E}",
        f"https://colegio.example.cl/t?c={C}&e={E}",
        f"https://colegio.example.cl/t?e={E}&c={C}&x=1",
        f"https://colegio.example.cl/t?e={E[:-2]}&c={C}",
        f"https://colegio.example.cl/t/?e={E}&c={C}",
        f"http://colegio.example.cl/t?e={E}&c={C}",
        f"https://evil@colegio.example.cl/t?e={E}&c={C}",
        f"https://colegio.example.cl/t?e={E}&c={C}\n",
    ],
)
def test_these_are_no_secure_links(uri: str) -> None:
    assert sun_of(uri) is None


@unhurried
@given(
    st.binary(min_size=7, max_size=7),
    st.integers(0, 2**24 - 1),
    st.binary(min_size=5, max_size=5),
)
def test_number_and_counter_are_read_back(uid: bytes, counter: int, padding: bytes) -> None:
    picc = Picc(uid, counter)

    assert picc_of(plain_picc(picc, padding)) == picc


@pytest.mark.parametrize("plain", [b"", bytes(16), b"\xc7" * 15, b"\x87" + bytes(15)])
def test_anything_else_was_encrypted_with_another_key(plain: bytes) -> None:
    assert picc_of(plain) is None


def test_the_session_vector_is_that_of_an12196() -> None:
    assert session_vector(Picc(UID, 61)).hex() == "3cc30001008004de5f1eacc0403d0000"


@pytest.mark.parametrize("size", [4, 7, 10, 16])
@unhurried
@given(data=st.data())
def test_no_number_and_no_token_is_taken_for_a_secure_card(size: int, data: st.DataObject) -> None:
    other = data.draw(st.binary(min_size=size, max_size=size))
    uid = data.draw(st.binary(min_size=7, max_size=7))

    assert card_digest(bytes(32), other) != sun_digest(bytes(32), uid)
