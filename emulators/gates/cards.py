"""The cards at hand: those of the cards file, and some that no school has issued.

``{"domain", "cards": [{"student", "uid", "token", "model"}], "staff": [{"name", …}]}``; a secure
card, of model ``424``, has ``number_key`` and ``mac_key`` instead of a token.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.cards import token_uri
from emulators.nfc import tags
from emulators.nfc.ntag424 import Copy, Ntag424
from emulators.processes import WrongConfig, read_object

TORN_AFTER = 3  # commands: the product is known by then, but no part of the link

STRANGERS = ("unknown", "torn", "blank", "copied")

SECURE_MODEL = "424"
# A real chip never forgets how often it was read. Ours begin anew with each process, at a number
# that none has reached before: one read in four seconds, since then, is more than a card gets.
_COUNTED_SINCE = 1_767_225_600  # 2026-01-01
_SECONDS_A_READ = 4


@dataclass(frozen=True, slots=True)
class Plastic:
    """What is on one card; ``tag`` makes it a fresh one to hold to a reader."""

    uid: bytes
    uri: str
    model: str

    def tag(self) -> tags.Ntag:
        return tags.with_uri(self.uid, self.uri, self.model)


class SecureChip:
    """A chip that goes on counting; ``copy`` says what it said last, on another card."""

    def __init__(self, uid: bytes, domain: str, keys: tuple[bytes, bytes]) -> None:
        counted = int(time.time() - _COUNTED_SINCE) // _SECONDS_A_READ
        self._chip = Ntag424(uid, domain, keys, max(counted, 1))

    def tag(self) -> tags.Tag:
        return self._chip

    def copy(self) -> tags.Tag:
        return Copy(self._chip.uid, self._chip.link_at(self._chip.counter))


@dataclass(frozen=True, slots=True)
class _Drawer:
    domain: str = ""
    of_students: Mapping[int, Plastic | SecureChip] = field(default_factory=dict)
    of_staff: Mapping[str, Plastic] = field(default_factory=dict)


class CardBox:
    """Reads its file again whenever it has changed: a school issues cards while gates run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._drawer = _Drawer()

    def of_student(self, student: int) -> tags.Tag:
        """Raises LookupError when the student has no card, WrongConfig for a bad file."""
        plastic = self._fresh().of_students.get(student)
        if plastic is None:
            raise LookupError(f"student: {student} has no card in {self._path.name}")
        return plastic.tag()

    def named(self, name: str) -> tags.Tag:
        """A card of the staff, ``unknown``, ``blank``, or a student's that is held too short."""
        drawer = self._fresh()
        if name == "unknown":
            return Plastic(
                _any_uid(), token_uri(drawer.domain, secrets.token_bytes(16)), "213"
            ).tag()
        if name == "blank":
            return tags.Ntag(_any_uid())
        if name == "torn":
            return tags.Torn(_some_card(drawer).tag(), TORN_AFTER)
        if name == "copied":
            return _some_chip(drawer).copy()
        if name not in drawer.of_staff:
            known = ", ".join([*STRANGERS, *sorted(drawer.of_staff)])
            raise LookupError(f"card: there is no {name!r}; there are {known}")
        return drawer.of_staff[name].tag()

    def _fresh(self) -> _Drawer:
        with self._lock:
            try:
                status = self._path.stat()
            except OSError as error:
                raise WrongConfig(f"cards_file: {self._path}: {error.strerror}") from error
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._drawer = _read(self._path)
                self._stamp = stamp
            return self._drawer


def _read(path: Path) -> _Drawer:
    raw = read_object(path)
    domain = raw.get("domain")
    if not isinstance(domain, str) or not domain:
        raise WrongConfig(f"{path.name}: domain: expected text")
    students: dict[int, Plastic | SecureChip] = {}
    staff: dict[str, Plastic] = {}
    for at, item in enumerate(raw.get("cards", [])):
        students[_owner(item, "student", int, f"cards[{at}]")] = _card(item, domain, f"cards[{at}]")
    for at, item in enumerate(raw.get("staff", [])):
        staff[_owner(item, "name", str, f"staff[{at}]")] = _plastic(item, domain, f"staff[{at}]")
    return _Drawer(domain, students, staff)


def _owner(item: Any, key: str, kind: type, where: str) -> Any:
    if not isinstance(item, dict) or type(item.get(key)) is not kind:
        raise WrongConfig(f"{where}.{key}: expected {'a number' if kind is int else 'text'}")
    return item[key]


def _card(item: dict[str, Any], domain: str, where: str) -> Plastic | SecureChip:
    if item.get("model") != SECURE_MODEL:
        return _plastic(item, domain, where)
    try:
        uid, number_key, mac_key = (
            bytes.fromhex(item[name]) for name in ("uid", "number_key", "mac_key")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WrongConfig(f"{where}: uid, number_key and mac_key are expected as hex") from error
    if len(uid) != 7 or {len(number_key), len(mac_key)} != {16}:
        raise WrongConfig(f"{where}: a uid has 7 bytes and a key 16")
    return SecureChip(uid, domain, (number_key, mac_key))


def _plastic(item: dict[str, Any], domain: str, where: str) -> Plastic:
    try:
        uid, token = bytes.fromhex(item["uid"]), bytes.fromhex(item["token"])
    except (KeyError, TypeError, ValueError) as error:
        raise WrongConfig(f"{where}: uid and token are expected as hex") from error
    if len(uid) != 7 or len(token) != 16:
        raise WrongConfig(f"{where}: a uid has 7 bytes and a token 16")
    model = item.get("model", "213")
    if model not in tags.MODELS:
        raise WrongConfig(f"{where}.model: expected one of {', '.join(tags.MODELS)}")
    return Plastic(uid, token_uri(domain, token), model)


def _some_card(drawer: _Drawer) -> Plastic | SecureChip:
    for plastic in (*drawer.of_students.values(), *drawer.of_staff.values()):
        return plastic
    raise LookupError("card: there is none to tear in the cards file")


def _some_chip(drawer: _Drawer) -> SecureChip:
    for card in drawer.of_students.values():
        if isinstance(card, SecureChip):
            return card
    raise LookupError("card: there is no secure one to copy in the cards file")


def _any_uid() -> bytes:
    return b"\x04" + secrets.token_bytes(6)  # 04: made by NXP, for which nfcpy knows products
