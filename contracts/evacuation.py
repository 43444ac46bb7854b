"""The list of who is inside, as central seals it for one gate, to be opened there in an emergency.

Central encrypts, and the gate stores what it can not read. The list is encrypted with a key of its
own (AES-256-GCM); that key is wrapped once for each opener: the school's PIN, and every staff card
that was registered for it. An opener is an X25519 key pair whose private half is derived from what
the person brings, so neither central nor the gate keeps anything that opens a list.

Here are the documents and how a PIN or a card becomes a private key, by the standard library alone.
The encryption itself is in ``central/evacuation/sealing.py`` and in
``edge_agent/evacuation/opening.py``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from contracts import fields
from contracts.fields import ContractError

PIN_DIGITS: Final = 10
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
WRAPPED_BYTES: Final = KEY_BYTES + 16  # with GCM's tag
SALT_BYTES: Final = 16
MAX_OPENERS: Final = 500
MAX_COURSES: Final = 500
MAX_STUDENTS: Final = 2_000  # of a course
MAX_CONTACTS: Final = 10

# Half a second and 64 MB on a Pi 4, once a try. With ten random digits a stolen gate would keep one
# such computer busy for a century; less memory would help whoever tries many at once.
SCRYPT: Final = {"n": 2**16, "r": 8, "p": 1, "maxmem": 96 * 1024 * 1024}

_PIN = re.compile(rf"[0-9]{{{PIN_DIGITS}}}")
_HEX32 = re.compile(r"[0-9a-f]{64}")
_SALT = re.compile(rf"[0-9a-f]{{{SALT_BYTES * 2}}}")
_NONCE = re.compile(rf"[0-9a-f]{{{NONCE_BYTES * 2}}}")
_WRAPPED = re.compile(rf"[0-9a-f]{{{WRAPPED_BYTES * 2}}}")
_SEALED = re.compile(r"[A-Za-z0-9+/]{24,4000000}={0,2}")
MOST_PLAIN_BYTES: Final = 4_000_000  # unpacked; 2,000 students with two guardians are 0.5 MB
_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,200}")
_CLOCK = re.compile(r"(?:[0-9]{1,2}:[0-9]{2})?")
_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")


def normal_pin(typed: str) -> str | None:
    """The digits of a PIN however they were grouped; None if it cannot be one."""
    digits = re.sub(r"[\s.-]", "", typed)
    return digits if _PIN.fullmatch(digits) else None


def pin_secret(pin: str, salt: bytes) -> bytes:
    """The private key of a PIN. Slow on purpose."""
    return hashlib.scrypt(pin.encode(), salt=salt, dklen=KEY_BYTES, **SCRYPT)


def card_secret(token: bytes) -> bytes:
    """The private key of a staff card: only whoever reads the card itself has its token."""
    return hmac.digest(token, b"evacuation list, card", "sha256")


def wrapping_key(shared: bytes, ephemeral: bytes, opener: bytes) -> bytes:
    """The key that wraps a list's key: HKDF-SHA256 (RFC 5869) over the X25519 agreement."""
    extracted = hmac.digest(ephemeral + opener, shared, "sha256")
    return hmac.digest(extracted, b"evacuation list, wrap\x01", "sha256")


@dataclass(frozen=True, slots=True)
class Contact:
    name: str
    phone: str

    @classmethod
    def parse(cls, raw: Any) -> Contact:
        contact = fields.an_object(raw, "contact")
        return cls(fields.text(contact, "name", _TEXT), fields.text(contact, "phone", _PHONE))

    def wire(self) -> dict[str, Any]:
        return {"name": self.name, "phone": self.phone}


@dataclass(frozen=True, slots=True)
class Person:
    """A student inside. ``since`` is the time on the school's wall, empty when not known."""

    name: str
    since: str
    sure: bool
    contacts: tuple[Contact, ...] = ()

    @classmethod
    def parse(cls, raw: Any) -> Person:
        person = fields.an_object(raw, "student")
        contacts = fields.a_list(person.get("contacts"), "contacts", at_most=MAX_CONTACTS)
        return cls(
            name=fields.text(person, "name", _TEXT),
            since=fields.text(person, "since", _CLOCK),
            sure=fields.truth(person, "sure"),
            contacts=tuple(Contact.parse(contact) for contact in contacts),
        )

    def wire(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "since": self.since,
            "sure": self.sure,
            "contacts": [contact.wire() for contact in self.contacts],
        }


@dataclass(frozen=True, slots=True)
class Course:
    name: str
    students: tuple[Person, ...]

    @classmethod
    def parse(cls, raw: Any) -> Course:
        course = fields.an_object(raw, "course")
        students = fields.a_list(course.get("students"), "students", at_most=MAX_STUDENTS)
        return cls(
            fields.text(course, "name", _TEXT),
            tuple(Person.parse(student) for student in students),
        )

    def wire(self) -> dict[str, Any]:
        return {"name": self.name, "students": [student.wire() for student in self.students]}


