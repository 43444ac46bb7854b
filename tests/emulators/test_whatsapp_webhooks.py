"""What the emulator posts to the school's webhook, and when."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.cloud_client import (
    APP_SECRET,
    BUSINESS_ACCOUNT_ID,
    GUARDIAN,
    PHONE_NUMBER_ID,
    Cloud,
    template_message,
    text_message,
)
from tests.emulators.conftest import write_config
from tests.emulators.processes import address, running
from tests.emulators.sink import Sink, hmac_sha256
from tests.emulators.waiting import eventually

QUICKLY = {"sent": 0, "delivered": 0.05, "read": 0.1}
LADDER = ["sent", "delivered", "read"]


def settled(cloud: Cloud) -> bool:
    return bool(cloud.get("/emulator/webhooks")["pending"] == 0)


def test_a_message_climbs_the_ladder_and_each_step_is_told(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays=QUICKLY)

    id_ = cloud.send(biz_opaque_callback_data="7:1234")

    eventually(lambda: sorted(sink.statuses(id_)) == sorted(LADDER))
    told = sink.told_of(id_)
    payload = json.loads(told["sent"].body)
    assert payload["object"] == "whatsapp_business_account"
    assert payload["entry"][0]["id"] == BUSINESS_ACCOUNT_ID
    assert payload["entry"][0]["changes"][0]["field"] == "messages"
    assert told["sent"].value["messaging_product"] == "whatsapp"
    assert told["sent"].value["metadata"]["phone_number_id"] == PHONE_NUMBER_ID
    for step in told.values():
        assert step.status["recipient_id"] == GUARDIAN
        assert step.status["biz_opaque_callback_data"] == "7:1234"
        assert abs(int(step.status["timestamp"]) - time.time()) < 5
    assert told["sent"].status["pricing"]["category"] == "utility"
    assert "pricing" not in told["read"].status


def test_every_webhook_is_signed_over_the_bytes_that_arrive(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays=QUICKLY)
    id_ = cloud.send(biz_opaque_callback_data="ñandú")

    told = eventually(lambda: sink.told_of(id_))

    for step in told.values():
        assert step.signature == "sha256=" + hmac_sha256(APP_SECRET.encode(), step.body)
        assert b"\\u00f1and\\u00fa" in step.body  # as Meta escapes it


@pytest.mark.parametrize(("version", "present"), [("v23.0", True), ("v24.0", False)])
def test_conversations_are_told_of_up_to_version_23(
    cloud: Cloud, sink: Sink, version: str, present: bool
) -> None:
    cloud.behave(delays={**QUICKLY, "read": None})

    id_ = cloud.post(template_message(), version=version).json()["messages"][0]["id"]

    told = eventually(lambda: sink.told_of(id_))
    assert ("conversation" in next(iter(told.values())).status) is present


def test_a_message_without_callback_data_gets_none_back(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays=QUICKLY)

    id_ = cloud.send()

    for step in eventually(lambda: sink.told_of(id_)).values():
        assert "biz_opaque_callback_data" not in step.status


def test_a_status_that_is_told_not_to_come_does_not(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays={**QUICKLY, "delivered": None, "read": None})

    id_ = cloud.send()

    eventually(lambda: settled(cloud))
    assert sink.statuses(id_) == ["sent"]


def test_late_statuses_come_late(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays={"sent": 0, "delivered": 1, "read": None})
    id_ = cloud.send()
    eventually(lambda: sink.statuses(id_) == ["sent"])
    first = time.monotonic()

    eventually(lambda: sink.statuses(id_) == ["sent", "delivered"])

    assert time.monotonic() - first > 0.5


def test_repeated_statuses_come_as_often_as_told(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays=QUICKLY, repeat=2)

    id_ = cloud.send()

    eventually(lambda: settled(cloud))
    assert sorted(sink.statuses(id_)) == sorted(LADDER * 3)
    bodies = {step.body for step in sink.received if step.status.get("id") == id_}
    assert len(bodies) == 3  # a repetition is the same to the byte


def test_shuffled_statuses_come_in_another_order_with_their_true_times(
    cloud: Cloud, sink: Sink
) -> None:
    cloud.behave(delays={"sent": 0, "delivered": 1, "read": 2}, shuffle=True)

    ids = [cloud.send(to=f"5691111000{number}") for number in range(3)]

    eventually(lambda: settled(cloud))
    for id_ in ids:
        assert sorted(sink.statuses(id_)) == sorted(LADDER)
        assert sink.statuses(id_) != LADDER
        told = sink.told_of(id_)
        times = [int(told[status].status["timestamp"]) for status in LADDER]
        assert times == sorted(times)


def test_a_failure_is_told_with_its_error_and_nothing_after_it(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays=QUICKLY, fail=131026)

    id_ = cloud.send()

    eventually(lambda: settled(cloud))
    assert sink.statuses(id_) == ["failed"]
    (error,) = sink.told_of(id_)["failed"].status["errors"]
    assert error["code"] == 131026
    assert error["title"] == error["message"] == "Message undeliverable"
    assert error["error_data"]["details"]
    assert "error-codes" in error["href"]
    assert cloud.messages()[0]["status"] == "failed"
    assert cloud.messages()[0]["error"] == 131026


def test_free_text_outside_a_session_is_accepted_and_fails(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays=QUICKLY)

    answer = cloud.post(text_message())

    assert answer.status_code == 200
    id_ = answer.json()["messages"][0]["id"]
    eventually(lambda: settled(cloud))
    assert sink.statuses(id_) == ["failed"]
    assert sink.told_of(id_)["failed"].status["errors"][0]["code"] == 131047


def test_a_guardian_s_reply_is_told_and_opens_a_session(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays=QUICKLY)

    answer = cloud.order(f"/emulator/phones/{GUARDIAN}/reply", {"text": " ¿Llegó bien? "})

    assert answer.status_code == 201
    value = eventually(lambda: [it.value for it in sink.received if "messages" in it.value])[0]
    (message,) = value["messages"]
    assert message["from"] == value["contacts"][0]["wa_id"] == GUARDIAN
    assert message["id"] == answer.json()["id"]
    assert message["type"] == "text"
    assert message["text"] == {"body": "¿Llegó bien?"}
    free_text = cloud.post(text_message()).json()["messages"][0]["id"]
    assert eventually(lambda: sorted(sink.statuses(free_text)) == sorted(LADDER))


def test_opening_the_chat_reads_what_has_arrived_once(cloud: Cloud, sink: Sink) -> None:
    cloud.behave(delays={"sent": 0, "delivered": 0.05, "read": 1})
    id_ = cloud.send()
    eventually(lambda: cloud.messages()[0]["status"] == "delivered")

    opened = cloud.order(f"/emulator/phones/{GUARDIAN}/read", {}).json()

    assert opened == {"read": 1}
    eventually(lambda: settled(cloud))
    assert sink.statuses(id_).count("read") == 1
    assert cloud.order(f"/emulator/phones/{GUARDIAN}/read", {}).json() == {"read": 0}


def test_a_refused_webhook_is_posted_again_until_it_is_taken(cloud: Cloud, sink: Sink) -> None:
    first = sink.posts
    sink.answer = lambda number: 503 if number <= first + 2 else 200
    cloud.behave(delays={"sent": 0, "delivered": None, "read": None})

    try:
        id_ = cloud.send()
        eventually(lambda: settled(cloud))
    finally:
        sink.answer = lambda _number: 200

    assert sink.statuses(id_) == ["sent"]
    assert sink.posts == first + 3
    assert cloud.get("/emulator/webhooks")["refused"] == 2


def test_none_is_lost_among_many_that_are_refused_at_first(cloud: Cloud, sink: Sink) -> None:
    first = sink.posts
    sink.answer = lambda number: 503 if number <= first + 400 else 200
    cloud.behave(delays={"sent": 0, "delivered": 0, "read": 0})

    try:
        ids = [cloud.send(to=f"5695555{number:04}") for number in range(100)]
        eventually(lambda: settled(cloud), within=20)
    finally:
        sink.answer = lambda _number: 200

    assert [sorted(sink.statuses(id_)) for id_ in ids] == [sorted(LADDER)] * 100
    assert sink.posts == first + 700


def test_the_webhook_is_verified_with_the_token_and_the_challenge(cloud: Cloud) -> None:
    assert cloud.order("/emulator/verify", {}).json() == {"verified": True}


def running_against(folder: Path, url: str, *options: str) -> Any:
    config = write_config(folder, url)
    return running("emulators.whatsapp", "--config", str(config), *options)


def test_while_the_webhook_is_down_everything_waits_and_then_comes(tmp_path: Path) -> None:
    sink = Sink()
    url, port = sink.url, sink.port
    sink.close()
    with running_against(tmp_path, url) as process:
        cloud = Cloud(address(process))
        cloud.behave(delays=QUICKLY)
        ids = [cloud.send(to=f"5692222{number:04}") for number in range(20)]
        eventually(lambda: cloud.get("/emulator/webhooks")["unreachable"] >= 2)
        waiting = cloud.get("/emulator/webhooks")

        back = Sink(port)
        try:
            eventually(lambda: settled(cloud), within=20)
        finally:
            back.close()

    assert waiting["pending"] == 60
    assert waiting["posted"] == 0
    for id_ in ids:
        assert sorted(back.statuses(id_)) == sorted(LADDER)


def test_phones_and_waiting_webhooks_outlive_the_emulator(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    sink = Sink()
    url, port = sink.url, sink.port
    sink.close()
    with running_against(tmp_path, url, "--state", str(state)) as process:
        cloud = Cloud(address(process))
        cloud.behave(delays=QUICKLY)
        id_ = cloud.send()
        cloud.order(f"/emulator/phones/{GUARDIAN}/reply", {"text": "Gracias"})

    back = Sink(port)
    try:
        with running_against(tmp_path, url, "--state", str(state)) as process:
            cloud = Cloud(address(process))
            eventually(lambda: settled(cloud), within=20)
            kept = cloud.messages(phone=GUARDIAN)
    finally:
        back.close()

    assert state.stat().st_mode & 0o077 == 0
    assert kept[0]["id"] == id_
    assert kept[1]["text"] == "Gracias"
    assert sorted(back.statuses(id_)) == sorted(LADDER)


def test_a_state_file_of_something_else_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"messages": [{"colour": "blue"}], "webhooks": []}')

    with running_against(tmp_path, "http://127.0.0.1:9/", "--state", str(state)) as process:
        assert process.wait(timeout=10) == 2
        assert process.stderr is not None
        assert "state:" in process.stderr.read()
