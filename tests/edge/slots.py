"""A PC/SC reader in front of an emulated card, without pcscd."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.readers.apdu import CardGone
from edge_agent.readers.base import ReaderUnavailable
from emulators.nfc.ntag424 import Ntag424
from emulators.nfc.tags import Ntag

# PC/SC part 3, section 3.1.3.2.3: storage cards of this name; and any ISO-DEP card
ATR_ULTRALIGHT = bytes.fromhex("3b8f8001804f0ca000000306030003000000006b")[:18] + b"\x00\x6b"
ATR_CLASSIC = bytes.fromhex("3b8f8001804f0ca0000003060300010000000069")[:18] + b"\x00\x69"
ATR_ISO_DEP = bytes.fromhex("3b8a80018031b873840182900036")

_READ_PAGES = b"\xff\xb0\x00"
_FAILED = b"\x63\x00"
_OK = b"\x90\x00"


def answers_of(card: Ntag | Ntag424) -> Callable[[bytes], bytes]:
    """The card as a reader passes commands on to it."""
    card.select()

    def answer(command: bytes) -> bytes:
        if command[:2] == b"\xff\xca":
            return card.uid + _OK
        if isinstance(card, Ntag424):
            block = card.command(b"\x02" + command)
            return _FAILED if block is None else block[1:]
        if command[:3] != _READ_PAGES:
            return b"\x6d\x00"
        pages = card.command(bytes([0x30, command[3]]))
        return _FAILED if pages is None or len(pages) != 16 else pages + _OK

    return answer


def atr_of(card: Ntag | Ntag424) -> bytes:
    return ATR_ISO_DEP if isinstance(card, Ntag424) else ATR_ULTRALIGHT


class FakeSlot:
    """``put`` a card, ``take`` it away; ``patience`` is after how many commands it falls silent."""

    def __init__(self) -> None:
        self.is_plugged = True
        self.connected = 0
        self._arrivals = 0
        self._card: Ntag | Ntag424 | None = None
        self._patience: int | None = None
        self._answer: Callable[[bytes], bytes] | None = None
        self._atr: bytes | None = None

    def put(
        self, card: Ntag | Ntag424, *, patience: int | None = None, atr: bytes | None = None
    ) -> None:
        self._card, self._patience, self._atr = card, patience, atr
        self._arrivals += 1

    def hold_still(self) -> None:
        """The same card, close enough from now on."""
        self._patience = None

    def take(self) -> None:
        self._card = None

    def open(self) -> None:
        self._must_be_plugged()

    def arrival(self) -> int | None:
        self._must_be_plugged()
        return None if self._card is None else self._arrivals

    def connect(self) -> bytes:
        self._use_up()
        assert self._card is not None
        self.connected += 1
        self._answer = answers_of(self._card)
        return self._atr or atr_of(self._card)

    def transmit(self, command: bytes) -> bytes:
        self._use_up()
        assert self._answer is not None
        return self._answer(command)

    def disconnect(self) -> None:
        self._answer = None

    def close(self) -> None:
        self._answer = None

    def _use_up(self) -> None:
        self._must_be_plugged()
        if self._card is None:
            raise CardGone("removed")
        if self._patience is not None:
            if self._patience <= 0:
                raise CardGone("silent")
            self._patience -= 1

    def _must_be_plugged(self) -> None:
        if not self.is_plugged:
            raise ReaderUnavailable("unplugged")
