"""WhatsApp Cloud API over HTTPS. The only importer of ``requests`` for it.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    SSLError,
)

from central.logging import redact
from central.notifications.channel import (
    Accepted,
    Message,
    Outcome,
    Refused,
    Unanswered,
    Unreachable,
)
from central.notifications.templates import TEMPLATES, parameters

GRAPH_VERSION: Final = "v23.0"
# Together less than the ten seconds that a supervisor usually grants to stop.
CONNECT_TIMEOUT: Final = timedelta(seconds=2)
READ_TIMEOUT: Final = timedelta(seconds=7)
# A connection that idled longer may be closed by the other side just as we write to it, and then
# nobody knows whether the message went out. A new one costs a handshake.
IDLE_LIMIT: Final = timedelta(seconds=20)
# A wrong WHATSAPP_PHONE_NUMBER_ID is answered with the code of a wrong message, which it is not.
UNKNOWN_NUMBER: Final = 33
_TEXT_LIMIT: Final = 300


class WhatsApp:
    """Sends template messages from one phone number. Threads may use it at once."""

    def __init__(
        self,
        api_url: str,
        phone_number_id: str,
        access_token: str,
        *,
        read_timeout: timedelta = READ_TIMEOUT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{api_url.rstrip('/')}/{GRAPH_VERSION}/{phone_number_id}/messages"
        self._authorization = f"Bearer {access_token}"
        self._timeouts = (CONNECT_TIMEOUT.total_seconds(), read_timeout.total_seconds())
        self._monotonic = monotonic
        self._local = threading.local()

    def send(self, message: Message) -> Outcome:
        """Send one message once: no retry, no redirect. Raises nothing for the network's faults."""
        try:
            response = self._session().post(
                self._url,
                json=template_request(message),
                timeout=self._timeouts,
                allow_redirects=False,
            )
        except (requests.RequestException, HTTPError) as error:
            return unanswered_or_unreachable(error)
        return outcome_of(response.status_code, response.content)

    def _session(self) -> requests.Session:
        """This thread's own, for a Session is not made to be shared."""
        now = self._monotonic()
        last_used = getattr(self._local, "last_used", now)
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is not None and now - last_used > IDLE_LIMIT.total_seconds():
            session.close()
            session = None
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False  # no proxy and no .netrc from the environment
            session.headers["Authorization"] = self._authorization
        self._local.last_used = now
        return session


def template_request(message: Message) -> dict[str, Any]:
    """The body of the request that sends ``message``."""
    template = TEMPLATES[message.kind]
    values = [{"type": "text", "text": value} for value in parameters(message)]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.phone,
        "type": "template",
        "template": {
            "name": template.name,
            "language": {"code": template.language(message.locale)},
            "components": [{"type": "body", "parameters": values}],
        },
        "biz_opaque_callback_data": message.reference,
    }


def unanswered_or_unreachable(error: requests.RequestException | HTTPError) -> Outcome:
    """Whether a request that raised ``error`` may have been written. In doubt, it may."""
    reason = type(error).__name__
    cause = error.args[0] if error.args else None
    never_written = (
        # a ValueError is an address or a header that cannot be used at all
        isinstance(error, ValueError | requests.ConnectTimeout)
        or (isinstance(cause, MaxRetryError) and _before_the_request(cause.reason))
    )
    return Unreachable(reason) if never_written else Unanswered(reason)


def _before_the_request(reason: Exception | None) -> bool:
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return True
    return isinstance(reason, SSLError) and isinstance(reason.args[0], ssl.SSLCertVerificationError)


def outcome_of(http_status: int, content: bytes) -> Outcome:
    """What the provider's answer says. One that cannot be read after a 2xx says nothing."""
    answer = _object(content)
    if 200 <= http_status < 300:
        provider_id = _first(answer.get("messages")).get("id")
        if isinstance(provider_id, str) and provider_id:
            return Accepted(provider_id)
        return Unanswered("unreadable_answer")
    error = answer.get("error")
    told: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    code = told.get("code")
    if told.get("type") == "GraphMethodException":
        code = UNKNOWN_NUMBER
    text = redact(str(told.get("message", "")))[:_TEXT_LIMIT] or f"HTTP {http_status}"
    return Refused(code if type(code) is int else None, http_status, text)


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _first(value: object) -> Mapping[str, Any]:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return value[0]
    return {}
