"""The private authority through its life: made, replaced by the next one, sealed anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central.errors import Busy, Conflict
from central.identity.models import Authority
from central.identity.rules import TRUSTED, bundle_version
from central.identity.sealing import Safe
from central.identity.signing import Signer, pem_of

STEPS: Final = ("begin", "switch", "finish")


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whom gates and broker believe: in PEM, one after the other, and a name for the set."""

    pem: str
    version: str


def establish(session: Session, safe: Safe, *, now: datetime) -> None:
    """Have an authority. Repeating changes nothing."""
    if session.scalar(select(Authority.id).where(Authority.state == "current")) is None:
        _add(session, safe, "current", now)


def signing(session: Session, safe: Safe) -> tuple[int, Signer]:
    """The id of the authority that signs now, and its key. Raises Busy before there is one."""
    authority = session.scalars(select(Authority).where(Authority.state == "current")).one_or_none()
    if authority is None:
        raise Busy("the authority is made when the scheduler has started")
    return authority.id, signer_of(authority, safe)


def signer_of(authority: Authority, safe: Safe) -> Signer:
    return Signer.load(authority.certificate, safe.open(authority.sealed_key))


def trusted(session: Session) -> Trusted:
    """All that are trusted now, the newest first."""
    certificates = session.scalars(
        select(Authority.certificate)
        .where(Authority.state.in_(TRUSTED))
        .order_by(Authority.id.desc())
    ).all()
    return Trusted("".join(map(pem_of, certificates)), bundle_version(certificates))


def begin_rotation(session: Session, safe: Safe, *, now: datetime) -> None:
    """Have the next authority trusted by all, before it signs anything. Raises Conflict."""
    if _ids(session, "next") or _ids(session, "old"):
        raise Conflict("a rotation has begun already")
    establish(session, safe, now=now)
    _add(session, safe, "next", now)


def switch_rotation(session: Session) -> None:
    """Let the next authority sign; what the old one signed is renewed. Raises Conflict."""
    waiting = _ids(session, "next")
    if not waiting:
        raise Conflict("no authority waits to be the next; begin first")
    _become(session, _ids(session, "current"), "old")
    _become(session, waiting, "current")


def finish_rotation(session: Session) -> None:
    """Trust the old authority no longer. Raises Conflict."""
    former = _ids(session, "old")
    if not former:
        raise Conflict("no old authority is left; begin and switch first")
    _become(session, former, "retired")


def reseal(session: Session, former: Safe, safe: Safe) -> int:
    """Seal every key under another secret; how many. Raises WrongSecret, and nothing changed."""
    authorities = session.scalars(select(Authority).with_for_update()).all()
    for authority in authorities:
        authority.sealed_key = safe.seal(former.open(authority.sealed_key))
    session.flush()
    return len(authorities)


def _add(session: Session, safe: Safe, state: str, now: datetime) -> None:
    signer = Signer.new(now=now)
    session.add(
        Authority(
            state=state,
            certificate=signer.der,
            sealed_key=safe.seal(signer.key_der()),
            created_at=now,
        )
    )
    session.flush()


def _ids(session: Session, state: str) -> list[int]:
    return list(session.scalars(select(Authority.id).where(Authority.state == state)))


def _become(session: Session, ids: list[int], state: str) -> None:
    session.execute(update(Authority).where(Authority.id.in_(ids)).values(state=state))
