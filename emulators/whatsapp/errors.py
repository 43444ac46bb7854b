"""Meta's error codes as the Cloud API answers them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
A client should decide by ``code``; HTTP status and titles vary and are no contract.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ERROR_CODES_PAGE = "/documentation/business-messaging/whatsapp/support/error-codes"

TOKEN_INVALID = 190
INVALID_PARAMETER = 100
REENGAGEMENT = 131047


@dataclass(frozen=True, slots=True)
class Fault:
    status: int
    title: str
    details: str

    def in_webhook(self, code: int) -> dict[str, Any]:
        """The element of a failed status' ``errors``."""
        return {
            "code": code,
            "title": self.title,
            "message": self.title,
            "error_data": {"details": self.details},
            "href": ERROR_CODES_PAGE,
        }


_SENT_TOO_MANY = "Message failed to send because there were too many messages sent from this"

FAULTS: Mapping[int, Fault] = {
    INVALID_PARAMETER: Fault(400, "Invalid parameter", "A parameter is not valid"),
    TOKEN_INVALID: Fault(401, "Invalid OAuth access token - Cannot parse access token", ""),
    130429: Fault(429, "Rate limit hit", f"{_SENT_TOO_MANY} phone number in a short period"),
    131000: Fault(500, "Something went wrong", "Message failed to send due to an unknown error"),
    131008: Fault(400, "Required parameter is missing", "A required parameter is missing"),
    131009: Fault(400, "Parameter value is not valid", "A parameter's value is not valid"),
    131016: Fault(503, "Service unavailable", "A service is temporarily unavailable"),
    131026: Fault(400, "Message undeliverable", "Message Undeliverable."),
    REENGAGEMENT: Fault(
        400,
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last "
        "replied to this number",
    ),
    131048: Fault(
        429,
        "Spam rate limit hit",
        "Message failed to send because there are restrictions on how many messages can be sent",
    ),
    131051: Fault(400, "Unsupported message type", "Message type is not currently supported"),
    131056: Fault(
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        f"{_SENT_TOO_MANY} phone number to the same phone number in a short period of time",
    ),
    132000: Fault(400, "Number of parameters does not match the expected number of params", ""),
    132001: Fault(404, "Template name does not exist in the translation", ""),
    132005: Fault(400, "Translated text too long", "The text is longer than 1024 characters"),
    132012: Fault(400, "Parameter format does not match format in the created template", ""),
    132015: Fault(400, "Template is paused", "The template is paused due to low quality"),
    132016: Fault(400, "Template is disabled", "The template was paused too often"),
}


class GraphError(Exception):
    """A request that the API refuses. ``code`` is one of ``FAULTS``."""

    def __init__(self, code: int, details: str | None = None) -> None:
        fault = FAULTS[code]
        super().__init__(fault.title)
        self.code = code
        self.status = fault.status
        self.body = _body(f"(#{code}) {fault.title}", code, details or fault.details)


class UnknownObject(GraphError):
    """The path names a phone number or an account that the token cannot see."""

    def __init__(self, name: str) -> None:
        super().__init__(INVALID_PARAMETER)
        message = (
            f"Unsupported request. Object with ID '{name}' does not exist, cannot be loaded due "
            "to missing permissions, or does not support this operation"
        )
        self.body = _body(message, INVALID_PARAMETER, "", type_="GraphMethodException")


class TokenRefused(GraphError):
    def __init__(self) -> None:
        super().__init__(TOKEN_INVALID)
        self.body = _body(FAULTS[TOKEN_INVALID].title, TOKEN_INVALID, "")


class Outage(GraphError):
    """Meta is down: any 5xx."""

    def __init__(self, status: int) -> None:
        super().__init__(131016)
        self.status = status
        self.body = _body("Service temporarily unavailable", 2, "")


def _body(message: str, code: int, details: str, type_: str = "OAuthException") -> dict[str, Any]:
    error: dict[str, Any] = {"message": message, "type": type_, "code": code}
    if details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return {"error": error | {"fbtrace_id": "A" + secrets.token_urlsafe(16)}}
