"""A central that takes photos, and what it needs to open them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from contracts.photos import SealedPhoto, bound, key_id
from tests.edge.website import Asked, Reply

PRIVATE: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC: Final = PRIVATE.public_key().public_bytes_raw()
_CONTENT = re.compile(r"/api/v1/devices/me/photos/([0-9a-f]{32})/content")
_SENT = re.compile(r"/api/v1/devices/me/photos/([0-9a-f]{32})/sent")


def opened(sealed: bytes, device: str, photo: str) -> bytes:
    """The JPEG, as central sees it."""
    read = SealedPhoto.from_bytes(sealed)
    assert read.key_id == key_id(PUBLIC)
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
    return suite.decrypt(read.content, PRIVATE, bound(device, photo))


@dataclass
class PhotoCentral:
    """Answers as central does, or with ``refusal`` instead. ``store``: where photos are to be put,
    else they are put here."""

    refusal: int | None = None
    store: str | None = None
    put: dict[str, bytes] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply:
        if self.refusal is not None:
            return Reply(self.refusal, b"{}")
        if asked.path.endswith("/photos"):
            return self._ticket(json.loads(asked.body)["id"])
        if match := _CONTENT.fullmatch(asked.path):
            self.put[match[1]] = asked.body
            return Reply(204)
        if match := _SENT.fullmatch(asked.path):
            self.sent.append(match[1])
            return Reply(204)
        return Reply(304)

    def _ticket(self, photo: str) -> Reply:
        ticket: dict[str, Any] = {"held": photo in self.sent}
        if not ticket["held"]:
            own = f"/api/v1/devices/me/photos/{photo}/content"
            ticket["put"] = own if self.store is None else f"{self.store}/{photo}?signed"
        return Reply(200, json.dumps(ticket).encode())
