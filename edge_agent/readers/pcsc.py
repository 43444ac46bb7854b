"""Readers that PC/SC drives, by pyscard: any CCID reader that pcscd knows.

=========================  ==========================================================
device                     remarks
=========================  ==========================================================
ACR1252U, ACR122U, …       ``path`` is a part of the name that ``pcsc_scan`` shows, or
                           ``*`` for the first reader
Sony RC-S300               the same; nfcpy does not know it
MIFARE Classic cards       known by their number only, which a school must allow
=========================  ==========================================================

Needs pcscd (Debian: ``apt install pcscd python3-pyscard``) and no kernel driver of NFC that takes
the reader first (``pn533_usb``, ``port100``). pcscd itself opens a reader again that was
unplugged, so there is no step to reset one from here.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from smartcard import scard

from edge_agent.readers.apdu import CardGone
from edge_agent.readers.base import ReaderUnavailable
from edge_agent.readers.slot import SlotReader

log = logging.getLogger(__name__)

ANY: Final = "*"
_PROTOCOLS: Final = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
_NOT_THERE: Final = scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE
# What the library says when it is the card that went away, or does not speak.
_OF_THE_CARD: Final = frozenset(
    {
        scard.SCARD_E_NO_SMARTCARD,
        scard.SCARD_E_PROTO_MISMATCH,
        scard.SCARD_E_NOT_TRANSACTED,
        scard.SCARD_F_COMM_ERROR,
        scard.SCARD_W_REMOVED_CARD,
        scard.SCARD_W_RESET_CARD,
        scard.SCARD_W_UNPOWERED_CARD,
        scard.SCARD_W_UNRESPONSIVE_CARD,
    }
)


class PcscSlot:
    """The first reader whose name holds ``wanted``."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._name = ""
        self._context: Any = None
        self._card: Any = None
        self._protocol = 0

    def open(self) -> None:
        result, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        _check(result)
        result, names = scard.SCardListReaders(self._context, [])
        if result == scard.SCARD_E_NO_READERS_AVAILABLE:
            names = []
        else:
            _check(result)
        fitting = [name for name in names if self._fits(name)]
        if not fitting:
            raise ReaderUnavailable(f"no reader named {self._wanted}; there are {names or 'none'}")
        self._name = fitting[0]

    def arrival(self) -> int | None:
        asked = [(self._name, scard.SCARD_STATE_UNAWARE)]
        result, states = scard.SCardGetStatusChange(self._context, 0, asked)
        _check(result)
        _, state, _ = states[0]
        if state & _NOT_THERE:
            raise ReaderUnavailable("the reader is gone")
        # the upper half counts the cards that came and went, pcsc-lite's SCardGetStatusChange
        return state >> 16 if state & scard.SCARD_STATE_PRESENT else None

    def connect(self) -> bytes:
        result, card, protocol = scard.SCardConnect(
            self._context, self._name, scard.SCARD_SHARE_SHARED, _PROTOCOLS
        )
        _check(result)
        self._card, self._protocol = card, protocol
        result, _, _, _, atr = scard.SCardStatus(card)
        _check(result)
        return bytes(atr)

    def transmit(self, command: bytes) -> bytes:
        pci = (
            scard.SCARD_PCI_T0 if self._protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
        )
        result, answer = scard.SCardTransmit(self._card, pci, list(command))
        _check(result)
        return bytes(answer)

    def disconnect(self) -> None:
        card, self._card = self._card, None
        if card is not None:
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)

    def close(self) -> None:
        self.disconnect()
        context, self._context = self._context, None
        if context is not None:
            scard.SCardReleaseContext(context)

    def _fits(self, name: str) -> bool:
        return self._wanted == ANY or self._wanted.lower() in name.lower()


def make(path: str) -> SlotReader:
    return SlotReader(PcscSlot(path))


def _check(result: int) -> None:
    if result == scard.SCARD_S_SUCCESS:
        return
    said = scard.SCardGetErrorMessage(result)
    raise (CardGone if result in _OF_THE_CARD else ReaderUnavailable)(said)
