"""Certificates, lists and refusals for the broker, made from what the database says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.identity import authority_service, broker_rules
from central.identity.broker_rules import AUTHORITIES, LISTS, MUTED, SERVER, Held, Wanted
from central.identity.models import Authority
from central.identity.queries import Refused, refused
from central.identity.rules import LIST_BACK, TRUSTED, list_time
from central.identity.sealing import Safe
from central.identity.signing import new_key


@dataclass(frozen=True, slots=True)
class Delivery:
    """Files by name, and what the broker holds once they are written."""

    files: Mapping[str, str]
    held: Held


def deliver(
    session: Session, safe: Safe, host: str, held: Held | None, *, now: datetime
) -> Delivery | None:
    """What the broker lacks, which gates reach as ``host``; None if nothing.

    Makes the authority if there is none. Revocation lists are numbered by their time, so one must
    not be made without being written: repeat what failed.
    """
    authority_service.establish(session, safe, now=now)
    refusals = refused(session, now=now)
    wanted = _wanted(session, host, refusals)
    due = broker_rules.due(wanted, held, now)
    if not due:
        return None
    files: dict[str, str] = {}
    listed_at = held.listed_at if held else now
    expires_at = held.server_expires_at if held else now
    if AUTHORITIES in due:
        files[AUTHORITIES] = authority_service.trusted(session).pem
    if LISTS in due:
        files[LISTS], listed_at = _lists(session, safe, refusals, now)
    if MUTED in due:
        files[MUTED] = broker_rules.muted(refusals.devices)
    if SERVER in due:
        files[SERVER], expires_at = _server(session, safe, host, now)
    return Delivery(files, Held(wanted, listed_at, expires_at))


def _wanted(session: Session, host: str, refusals: Refused) -> Wanted:
    current = session.scalars(select(Authority.id).where(Authority.state == "current")).one()
    said = f"{refusals.devices} {sorted(refusals.serials.items())}"
    return Wanted(
        trusted=authority_service.trusted(session).version,
        refused=hashlib.sha256(said.encode()).hexdigest()[:16],
        server=f"{current} {host}",
    )


def _lists(session: Session, safe: Safe, refusals: Refused, now: datetime) -> tuple[str, datetime]:
    """A list of each authority that is trusted; all begin at the same time."""
    authorities = session.scalars(
        select(Authority).where(Authority.state.in_(TRUSTED)).order_by(Authority.id)
    ).all()
    last = max((one.listed_at for one in authorities if one.listed_at), default=None)
    at = list_time(last, now)
    lists = []
    for authority in authorities:
        signer = authority_service.signer_of(authority, safe)
        lists.append(signer.list_revoked(refusals.serials.get(authority.id, ()), at=at))
        authority.listed_at = at
    session.flush()
    return "".join(lists), at + LIST_BACK


def _server(session: Session, safe: Safe, host: str, now: datetime) -> tuple[str, datetime]:
    key, private = new_key()
    issued = authority_service.signing(session, safe)[1].sign_server(host, key, now=now)
    return issued.pem + private, issued.expires_at
