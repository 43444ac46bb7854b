"""What the Cloud API emulator accepts and refuses, over real HTTP."""

from __future__ import annotations

import http.client
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.emulators.cloud_client import (
    BUSINESS_ACCOUNT_ID,
    GUARDIAN,
    MORNING,
    PHONE_NUMBER_ID,
    TOKEN,
    Cloud,
    template_message,
    text_message,
)


def test_a_template_message_is_accepted_and_lies_on_the_guardian_s_phone(cloud: Cloud) -> None:
    answer = cloud.post(template_message(biz_opaque_callback_data="1:42"))

    assert answer.status_code == 200
    body = answer.json()
    assert body["messaging_product"] == "whatsapp"
    assert body["contacts"] == [{"input": GUARDIAN, "wa_id": GUARDIAN}]
    assert body["messages"][0]["id"].startswith("wamid.")
    (message,) = cloud.messages()
    assert message["id"] == body["messages"][0]["id"]
    assert message["phone"] == GUARDIAN
    assert message["template"] == "ingreso_ok"
    assert message["language"] == "es"
    assert message["parameters"] == list(MORNING)
    assert message["callback_data"] == "1:42"
    assert "Sofía ingresó al colegio a las 8:07 por Puerta Norte." in message["text"]


@pytest.mark.parametrize(
    ("name", "language", "part"),
    [
        ("ingreso_ok", "es", "Sofía ingresó al colegio a las 8:07 por Puerta Norte."),
        ("ingreso_ok", "en", "Sofía arrived at school at 8:07 through Puerta Norte."),
        ("salida_ok", "es", "Sofía salió del colegio a las 8:07 por Puerta Norte."),
        ("salida_ok", "en", "Sofía left school at 8:07 through Puerta Norte."),
    ],
)
def test_each_approved_template_reads_well(
    cloud: Cloud, name: str, language: str, part: str
) -> None:
    cloud.send(name=name, language=language)

    assert part in cloud.messages()[0]["text"]


def test_a_number_written_with_plus_and_spaces_is_the_same_phone(cloud: Cloud) -> None:
    answer = cloud.post(template_message(to="+56 9 1234 5678"))

    assert answer.json()["contacts"] == [{"input": "+56 9 1234 5678", "wa_id": GUARDIAN}]


def test_the_same_request_twice_is_two_messages_for_meta_knows_no_idempotency(
    cloud: Cloud,
) -> None:
    assert cloud.send() != cloud.send()
    assert len(cloud.messages()) == 2


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", TOKEN, f"Basic {TOKEN}"])
def test_without_the_right_token_nothing_is_accepted(cloud: Cloud, authorization: str) -> None:
    answer = requests.post(
        f"{cloud.url}/v23.0/{PHONE_NUMBER_ID}/messages",
        json=template_message(),
        headers={"Authorization": authorization},
        timeout=5,
    )

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == 190
    assert answer.json()["error"]["type"] == "OAuthException"
    assert cloud.messages() == []


def test_another_phone_number_id_is_an_unknown_object(cloud: Cloud) -> None:
    answer = requests.post(
        f"{cloud.url}/v23.0/999/messages",
        json=template_message(),
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=5,
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "GraphMethodException"
    assert "'999'" in answer.json()["error"]["message"]


def changed(path: str, value: Any) -> dict[str, Any]:
    """A template message with one field, named by its path, replaced; None removes it."""
    body = template_message()
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place: Any = body
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return body


VALUES = "template.components.0.parameters"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(changed("messaging_product", None), 400, 100, id="no product"),
        pytest.param(changed("to", None), 400, 100, id="no recipient"),
        pytest.param(changed("to", "not a number"), 400, 131009, id="no number"),
        pytest.param(changed("type", "hologram"), 400, 131051, id="unknown type"),
        pytest.param(changed("template", None), 400, 100, id="no template"),
        pytest.param(changed("template.language", None), 400, 100, id="no language"),
        pytest.param(changed("template.name", "ingreso"), 404, 132001, id="unknown template"),
        pytest.param(changed("template.language", {"code": "fr"}), 404, 132001, id="language"),
        pytest.param(changed("template.components", None), 400, 132000, id="no parameters"),
        pytest.param(changed(f"{VALUES}.2", None), 400, 132000, id="one parameter less"),
        pytest.param(changed("template.components.0.type", "header"), 400, 132012, id="header"),
        pytest.param(changed(f"{VALUES}.0.type", "currency"), 400, 132012, id="no text"),
        pytest.param(changed(f"{VALUES}.0.text", " "), 400, 131008, id="empty parameter"),
        pytest.param(changed(f"{VALUES}.0.text", "So\nfía"), 400, 100, id="line break"),
        pytest.param(changed(f"{VALUES}.0.text", "So     fía"), 400, 100, id="spaces"),
        pytest.param(changed(f"{VALUES}.0.text", "x" * 1000), 400, 132005, id="too long"),
        pytest.param(template_message(biz_opaque_callback_data="x" * 513), 400, 100, id="data"),
        pytest.param(text_message(text=""), 400, 100, id="empty text"),
        pytest.param([], 400, 100, id="not an object"),
    ],
)
def test_a_wrong_request_gets_meta_s_error(cloud: Cloud, body: Any, status: int, code: int) -> None:
    answered, error = cloud.error(body)

    assert (answered, error["code"]) == (status, code)
    assert error["message"].startswith(f"(#{code}) ")
    assert error["error_data"]["messaging_product"] == "whatsapp"
    assert error["error_data"]["details"]
    assert error["fbtrace_id"]
    assert cloud.messages() == []


