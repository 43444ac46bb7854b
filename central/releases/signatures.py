"""Whether a release was signed by one of the installation's keys."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contracts.releases import Check


def signed_by(keys: Iterable[str]) -> Check:
    """A check for signatures of any of these public keys (hex). Raises ValueError for no key."""
    public = [Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in keys]

    def check(content: bytes, signature: bytes) -> bool:
        for key in public:
            try:
                key.verify(signature, content)
            except InvalidSignature:
                continue
            return True
        return False

    return check
