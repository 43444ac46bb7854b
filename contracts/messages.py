"""Messages exchanged over MQTT; one class per topic of ``topics.py``.

Wire format: one UTF-8 JSON object a message, times RFC 3339 with offset, binary as lower-case hex.
Unknown fields are ignored, so that a newer device can talk to an older central; a *changed* meaning
is a new topic root. Every ``from_json`` raises ContractError, whose text names the field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts import fields
from contracts.fields import ContractError

__all__ = ["ContractError"]

MAX_TAPS = 50  # a message: ~12 kB, far below the broker's packet limit, small enough to resend
MAX_ALARMS = 20
MAX_SEQ = 2**53 - 1  # exact in every JSON reader; a stream has no end that anybody reaches

CARD_KINDS = frozenset({"token", "sun", "uid", "qr", "staff"})
CLOCKS = frozenset({"synced", "repaired", "unsynced"})
DIRECTIONS = frozenset({"in", "out"})
DIGEST = re.compile(r"[0-9a-f]{32}")  # 16 bytes of HMAC-SHA256
_SUN_DATA = re.compile(r"[0-9A-Fa-f]{32}")
_SUN_MAC = re.compile(r"[0-9A-Fa-f]{16}")


@dataclass(frozen=True, slots=True)
class Card:
    """What identified itself at the reader.

    ``digest`` is the first 16 bytes of HMAC-SHA256(school site key, token or UID), hex, so neither
    the broker nor a stolen device can be used to copy a card; ``sun.py`` says what it is of a
    secure card. ``e`` and ``c`` are that card's encrypted PICC data and MAC, for central to verify.
    """

    kind: str
    digest: str
    e: str | None = None
    c: str | None = None

    @classmethod
    def parse(cls, raw: Any) -> Card:
        card = fields.an_object(raw, "card")
        return cls(
            fields.one_of(card, "kind", CARD_KINDS),
            fields.text(card, "digest", DIGEST),
            fields.optional_text(card, "e", _SUN_DATA),
            fields.optional_text(card, "c", _SUN_MAC),
        )

    def wire(self) -> dict[str, Any]:
        card = {"kind": self.kind, "digest": self.digest, "e": self.e, "c": self.c}
        return {name: value for name, value in card.items() if value is not None}


@dataclass(frozen=True, slots=True)
class TapRead:
    """One card seen by a reader: a fact, never changed. ``(stream, seq)`` identifies it end to end.

    ``at`` is the device's wall clock, trusted as far as ``clock`` says; ``boot`` and ``up_ms``
    place it on the boot-time clock, from which an unsynced time can be repaired later. ``verdict``
    is what the child was answered; ``repeat`` counts further reads of the card inside the window.
    ``direction`` is ``in`` or ``out`` if the reader stands where one only goes that way.
    """

    seq: int
    at: datetime
    clock: str
    boot: str
    up_ms: int
    reader: str
    card: Card
    verdict: str
    repeat: int = 0
    photo: str | None = None
    direction: str | None = None

    @classmethod
    def parse(cls, raw: Any) -> TapRead:
        tap = fields.an_object(raw, "tap")
        return cls(
            seq=fields.whole(tap, "seq", least=1, most=MAX_SEQ),
            at=fields.moment(tap, "at"),
            clock=fields.one_of(tap, "clock", CLOCKS),
            boot=fields.text(tap, "boot", fields.NAME),
            up_ms=fields.whole(tap, "up_ms"),
            reader=fields.text(tap, "reader", fields.NAME),
            card=Card.parse(tap.get("card")),
            verdict=fields.text(tap, "verdict", fields.CODE),
            repeat=fields.whole(tap, "repeat", most=1_000_000) if "repeat" in tap else 0,
            photo=fields.optional_text(tap, "photo", fields.NAME),
            direction=_optional_direction(tap),
        )

    def wire(self) -> dict[str, Any]:
        tap = {
            "seq": self.seq,
            "at": self.at.isoformat(),
            "clock": self.clock,
            "boot": self.boot,
            "up_ms": self.up_ms,
            "reader": self.reader,
            "card": self.card.wire(),
            "verdict": self.verdict,
            "repeat": self.repeat,
        }
        optional = {"photo": self.photo, "direction": self.direction}
        return tap | {name: value for name, value in optional.items() if value is not None}


@dataclass(frozen=True, slots=True)
class RefusedTap:
    """One element of a batch that is not a tap. ``seq`` is None when even that is unreadable."""

    seq: int | None
    reason: str
    raw: Any


@dataclass(frozen=True, slots=True)
class TapBatch:
    """Taps of one stream, oldest first, at most ``MAX_TAPS``; resent until receipted.

    One bad tap does not take its neighbours down: it is set apart in ``refused``.
    """

    stream: str
    taps: tuple[TapRead, ...]
    refused: tuple[RefusedTap, ...] = ()

    @classmethod
    def from_json(cls, payload: bytes) -> TapBatch:
        raw = fields.load(payload)
        stream = fields.text(raw, "stream", fields.NAME)
        items = fields.a_list(raw.get("taps"), "taps", at_most=MAX_TAPS)
        taps: list[TapRead] = []
        refused: list[RefusedTap] = []
        for position, item in enumerate(items):
            try:
                taps.append(TapRead.parse(item))
            except ContractError as error:
                refused.append(RefusedTap(_seq_of(item), f"taps[{position}].{error}", item))
        return cls(stream, tuple(taps), tuple(refused))

    def to_json(self) -> bytes:
        return fields.dump({"stream": self.stream, "taps": [tap.wire() for tap in self.taps]})


def _optional_direction(tap: dict[str, Any]) -> str | None:
    if tap.get("direction") is None:
        return None
    return fields.one_of(tap, "direction", DIRECTIONS)


def _seq_of(item: Any) -> int | None:
    try:
        return fields.whole(fields.an_object(item, "tap"), "seq", least=1, most=MAX_SEQ)
    except ContractError:
        return None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Central has committed every tap of ``stream`` up to ``upto``; the device may forget those.

    ``holes`` are closed ranges above ``upto`` that central lacks although it holds later ones.
    """

    stream: str
    upto: int
    holes: tuple[tuple[int, int], ...] = ()

    @classmethod
    def from_json(cls, payload: bytes) -> Receipt:
        raw = fields.load(payload)
        holes = fields.a_list(raw.get("holes", []), "holes", at_most=1000)
        return cls(
            fields.text(raw, "stream", fields.NAME),
            fields.whole(raw, "upto"),
            tuple(_range(hole, position) for position, hole in enumerate(holes)),
        )

    def to_json(self) -> bytes:
        holes = [list(hole) for hole in self.holes]
        return fields.dump({"stream": self.stream, "upto": self.upto, "holes": holes})