def test_a_wrong_parameter_count_says_both_counts(cloud: Cloud) -> None:
    _, error = cloud.error(template_message(values=("Sofía",)))

    assert error["message"] == (
        "(#132000) Number of parameters does not match the expected number of params"
    )
    assert error["error_data"]["details"] == (
        "body: number of localizable_params (1) does not match the expected number of params (3)"
    )


def test_the_approved_templates_are_listed_as_meta_lists_them(cloud: Cloud) -> None:
    listed = cloud.get(f"/v23.0/{BUSINESS_ACCOUNT_ID}/message_templates", limit="50")

    found = {(it["name"], it["language"]): it for it in listed["data"]}
    names = {name for name, _ in found}
    assert {"ingreso_ok", "salida_ok", "inasistencia"} <= names
    assert set(found) == {(name, language) for name in names for language in ("es", "en")}
    assert {it["status"] for it in found.values()} == {"APPROVED"}
    assert {it["category"] for it in found.values()} == {"UTILITY"}
    assert len({it["id"] for it in found.values()}) == len(found)
    assert "cursors" in listed["paging"]


def test_every_template_body_keeps_the_rules_by_which_meta_approves(cloud: Cloud) -> None:
    listed = cloud.get(f"/v23.0/{BUSINESS_ACCOUNT_ID}/message_templates")["data"]

    for template in listed:
        (body,) = template["components"]
        text = body["text"]
        examples = body["example"]["body_text"][0]
        assert re.findall(r"\{\{(\d+)\}\}", text) == [
            str(number) for number in range(1, len(examples) + 1)
        ]
        assert text[:1].isalpha()
        assert text.rstrip(".")[-1:].isalpha()  # a full stop after a parameter is not enough
        assert examples


def test_templates_can_be_filtered_and_need_the_token_and_the_account(cloud: Cloud) -> None:
    path = f"/v23.0/{BUSINESS_ACCOUNT_ID}/message_templates"

    filtered = cloud.get(path, name="salida_ok", language="en")["data"]

    assert [(it["name"], it["language"]) for it in filtered] == [("salida_ok", "en")]
    assert requests.get(f"{cloud.url}{path}", timeout=5).status_code == 401
    other = requests.get(
        f"{cloud.url}/v23.0/1/message_templates",
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=5,
    )
    assert other.status_code == 400


def test_two_hundred_messages_a_second_are_no_effort(emulator: str, cloud: Cloud) -> None:
    host = emulator.removeprefix("http://")
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    def send_all(share: int) -> set[int]:
        """Over one connection, with a client that costs little itself."""
        connection = http.client.HTTPConnection(host, timeout=10)
        answered = set()
        for number in range(share, 600, 4):
            body = json.dumps(template_message(to=f"5691000{number:04}"))
            connection.request("POST", f"/v23.0/{PHONE_NUMBER_ID}/messages", body, headers)
            answer = connection.getresponse()
            answer.read()
            answered.add(answer.status)
        connection.close()
        return answered

    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        answered = set().union(*pool.map(send_all, range(4)))
    took = time.monotonic() - started

    assert answered == {200}
    assert len(cloud.messages()) == 600
    assert 600 / took >= 200
