"""The list from which a school's gates answer, as it is now."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from central.schools.models import School
from contracts.roster import Roster, RosterEntry

MOST_LETTERS: Final = 24  # of a first name: what a screen shows at three metres
VERSION_DIGITS: Final = 16
STAFF: Final = "·"  # a card whose holder's account has no name

_CARDS = text("""
    SELECT encode(c.digest, 'hex'), c.revoked_at IS NOT NULL, s.given_names, s.family_names,
        coalesce(s.photo_opt_in, false), coalesce(s.left_on < :on_date, false), u.full_name,
        c.kind = 'service'
    FROM cards c
    LEFT JOIN students s ON s.school_id = c.school_id AND s.id = c.student_id
    LEFT JOIN users u ON u.id = c.user_id
    WHERE c.school_id = :school_id
    ORDER BY c.digest
""")
_PHOTO_KEY = text("SELECT encode(photo_key, 'hex') FROM schools WHERE id = :school_id")
_KNOWN = text("""
    SELECT version FROM rosters
    WHERE school_id = :school_id AND built_changes = changes AND built_on = :on_date
""")
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def roster_of(session: Session, school_id: int, on_date: date) -> Roster:
    """Keyed digests, short names, states and consent to photos; nothing else about anybody.

    Where the school takes no photos nobody is to be photographed.

    Its version is a hash of the content: the same cards make the same version, whoever computes it.
    ``on_date`` is today at the school, after which who has left is no longer let in.
    """
    photo_key = session.scalars(_PHOTO_KEY, {"school_id": school_id}).one()
    rows = session.execute(_CARDS, {"school_id": school_id, "on_date": on_date})
    cards: Mapping[str, RosterEntry] = {
        digest: RosterEntry(
            short_name(given, family) if given else staff_name(full_name or STAFF),
            _state(revoked or left, of_student=given is not None, service=service),
            bool(photo_key and photo and not revoked and not left),
        )
        for digest, revoked, given, family, photo, left, full_name, service in rows
    }
    uid_cards = session.scalars(select(School.uid_cards).where(School.id == school_id)).one()
    unversioned = Roster("unversioned", cards, uid_cards, photo_key)
    version = hashlib.sha256(unversioned.to_json()).hexdigest()[:VERSION_DIGITS]
    return replace(unversioned, version=version)


def known_version(session: Session, school_id: int, on_date: date) -> str | None:
    """The version without building the roster; None if something changed since it was built."""
    return session.scalars(_KNOWN, {"school_id": school_id, "on_date": on_date}).one_or_none()


def short_name(given_names: str, family_names: str) -> str:
    """As little as a greeting needs: the first name and an initial."""
    initial = family_names.strip()[:1]
    return _shown(f"{_first(given_names)} {initial}." if initial else _first(given_names))


def staff_name(full_name: str) -> str:
    """The same of a name in one piece."""
    _, _, rest = full_name.strip().partition(" ")
    return short_name(full_name, rest)


def _first(names: str) -> str:
    words = names.split()
    return words[0][:MOST_LETTERS] if words else STAFF


def _shown(name: str) -> str:
    return _NOT_SHOWN.sub("", name)


def _state(barred: bool, *, of_student: bool, service: bool) -> str:
    if barred:
        return "revoked"
    if of_student:
        return "active"
    return "service" if service else "staff"