def _range(raw: Any, position: int) -> tuple[int, int]:
    match raw:
        case [int() as first, int() as last] if 1 <= first <= last <= fields.BIGGEST:
            return first, last
    raise ContractError(f"holes[{position}]: expected [first, last]")


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a boot's clock zero lies on the wall clock, told once the device's clock is synced.

    ``offset_ms`` is Unix milliseconds minus milliseconds since boot.
    """

    boot: str
    offset_ms: int
    at: datetime

    @classmethod
    def from_json(cls, payload: bytes) -> Anchor:
        raw = fields.load(payload)
        return cls(
            fields.text(raw, "boot", fields.NAME),
            fields.whole(raw, "offset_ms"),
            fields.moment(raw, "at"),
        )

    def to_json(self) -> bytes:
        at = self.at.isoformat()
        return fields.dump({"boot": self.boot, "offset_ms": self.offset_ms, "at": at})


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Birth and last will, on one retained topic.

    ``session`` grows with every connection: a broker may deliver the will of an old connection
    after the birth of the next, and the older session must not overwrite the newer.
    """

    online: bool
    session: int
    version: str
    at: datetime

    @classmethod
    def from_json(cls, payload: bytes) -> DeviceStatus:
        raw = fields.load(payload)
        return cls(
            fields.truth(raw, "online"),
            fields.whole(raw, "session"),
            fields.text(raw, "version", fields.NAME),
            fields.moment(raw, "at"),
        )

    def to_json(self) -> bytes:
        status = {"online": self.online, "session": self.session, "version": self.version}
        return fields.dump(status | {"at": self.at.isoformat()})


@dataclass(frozen=True, slots=True)
class Health:
    """How a device is, once a minute. Absent figures are None: a gate without camera has none.

    ``roster_age_s`` counts from when central last said that the roster is the newest; ``alarms``
    are stable codes of what a person should look at.
    """

    at: datetime
    clock: str
    queue_depth: int
    oldest_unsent_s: int
    disk_free_mb: int
    reader_resets: int
    camera_resets: int
    roster_version: str | None = None
    temperature_c: int | None = None
    certificate_days: int | None = None
    roster_age_s: int | None = None
    alarms: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, payload: bytes) -> Health:
        raw = fields.load(payload)
        return cls(
            at=fields.moment(raw, "at"),
            clock=fields.one_of(raw, "clock", CLOCKS),
            queue_depth=fields.whole(raw, "queue_depth"),
            oldest_unsent_s=fields.whole(raw, "oldest_unsent_s"),
            disk_free_mb=fields.whole(raw, "disk_free_mb"),
            reader_resets=fields.whole(raw, "reader_resets"),
            camera_resets=fields.whole(raw, "camera_resets"),
            roster_version=fields.optional_text(raw, "roster_version", fields.NAME),
            temperature_c=_optional_whole(raw, "temperature_c", least=-100),
            certificate_days=_optional_whole(raw, "certificate_days", least=-100_000),
            roster_age_s=_optional_whole(raw, "roster_age_s", least=0),
            alarms=_codes(raw, "alarms"),
        )

    def to_json(self) -> bytes:
        names = self.__slots__
        return fields.dump(
            {name: getattr(self, name) for name in names} | {"at": self.at.isoformat()}
        )


def _codes(raw: dict[str, Any], name: str) -> tuple[str, ...]:
    items = fields.a_list(raw.get(name, []), name, at_most=MAX_ALARMS)
    return tuple(fields.text({name: item}, name, fields.CODE) for item in items)


def _optional_whole(raw: dict[str, Any], name: str, *, least: int) -> int | None:
    return None if raw.get(name) is None else fields.whole(raw, name, least=least)
