"""Where WhatsApp reports what became of messages, and passes on what guardians write back.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Final

import structlog
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from central.db import db
from central.notifications.report_rules import read_webhook
from central.notifications.report_service import apply_reports, stop_guardians
from central.settings import Settings

LARGEST_WEBHOOK: Final = 3 * 1024 * 1024  # Meta's own limit

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")
log = structlog.stdlib.get_logger(__name__)


@bp.get("/whatsapp")
def verify() -> Response:
    """Answer the challenge with which Meta checks that this address is ours."""
    expected = _settings().whatsapp_verify_token
    given = request.args.get("hub.verify_token", "")
    challenge = request.args.get("hub.challenge", "")
    if request.args.get("hub.mode") != "subscribe" or not same_secret(given, expected):
        return _answer("not verified", 403)
    return _answer(challenge, 200)


@bp.post("/whatsapp")
def receive() -> Response:
    """Take in one delivery. What is not about us is answered 200: else Meta repeats it for days."""
    request.max_content_length = LARGEST_WEBHOOK
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        return _answer("too large", 413)
    given = request.headers.get("X-Hub-Signature-256", "")
    if not well_signed(body, given, _settings().whatsapp_app_secret):
        return _answer("wrong signature", 401)
    try:
        webhook = read_webhook(json.loads(body))
    except (ValueError, RecursionError):
        return _answer("not JSON", 400)
    session = db.session()
    stopped = stop_guardians(session, (stop.phone for stop in webhook.stops), now=datetime.now(UTC))
    unknown = apply_reports(session, webhook.reports) + webhook.foreign
    session.commit()
    if unknown or stopped:
        log.info("webhook_taken", unknown_reports=unknown, guardians_stopped=stopped)
    return _answer("", 200)


def well_signed(body: bytes, given: str, secret: str) -> bool:
    """Whether ``given`` is the signature of these very bytes. With no secret set, none is."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return same_secret(given, f"sha256={digest}" if secret else "")


def same_secret(given: str, expected: str) -> bool:
    """Compare in a time that tells nothing; an empty secret matches nothing."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def _settings() -> Settings:
    settings = current_app.extensions["settings"]
    assert isinstance(settings, Settings)
    return settings


def _answer(text: str, status: int) -> Response:
    # plain text: a browser must never render what a stranger put into the challenge
    return Response(text, status, mimetype="text/plain")
