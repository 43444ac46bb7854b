"""Telling the emulator to misbehave, and what a sender then sees."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from tests.emulators.cloud_client import GUARDIAN, Cloud, template_message
from tests.emulators.sink import Sink
from tests.emulators.waiting import eventually

OTHER = "56987654321"


@pytest.mark.parametrize(
    ("code", "status"),
    [(131026, 400), (131056, 400), (130429, 429), (131000, 500), (132015, 400), (190, 401)],
)
def test_a_code_is_answered_as_meta_does_until_reset(cloud: Cloud, code: int, status: int) -> None:
    cloud.behave(answer=code)

    refused = [cloud.error(template_message()) for _ in range(2)]
    cloud.order("/emulator/reset", {})
    after = cloud.post(template_message())

    assert [(answered, error["code"]) for answered, error in refused] == [(status, code)] * 2
    assert after.status_code == 200
    assert len(cloud.messages()) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_outage_is_a_5xx(cloud: Cloud, status: int) -> None:
    cloud.behave(answer=status)

    assert cloud.error(template_message())[0] == status
    assert cloud.messages() == []


def test_a_rule_holds_for_as_many_messages_as_told(cloud: Cloud) -> None:
    cloud.behave(answer=130429, times=2)

    answers = [cloud.post(template_message()).status_code for _ in range(4)]

    assert answers == [429, 429, 200, 200]


def test_a_rule_for_one_phone_leaves_the_others_alone(cloud: Cloud) -> None:
    cloud.behave(phone=OTHER, answer=131056)

    assert cloud.post(template_message(to=OTHER)).status_code == 400
    assert cloud.post(template_message(to=GUARDIAN)).status_code == 200


def test_a_newer_rule_counts_and_the_older_returns_when_it_is_used_up(cloud: Cloud) -> None:
    cloud.behave(answer=131026)
    cloud.behave(answer=130429, times=1)

    codes = [cloud.error(template_message())[1]["code"] for _ in range(2)]

    assert codes == [130429, 131026]


def test_rules_can_be_seen_and_forgotten(cloud: Cloud) -> None:
    cloud.behave(phone=OTHER, answer="hang", seconds=5, accepted=True, times=3)

    shown = cloud.get("/emulator/behaviour")["rules"]
    requests.delete(f"{cloud.url}/emulator/behaviour", timeout=5)

    assert shown == [
        {"phone": OTHER, "times": 3, "answer": "hang", "seconds": 5.0, "accepted": True}
    ]
    assert cloud.get("/emulator/behaviour")["rules"] == []


@pytest.mark.parametrize("accepted", [True, False])
def test_a_sender_kept_hanging_does_not_learn_whether_the_message_went_out(
    cloud: Cloud, sink: Sink, accepted: bool
) -> None:
    delays = {"sent": 0, "delivered": 0, "read": 0}
    cloud.behave(answer="hang", seconds=30, accepted=accepted, times=1, delays=delays)

    with pytest.raises(requests.Timeout):
        cloud.post(template_message(biz_opaque_callback_data="1:9"), timeout=0.5)

    assert len(cloud.messages()) == (1 if accepted else 0)
    if accepted:
        told = eventually(lambda: sink.told_of(cloud.messages()[0]["id"]))
        assert {it.status["biz_opaque_callback_data"] for it in told.values()} == {"1:9"}


def test_a_sender_kept_hanging_sees_the_connection_closed_in_the_end(cloud: Cloud) -> None:
    cloud.behave(answer="hang", seconds=0.3, times=1)

    started = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        cloud.post(template_message())

    assert time.monotonic() - started > 0.2


def test_a_reset_lets_go_of_senders_that_hang(emulator: str, cloud: Cloud) -> None:
    cloud.behave(answer="hang", seconds=60, accepted=True)
    ended = threading.Event()

    def hang() -> None:
        with pytest.raises(requests.ConnectionError):
            Cloud(emulator).post(template_message(), timeout=60)
        ended.set()

    threading.Thread(target=hang, daemon=True).start()
    eventually(cloud.messages)
    cloud.order("/emulator/reset", {})

    assert ended.wait(5)


def test_an_outage_may_have_sent_the_message_all_the_same(cloud: Cloud) -> None:
    cloud.behave(answer=500, accepted=True, times=1)

    assert cloud.post(template_message()).status_code == 500
    assert len(cloud.messages()) == 1


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({}, "nothing to change"),
        ({"answer": 200}, "answer"),
        ({"answer": "sleep"}, "answer"),
        ({"answer": True}, "answer"),
        ({"fail": 99}, "fail"),
        ({"answer": 500, "times": 0}, "times"),
        ({"answer": 500, "phone": 56912345678}, "phone"),
        ({"delays": {"seen": 1}}, "delays"),
        ({"delays": {"sent": -1}}, "delays.sent"),
        ({"shuffle": 1}, "shuffle"),
        ({"repeat": 99}, "repeat"),
        ({"seconds": 1e9, "answer": "hang"}, "seconds"),
        ({"awnser": 500}, "awnser"),
    ],
)
def test_a_wrong_order_is_refused_with_the_field_named(
    cloud: Cloud, rule: dict[str, Any], named: str
) -> None:
    answer = cloud.order("/emulator/behaviour", rule)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(named)
    assert cloud.get("/emulator/behaviour")["rules"] == []
