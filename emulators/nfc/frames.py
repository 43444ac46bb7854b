"""The frames a PN532 exchanges with its host on a serial line (NXP UM0701-02, section 6.2.1)."""

from __future__ import annotations

ACK = bytes.fromhex("0000ff00ff00")
SYNTAX_ERROR = bytes.fromhex("0000ff01ff7f8100")
FROM_HOST = 0xD4
TO_HOST = 0xD5

_START = b"\x00\xff"
_EXTENDED = b"\xff\xff"
_WITHOUT_BODY = (b"\x00\xff", b"\xff\x00")  # ACK and NACK


def encode(body: bytes) -> bytes:
    """The frame that carries ``body`` to the host."""
    size = len(body)
    if size < 0x100:
        length = bytes([size, -size & 0xFF])
    else:
        high, low = divmod(size, 0x100)
        length = _EXTENDED + bytes([high, low, -(high + low) & 0xFF])
    return b"\x00" + _START + length + body + bytes([-sum(body) & 0xFF, 0x00])


class FrameReader:
    """Finds frames in what arrives in pieces.

    ACK and NACK frames are swallowed: an ACK from the host aborts a command, and this chip has
    always finished by then. A frame with a wrong checksum is passed over, as the chip does.
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, received: bytes) -> list[bytes]:
        """The bodies of the frames completed by ``received``, oldest first."""
        self._pending += received
        bodies = []
        while self._find_start():
            body_at, size = self._header()
            if len(self._pending) <= body_at + size:
                break
            body = bytes(self._pending[body_at : body_at + size])
            sound = size > 0 and (sum(body) + self._pending[body_at + size]) & 0xFF == 0
            del self._pending[: body_at + size if sound else len(_START)]
            if sound:
                bodies.append(body)
        return bodies

    def _find_start(self) -> bool:
        start = self._pending.find(_START)
        if start < 0:
            del self._pending[:-1]  # the last byte may be the first half of a start code
            return False
        del self._pending[:start]
        return True

    def _header(self) -> tuple[int, int]:
        """Where the body begins and its size; size 0 when there is none to wait for."""
        length = bytes(self._pending[2:7])
        if length[:2] in _WITHOUT_BODY:
            return 4, 0
        if length[:2] != _EXTENDED:
            sound = len(length) < 2 or sum(length[:2]) & 0xFF == 0
            return 4, length[0] if length and sound else 0
        if len(length) < 5:
            return 7, 0
        return 7, int.from_bytes(length[2:4], "big") if sum(length[2:5]) & 0xFF == 0 else 0
