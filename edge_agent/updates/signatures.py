"""Whether a release was signed by one whom this gate believes."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.releases import Check


def signed_by(keys: Iterable[str]) -> Check:
    """A check for signatures of any of these public keys (hex); none of them: nobody's."""
    public = [Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in keys]

    def check(content: bytes, signature: bytes) -> bool:
        return any(_verifies(key, content, signature) for key in public)

    return check


def _verifies(key: Ed25519PublicKey, content: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
