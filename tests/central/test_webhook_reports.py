"""What is read from a webhook, and what reports make of a message. No database."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.notifications.report_rules import (
    Standing,
    StatusReport,
    StopRequest,
    after_report,
    read_webhook,
)
from central.notifications.rules import REPORTS

AT = 1_772_622_450


def a_status(**changes: Any) -> dict[str, Any]:
    status = {
        "id": "wamid.A",
        "status": "delivered",
        "timestamp": str(AT),
        "recipient_id": "56940000001",
        "biz_opaque_callback_data": "7:40",
    }
    return {key: value for key, value in (status | changes).items() if value is not None}


def a_webhook(*statuses: Any, messages: Any = ()) -> dict[str, Any]:
    value = {
        "messaging_product": "whatsapp",
        "statuses": list(statuses),
        "messages": list(messages),
    }
    change = {"field": "messages", "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def a_text(body: str, sender: str = "56940000001") -> dict[str, Any]:
    return {"from": sender, "id": "wamid.B", "type": "text", "text": {"body": body}}


def test_a_status_names_its_message_by_our_own_reference() -> None:
    webhook = read_webhook(a_webhook(a_status()))

    expected = StatusReport(7, 40, "wamid.A", "delivered", datetime.fromtimestamp(AT, UTC))
    assert webhook.reports == (expected,)
    assert webhook.foreign == 0


def test_a_failure_comes_with_its_code_and_title() -> None:
    errors = [{"code": 131026, "title": "Message undeliverable", "message": "longer"}]

    (report,) = read_webhook(a_webhook(a_status(status="failed", errors=errors))).reports

    assert (report.error_code, report.error) == (131026, "Message undeliverable")


@pytest.mark.parametrize(
    "changes",
    [
        {"biz_opaque_callback_data": None},
        {"biz_opaque_callback_data": "7"},
        {"biz_opaque_callback_data": "7:40:1"},
        {"biz_opaque_callback_data": "0:40"},
        {"biz_opaque_callback_data": "-7:40"},
        {"biz_opaque_callback_data": "7:" + "9" * 19},  # more than a bigint
        {"biz_opaque_callback_data": "٧:40"},
        {"biz_opaque_callback_data": 7},
        {"id": None},
        {"id": ""},
        {"id": "wamid A"},
        {"id": "w" * 301},
        {"status": "deleted"},
        {"status": None},
        {"status": ["delivered"]},
        {"timestamp": None},
        {"timestamp": "soon"},
        {"timestamp": "-5"},
        {"timestamp": "9" * 12},
    ],
)
def test_what_is_not_about_a_message_of_ours_is_counted_and_passed_over(
    changes: dict[str, Any],
) -> None:
    webhook = read_webhook(a_webhook(a_status(**changes), a_status()))

    assert len(webhook.reports) == 1
    assert webhook.foreign == 1


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        5,
        {},
        {"entry": None},
        {"entry": [None, 5, {"changes": "x"}, {"changes": [{"value": []}]}]},
        {"entry": [{"changes": [{"value": {"statuses": {"id": "1"}, "messages": "x"}}]}]},
    ],
)
def test_anything_else_says_nothing(payload: Any) -> None:
    webhook = read_webhook(payload)

    assert (webhook.reports, webhook.stops, webhook.foreign) == ((), (), 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["entry", "changes", "value", "statuses", "messages", "errors", "text", "body"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_reading_never_fails(payload: Any) -> None:
    read_webhook(payload)
    read_webhook(a_webhook(payload, a_status(errors=payload), messages=[payload]))


@pytest.mark.parametrize("body", ["ALTO", "alto", " Alto. ", "STOP", "stop!", "baja"])
def test_a_guardian_stops_the_messages_with_one_word(body: str) -> None:
    webhook = read_webhook(a_webhook(messages=[a_text(body)]))

    assert webhook.stops == (StopRequest("+56940000001"),)


@pytest.mark.parametrize(
    "message",
    [
        a_text("gracias"),
        a_text("no baja del bus hasta las 9"),
        a_text("ALTO", sender="grupo"),
        {"from": "56940000001", "type": "image"},
        {"from": "56940000001", "text": "ALTO"},
    ],
)
def test_other_messages_stop_nothing(message: dict[str, Any]) -> None:
    assert read_webhook(a_webhook(messages=[message])).stops == ()


def test_an_error_text_that_cannot_be_stored_is_made_storable() -> None:
    errors = [{"code": 2**40, "title": "a\0b \ud800"}]

    (report,) = read_webhook(a_webhook(a_status(status="failed", errors=errors))).reports

    assert (report.error_code, report.error) == (None, "ab ?")


def standing(status: str) -> Standing:
    return Standing(status, None, None, None, None, None, None, None)


reports = st.builds(
    StatusReport,
    school_id=st.just(7),
    notification_id=st.just(40),
    provider_id=st.just("wamid.A"),
    status=st.sampled_from(REPORTS),
    at=st.integers(AT, AT + 3).map(lambda second: datetime.fromtimestamp(second, UTC)),
    error_code=st.sampled_from([131026, 131000]),
    error=st.sampled_from(["Message undeliverable", "Something went wrong"]),
)


@given(
    start=st.sampled_from(["sending", "unknown", "sent"]),
    told=st.lists(reports, max_size=6),
    seed=st.integers(),
)
def test_reports_in_any_order_and_number_end_in_the_same_state(
    start: str, told: list[StatusReport], seed: int
) -> None:
    shuffled = told + told
    random.Random(seed).shuffle(shuffled)

    assert after_all(start, shuffled) == after_all(start, told)


def after_all(start: str, told: list[StatusReport]) -> Standing:
    current = standing(start)
    for report in told:
        current = after_report(current, report)
    return current


def test_each_status_keeps_its_own_time() -> None:
    told = [
        StatusReport(7, 40, "wamid.A", status, datetime.fromtimestamp(AT + second, UTC))
        for status, second in (("read", 9), ("sent", 1), ("delivered", 2))
    ]

    end = after_all("sending", told)

    assert end.status == "read"
    assert [end.sent_at, end.delivered_at, end.read_at] == [
        datetime.fromtimestamp(AT + second, UTC) for second in (1, 2, 9)
    ]
    assert end.provider_id == "wamid.A"


def test_our_own_finer_time_of_sending_is_not_replaced_by_the_providers_seconds() -> None:
    ours = datetime.fromtimestamp(AT + 0.75, UTC)
    sent = replace(standing("sent"), provider_id="wamid.A", sent_at=ours)
    report = StatusReport(7, 40, "wamid.A", "sent", datetime.fromtimestamp(AT, UTC))

    assert after_report(sent, report) == sent


def test_a_message_seen_on_a_phone_has_not_failed() -> None:
    at = datetime.fromtimestamp(AT, UTC)
    failed = StatusReport(7, 40, "wamid.A", "failed", at, 131026, "Message undeliverable")
    delivered = StatusReport(7, 40, "wamid.A", "delivered", at)

    end = after_all("sent", [failed, delivered])

    assert (end.status, end.failed_at, end.error_code, end.error) == ("delivered", *[None] * 3)


def test_a_recorded_message_was_never_sent_whatever_is_reported() -> None:
    report = StatusReport(7, 40, "wamid.A", "read", datetime.fromtimestamp(AT, UTC))

    assert after_report(standing("recorded"), report) == standing("recorded")
