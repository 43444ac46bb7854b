"""What Meta posts to the school: statuses of its messages, and what guardians write. Pure.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from typing import Any

from emulators.whatsapp.errors import FAULTS
from emulators.whatsapp.phones import Message
from emulators.whatsapp.settings import Account

_LAST_VERSION_WITH_CONVERSATIONS = 23
_CONVERSATION_SECONDS = 86_400


def new_message_id(phone: str) -> str:
    """A wamid; like Meta's it holds the telephone number, so it does not belong in a log."""
    kind, mark = b"\x1c\x18", b"\x15\x02\x00\x11\x18\x12"
    name = secrets.token_hex(9).upper().encode()
    raw = kind + bytes([len(phone)]) + phone.encode() + mark + name + b"\x00"
    return "wamid." + base64.b64encode(raw).decode()


def encode(payload: dict[str, Any]) -> bytes:
    """The body as Meta sends and signs it: characters beyond ASCII as ``\\u00e9``."""
    return json.dumps(payload, separators=(",", ":")).encode()


def signature(app_secret: str, body: bytes) -> str:
    """The value of ``X-Hub-Signature-256``."""
    return "sha256=" + hmac.digest(app_secret.encode(), body, "sha256").hex()


def status_payload(
    account: Account, message: Message, status: str, at: float, *, version: int, error: int | None
) -> dict[str, Any]:
    """``version`` is that of the API by which the message was sent."""
    element: dict[str, Any] = {
        "id": message.id,
        "status": status,
        "timestamp": str(int(at)),
        "recipient_id": message.phone,
    }
    if message.callback_data is not None:
        element["biz_opaque_callback_data"] = message.callback_data
    if status in ("sent", "delivered"):
        element |= _price(message, version)
    if error is not None:
        element["errors"] = [FAULTS[error].in_webhook(error)]
    return _envelope(account, {"statuses": [element]})


def incoming_payload(account: Account, message: Message) -> dict[str, Any]:
    """A guardian's text."""
    contact = {"profile": {"name": f"Apoderado {message.phone[-4:]}"}, "wa_id": message.phone}
    element = {
        "from": message.phone,
        "id": message.id,
        "timestamp": str(int(message.at)),
        "text": {"body": message.text},
        "type": "text",
    }
    return _envelope(account, {"contacts": [contact], "messages": [element]})


def _price(message: Message, version: int) -> dict[str, Any]:
    category = "utility" if message.template else "service"
    pricing = {
        "billable": bool(message.template),
        "pricing_model": "PMP",
        "type": "regular" if message.template else "free_customer_service",
        "category": category,
    }
    if version > _LAST_VERSION_WITH_CONVERSATIONS:
        return {"pricing": pricing}
    conversation = {
        "id": hmac.digest(message.phone.encode(), category.encode(), "sha256").hex()[:32],
        "expiration_timestamp": str(int(message.at) + _CONVERSATION_SECONDS),
        "origin": {"type": category},
    }
    return {"conversation": conversation, "pricing": pricing}


def _envelope(account: Account, value: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "display_phone_number": account.display_phone_number,
        "phone_number_id": account.phone_number_id,
    }
    value = {"messaging_product": "whatsapp", "metadata": metadata} | value
    change = {"value": value, "field": "messages"}
    entry = {"id": account.business_account_id, "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}
