"""The private key of the authority at rest: AES-256-GCM under a key of the installation."""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from central.errors import DomainError

_NONCE: Final = 12
_PURPOSE: Final = b"school-attendance authority key"


class WrongSecret(DomainError):
    """The key was sealed under another secret than the one that this process has."""

    code = "wrong_secret"


class Safe:
    """Seals and opens under ``secret``, which has to be random: it is not stretched."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(secret.encode())
        self._cipher = AESGCM(derived)

    def seal(self, content: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, _PURPOSE)

    def open(self, sealed: bytes) -> bytes:
        """Raises WrongSecret."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _PURPOSE)
        except InvalidTag as error:
            raise WrongSecret("IDENTITY_KEY is not the one that sealed the authority") from error
