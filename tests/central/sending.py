"""Channels that answer as a test tells them, and deliveries over them with the worker's rights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from central.jobs.database import open_engine
from central.notifications.channel import Accepted, Channel, Message, Outcome, Refused
from central.notifications.delivery import Delivery
from central.settings import Settings

MakeDelivery = Callable[..., Delivery]


@contextmanager
def deliveries(settings: Settings) -> Iterator[MakeDelivery]:
    """Make a Delivery over a channel, as the worker's role; all are closed at the end."""
    engine = open_engine(settings, "worker", pool_pre_ping=True)
    made: list[Delivery] = []

    def make(channel: Channel, **options: Any) -> Delivery:
        made.append(Delivery(sessionmaker(engine), channel, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
    engine.dispose()


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def due_again(session: Session) -> None:
    """As if its waiting time were over."""
    session.execute(text("UPDATE notifications SET due_at = now() WHERE status = 'queued'"))
    session.commit()


class ScriptedChannel:
    """Answers as told, by default with acceptance; remembers what it was given."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.sent: list[Message] = []
        self._outcomes = iter(outcomes)
        self._lock = threading.Lock()

    def send(self, message: Message) -> Outcome:
        with self._lock:
            self.sent.append(message)
            return next(self._outcomes, Accepted(f"wamid.{message.reference}"))


class Together:
    """Notes how many sends are under way at the same time; can wait until so many are."""

    def __init__(self, wait_for: int = 1) -> None:
        self.most = 0
        self._now = 0
        self._changed = threading.Condition()
        self._wait_for = wait_for

    def send(self, message: Message) -> Outcome:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._wait_for, timeout=10)
            self._now -= 1
        return Accepted(f"wamid.{message.reference}")


class RefusingPhone:
    """Refuses the messages to one phone."""

    def __init__(self, phone: str, refusal: Refused) -> None:
        self.tried = 0
        self._phone = phone
        self._refusal = refusal

    def send(self, message: Message) -> Outcome:
        if message.phone != self._phone:
            return Accepted(f"wamid.{message.reference}")
        self.tried += 1
        return self._refusal


class Meanwhile:
    """Something happens to the row while its message is on its way."""

    def __init__(self, session: Session, change: str, outcome: Outcome) -> None:
        self._session, self._change, self._outcome = session, change, outcome

    def send(self, message: Message) -> Outcome:
        self._session.execute(text(self._change))
        self._session.commit()
        return self._outcome


class StopsItself:
    delivery: Delivery
    sent = 0

    def send(self, message: Message) -> Outcome:
        self.delivery.stop()
        self.sent += 1
        return Accepted(f"wamid.{message.reference}")
