"""A photo's way from a device's offer to a private JPEG beside its tap, and its end.

Every step can be repeated. The store and the database share no transaction, so the row always says
what may still lie in the store, and whatever a crash leaves there is found again by its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from central.accounts.service import record
from central.errors import Busy, Conflict, NotFound
from central.media.models import Photo
from central.people.models import Student
from central.schools.models import School

# A device sends one photo after the other; so many that nobody opened mean that something is wrong,
# or that somebody fills the store.
MOST_UNOPENED: Final = 3000
# How long what was offered may take to arrive, and what arrived to be followed by its tap.
AWAITED: Final = timedelta(days=1)
LOOKED: Final = "saw_gate_photo"  # in the audit log
TAP_RETRY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a device offers: its photo's id and the size in bytes, sealed."""

    device_id: str
    photo: str
    size: int


@dataclass(frozen=True, slots=True)
class ToOpen:
    """A sealed photo whose tap is here. ``consent``: of the guardian, and the school takes any."""

    school_id: int
    device_id: str
    photo: str
    sealed_key: str
    jpeg_key: str
    consent: bool


def accept_offer(session: Session, school_id: int, offer: Offer, *, now: datetime) -> str | None:
    """The key under which the sealed photo should be put; None: we have it already.

    Raises Conflict when the school takes no photos, and Busy when too many wait to be opened.
    """
    if session.scalars(select(School.photo_key).where(School.id == school_id)).one() is None:
        raise Conflict("photos_are_off")
    known = session.get(Photo, (school_id, offer.device_id, offer.photo))
    if known is not None:
        return known.sealed_key if known.state == "offered" else None
    if _unopened(session, school_id, offer.device_id) >= MOST_UNOPENED:
        raise Busy("too many photos wait to be opened")
    sealed_key = f"sealed/{school_id}/{offer.device_id}/{offer.photo}"
    session.add(
        Photo(
            school_id=school_id,
            device_id=offer.device_id,
            id=offer.photo,
            size=offer.size,
            sealed_key=sealed_key,
            offered_at=now,
            taken_at=now,
            try_at=now,
        )
    )
    session.flush()
    return sealed_key


def _unopened(session: Session, school_id: int, device_id: str) -> int:
    query = select(func.count()).where(
        Photo.school_id == school_id,
        Photo.device_id == device_id,
        Photo.state.in_(("offered", "sent")),
    )
    return session.scalar(query) or 0


def awaited_key(session: Session, school_id: int, device_id: str, photo: str) -> str:
    """Where the content of an offered photo belongs. Raises NotFound for one not offered."""
    known = session.get(Photo, (school_id, device_id, photo))
    if known is None or known.sealed_key is None:
        raise NotFound("no such photo is awaited")
    return known.sealed_key


def note_sent(
    session: Session, school_id: int, device_id: str, photo: str, *, now: datetime
) -> None:
    """The device says that it has put the photo. Raises NotFound for one that was not offered."""
    known = session.get(Photo, (school_id, device_id, photo))
    if known is None:
        raise NotFound("no such photo is awaited")
    if known.state == "offered":
        known.state, known.sent_at, known.try_at = "sent", now, now
        session.flush()


# A tap belongs to a photo when the same device names it. Of a clock that ran ahead the photo's own
# arrival is believed, so that no photo outlives its time.
_TIE = text("""
    UPDATE photos p
    SET stream_id = t.stream_id, seq = t.seq, taken_at = least(t.tapped_at, p.offered_at)
    FROM streams s JOIN taps t ON t.school_id = s.school_id AND t.stream_id = s.id
    WHERE p.school_id = :school_id AND p.state = 'sent' AND p.seq IS NULL
    AND s.school_id = p.school_id AND s.device_id = p.device_id AND t.photo = p.id
""")
_WAIT = text("""
    UPDATE photos SET try_at = :try_at
    WHERE school_id = :school_id AND state = 'sent' AND seq IS NULL AND try_at <= :now
""")
_NEXT = text("""
    SELECT p.device_id, p.id, p.sealed_key, s.photo_opt_in, c.photo_key IS NOT NULL
    FROM photos p
    JOIN schools c ON c.id = p.school_id
    LEFT JOIN taps t ON t.school_id = p.school_id AND t.stream_id = p.stream_id AND t.seq = p.seq
    LEFT JOIN students s ON s.school_id = t.school_id AND s.id = t.student_id
    WHERE p.school_id = :school_id AND p.state = 'sent' AND p.seq IS NOT NULL
    AND p.try_at <= :now AND NOT p.withdrawn
    ORDER BY p.try_at LIMIT 1 FOR UPDATE OF p SKIP LOCKED
""")


