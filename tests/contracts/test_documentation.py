"""``contracts/README.md`` says what the code does."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts import control, messages, topics
from tests.contracts.documented import examples, sections

DEVICE = "<device>"
MESSAGE_OF: dict[Callable[[str], str], type[Any]] = {
    topics.taps: messages.TapBatch,
    topics.receipt: messages.Receipt,
    topics.anchor: messages.Anchor,
    topics.status: messages.DeviceStatus,
    topics.health: messages.Health,
    topics.desired: control.Desired,
    topics.reported: control.Reported,
    topics.command: control.Command,
    topics.answer: control.Answer,
    topics.roster: control.RosterNotice,
}
every_topic = pytest.mark.parametrize("topic", MESSAGE_OF, ids=lambda topic: topic.__name__)


def topics_in_code() -> set[Callable[[str], str]]:
    functions = inspect.getmembers(topics, inspect.isfunction)
    return {
        function
        for _, function in functions
        if "device_id" in inspect.getfullargspec(function).args
    }


def test_every_topic_in_the_code_has_a_heading_and_no_heading_is_left_over() -> None:
    assert set(sections()) == {topic(DEVICE) for topic in topics_in_code()}


def test_every_topic_has_a_message() -> None:
    assert set(MESSAGE_OF) == topics_in_code()


@every_topic
def test_an_example_parses_and_is_written_the_same_way(topic: Callable[[str], str]) -> None:
    example = examples()[topic(DEVICE)]
    message = MESSAGE_OF[topic]

    read = message.from_json(json.dumps(example).encode())

    assert json.loads(read.to_json()) == example
    assert not getattr(read, "refused", ())


@every_topic
def test_a_section_says_who_publishes_with_which_qos_and_whether_retained(
    topic: Callable[[str], str],
) -> None:
    text = sections()[topic(DEVICE)]

    sender = "Device →" if "/up/" in topic(DEVICE) else ("Central →", "Ingest →")
    assert text.lstrip().startswith(sender)
    assert "QoS 0" in text or "QoS 1" in text
    assert "retained" in text


@every_topic
def test_the_device_is_read_back_from_a_topic(topic: Callable[[str], str]) -> None:
    assert topics.device_of(topic("demo-norte")) == "demo-norte"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "gate/v1/demo-norte",
        "gate/v2/demo-norte/up/taps",
        "gate/v1/DEMO/up/taps",
        "gate/v1/+/up/taps",
    ],
)
def test_a_foreign_topic_belongs_to_no_device(topic: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        topics.device_of(topic)
