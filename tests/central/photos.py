"""A gate's photo on its way: sealed as a gate does it, offered and put over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apiflask import APIFlask
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from werkzeug.test import TestResponse

from contracts.photos import SealedPhoto, bound, key_id

PATH = "/api/v1/devices/me/photos"


def sealed(jpeg: bytes, public: bytes, device: str, photo: str) -> bytes:
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
    key = X25519PublicKey.from_public_bytes(public)
    content = suite.encrypt(jpeg, key, bound(device, photo))
    return SealedPhoto(key_id(public), content).to_bytes()


def a_photo_id(number: int = 1) -> str:
    return f"{number:032x}"


@dataclass(frozen=True)
class PhotoSender:
    """A device that speaks to the API with its token."""

    app: APIFlask
    token: str

    def offer(self, photo: str, size: int = 1000, **changes: Any) -> TestResponse:
        body = {"id": photo, "size": size} | changes
        return self.app.test_client().post(PATH, json=body, headers=self._headers)

    def put(self, path: str, content: bytes, **headers: str) -> TestResponse:
        return self.app.test_client().put(
            path,
            data=content,
            headers={**self._headers, "Content-Type": "application/octet-stream", **headers},
        )

    def sent(self, photo: str) -> TestResponse:
        return self.app.test_client().post(f"{PATH}/{photo}/sent", json={}, headers=self._headers)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}
