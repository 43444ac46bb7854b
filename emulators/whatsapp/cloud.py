"""What the Cloud API does with a message: accept it or not, and tell later what became of it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulators.whatsapp.behaviour import HANG, STATUSES, Behaviour, Conduct
from emulators.whatsapp.deliveries import Deliveries, Event
from emulators.whatsapp.errors import FAULTS, REENGAGEMENT, GraphError, Outage
from emulators.whatsapp.outgoing import Outgoing, parse
from emulators.whatsapp.phones import FAILED, Message, Phones
from emulators.whatsapp.settings import Account
from emulators.whatsapp.webhooks import encode, incoming_payload, new_message_id, status_payload

SESSION_SECONDS = 86_400  # in which a guardian who wrote may be answered with free text
COPY_EVERY = 0.1  # seconds between a webhook and its copies
SHUFFLED_EVERY = 0.05  # seconds between the statuses of a message told out of order


class NoReply(Exception):
    """The sender shall wait ``seconds`` and then see the connection closed."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class _Step:
    """A status, when it is reached and when the school is told, as Unix times."""

    status: str
    at: float
    told_at: float
    error: int | None = None


class Cloud:
    def __init__(
        self, account: Account, phones: Phones, behaviour: Behaviour, deliveries: Deliveries
    ) -> None:
        self._account = account
        self._phones = phones
        self._behaviour = behaviour
        self._deliveries = deliveries

    def send(self, body: Mapping[str, Any], *, version: int) -> dict[str, Any]:
        """Answer a request to ``/messages``. Raises GraphError or NoReply."""
        outgoing = parse(body)
        conduct = self._behaviour.for_message(outgoing.phone)
        if conduct.answer is not None and not conduct.accepted:
            raise _refusal(conduct)
        message = self._accept(outgoing, conduct, version)
        if conduct.answer is not None:
            raise _refusal(conduct)
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": outgoing.to, "wa_id": outgoing.phone}],
            "messages": [{"id": message.id, "message_status": "accepted"}],
        }

    def reply(self, phone: str, text: str) -> Message:
        """A guardian writes to the school; from now on a day long free text may be sent."""
        now = time.time()
        message = Message(new_message_id(phone), phone, text, now, incoming=True)
        self._phones.add(message)
        payload = incoming_payload(self._account, message)
        self._tell(message, payload, _Step("", now, now), copies=0, status=None)
        return message

    def look_at(self, phone: str) -> int:
        """The guardian opens the chat: what has arrived is read. How many messages were."""
        now = time.time()
        unread = self._phones.unread(phone)
        for message in unread:
            self._report(message, _Step("read", now, now), version=0, copies=0)
        return len(unread)

    def begins(self, event: Event) -> bool:
        """Bring the event's message to its status; False if it was there before."""
        if event.status is None:
            return True
        return self._phones.advance(event.id, event.status, time.time(), event.error)

    def _accept(self, outgoing: Outgoing, conduct: Conduct, version: int) -> Message:
        now = time.time()
        template = outgoing.template
        message = Message(
            id=new_message_id(outgoing.phone),
            phone=outgoing.phone,
            text=outgoing.text,
            at=now,
            template=template.name if template else None,
            language=template.language if template else None,
            parameters=outgoing.parameters,
            callback_data=outgoing.callback_data,
        )
        self._phones.add(message)
        error = conduct.fail
        if template is None and not self._in_session(outgoing.phone, now):
            error = REENGAGEMENT
        for step in _steps(conduct, now, error):
            self._report(message, step, version=version, copies=conduct.repeat)
        return message

    def _in_session(self, phone: str, now: float) -> bool:
        last = self._phones.last_from_guardian(phone)
        return last is not None and now - last < SESSION_SECONDS

    def _report(self, message: Message, step: _Step, *, version: int, copies: int) -> None:
        payload = status_payload(
            self._account, message, step.status, step.at, version=version, error=step.error
        )
        self._tell(message, payload, step, copies=copies, status=step.status)

    def _tell(
        self,
        message: Message,
        payload: dict[str, Any],
        step: _Step,
        *,
        copies: int,
        status: str | None,
    ) -> None:
        body = encode(payload).decode()
        for copy in range(1 + copies):
            self._deliveries.put(
                Event(
                    due=step.told_at + copy * COPY_EVERY,
                    body=body,
                    made_at=message.at,
                    id=message.id,
                    status=status if copy == 0 else None,
                    error=step.error,
                )
            )


def _refusal(conduct: Conduct) -> Exception:
    if conduct.answer == HANG:
        return NoReply(conduct.seconds)
    code = int(conduct.answer or 0)
    return GraphError(code) if code in FAULTS else Outage(code)


def _steps(conduct: Conduct, now: float, error: int | None) -> list[_Step]:
    """What will become of a message accepted ``now``, in the order in which it is told."""
    if error is not None:
        at = now + (conduct.delays["sent"] or 0.0)
        return [_Step(FAILED, at, at, error)]
    steps = [
        _Step(status, now + delay, now + delay)
        for status in STATUSES
        if (delay := conduct.delays[status]) is not None
    ]
    return _shuffled(steps) if conduct.shuffle and len(steps) > 1 else steps


def _shuffled(steps: list[_Step]) -> list[_Step]:
    """The same steps, held back until the last is reached and told in another order."""
    last = max(step.at for step in steps)
    mixed = random.sample(steps, len(steps))
    if mixed == steps:
        mixed.reverse()
    return [
        _Step(step.status, step.at, last + place * SHUFFLED_EVERY, step.error)
        for place, step in enumerate(mixed)
    ]