def tie_to_taps(session: Session, school_id: int, *, now: datetime) -> None:
    """Bring photos and their taps together, whichever came first.

    A transaction of its own before ``next_to_open``: whoever takes a consent back finds a photo by
    its tap.
    """
    session.execute(_TIE, {"school_id": school_id})
    session.execute(_WAIT, {"school_id": school_id, "now": now, "try_at": now + TAP_RETRY})


def next_to_open(session: Session, school_id: int, *, now: datetime) -> ToOpen | None:
    """A photo to open in this transaction, which no other worker gets meanwhile."""
    row = session.execute(_NEXT, {"school_id": school_id, "now": now}).one_or_none()
    if row is None:
        return None
    device_id, photo, sealed_key, opt_in, takes = row
    jpeg_key = f"schools/{school_id}/photos/{device_id}/{photo}.jpg"
    return ToOpen(school_id, device_id, photo, sealed_key, jpeg_key, bool(opt_in and takes))


def keep(session: Session, opened: ToOpen) -> None:
    """It lies under ``jpeg_key`` now."""
    _change(session, opened, state="kept", jpeg_key=opened.jpeg_key)


def refuse(session: Session, refused: ToOpen, reason: str) -> None:
    _change(session, refused, state="refused", reason=reason)


def try_later(session: Session, postponed: ToOpen, *, at: datetime) -> None:
    _change(session, postponed, try_at=at)


def _change(session: Session, of: ToOpen, **values: object) -> None:
    session.execute(
        update(Photo)
        .where(
            Photo.school_id == of.school_id,
            Photo.device_id == of.device_id,
            Photo.id == of.photo,
        )
        .values(**values)
    )


def sealed_remains(session: Session, school_id: int, most: int) -> list[Photo]:
    """Those whose sealed form nobody needs any more; clear ``sealed_key`` once it is deleted."""
    query = select(Photo).where(
        Photo.school_id == school_id,
        Photo.state.in_(("kept", "refused")),
        Photo.sealed_key.is_not(None),
    )
    return list(session.scalars(query.limit(most).with_for_update(skip_locked=True)))


def over(session: Session, school_id: int, kept_from: datetime, *, now: datetime) -> list[Photo]:
    """Photos to be deleted, first from the store and then their rows: those from before
    ``kept_from``, those without a consent any more, and those that never became whole."""
    query = select(Photo).where(
        Photo.school_id == school_id,
        or_(
            Photo.withdrawn,
            Photo.taken_at < kept_from,
            (Photo.state != "kept") & (Photo.taken_at < now - AWAITED),
        ),
    )
    return list(session.scalars(query.limit(200).with_for_update(skip_locked=True)))


def let_take(session: Session, school_id: int, user_id: int, key: bytes | None) -> None:
    """Let the school's gates take photos, sealed to ``key``; None: no more, and delete all."""
    session.execute(update(School).where(School.id == school_id).values(photo_key=key))
    if key is None:
        session.execute(update(Photo).where(Photo.school_id == school_id).values(withdrawn=True))
    record(
        session, school_id, user_id, "photos_switched_off" if key is None else "photos_switched_on"
    )


def note_consent(
    session: Session, school_id: int, user_id: int, student_id: int, *, given: bool
) -> None:
    """The guardian's word about photos. Taken back, every photo of the student is deleted.

    Raises NotFound for a student of another school.
    """
    changed = session.execute(
        update(Student)
        .where(
            Student.school_id == school_id,
            Student.id == student_id,
            Student.photo_opt_in.is_not(given),
        )
        .values(photo_opt_in=given)
        .returning(Student.id)
    ).one_or_none()
    if changed is None:
        if session.get(Student, (school_id, student_id)) is None:
            raise NotFound("no such student")
        return
    action = "photo_consent_given" if given else "photo_consent_withdrawn"
    record(session, school_id, user_id, action, f"student:{student_id}")


def note_look(session: Session, school_id: int, user_id: int, student_id: int) -> None:
    """Keep that somebody looked at a photo of the student."""
    record(session, school_id, user_id, LOOKED, f"student:{student_id}")


def renew_keys(session: Session, current: bytes) -> int:
    """Have the gates of the schools that the session entered seal to the current key from now on.

    Returns of how many schools the key was another one.
    """
    renewed = session.execute(
        update(School)
        .where(School.photo_key.is_not(None), School.photo_key != current)
        .values(photo_key=current)
        .returning(School.id)
    )
    return len(renewed.all())
