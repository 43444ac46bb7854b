"""A release of the gate's software: one file that a gate installs only if we signed it.

A zip archive that compresses nothing (wheels are packed already). ``manifest.json`` names the
version and every other file with its size and SHA-256; ``manifest.sig`` is an Ed25519 signature
(RFC 8032, hex) of ``signed_part`` of it. So the signature covers every byte that counts, and what
is not in the manifest is not in the release. Who may sign is decided by ``Check``, which knows the
public keys: this module needs the standard library only, because a blank gate has nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from contracts import fields
from contracts.fields import ContractError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
MOST_BYTES: Final = 128 * 1024 * 1024  # of a whole release; one for two machines is about 15 MB
MOST_FILES: Final = 200
MOST_KEYS: Final = 4

# States of a device in a roll-out, as it reports them.
STATES: Final = frozenset({"installing", "active", "rolled_back", "refused"})

_MOST_MANIFEST: Final = 256 * 1024
# A signature for one purpose must be good for no other.
_PURPOSE: Final = b"school-gate release v1\n"
_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}")
_PACKAGE = re.compile(r"[A-Za-z0-9._-]{1,60}(?:\[[a-z,]{1,60}\])?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")

Check = Callable[[bytes, bytes], bool]  # (signed_part, signature) -> whether one of ours made it


class ReleaseRefused(Exception):
    """This file is not to be installed; ``code`` is stable and says why."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """``1.4.0``; only numbers, so that there is one order and nothing to argue about."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Raises ContractError."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ContractError("version: expected three numbers such as 1.4.0")
        return cls(*(int(part) for part in match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class FileEntry:
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """``package`` is what to install from the files. ``keys``, if any, are the public keys (hex)
    that a gate believes from this release on, instead of those it had."""

    version: Version
    package: str
    files: Mapping[str, FileEntry]
    keys: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, payload: bytes) -> Manifest:
        """Raises ContractError."""
        raw = fields.load(payload)
        if fields.whole(raw, "format") != FORMAT:
            raise ContractError(f"format: expected {FORMAT}")
        named = fields.an_object(raw.get("files"), "files")
        if not 1 <= len(named) <= MOST_FILES:
            raise ContractError(f"files: from 1 to {MOST_FILES} are allowed")
        return cls(
            Version.parse(str(raw.get("version"))),
            fields.text(raw, "package", _PACKAGE),
            {_file_name(name): _entry(entry, name) for name, entry in named.items()},
            tuple(_keys(raw)),
        )

    def to_json(self) -> bytes:
        files = {
            name: {"sha256": entry.sha256, "bytes": entry.size}
            for name, entry in sorted(self.files.items())
        }
        document: dict[str, Any] = {
            "format": FORMAT,
            "version": str(self.version),
            "package": self.package,
            "files": files,
        }
        if self.keys:
            document["keys"] = list(self.keys)
        return json.dumps(document, indent=1).encode()


@dataclass(frozen=True)
class Release:
    """A signed release, open for reading; its manifest can be believed, its files once ``read``."""

    manifest: Manifest
    archive: zipfile.ZipFile

    def read(self, name: str) -> bytes:
        """The content of one file. Raises ReleaseRefused if it is not what was signed."""
        entry = self.manifest.files[name]
        try:
            with self.archive.open(name) as file:
                content = file.read(entry.size + 1)
        except (zipfile.BadZipFile, OSError) as error:
            raise ReleaseRefused("damaged", name) from error
        if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
            raise ReleaseRefused("damaged", name)
        return content


def signed_part(manifest: bytes) -> bytes:
    """What the signature is made of."""
    return _PURPOSE + manifest


def open_release(file: IO[bytes], check: Check) -> Release:
    """The release in ``file``, which stays in use. Raises ReleaseRefused.

    Nothing of the content is looked at before the signature is found good.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ReleaseRefused("no_release", str(error)) from error
    names = [info.filename for info in archive.infolist()]
    if len(set(names)) != len(names) or len(names) > MOST_FILES + 2:
        raise ReleaseRefused("no_release", "its list of files")
    document = _small(archive, MANIFEST)
    signature = _small(archive, SIGNATURE).decode("ascii", "replace").strip()
    if not _SIGNATURE.fullmatch(signature):
        raise ReleaseRefused("unsigned")
    if not check(signed_part(document), bytes.fromhex(signature)):
        raise ReleaseRefused("wrong_signature")
    try:
        manifest = Manifest.from_json(document)
    except ContractError as error:
        raise ReleaseRefused("no_release", str(error)) from error
    if {*manifest.files, MANIFEST, SIGNATURE} != set(names):
        raise ReleaseRefused("no_release", "other files than the manifest's")
    return Release(manifest, archive)


def write_release(
    file: IO[bytes], manifest: Manifest, contents: Mapping[str, bytes], signature: bytes
) -> None:
    """Write the release of these contents, whose names are the manifest's."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (
            (MANIFEST, manifest.to_json()),
            (SIGNATURE, signature.hex().encode()),
            *sorted(contents.items()),
        ):
            archive.writestr(zipfile.ZipInfo(name), content)  # no times: same in, same out


def entries_of(contents: Mapping[str, bytes]) -> dict[str, FileEntry]:
    """What the manifest says of these files."""
    return {
        name: FileEntry(hashlib.sha256(content).hexdigest(), len(content))
        for name, content in contents.items()
    }


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            content = file.read(_MOST_MANIFEST + 1)
    except KeyError as error:
        raise ReleaseRefused("unsigned" if name == SIGNATURE else "no_release") from error
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise ReleaseRefused("no_release", str(error)) from error
    if len(content) > _MOST_MANIFEST:
        raise ReleaseRefused("no_release", f"{name} is too long")
    return content


def _file_name(name: str) -> str:
    if not _FILE.fullmatch(name) or name in (MANIFEST, SIGNATURE):
        raise ContractError("files: a name is not plain")
    return name


def _entry(value: Any, name: str) -> FileEntry:
    raw = fields.an_object(value, f"files.{name}")
    return FileEntry(
        fields.text(raw, "sha256", _SHA256), fields.whole(raw, "bytes", most=MOST_BYTES)
    )


def _keys(raw: dict[str, Any]) -> list[str]:
    keys = fields.a_list(raw.get("keys", []), "keys", at_most=MOST_KEYS)
    return [fields.text({"key": key}, "key", _KEY) for key in keys]
