"""How long what is valid, and when it is to be renewed. Pure: values in, value out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

# A school year with both holidays; browsers and broker accept no longer one from anybody (398).
LIFETIME: Final = timedelta(days=397)
# A Pi that starts without the time believes to be in the year of its image.
VALID_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
AUTHORITY_LIFETIME: Final = timedelta(days=3650)

CODE_BYTES: Final = 24
CODE_LIFETIME: Final = timedelta(hours=1)  # to walk to the gate with it

# A list that expired locks every gate out, so one is made each day that would do for a month.
LIST_LIFETIME: Final = timedelta(days=30)
LIST_EVERY: Final = timedelta(days=1)
LIST_ALARM: Final = timedelta(days=7)  # left, when something has gone wrong for weeks
# Lists are dated back: one whose beginning lies ahead of the broker's clock locks every gate out.
LIST_BACK: Final = timedelta(hours=1)

TRUSTED: Final = ("next", "current", "old")


def to_renew(expires_at: datetime, now: datetime) -> bool:
    """Whether two thirds of a certificate's life are over."""
    return expires_at - now <= LIFETIME / 3


def code_digest(code: str) -> bytes:
    """What is kept of a code. It is random enough that guessing from a digest is hopeless."""
    return hashlib.sha256(code.encode()).digest()


def list_time(last: datetime | None, now: datetime) -> datetime:
    """The beginning of a new revocation list. Certificates know whole seconds only, and a list
    that is not newer than the one before counts for nothing.
    """
    wanted = (now - LIST_BACK).replace(microsecond=0)
    return wanted if last is None else max(wanted, last + timedelta(seconds=1))


def bundle_version(certificates: Sequence[bytes]) -> str:
    """Names a set of authorities, whatever their order."""
    return hashlib.sha256(b"".join(sorted(certificates))).hexdigest()[:16]
