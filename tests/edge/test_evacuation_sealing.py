"""What central seals, only the PIN and the registered cards open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from central.evacuation.sealing import new_pin, opener_of_card, opener_of_pin, seal
from contracts.evacuation import InsideList, SealedList, normal_pin
from contracts.fields import ContractError
from edge_agent.evacuation.opening import Damaged, OpenerKey, WrongKey
from tests.edge.evacuation import DEVICE, TOKEN, a_list

OTHER_TOKEN = bytes(16)


def test_the_pin_and_each_card_open_the_same_list() -> None:
    pin = new_pin()
    openers = [opener_of_pin(pin), opener_of_card(TOKEN), opener_of_card(OTHER_TOKEN)]
    sealed = SealedList.from_json(seal(a_list(), DEVICE, openers).to_json())

    typed = f" {pin[:3]} {pin[3:6]}-{pin[6:]} "

    assert OpenerKey.of_pin(typed, sealed).open(sealed) == a_list()
    assert OpenerKey.of_card(TOKEN).open(sealed) == a_list()
    assert OpenerKey.of_card(OTHER_TOKEN).open(sealed) == a_list()


def test_another_pin_or_card_does_not_open_it() -> None:
    pin = "0123456789"
    sealed = seal(a_list(), DEVICE, [opener_of_pin(pin), opener_of_card(TOKEN)])

    with pytest.raises(WrongKey):
        OpenerKey.of_pin("0123456780", sealed).open(sealed)
    with pytest.raises(WrongKey):
        OpenerKey.of_pin("1234", sealed)
    with pytest.raises(WrongKey):
        OpenerKey.of_card(OTHER_TOKEN).open(sealed)


def test_nothing_of_the_list_is_readable_in_what_the_gate_keeps() -> None:
    pin = "0123456789"

    kept = seal(a_list(), DEVICE, [opener_of_pin(pin), opener_of_card(TOKEN)]).to_json()

    for secret in ("Ana", "Rosa", "56912345678", "Aromos", pin, TOKEN.hex()):
        assert secret.encode() not in kept
        assert secret.encode().hex().encode() not in kept


def test_two_sealings_of_the_same_list_have_no_key_in_common() -> None:
    opener = opener_of_card(TOKEN)

    one, other = (seal(a_list(), DEVICE, [opener]) for _ in range(2))

    assert one.sealed != other.sealed
    assert one.wraps[0].ephemeral != other.wraps[0].ephemeral


@pytest.mark.parametrize(
    "change",
    [
        {"device": "sur-1"},
        {"made_at": a_list(minutes=1).made_at},
        {"nonce": bytes(12)},
        {"sealed": bytes(64)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_list_that_was_changed_is_not_shown(change: dict[str, object]) -> None:
    sealed = seal(a_list(), DEVICE, [opener_of_card(TOKEN)])

    with pytest.raises(Damaged):
        OpenerKey.of_card(TOKEN).open(replace(sealed, **change))  # type: ignore[arg-type]


def test_the_documents_survive_the_wire() -> None:
    sealed = seal(a_list(), DEVICE, [opener_of_pin("0123456789"), opener_of_card(TOKEN)])

    assert SealedList.from_json(sealed.to_json()) == sealed
    assert InsideList.from_json(a_list().to_json()) == a_list()
    assert a_list().total == 2


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (b"{}", "wraps"),
        (b'{"device": "n-1", "made_at": "2026-03-04T10:50:00Z", "wraps": [1]}', "wraps[0]"),
        (b'{"wraps": [], "device": "norte-1", "made_at": "yesterday"}', "made_at"),
        (b"[]", "payload"),
    ],
)
def test_what_is_no_sealed_list_is_refused_by_name(payload: bytes, named: str) -> None:
    with pytest.raises(ContractError, match=named.replace("[", r"\[")):
        SealedList.from_json(payload)


@pytest.mark.parametrize("typed", ["123456789", "12345678901", "12345abcde", "", "١٢٣٤٥٦٧٨٩٠"])
def test_what_cannot_be_a_pin(typed: str) -> None:
    assert normal_pin(typed) is None
