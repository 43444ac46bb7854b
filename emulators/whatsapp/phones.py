"""The guardians' phones: who got which message, and how far it has come. Bounded, in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_MESSAGES = 20_000  # a whole school's week, some 20 MB
MOST_PER_PHONE = 200

ACCEPTED, SENT, DELIVERED, READ, FAILED = "accepted", "sent", "delivered", "read", "failed"

# A late or repeated status does not take a message back; a phone that was delivered to has it,
# whatever failed on the guardian's other devices.
_RANK: Mapping[str, int] = {ACCEPTED: 0, SENT: 1, FAILED: 2, DELIVERED: 3, READ: 4}


@dataclass(slots=True)
class Message:
    """``times`` holds the Unix time of each status that was reached."""

    id: str
    phone: str
    text: str
    at: float
    incoming: bool = False  # from the guardian to the school
    template: str | None = None
    language: str | None = None
    parameters: Sequence[str] = ()
    callback_data: str | None = None
    status: str = ACCEPTED
    times: dict[str, float] = field(default_factory=dict)
    error: int | None = None

    def wire(self) -> dict[str, Any]:
        """A copy to hand out; ``asdict`` would take ten times as long for a whole school."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {"parameters": list(self.parameters), "times": dict(self.times)}

    def advance(self, status: str, at: float, error: int | None) -> None:
        self.times[status] = at
        if _RANK[status] > _RANK[self.status]:
            self.status, self.error = status, error


@dataclass(slots=True)
class Phone:
    number: str
    messages: list[Message] = field(default_factory=list)
    revision: int = 0

    def summary(self) -> dict[str, Any]:
        """The line in the list of phones."""
        last = self.messages[-1]
        unread = sum(not it.incoming and it.status in (SENT, DELIVERED) for it in self.messages)
        return {"phone": self.number, "last": last.wire(), "unread": unread}


class Phones:
    """Shared by all threads. Every change has a number, so a page can ask for what is new."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._phones: OrderedDict[str, Phone] = OrderedDict()  # latest change last
        self._messages: OrderedDict[str, Message] = OrderedDict()  # oldest first
        self._last_from_guardian: dict[str, float] = {}
        self._revision = int(time.time() * 1000)  # also grows over a restart

    @property
    def revision(self) -> int:
        return self._revision

    def add(self, message: Message) -> None:
        with self._changed:
            self._messages[message.id] = message
            phone = self._phones.setdefault(message.phone, Phone(message.phone))
            phone.messages.append(message)
            if message.incoming:
                self._last_from_guardian[message.phone] = message.at
            self._drop_oldest(phone)
            self._note_change(phone)

    def advance(self, id_: str, status: str, at: float, error: int | None = None) -> bool:
        """Note that a message has come to ``status``; False if it had been there already."""
        with self._changed:
            message = self._messages.get(id_)
            if message is None:
                return True  # long forgotten here, but its statuses are still due
            if status in message.times:
                return False
            message.advance(status, at, error)
            self._note_change(self._phones[message.phone])
            return True

    def unread(self, phone: str) -> list[Message]:
        """What has come to the phone and was not looked at, oldest first."""
        with self._changed:
            messages = self._phones[phone].messages if phone in self._phones else []
            return [it for it in messages if not it.incoming and it.status in (SENT, DELIVERED)]

    def last_from_guardian(self, phone: str) -> float | None:
        return self._last_from_guardian.get(phone)

    def messages(self, phone: str | None = None) -> list[dict[str, Any]]:
        """Everything, or one phone's chat, oldest first."""
        with self._changed:
            if phone is None:
                return [message.wire() for message in self._messages.values()]
            known = self._phones.get(phone)
            return [message.wire() for message in known.messages] if known else []

    def changed_since(self, revision: int, timeout: float) -> tuple[int, list[dict[str, Any]]]:
        """The phones with news since ``revision``, latest first, and the revision reached.

        Waits up to ``timeout`` seconds for the first news.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._revision != revision, timeout)
            if revision > self._revision:
                revision = 0  # from before a restart
            found = []
            for phone in reversed(self._phones.values()):
                if phone.revision <= revision:
                    break
                found.append(phone.summary())
            return self._revision, found

    def clear(self) -> None:
        with self._changed:
            self._phones.clear()
            self._messages.clear()
            self._last_from_guardian.clear()
            self._revision += 1
            self._changed.notify_all()

    def load(self, messages: Iterable[Mapping[str, Any]]) -> None:
        for raw in messages:
            self.add(Message(**raw))

    def _drop_oldest(self, phone: Phone) -> None:
        if len(phone.messages) > MOST_PER_PHONE:
            del self._messages[phone.messages.pop(0).id]
        if len(self._messages) > MOST_MESSAGES:
            _, message = self._messages.popitem(last=False)
            owner = self._phones[message.phone]
            owner.messages.remove(message)
            if not owner.messages:
                del self._phones[message.phone]
                self._last_from_guardian.pop(message.phone, None)

    def _note_change(self, phone: Phone) -> None:
        self._revision += 1
        phone.revision = self._revision
        self._phones.move_to_end(phone.number)
        self._changed.notify_all()
