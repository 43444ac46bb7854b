"""Programs from Debian packages, unpacked into ``.dev/opt`` without changing the system.

Works as root and as an ordinary user on Debian, Ubuntu and Raspberry Pi OS: ``apt-get download``
with package lists of our own, then ``dpkg -x``.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit.errors import DevError
from devkit.places import OPT
from devkit.shell import inherited, run

# Folder below OPT -> what is unpacked there together, when one of it is needed.
GROUPS = {
    "debian": ("mosquitto", "redis-server"),
    "debian-checks": ("shellcheck",),
    "debian-root": ("debootstrap",),
    "debian-pcsc": ("pcscd", "vsmartcard-vpcd", "python3-pyscard"),
}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Tool:
    """A program of the system or of our own, and the environment that it needs."""

    path: Path
    env: Mapping[str, str]


def tool(name: str, package: str) -> Tool:
    """``name`` from PATH, else from ``package``, which is fetched the first time."""
    found = find(name)
    if found is None:
        _unpack_packages(name, package)
        found = find(name)
    if found is None:
        raise DevError(f"{name} is neither on PATH nor below {OPT}: install {package}")
    return found


def unpacked(group: str) -> Path:
    """The folder with the packages of ``group`` that the system lacks, fetched the first time."""
    _unpack_packages(group, GROUPS[group][0])
    return OPT / group


def find(name: str) -> Tool | None:
    """``name`` from PATH or from what was unpacked before."""
    path = f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"  # ordinary users often lack sbin
    on_path = shutil.which(name, path=path)
    if on_path is not None:
        return Tool(Path(on_path), {"PATH": path})
    unpacked = shutil.which(name, path=os.pathsep.join(_folders("usr/sbin", "usr/bin")))
    if unpacked is None:
        return None
    libraries = _folders("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*")
    return Tool(Path(unpacked), {"PATH": path, "LD_LIBRARY_PATH": os.pathsep.join(libraries)})


def _folders(*patterns: str) -> list[str]:
    return [
        str(folder)
        for group in GROUPS
        for pattern in patterns
        for folder in (OPT / group).glob(pattern)
    ]


def _unpack_packages(name: str, package: str) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise DevError(
            f"{name} was not found on PATH, and this system has no apt-get to fetch it with.\n"
            f"Install it with the system's own packages (usually called {package}) and try again."
        )
    group = next(group for group, packages in GROUPS.items() if package in packages)
    OPT.mkdir(parents=True, exist_ok=True)
    with _alone(OPT / f"{group}.lock"):
        if (OPT / group).exists():
            return
        work = OPT / f"{group}.new"
        shutil.rmtree(work, ignore_errors=True)
        for package_file in _download(work, GROUPS[group]):
            run(("dpkg", "-x", str(package_file), str(work / "root")), inherited())
        (work / "root").rename(OPT / group)
        shutil.rmtree(work)


def _download(work: Path, packages: Sequence[str]) -> list[Path]:
    for folder in ("lists/partial", "cache/archives/partial", "root"):
        (work / folder).mkdir(parents=True)
    apt = (
        "apt-get",
        *("-o", f"Dir::State::lists={work}/lists"),
        *("-o", f"Dir::Cache={work}/cache"),
        *("-o", "Debug::NoLocking=1"),
        *("-o", f"APT::Sandbox::User={getpass.getuser()}"),
    )
    env = {**inherited(), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    run((*apt, "update"), env)
    plan = run((*apt, "--simulate", "install", "--no-install-recommends", *packages), env)
    # What is installed already is not in the plan: then the system's own program or library serves.
    missing = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
    run((*apt, "download", *missing), env, cwd=work)
    return sorted(work.glob("*.deb"))


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two commands started together unpack once."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
