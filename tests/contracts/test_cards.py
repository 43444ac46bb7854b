"""A card's token and what is made of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.cards import card_digest, token_of, token_uri

TOKEN = bytes.fromhex("5f3a9c1e7b2d4860a1b2c3d4e5f60718")


def test_a_digest_is_the_first_half_of_hmac_sha256() -> None:
    key, data = b"Jefe", b"what do ya want for nothing?"  # RFC 4231, test case 2

    assert card_digest(key, data).hex() == "5bdcc146bf60754e6a042426089575c7"


def test_two_schools_see_two_digests_of_one_card() -> None:
    assert card_digest(bytes(32), TOKEN) != card_digest(b"\x01" * 32, TOKEN)


@settings(deadline=None)
@given(token=st.binary(min_size=16, max_size=16))
def test_a_token_is_read_back_from_its_uri(token: bytes) -> None:
    assert token_of(token_uri("colegio.example.cl", token)) == token


def test_a_token_of_another_size_is_not_written() -> None:
    with pytest.raises(ValueError, match="token: 15 bytes"):
        token_uri("colegio.example.cl", TOKEN[:15])


@pytest.mark.parametrize(
    "uri",
    [
        "https://colegio.example.cl/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718",
        "https://colegio.example.cl/t/5F3A9C1E7B2D4860A1B2C3D4E5F60718",
        "https://localhost:8080/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718",
    ],
)
def test_these_are_token_uris(uri: str) -> None:
    assert token_of(uri) == TOKEN


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://colegio.example.cl/t/",
        "https://colegio.example.cl/t/5f3a",
        "https://colegio.example.cl/t/5f3a9c1e7b2d4860a1b2c3d4e5f6071800",
        "https://colegio.example.cl/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718/",
        "https://colegio.example.cl/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718\n",
        "https://colegio.example.cl/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718?e=1",
        "https://evil@colegio.example.cl/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718",
        "http://colegio.example.cl/t/5f3a9c1e7b2d4860a1b2c3d4e5f60718",
        "tel:+56912345678",
    ],
)
def test_these_are_not(uri: str) -> None:
    assert token_of(uri) is None
