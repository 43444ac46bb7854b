"""NTAG 424 DNA as the reader chip meets it: a Type 4 tag whose link is another at every read.

Facts from NXP's NTAG 424 DNA data sheet (rev. 3.0), AN12196, ISO/IEC 14443-4 and 7816-4. Only
what reading needs: no authentication, no writing, no chaining of long answers.
"""

from __future__ import annotations

import secrets
from typing import Final

import ndef
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from contracts.sun import Picc, plain_picc, session_vector, sun_uri, truncated

_APPLICATION: Final = bytes.fromhex("d2760000850101")
_CAPABILITIES, _NDEF = b"\xe1\x03", b"\xe1\x04"
# 23 bytes, mapping 2.0, at most 256 bytes a read; the NDEF file E104 of 256 bytes, then E105
_CAPABILITY_FILE: Final = bytes.fromhex("001720010000ff0406e104010000000506e10500808283")
_DONE, _NO_FILE, _NOT_KNOWN, _BEYOND = b"\x90\x00", b"\x6a\x82", b"\x6d\x00", b"\x6a\x86"


class Ntag424:
    """One card, personalised by a school; ``counter`` is how often its link was read so far."""

    sens_res = bytes.fromhex("4403")
    sel_res = b"\x20"
    _ats = bytes.fromhex("067777710280")

    def __init__(
        self, uid: bytes, domain: str, keys: tuple[bytes, bytes], counter: int = 0
    ) -> None:
        """``keys`` are the school's for the number and the card's own for the MAC."""
        if len(uid) != 7:
            raise ValueError(f"uid: an NTAG 424 has 7 bytes, got {len(uid)}")
        self.uid = uid
        self.counter = counter
        self._domain = domain
        self._number_key, self._mac_key = keys
        self._file: bytes | None = None
        self._selected: bytes | None = None
        self._in_application = False

    def select(self) -> bool:
        self._file = self._selected = None
        self._in_application = False
        return True

    def command(self, frame: bytes) -> bytes | None:
        """The answer to one block of ISO/IEC 14443-4."""
        if not frame:
            return None
        block = frame[0]
        if block == 0xE0:  # RATS
            return self._ats
        if block & 0xE2 == 0x02:  # an I-block, with a command for the application
            return bytes([block & 0x03]) + self._apdu(frame[1:])
        if block & 0xF6 == 0xB2:  # R(NAK): is the card still there?
            return bytes([0xA2 | block & 1])
        return bytes([block]) if block & 0xF7 == 0xC2 else None  # S(DESELECT)

    def link(self) -> str:
        """What the next read says: it counts, as any read does."""
        self.counter += 1
        return self.link_at(self.counter)

    def link_at(self, counter: int) -> str:
        """What one certain read says, for whoever has overheard it."""
        picc = Picc(self.uid, counter)
        e = _encrypt(self._number_key, plain_picc(picc, secrets.token_bytes(5)))
        session_key = _cmac(self._mac_key, session_vector(picc))
        return sun_uri(self._domain, e, truncated(_cmac(session_key, b"")))

    def _apdu(self, apdu: bytes) -> bytes:
        if apdu[:4] == bytes.fromhex("00a40400"):
            self._in_application = apdu[5 : 5 + apdu[4]] == _APPLICATION
            return _DONE if self._in_application else _NO_FILE
        if apdu[:2] == b"\x00\xa4" and self._in_application:
            self._selected = apdu[5:7] if apdu[5:7] in (_CAPABILITIES, _NDEF) else None
            return _DONE if self._selected else _NO_FILE
        if apdu[:2] == b"\x00\xb0" and self._selected is not None:
            return self._read(apdu[2] << 8 | apdu[3], apdu[4] or 256)
        return _NOT_KNOWN

    def _read(self, offset: int, length: int) -> bytes:
        content = _CAPABILITY_FILE if self._selected == _CAPABILITIES else self.read_ndef()
        if offset > len(content):
            return _BEYOND
        return content[offset : offset + length] + _DONE

    def read_ndef(self) -> bytes:
        """The file as this reading of the card finds it."""
        if self._file is None:  # made up at the first read after the card was selected
            message = b"".join(ndef.message_encoder([ndef.UriRecord(self.link())]))
            self._file = len(message).to_bytes(2, "big") + message
        return self._file


class Copy(Ntag424):
    """A card onto which somebody wrote what another one had said once: it says it for ever."""

    def __init__(self, uid: bytes, link: str) -> None:
        super().__init__(uid, "", (b"", b""))
        self._link = link

    def link(self) -> str:
        return self._link


def _encrypt(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def _cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()
