"""A host that reads cards with nfcpy's own PN532 driver, unmodified."""

from __future__ import annotations

import contextlib
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nfc
import nfc.clf
import nfc.tag
from nfc.clf import RemoteTarget, pn532, transport


class PatientLine(transport.TTY):  # type: ignore[misc]  # nfcpy has no types
    """nfcpy's serial line, on a machine that may be too busy to answer within its 100 ms."""

    def read(self, timeout: float) -> bytearray | None:
        answer: bytearray | None = super().read(timeout * 10)
        return answer


@contextlib.contextmanager
def opened(path: Path) -> Iterator[nfc.ContactlessFrontend]:
    """nfcpy on the port at ``path``, closed properly afterwards even if the port has gone."""
    frontend = killed_later(path)
    try:
        yield frontend
    finally:
        port = frontend.device.chipset.transport.tty
        with contextlib.suppress(OSError, termios.error):
            frontend.close()
        port.close()


def killed_later(path: Path) -> nfc.ContactlessFrontend:
    """nfcpy on the port at ``path``; nobody closes it, as when the process is killed."""
    frontend = nfc.ContactlessFrontend()
    port = PatientLine(str(path))
    try:
        frontend.device = pn532.init(port)
    except OSError:
        port.close()
        raise
    frontend.device._path = str(path)
    return frontend


def activate(frontend: nfc.ContactlessFrontend) -> Any:
    """The card in the field, or None when there is none or it went silent at once."""
    target = frontend.sense(RemoteTarget("106A"))
    return nfc.tag.activate(frontend, target) if target else None


def uri_of(card: Any) -> str | None:
    """The card's link, or None as for a blank one."""
    if card is None or card.ndef is None or not card.ndef.records:
        return None
    return str(card.ndef.records[0].iri)


def read_uri(frontend: nfc.ContactlessFrontend) -> str | None:
    return uri_of(activate(frontend))
