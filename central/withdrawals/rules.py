"""Identity numbers, and whether a person may take a student along."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from central.people.name_rules import fold

RUN, PASSPORT = "run", "passport"

_RUN: Final = re.compile(r"([0-9]{6,8})-?([0-9K])")
_PASSPORT: Final = re.compile(r"[A-Z0-9]{5,20}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{7,14}")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a person shows: a ``run`` or a ``passport``, and its number in the one form we keep."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class Span:
    """Dates from one on, until another or without end; both included."""

    from_on: date
    until_on: date | None

    def holds(self, on_date: date) -> bool:
        return self.from_on <= on_date and (self.until_on is None or on_date <= self.until_on)


@dataclass(frozen=True, slots=True)
class Collector:
    """Somebody who comes for a student.

    A guardian has no number on file and a standing right; an authorised person has a number and
    dates.
    """

    name: str
    guardian_id: int | None = None
    on_file: Identity | None = None
    may_collect: bool = True
    valid: Span | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Whom a court order keeps from collecting the student, and when."""

    name: str
    valid: Span
    guardian_id: int | None = None
    identity: Identity | None = None


def check_digit(number: int) -> str:
    """The last character of a Chilean RUN: modulo 11 with factors 2 to 7, ``K`` for ten."""
    total, factor = 0, 2
    while number:
        number, digit = divmod(number, 10)
        total += digit * factor
        factor = 2 if factor == 7 else factor + 1
    return "0123456789K0"[11 - total % 11]


def identity(kind: str, typed: str) -> Identity | None:
    """The identity that somebody typed; None for a wrong check digit or another form."""
    letters = re.sub(r"[\s.]", "", typed.upper().replace("\u2010", "-").replace("\u2013", "-"))
    if kind == PASSPORT:
        plain = letters.replace("-", "")
        return Identity(PASSPORT, plain) if _PASSPORT.fullmatch(plain) else None
    match = _RUN.fullmatch(letters)
    if match is None or kind != RUN:
        return None
    number, digit = int(match.group(1)), match.group(2)
    return Identity(RUN, f"{number}-{digit}") if check_digit(number) == digit else None


def written(kind: str, number: str) -> str:
    """As people write it: ``12.345.678-5``."""
    if kind != RUN:
        return number
    digits, _, digit = number.partition("-")
    return f"{int(digits):,}-{digit}".replace(",", ".")


def phone(typed: str) -> str | None:
    """A telephone in E.164; a Chilean mobile may be typed as its nine digits. None: not one."""
    plain = re.sub(r"[\s().-]", "", typed)
    if re.fullmatch(r"9[0-9]{8}", plain):
        plain = f"+56{plain}"
    return plain if _PHONE.fullmatch(plain) else None


def refusal(
    collector: Collector, shown: Identity, forbidden: Iterable[Forbidden], on_date: date
) -> str | None:
    """Why this person may not take the student along on this date; None if they may.

    A court order comes before everything else: it stands above whatever a guardian has signed.
    """
    if any(order.valid.holds(on_date) and _is(order, collector, shown) for order in forbidden):
        return "custody"
    if not collector.may_collect:
        return "not_authorised"
    if collector.revoked:
        return "revoked"
    if collector.valid is not None and not collector.valid.holds(on_date):
        return "not_yet" if on_date < collector.valid.from_on else "expired"
    if collector.on_file is not None and collector.on_file != shown:
        return "other_identity"
    return None


def _is(order: Forbidden, collector: Collector, shown: Identity) -> bool:
    """Whether the order is about this person. Numbers decide; a name does when one is missing."""
    if order.guardian_id is not None and order.guardian_id == collector.guardian_id:
        return True
    if order.identity is not None:
        if order.identity in (shown, collector.on_file):
            return True
        if order.identity.kind == shown.kind:
            return False
    if order.guardian_id is not None and collector.guardian_id is not None:
        return False
    return fold(order.name) == fold(collector.name)
