"""Brings what waits in the outbox to central, over and over, until central's receipt.

A PUBACK only says that the broker took a message; Mosquitto sends one also for a message that it
then drops. So a tap is forgotten on our own receipt and on nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from contracts import topics
from contracts.fields import ContractError, dump
from contracts.messages import MAX_TAPS, DeviceStatus, Health, Receipt
from edge_agent import VERSION
from edge_agent.backoff import Backoff
from edge_agent.clock import Clock
from edge_agent.correspondence import Correspondence, Silence
from edge_agent.link import Link, LinkDown, Message
from edge_agent.outbox import Outbox, OutboxDamaged, OutboxUnavailable
from edge_agent.receipts import Judgement, ReceiptDesk
from edge_agent.sending import SendWindow
from edge_agent.settings import BrokerSettings
from edge_agent.wake import Wake

log = logging.getLogger(__name__)

DRAIN_SECONDS = 1.2  # for the last taps when told to stop; a supervisor grants 2 s in all
_GOODBYE_SECONDS = 0.3
_HEALTH_EVERY = 60.0
_STEADY_AFTER = 10.0  # a connection that lasts this long ends a row of failures


def _nothing() -> None:
    """Nobody can find out why."""


@dataclass(frozen=True)
class Identity:
    """Who we are to the broker, and how to reach it; ``desk`` is what else we have to say."""

    device: str
    broker: BrokerSettings
    clock: Clock
    desk: Correspondence = field(default_factory=Silence)
    doubt: Callable[[], None] = _nothing  # told when the broker does not let us in or speak


class Uplink:
    """The only user of the network. Used by one thread, which ``wake`` tells of new taps."""

    def __init__(
        self,
        identity: Identity,
        outbox: Outbox,
        wake: Wake,
        health: Callable[[], Health],
        window: SendWindow | None = None,
    ) -> None:
        self._identity = identity
        self._outbox = outbox
        self._wake = wake
        self._health = health
        self._window = window or SendWindow()
        self._backoff = Backoff(first=0.5, most=30.0)
        self._health_due = 0.0
        self._receipts = ReceiptDesk()
        self._anew = threading.Event()
        self.is_connected = False
        self.beat_at = time.monotonic()  # when the loop last came round, connected or not

    def reconnect(self) -> None:
        """Connect anew, with the certificate as it is now on the disk. Returns at once."""
        self._anew.set()
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Connect and send until ``stop`` is set and we are woken; then drain for a moment."""
        while not stop.is_set():
            started = self.beat_at = time.monotonic()
            try:
                self._live(stop)
            except OutboxDamaged:
                raise
            except (LinkDown, OutboxUnavailable) as error:
                if time.monotonic() - started > _STEADY_AFTER:
                    self._backoff.reset()
                self._identity.doubt()
                pause = self._backoff.wait()
                log.warning("not connected: %s; next try in %.1f s", error, pause)
                self._pause(pause, stop)

    def _live(self, stop: threading.Event) -> None:
        """One connection, from the birth message to the loss of it or to the good-bye."""
        now = self._identity.clock()
        session = self._outbox.next_session(now.at)
        will = self._status(session, online=False)
        link = Link(self._identity.broker, self._identity.device, will, self._handle, now.clock)
        with contextlib.closing(link), self._said_to_be_connected():
            link.open()
            self.is_connected = True
            log.info("connected to %s, session %d", self._identity.broker.host, session)
            for topic in (topics.receipt(self._identity.device), *self._identity.desk.topics()):
                link.subscribe(topic)
            link.publish(self._status(session, online=True))
            for message in self._identity.desk.greeting():
                link.publish(message)
            self._window.restart(self._outbox.span().first - 1)
            self._health_due = 0.0
            self._send_until(link, stop)
            link.publish(self._status(session, online=False))
            link.flush(_GOODBYE_SECONDS)
            link.say_goodbye()

    def _send_until(self, link: Link, stop: threading.Event) -> None:
        leave_at: float | None = None
        while True:
            now = self.beat_at = time.monotonic()
            if leave_at is None and stop.is_set():
                leave_at = now + DRAIN_SECONDS
            for message in self._identity.desk.pending():
                link.publish(message)
            if self._is_over(leave_at, now):
                return
            self._send_taps(link, now)
            self._send_health(link, now)
            if link.refused:
                link.refused = 0
                self._identity.doubt()
            due = [self._health_due, self._window.deadline, leave_at]
            soonest = min(at for at in due if at is not None)
            link.pump(max(0.0, soonest - now), self._wake.fileno())
            self._wake.clear()

    def _is_over(self, leave_at: float | None, now: float) -> bool:
        """Whether to say good-bye: to stop, or to come back with another certificate."""
        if self._anew.is_set():
            self._anew.clear()
            return True
        return leave_at is not None and (now >= leave_at or self._outbox.depth() == 0)

    def _send_taps(self, link: Link, now: float) -> None:
        if self._window.lose_patience(now):
            log.warning("no receipt for taps after %d; sending again", self._window.sent_upto)
        while self._window.may_send():
            waiting = self._outbox.after(self._window.sent_upto, MAX_TAPS)
            if not waiting:
                return
            taps = [self._identity.desk.as_sent(tap.wire) for tap in waiting]
            payload = dump({"stream": self._outbox.stream, "taps": taps})
            link.publish(Message(topics.taps(self._identity.device), payload))
            self._window.sent(waiting[-1].seq, now)

    def _send_health(self, link: Link, now: float) -> None:
        if now < self._health_due:
            return
        self._health_due = now + _HEALTH_EVERY
        payload = self._health().to_json()
        link.publish(Message(topics.health(self._identity.device), payload, qos=0))

    @contextlib.contextmanager
    def _said_to_be_connected(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.is_connected = False

    def _handle(self, message: Message) -> None:
        if message.topic != topics.receipt(self._identity.device):
            self._identity.desk.receive(message)
            return
        try:
            receipt = Receipt.from_json(message.payload)
        except ContractError as error:
            log.error("%s: %s", message.topic, error)
            return
        now = time.monotonic()
        match self._receipts.judge(receipt, self._outbox.span(), now):
            case Judgement.FORGET:
                self._outbox.forget(receipt.upto)
                self._window.receipted(receipt.upto, now)
            case Judgement.NEW_STREAM:
                self._outbox.begin_stream()
                self._window.restart(0)

    def _status(self, session: int, *, online: bool) -> Message:
        status = DeviceStatus(online, session, VERSION, self._identity.clock().at)
        return Message(topics.status(self._identity.device), status.to_json(), retain=True)

    def _pause(self, seconds: float, stop: threading.Event) -> None:
        """Wait, but not for a stop. Taps meanwhile wake it too; they change nothing."""
        deadline = time.monotonic() + seconds
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            self._wake.wait(left)
