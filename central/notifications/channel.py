"""The port to a messaging provider: what it is given, and how a send can end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Change:
    """What an exception of the calendar makes of the days from one date to another, both included.

    ``kind`` is that of the exception; a time is None where it stays as it is.
    """

    kind: str
    from_on: date
    until_on: date
    starts_at: time | None = None
    ends_at: time | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One claimed notification with all that its text needs. Its repr shows nothing personal.

    ``gate`` is None where no passage is told. ``moot``: what it says is no longer so.
    """

    school_id: int
    id: int
    guardian_id: int
    kind: str
    attempts: int
    lease_until: datetime
    fact_at: datetime
    timezone: str
    locale: str
    stopped: bool
    phone: str | None = field(repr=False)
    given_name: str = field(repr=False)
    gate: str | None = field(repr=False)
    moot: bool = False
    change: Change | None = None

    @property
    def reference(self) -> str:
        """Travels with the message and comes back in every report about it."""
        return f"{self.school_id}:{self.id}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it, under this id of its own."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """It was not meant to leave this machine."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider answered that it did not take it."""

    code: int | None
    http_status: int
    text: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request may have reached the provider; nobody knows."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The request certainly did not reach the provider."""

    reason: str


Outcome = Accepted | Recorded | Refused | Unanswered | Unreachable


class Channel(Protocol):
    def send(self, message: Message) -> Outcome:
        """Send one message once. Called by many threads; never raises for the provider's faults."""


class RecordOnly:
    """The channel while ENABLE_REAL_NOTIFICATIONS is false: nothing leaves this machine."""

    def send(self, message: Message) -> Outcome:
        return Recorded()
