"""The webhook: who may call it, and what a call changes. Real application, real database."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from central.app import create_app
from central.models import Notification
from central.notifications.report_service import stop_guardians
from central.settings import Settings
from central.web.webhooks import LARGEST_WEBHOOK
from tests.central.messages import a_family, again, listening, queued
from tests.central.test_webhook_reports import AT, a_status, a_text, a_webhook

APP_SECRET = "app-secret"
Post = Callable[..., TestResponse]


@pytest.fixture
def client(app: APIFlask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def post(client: FlaskClient) -> Post:
    """Deliver a payload with a good signature, as Meta does."""

    def deliver(payload: Any, body: bytes | None = None) -> TestResponse:
        body = json.dumps(payload).encode() if body is None else body
        headers = {"X-Hub-Signature-256": signature(body)}
        return client.post("/webhooks/whatsapp", data=body, headers=headers)

    return deliver


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def status_of(notification: Notification, status: str, second: int = 0, **changes: Any) -> Any:
    reference = f"{notification.school_id}:{notification.id}"
    return a_status(
        status=status,
        biz_opaque_callback_data=reference,
        timestamp=str(AT + second),
        **changes,
    )


def sending(session: Session, **changes: Any) -> Notification:
    lease = datetime.now(UTC) + timedelta(minutes=1)
    return queued(session, a_family(session), status="sending", lease_until=lease, **changes)


# --- the challenge


def test_the_challenge_is_answered_to_whoever_knows_our_word(client: FlaskClient) -> None:
    answer = client.get(
        "/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=verify-token&hub.challenge=1158"
    )

    assert (answer.status_code, answer.text) == (200, "1158")
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "hub.mode=subscribe&hub.challenge=1158",
        "hub.mode=subscribe&hub.verify_token=&hub.challenge=1158",
        "hub.mode=subscribe&hub.verify_token=verify-toke&hub.challenge=1158",
        "hub.mode=subscribe&hub.verify_token=verify-token2&hub.challenge=1158",
        "hub.mode=subscribe&hub.verify_token=verify-tokén&hub.challenge=1158",
        "hub.mode=unsubscribe&hub.verify_token=verify-token&hub.challenge=1158",
    ],
)
def test_the_challenge_is_refused_to_others(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/webhooks/whatsapp?{query}")

    assert answer.status_code == 403
    assert "1158" not in answer.text


# --- the signature

BODY = json.dumps(a_webhook(a_status())).encode()
GOOD = signature(BODY)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (GOOD, 200),
        (None, 401),
        ("", 401),
        ("sha256=", 401),
        (GOOD.removeprefix("sha256="), 401),
        (GOOD.upper(), 401),
        (GOOD[:-1], 401),
        (GOOD + "0", 401),
        (GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"), 401),
        ("sha1=" + GOOD.removeprefix("sha256="), 401),
        (signature(BODY, "another secret"), 401),
        (signature(BODY + b" "), 401),
        (signature(b""), 401),
        ("sha256=ñandú", 401),
    ],
)
def test_only_a_true_signature_of_these_bytes_is_taken(
    client: FlaskClient, given: str | None, status: int
) -> None:
    headers = {} if given is None else {"X-Hub-Signature-256": given}

    answer = client.post("/webhooks/whatsapp", data=BODY, headers=headers)

    assert answer.status_code == status


def test_a_badly_signed_report_changes_nothing(session: Session, client: FlaskClient) -> None:
    notification = sending(session)
    body = json.dumps(a_webhook(status_of(notification, "delivered"))).encode()

    client.post(
        "/webhooks/whatsapp", data=body, headers={"X-Hub-Signature-256": signature(body, "guess")}
    )

    assert again(session, notification).status == "sending"


@pytest.mark.parametrize("name", ["WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"])
def test_without_a_secret_everything_is_refused(
    settings: Settings, database: Engine, name: str
) -> None:
    bare = Settings.from_env({"DATABASE_URL": settings.database_url_override})
    client = create_app(bare).test_client()

    posted = client.post(
        "/webhooks/whatsapp", data=b"{}", headers={"X-Hub-Signature-256": signature(b"{}", "")}
    )
    asked = client.get("/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=&hub.challenge=1")

    assert (posted.status_code, asked.status_code) == (401, 403)


def test_a_body_larger_than_meta_sends_is_refused_unread(post: Post) -> None:
    assert post(None, body=b" " * (LARGEST_WEBHOOK + 1)).status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_refused(post: Post, body: bytes) -> None:
    assert post(None, body=body).status_code == 400


# --- what it changes


@pytest.mark.parametrize("status", ["sending", "unknown", "sent"])
def test_a_report_settles_a_message_whatever_we_knew_of_it(
    session: Session, post: Post, status: str
) -> None:
    lease = datetime.now(UTC) + timedelta(minutes=1) if status == "sending" else None
    notification = queued(
        session, a_family(session), status=status, lease_until=lease, error="ReadTimeout"
    )

    answer = post(a_webhook(status_of(notification, "delivered")))

    row = again(session, notification)
    assert answer.status_code == 200
    assert (row.status, row.provider_id, row.lease_until) == ("delivered", "wamid.A", None)
    assert row.delivered_at == datetime.fromtimestamp(AT, UTC)
    assert (row.error, row.error_code) == (None, None)


def test_a_failure_is_kept_with_its_reason(session: Session, post: Post) -> None:
    notification = queued(session, a_family(session), status="sent")
    errors = [{"code": 131026, "title": "Message undeliverable"}]

    post(a_webhook(status_of(notification, "failed", errors=errors)))

    row = again(session, notification)
    assert (row.status, row.error_code, row.error) == ("failed", 131026, "Message undeliverable")
    assert row.failed_at == datetime.fromtimestamp(AT, UTC)


def test_one_delivery_may_report_on_many_messages_of_several_schools(
    session: Session, post: Post
) -> None:
    rows = [queued(session, a_family(session), status="sent") for _ in range(3)]
    words = ["delivered", "read", "failed"]

    post(a_webhook(*[status_of(row, word) for row, word in zip(rows, words, strict=True)]))

    assert [again(session, row).status for row in rows] == words


@pytest.mark.parametrize(
    "order",
    [("sent", "delivered", "read"), ("read", "delivered", "sent"), ("delivered", "read", "sent")],
)
def test_reports_may_come_late_repeated_and_in_any_order(
    session: Session, post: Post, order: tuple[str, ...]
) -> None:
    notification = sending(session)
    seconds = {"sent": 1, "delivered": 2, "read": 3}

    for status in (*order, *order):
        post(a_webhook(status_of(notification, status, seconds[status])))

    row = again(session, notification)
    assert row.status == "read"
    assert [row.sent_at, row.delivered_at, row.read_at] == [
        datetime.fromtimestamp(AT + second, UTC) for second in (1, 2, 3)
    ]


def test_an_unknown_message_is_answered_well_and_counted(session: Session, post: Post) -> None:
    notification = queued(session, a_family(session), status="sent")
    elsewhere = f"{notification.school_id + 1}:{notification.id}"

    with capture_logs() as logs:
        answer = post(
            a_webhook(
                a_status(biz_opaque_callback_data=elsewhere),
                a_status(biz_opaque_callback_data="other system"),
                status_of(notification, "delivered"),
            )
        )

    assert answer.status_code == 200  # else Meta would repeat it for days
    assert [line.get("unknown_reports") for line in logs if "unknown_reports" in line] == [2]
    assert again(session, notification).status == "delivered"


def test_whoever_watches_is_told_of_a_change_and_only_of_a_change(
    session: Session, post: Post, owner: Engine
) -> None:
    notification = queued(session, a_family(session), status="sent")
    payload = a_webhook(status_of(notification, "delivered"))
    with listening(owner) as heard_so_far:
        post(payload)
        post(payload)

        heard = heard_so_far()
    assert heard == [f'{{"school": {notification.school_id}, "kind": "notifications"}}']


def test_a_guardian_who_writes_alto_is_stopped_in_every_school_that_knows_the_phone(
    session: Session, post: Post
) -> None:
    here, there = (a_family(session, phone="+56940000001") for _ in range(2))
    other = a_family(session, phone="+56940000002")
    session.commit()

    post(a_webhook(messages=[a_text("Alto", sender="56940000001")]))
    session.rollback()
    first = [session.merge(f.guardian, load=True) for f in (here, there, other)]
    for guardian in first:
        session.refresh(guardian)
    stopped_at = first[0].stopped_at
    post(a_webhook(messages=[a_text("ALTO", sender="56940000001")]))
    session.rollback()
    session.refresh(first[0])

    assert [guardian.stopped_at is not None for guardian in first] == [True, True, False]
    assert first[0].stopped_at == stopped_at


@pytest.mark.parametrize("role", ["ingest", "worker", "scheduler"])
def test_only_the_web_may_stop_a_guardian(session_as: Callable[..., Session], role: str) -> None:
    process = session_as(role)

    with pytest.raises(ProgrammingError, match="permission denied"):
        stop_guardians(process, ["+56940000001"], now=datetime.now(UTC))
