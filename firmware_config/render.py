"""The files for one gate's boot partition, whichever generation of Raspberry Pi OS is on it.

One ``Provision`` is the source of all. Each image has a mechanism of its own for the first boot,
and they change every year; so all that is left to them is to run ``gate/begin.sh``. What the gate
is comes from ``gate.json``, which only our own service reads.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import IO, Final

from contracts.provisioning import Provision

RELEASE: Final = "gate/release.zip"
FIRST_BOOT: Final = "firstboot.pyz"  # in a release, and in the folder gate/ of the boot partition

_HERE: Final = Path(__file__).parent
_TEMPLATES: Final = ("user-data", "meta-data", "network-config", "rpi-preseed.toml", "firstrun.sh")


@dataclass(frozen=True, slots=True)
class Software:
    """A release as it is kept, and the first-boot program that came in it."""

    release: bytes
    first_boot: bytes


def boot_files(provision: Provision, software: Software, set_id: str) -> dict[str, bytes]:
    """By their paths on the boot partition. ``set_id`` is another one each time."""
    words = {
        "device": provision.device,
        "timezone": provision.timezone,
        "set_id": set_id,
    }
    files = {name: _filled(_HERE / "boot" / name, words) for name in _TEMPLATES}
    files["gate.json"] = provision.to_json()
    files["gate/begin.sh"] = (_HERE / "boot/begin.sh").read_bytes()
    files["gate/gate-firstboot.service"] = (_HERE / "systemd/gate-firstboot.service").read_bytes()
    files[f"gate/{FIRST_BOOT}"] = software.first_boot
    files[RELEASE] = software.release
    return files


def boot_zip(provision: Provision, software: Software, set_id: str) -> bytes:
    """The same as one archive, to be unpacked onto the boot partition."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(boot_files(provision, software, set_id).items()):
            _add(archive, name, content)
    return packed.getvalue()


def first_boot_of(release: IO[bytes]) -> bytes:
    """The first-boot program in a release that was checked before. Raises KeyError."""
    with zipfile.ZipFile(release) as archive:
        return archive.read(FIRST_BOOT)


def _filled(path: Path, words: dict[str, str]) -> bytes:
    text = path.read_text()
    # a shell script has dollars of its own
    return (text if path.suffix == ".sh" else Template(text).substitute(words)).encode()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # wheels and releases are packed already
    packed = zipfile.ZIP_STORED if name == RELEASE else zipfile.ZIP_DEFLATED
    archive.writestr(zipfile.ZipInfo(name), content, packed)
