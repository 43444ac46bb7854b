"""What the broker has to be given, and when. Pure: values in, value out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from central.identity.rules import LIST_EVERY, to_renew

AUTHORITIES: Final = "authorities.pem"
LISTS: Final = "revoked.pem"
SERVER: Final = "broker.pem"  # certificate and key in one file, so that they always fit
MUTED: Final = "muted.acl"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Short names of what the broker should have."""

    trusted: str  # the set of authorities
    refused: str  # devices and certificates
    server: str  # who signs for the broker, and as which host


@dataclass(frozen=True, slots=True)
class Held:
    """What it was given last."""

    wanted: Wanted
    listed_at: datetime
    server_expires_at: datetime


def due(wanted: Wanted, held: Held | None, now: datetime) -> frozenset[str]:
    """The files that have to be written now."""
    if held is None:
        return frozenset({AUTHORITIES, LISTS, SERVER, MUTED})
    files = set()
    if wanted.trusted != held.wanted.trusted:
        files |= {AUTHORITIES, LISTS}  # the broker wants a list of each authority that it trusts
    if wanted.refused != held.wanted.refused:
        files |= {LISTS, MUTED}
    if now - held.listed_at >= LIST_EVERY:
        files.add(LISTS)
    if wanted.server != held.wanted.server or to_renew(held.server_expires_at, now):
        files.add(SERVER)
    return frozenset(files)


def version(held: Held) -> str:
    """For whoever watches over the broker: of the first word another means to restart it, of the
    second to have it read its files again. Mosquitto reads authorities at its start only.
    """
    reread = f"{held.wanted} {held.listed_at} {held.server_expires_at}"
    return f"{held.wanted.trusted} {hashlib.sha256(reread.encode()).hexdigest()[:16]}\n"


def muted(devices: Iterable[str]) -> str:
    """For the head of Mosquitto's access list: these neither speak nor hear, though connected."""
    return "".join(f"user {device}\ntopic deny #\n\n" for device in devices)
