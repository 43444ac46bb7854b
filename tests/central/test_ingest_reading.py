"""Messages become values, or are refused with a reason; no payload is an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.ingest.buffer import MOST_BYTES, MOST_MESSAGES, Buffer
from central.ingest.reading import MAX_BYTES, Received, read
from contracts import topics
from contracts.messages import MAX_TAPS, TapBatch
from tests.builders import a_tap

TOPIC = topics.taps("gate-1")


def a_batch(**changes: Any) -> bytes:
    batch = {"stream": "s1", "taps": [a_tap(1).wire(), a_tap(2).wire()]}
    return json.dumps(batch | changes).encode()


def test_a_batch_of_taps_is_from_the_device_of_its_topic() -> None:
    ((_, sent),) = read([Received(TOPIC, a_batch())]).taps

    assert (sent.device_id, sent.batch.stream) == ("gate-1", "s1")
    assert [tap.seq for tap in sent.batch.taps] == [1, 2]


def test_fields_of_a_future_version_are_ignored() -> None:
    tap = a_tap(1).wire() | {"mood": "good", "card": a_tap(1).card.wire() | {"colour": "red"}}

    ((_, sent),) = read([Received(TOPIC, a_batch(taps=[tap], compression="none"))]).taps

    assert sent.batch == TapBatch("s1", (a_tap(1),))


def test_one_malformed_tap_is_refused_alone() -> None:
    taps = [a_tap(1).wire(), a_tap(2).wire() | {"clock": "roughly"}, a_tap(3).wire()]

    ((_, sent),) = read([Received(TOPIC, a_batch(taps=taps))]).taps

    assert [tap.seq for tap in sent.batch.taps] == [1, 3]
    assert [(refused.seq, refused.reason[:13]) for refused in sent.batch.refused] == [
        (2, "taps[1].clock")
    ]


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        pytest.param(TOPIC, b"\x00\xff garbage", "payload: not JSON", id="garbage"),
        pytest.param(TOPIC, b"[" * 100_000, "payload: not JSON", id="endless nesting"),
        pytest.param(TOPIC, b"9" * 5000, "payload: not JSON", id="an endless number"),
        pytest.param(TOPIC, b"[]", "payload: expected an object", id="a list"),
        pytest.param(TOPIC, a_batch(stream="a b"), "stream: does not match", id="stream name"),
        pytest.param(TOPIC, a_batch(taps="none"), "taps: expected a list", id="taps that are none"),
        pytest.param(
            TOPIC, a_batch(taps=[1] * (MAX_TAPS + 1)), "taps: 51 items", id="too many taps"
        ),
        pytest.param(
            TOPIC, b" " * (MAX_BYTES + 1), f"payload: more than {MAX_BYTES}", id="too large"
        ),
        pytest.param(topics.status("gate-1"), b"{}", "online: expected true", id="status"),
        pytest.param("gate/v1/NO SUCH!/up/taps", a_batch(), "topic: not one", id="device name"),
    ],
)
def test_a_message_that_cannot_be_read_says_why(topic: str, payload: bytes, reason: str) -> None:
    found = read([Received(topic, payload)])

    assert found.taps == []
    assert found.refused[0].reason.startswith(reason)


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(payload=st.binary() | _values.map(lambda value: json.dumps(value).encode()))
def test_no_payload_is_an_error(payload: bytes) -> None:
    found = read([Received(TOPIC, payload), Received(topics.status("gate-1"), payload)])

    assert len(found.refused) == 2


def message(size: int = 10, id: int = 0) -> Received:
    return Received(TOPIC, b"x" * size, id)


def test_the_buffer_waits_for_company_but_not_for_long() -> None:
    buffer = Buffer()
    buffer.add(message())

    assert 0 < buffer.seconds_left() <= 0.05


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([message()] * MOST_MESSAGES, id="many messages"),
        pytest.param([message(MOST_BYTES // 2)] * 2, id="large messages"),
    ],
)
def test_a_full_buffer_waits_no_longer(messages: list[Received]) -> None:
    buffer = Buffer()
    for one in messages:
        buffer.add(one)

    assert buffer.seconds_left() == 0


@pytest.mark.parametrize(
    ("size", "count", "batches"),
    [
        pytest.param(10, 1200, [500, 500, 200], id="by number"),
        pytest.param(MOST_BYTES // 4, 10, [4, 4, 2], id="by size"),
        pytest.param(2 * MOST_BYTES, 3, [1, 1, 1], id="one alone may be larger"),
    ],
)
def test_batches_are_of_a_bearable_size_and_keep_the_order(
    size: int, count: int, batches: list[int]
) -> None:
    buffer = Buffer()
    for id in range(count):
        buffer.add(message(size, id))

    taken = []
    while buffer:
        taken.append(buffer.take())

    assert [len(batch) for batch in taken] == batches
    assert [one.id for batch in taken for one in batch] == list(range(count))


def test_batches_shrink_to_one_message_and_grow_back() -> None:
    buffer = Buffer()
    for id in range(2000):
        buffer.add(message(id=id))

    for _ in range(20):
        buffer.shrink()
    smallest = len(buffer.take())
    for _ in range(20):
        buffer.grow()

    assert (smallest, len(buffer.take())) == (1, MOST_MESSAGES)
