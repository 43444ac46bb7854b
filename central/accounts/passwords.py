"""Password hashes: argon2id with RFC 9106's second recommended parameters (64 MiB, 3 passes)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from central.errors import Busy

_hasher = PasswordHasher()

# Each computation takes 64 MiB and a core for 0.1 s. More than two at once per process would only
# make all of them slower, and a flood of sign-ins would exhaust a small machine's memory.
_turns = BoundedSemaphore(2)
_PATIENCE_SECONDS: Final = 4.0

# The hash of a discarded random password: verifying against it costs what a real one costs, so
# the time of an answer does not tell whether an account exists.
NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4"
    "$/20IYvaj6Vpu/VHM+sfeow$7+h3vJ1CdS5rJ/ToF3xJmakWsAzyXARl0RVNQReZTTQ"
)


def hash_password(password: str) -> str:
    """The hash to store. Takes about 0.1 s. Raises Busy when too many are being computed."""
    with _turn():
        return _hasher.hash(_canonical(password))


def verify_password(password_hash: str, password: str) -> bool:
    """Whether ``password`` is the one hashed. Takes about 0.1 s either way. Raises Busy."""
    with _turn():
        try:
            return _hasher.verify(password_hash, _canonical(password))
        except (VerificationError, InvalidHashError):
            return False


def outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _canonical(password: str) -> str:
    """One form for what looks the same: a phone may type ñ as one code point, a Mac as two."""
    return unicodedata.normalize("NFKC", password)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=_PATIENCE_SECONDS):
        raise Busy("too many sign-ins at once")
    try:
        yield
    finally:
        _turns.release()
