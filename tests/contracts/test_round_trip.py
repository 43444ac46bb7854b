"""Whatever one side writes, the other reads back unchanged; whatever it reads, it never chokes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.messages import ContractError
from tests.contracts.strategies import MESSAGES, objects

every_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)


@every_message
@given(data=st.data())
def test_a_message_survives_the_wire(message: type[Any], data: st.DataObject) -> None:
    written = data.draw(MESSAGES[message])

    read = message.from_json(written.to_json())

    assert read == written


@every_message
@settings(max_examples=40)
@given(data=st.data())
def test_fields_of_a_future_version_are_ignored(message: type[Any], data: st.DataObject) -> None:
    written = data.draw(MESSAGES[message])
    payload = b'{"from_the_future":[1,{"x":null}],' + written.to_json()[1:]

    assert message.from_json(payload) == written


@every_message
@settings(max_examples=40)
@given(payload=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_garbage_is_a_contract_error_and_nothing_else(message: type[Any], payload: bytes) -> None:
    with contextlib.suppress(ContractError):
        message.from_json(payload)


@every_message
@settings(max_examples=40)
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
