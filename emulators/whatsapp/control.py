"""What only an emulator has: orders to misbehave, a look inside, and the guardians' phones."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from emulators.web import Refused, Request, Response, Route, as_json
from emulators.whatsapp.behaviour import Behaviour
from emulators.whatsapp.cloud import Cloud
from emulators.whatsapp.deliveries import Deliveries
from emulators.whatsapp.outgoing import LONGEST_TEXT
from emulators.whatsapp.phones import Phones
from emulators.whatsapp.settings import Settings

EVERY = 0.25  # seconds between two events of a stream, however many messages come
KEEP_ALIVE = 15.0  # seconds of silence after which a stream shows that it lives
MOST_STREAMS = 32  # each holds a thread
COME_BACK_LATER = b"retry: 10000\n\n"

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Control:
    def __init__(
        self,
        settings: Settings,
        cloud: Cloud,
        phones: Phones,
        behaviour: Behaviour,
        deliveries: Deliveries,
    ) -> None:
        self._settings = settings
        self._cloud = cloud
        self._phones = phones
        self._behaviour = behaviour
        self._deliveries = deliveries
        self._streams = threading.BoundedSemaphore(MOST_STREAMS)
        self.released = threading.Event()

    def routes(self) -> list[Route]:
        phone = r"/emulator/phones/(\d+)"
        return [
            Route("GET", "/emulator/behaviour", self.list_behaviour),
            Route("POST", "/emulator/behaviour", self.add_behaviour),
            Route("DELETE", "/emulator/behaviour", self.forget_behaviour),
            Route("GET", "/emulator/messages", self.list_messages),
            Route("GET", "/emulator/webhooks", self.count_webhooks),
            Route("POST", "/emulator/verify", self.verify_webhook),
            Route("POST", "/emulator/reset", self.reset),
            Route("GET", "/emulator/phones", self.list_phones),
            Route("GET", phone, self.show_chat),
            Route("POST", f"{phone}/reply", self.reply),
            Route("POST", f"{phone}/read", self.look_at),
            Route("GET", "/emulator/events", self.stream),
        ]

    def list_behaviour(self, _request: Request) -> Response:
        return as_json({"rules": self._behaviour.rules()})

    def add_behaviour(self, request: Request) -> Response:
        """Add a rule; see ``behaviour.py`` for what it may say."""
        self._behaviour.add(request.json())
        return self.list_behaviour(request)

    def forget_behaviour(self, request: Request) -> Response:
        """Behave properly again, and let go of the senders that hang."""
        self._behaviour.forget()
        self._release()
        return self.list_behaviour(request)

    def list_messages(self, request: Request) -> Response:
        """All messages of all phones, or of ``?phone=``, oldest first."""
        return as_json({"messages": self._phones.messages(request.query.get("phone"))})

    def count_webhooks(self, _request: Request) -> Response:
        return as_json(self._deliveries.counts())

    def verify_webhook(self, _request: Request) -> Response:
        """Ask the webhook for its challenge, as Meta does when one is entered there."""
        challenge = str(secrets.randbelow(10**10))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": self._settings.account.verify_token,
        }
        try:
            with _DIRECT.open(f"{self._settings.webhook_url}?{urlencode(query)}", timeout=10) as it:
                verified = it.read(1000).decode(errors="replace") == challenge
        except (OSError, http.client.HTTPException) as error:
            return as_json({"verified": False, "detail": str(error)})
        return as_json({"verified": verified})

    def reset(self, request: Request) -> Response:
        """Forget everything: rules, messages, phones and webhooks that wait."""
        self._deliveries.clear()
        self._phones.clear()
        return self.forget_behaviour(request)

    def list_phones(self, _request: Request) -> Response:
        """Every phone with its last message, latest first."""
        revision, phones = self._phones.changed_since(0, timeout=0)
        return as_json({"revision": revision, "phones": phones})

    def show_chat(self, _request: Request, phone: str) -> Response:
        return as_json({"phone": phone, "messages": self._phones.messages(phone)})

    def reply(self, request: Request, phone: str) -> Response:
        text = request.json().get("text")
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
            raise Refused(400, f"text: expected 1 to {LONGEST_TEXT} characters")
        return as_json({"id": self._cloud.reply(phone, text.strip()).id}, 201)

    def look_at(self, request: Request, phone: str) -> Response:
        request.json()  # refuses a form from another site
        return as_json({"read": self._cloud.look_at(phone)})

    def stream(self, request: Request) -> Response:
        """Server-sent events: the phones with news since revision ``?since=``."""
        since = request.headers.get("last-event-id") or request.query.get("since", "0")
        if not since.isdecimal():
            raise Refused(400, "since: expected a revision")
        return Response(content_type="text/event-stream", stream=self._events(int(since)))

    def _events(self, revision: int) -> Iterator[bytes]:
        if not self._streams.acquire(blocking=False):
            yield COME_BACK_LATER
            return
        pause = threading.Event()
        try:
            while True:
                reached, phones = self._phones.changed_since(revision, KEEP_ALIVE)
                yield _event(reached, phones) if reached != revision else b": still here\n\n"
                revision = reached
                pause.wait(EVERY)
        finally:
            self._streams.release()

    def _release(self) -> None:
        self.released.set()
        self.released.clear()


def _event(revision: int, phones: list[dict[str, Any]]) -> bytes:
    news = {"revision": revision, "phones": phones}
    return f"id: {revision}\ndata: {json.dumps(news)}\n\n".encode()
