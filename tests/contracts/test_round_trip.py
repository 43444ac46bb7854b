"""Whatever one side writes, the other reads back unchanged; whatever it reads, it never chokes."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.messages import MAX_TAPS, Card, ContractError, TapBatch, TapRead
from tests.contracts.strategies import MESSAGES, objects, unhurried

A_TAP = TapRead(
    seq=1,
    at=datetime(2026, 3, 4, 10, 50, tzinfo=UTC),
    clock="synced",
    boot="b",
    up_ms=1,
    reader="r",
    card=Card("token", "00" * 16),
    verdict="accepted",
)
every_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)


@every_message
@unhurried
@given(data=st.data())
def test_a_message_survives_the_wire(message: type[Any], data: st.DataObject) -> None:
    written = data.draw(MESSAGES[message])

    read = message.from_json(written.to_json())

    assert read == written


@every_message
@settings(unhurried, max_examples=40)
@given(data=st.data())
def test_fields_of_a_future_version_are_ignored(message: type[Any], data: st.DataObject) -> None:
    written = data.draw(MESSAGES[message])
    payload = b'{"from_the_future":[1,{"x":null}],' + written.to_json()[1:]

    assert message.from_json(payload) == written


@every_message
@settings(unhurried, max_examples=40)
@given(payload=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_garbage_is_a_contract_error_and_nothing_else(message: type[Any], payload: bytes) -> None:
    with contextlib.suppress(ContractError):
        message.from_json(payload)


@every_message
@settings(unhurried, max_examples=40)
@given(value=objects)
def test_any_other_object_is_a_contract_error_and_nothing_else(
    message: type[Any], value: dict[str, Any]
) -> None:

    with contextlib.suppress(ContractError):
        message.from_json(json.dumps(value).encode())


@every_message
def test_a_megabyte_of_brackets_is_a_contract_error(message: type[Any]) -> None:
    with pytest.raises(ContractError, match="payload"):
        message.from_json(b"[" * 1_000_000)


def test_a_full_batch_is_read_and_one_tap_more_is_not() -> None:
    full = TapBatch("s", tuple(replace(A_TAP, seq=seq) for seq in range(1, MAX_TAPS + 1)))
    overfull = replace(full, taps=(*full.taps, A_TAP))

    assert TapBatch.from_json(full.to_json()) == full
    with pytest.raises(ContractError, match="taps: 51 items"):
        TapBatch.from_json(overfull.to_json())
