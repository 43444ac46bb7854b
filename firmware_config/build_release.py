"""Makes a release of the gate's software from this repository, signed.

    python -m firmware_config.build_release keygen release.key
    python -m firmware_config.build_release build --key release.key --out gate-1.4.0.zip 1.4.0

A release holds wheels for every machine and Python of ``TARGETS``; a gate's pip takes what fits it.
All come from ``requirements-edge.lock``, by hash. The project's own wheel holds only what a gate
needs. Run it in the development environment: it needs pip, setuptools and the package index.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from contracts.releases import Manifest, Version, entries_of, signed_part, write_release
from firmware_config.render import FIRST_BOOT

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("contracts", "edge_agent", "firmware_config")
# Has no wheel at the index; pure Python, so one made here fits everywhere.
SOURCE_ONLY: Final = ("pydes",)
PIP_LOCK: Final = Path(__file__).with_name("pip.lock")
LOCK: Final = ROOT / "requirements-edge.lock"

# What the first-boot program is made of: nothing that is not in a blank Raspberry Pi OS.
_FIRST_BOOT_SOURCES: Final = (
    *("contracts/__init__.py", "contracts/fields.py", "contracts/topics.py"),
    *("contracts/releases.py", "contracts/provisioning.py"),
    *("edge_agent/__init__.py", "edge_agent/updates/__init__.py"),
    *("edge_agent/updates/environments.py", "firmware_config/__init__.py"),
)
_FIRST_BOOT_FOLDERS: Final = ("firstboot", "systemd", "system")


@dataclass(frozen=True, slots=True)
class Target:
    """A machine as ``uname -m`` says, its Python, and the newest glibc that its wheels may want."""

    machine: str
    python: str
    glibc: int  # 36 is 2.36

    def platforms(self) -> list[str]:
        names = [f"manylinux_2_{minor}_{self.machine}" for minor in range(self.glibc, 16, -1)]
        return [*names, f"manylinux2014_{self.machine}", f"linux_{self.machine}"]


# Raspberry Pi OS Bookworm and Trixie, 64 bit.
TARGETS: Final = (Target("aarch64", "3.11", 36), Target("aarch64", "3.13", 41))


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    if chosen.command == "keygen":
        sys.stdout.write(f"{make_key(chosen.file)}\n")
        return 0
    targets = chosen.target or list(TARGETS)
    with tempfile.TemporaryDirectory(prefix="gate-release-") as folder:
        contents = collect(Version.parse(chosen.version), targets, Path(folder))
    key = load_key(chosen.key)
    chosen.out.write_bytes(sign(Version.parse(chosen.version), contents, key, chosen.next_key))
    sys.stdout.write(f"{chosen.out}: {chosen.version}, {len(contents)} files\n")
    return 0


def make_key(file: Path) -> str:
    """A new signing key in ``file`` (mode 600); its public half, hex. Raises FileExistsError."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(pem)
    return public_half(key)


def load_key(file: Path) -> Ed25519PrivateKey:
    """Raises ValueError for another kind of key."""
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file}: not an Ed25519 key")
    return key