@dataclass(frozen=True, slots=True)
class InsideList:
    """Who was inside at ``made_at``, by course; ``clock`` is that moment on the school's wall."""

    school: str
    made_at: datetime
    clock: str
    locale: str
    courses: tuple[Course, ...]

    @property
    def total(self) -> int:
        return sum(len(course.students) for course in self.courses)

    @classmethod
    def from_json(cls, payload: bytes) -> InsideList:
        raw = fields.load(payload)
        courses = fields.a_list(raw.get("courses"), "courses", at_most=MAX_COURSES)
        return cls(
            school=fields.text(raw, "school", _TEXT),
            made_at=fields.moment(raw, "made_at"),
            clock=fields.text(raw, "clock", _CLOCK),
            locale=fields.one_of(raw, "locale", frozenset({"es", "en"})),
            courses=tuple(Course.parse(course) for course in courses),
        )

    def to_json(self) -> bytes:
        return fields.dump(
            {
                "school": self.school,
                "made_at": self.made_at.isoformat(),
                "clock": self.clock,
                "locale": self.locale,
                "courses": [course.wire() for course in self.courses],
            }
        )


def pack(content: InsideList) -> bytes:
    """What is encrypted: deflated, since gates fetch it every minute over telephone networks."""
    return zlib.compress(content.to_json())


def unpack(packed: bytes) -> InsideList:
    """Raises ContractError."""
    unpacking = zlib.decompressobj()
    try:
        plain = unpacking.decompress(packed, MOST_PLAIN_BYTES)
    except zlib.error as error:
        raise ContractError("content: not deflated") from error
    return InsideList.from_json(plain)


@dataclass(frozen=True, slots=True)
class Wrap:
    """The list's key, for one opener. ``salt`` is the PIN's; None for a card."""

    ephemeral: bytes
    opener: bytes  # the public key for which it was made
    wrapped: bytes
    salt: bytes | None = None

    @classmethod
    def parse(cls, raw: Any) -> Wrap:
        wrap = fields.an_object(raw, "wrap")
        salt = fields.optional_text(wrap, "salt", _SALT)
        return cls(
            ephemeral=bytes.fromhex(fields.text(wrap, "ephemeral", _HEX32)),
            opener=bytes.fromhex(fields.text(wrap, "opener", _HEX32)),
            wrapped=bytes.fromhex(fields.text(wrap, "wrapped", _WRAPPED)),
            salt=None if salt is None else bytes.fromhex(salt),
        )

    def wire(self) -> dict[str, Any]:
        wrap = {
            "ephemeral": self.ephemeral.hex(),
            "opener": self.opener.hex(),
            "wrapped": self.wrapped.hex(),
        }
        return wrap if self.salt is None else {**wrap, "salt": self.salt.hex()}


@dataclass(frozen=True, slots=True)
class SealedList:
    """An ``InsideList`` that only an opener can read. Bound to ``device`` and ``made_at``."""

    device: str
    made_at: datetime
    wraps: tuple[Wrap, ...]
    nonce: bytes
    sealed: bytes

    @property
    def bound(self) -> bytes:
        """What the encryption vouches for beside the content (GCM's associated data)."""
        return f"evacuation list 1\n{self.device}\n{self.made_at.isoformat()}".encode()

    @classmethod
    def from_json(cls, payload: bytes) -> SealedList:
        raw = fields.load(payload)
        wraps = fields.a_list(raw.get("wraps"), "wraps", at_most=MAX_OPENERS)
        return cls(
            device=fields.text(raw, "device", fields.NAME),
            made_at=fields.moment(raw, "made_at"),
            wraps=tuple(_wraps(wraps)),
            nonce=bytes.fromhex(fields.text(raw, "nonce", _NONCE)),
            sealed=_from_base64(fields.text(raw, "sealed", _SEALED)),
        )

    def to_json(self) -> bytes:
        return fields.dump(
            {
                "device": self.device,
                "made_at": self.made_at.isoformat(),
                "wraps": [wrap.wire() for wrap in self.wraps],
                "nonce": self.nonce.hex(),
                "sealed": base64.b64encode(self.sealed).decode(),
            }
        )


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ContractError("sealed: expected base64") from error


def _wraps(raw: Sequence[Any]) -> list[Wrap]:
    found = []
    for position, item in enumerate(raw):
        try:
            found.append(Wrap.parse(item))
        except ContractError as error:
            raise ContractError(f"wraps[{position}].{error}") from error
    return found