def public_half(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def sign(
    version: Version,
    contents: Mapping[str, bytes],
    key: Ed25519PrivateKey,
    next_keys: Iterable[str] = (),
) -> bytes:
    """The finished release. Gates believe ``next_keys`` (hex) from it on, if there are any."""
    manifest = Manifest(version, "school-attendance[edge]", entries_of(contents), tuple(next_keys))
    file = io.BytesIO()
    write_release(file, manifest, contents, key.sign(signed_part(manifest.to_json())))
    return file.getvalue()


def collect(version: Version, targets: Iterable[Target], folder: Path) -> dict[str, bytes]:
    """Every file of a release, by name. ``folder`` is for what is in between."""
    wheels = folder / "wheels"
    wheels.mkdir()
    source_only, others = split_lock(folder)
    for target in targets:
        platforms = [word for name in target.platforms() for word in ("--platform", name)]
        _pip(
            *("download", "--no-deps", "--only-binary", ":all:", "--require-hashes"),
            *("--implementation", "cp", "--python-version", target.python, *platforms),
            *("--dest", str(wheels), "-r", str(others)),
        )
    _pip("wheel", "--no-deps", "--require-hashes", "-w", str(wheels), "-r", str(source_only))
    _pip("download", "--no-deps", "--require-hashes", "-d", str(wheels), "-r", str(PIP_LOCK))
    own_wheel(version, folder, wheels)
    contents = {path.name: path.read_bytes() for path in sorted(wheels.glob("*.whl"))}
    return contents | {FIRST_BOOT: first_boot_program()}


def first_boot_program() -> bytes:
    """What ``gate-firstboot.service`` runs: one file, by the system's Python."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _first_boot_files():
            name = path.relative_to(ROOT).as_posix()
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
        start = "from firmware_config.firstboot.__main__ import main\nraise SystemExit(main())\n"
        archive.writestr(zipfile.ZipInfo("__main__.py"), start)
    return packed.getvalue()


def _first_boot_files() -> list[Path]:
    files = [ROOT / name for name in _FIRST_BOOT_SOURCES]
    for folder in _FIRST_BOOT_FOLDERS:
        inside = (ROOT / "firmware_config" / folder).iterdir()
        files += sorted(path for path in inside if path.is_file())
    return files


def split_lock(folder: Path) -> tuple[Path, Path]:
    """The lock in two: what has to be made from source, and the rest."""
    entries = re.split(r"^(?=[a-z0-9])", LOCK.read_text(), flags=re.MULTILINE)
    made = [entry for entry in entries if entry.startswith(SOURCE_ONLY)]
    files = folder / "source.txt", folder / "others.txt"
    files[0].write_text("".join(made))
    files[1].write_text("".join(entry for entry in entries if entry not in made))
    return files


def own_wheel(version: Version, folder: Path, wheels: Path) -> None:
    """The project's own, of what a gate needs only, put into ``wheels``."""
    source = folder / "source"
    ours = shutil.ignore_patterns("__pycache__")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=ours)
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in"):
        shutil.copy2(ROOT / name, source / name)
    stamp(source, version)
    _pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(source))


def stamp(source: Path, version: Version) -> None:
    """Have a copy of the sources say that it is ``version``. Raises ValueError if it cannot."""
    for name, pattern in (
        ("edge_agent/__init__.py", r'^VERSION = "[^"]*"$'),
        ("setup.py", r'^    version="[^"]*",$'),
    ):
        path = source / name
        said = re.compile(pattern, re.MULTILINE)
        text, count = said.subn(
            lambda old: re.sub('"[^"]*"', f'"{version}"', old[0]), path.read_text()
        )
        if count != 1:
            raise ValueError(f"{name}: no version to stamp")
        path.write_text(text)


def _pip(*arguments: str) -> None:
    command = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)
    subprocess.run(command, check=True, cwd=ROOT)


def _target(text: str) -> Target:
    machine, _, python = text.partition(":")
    known = {target.python: target.glibc for target in TARGETS}
    if python not in known:
        raise argparse.ArgumentTypeError(f"expected machine:python with {' or '.join(known)}")
    return Target(machine, python, known[python])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m firmware_config.build_release", description="Releases for gates."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    keygen = commands.add_parser("keygen", help="make a signing key; its public half is printed")
    keygen.add_argument("file", type=Path)
    build = commands.add_parser("build", help="make and sign a release")
    build.add_argument("version", help="such as 1.4.0; must grow")
    build.add_argument("--key", type=Path, required=True, help="file of the signing key")
    build.add_argument("--out", type=Path, required=True)
    build.add_argument("--target", type=_target, action="append", metavar="MACHINE:PYTHON")
    build.add_argument(
        *("--next-key",), action="append", default=[], metavar="HEX", help="believed from then on"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
