"""Releases for tests: small wheels of an agent that behaves as asked, signed with a key of ours."""

from __future__ import annotations

import base64
import ensurepip
import hashlib
import io
import os
import signal
import subprocess
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.releases import Manifest, Version, entries_of, signed_part, write_release

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
NEXT_KEY = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)

# What the agent of a version does; ``tell`` writes its sign of life.
WORKS = "while True: tell(online=True, readers=1); time.sleep(0.05)"
NEVER_ONLINE = "while True: tell(online=False, readers=1); time.sleep(0.05)"
DOES_NOT_START = "raise SystemExit(3)"
DIES_SOON = "tell(online=True, readers=1); time.sleep(0.1)"

_MODULE = """
import json, os, sys, time

VERSION = {version!r}

def tell(**seen):
    path = sys.argv[1]
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    with open(path + ".new", "w") as file:
        json.dump({{"version": VERSION, "pid": os.getpid(), "up_s": up_s, **seen}}, file)
    os.replace(path + ".new", path)

{does}
"""


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def a_release(
    version: str,
    does: str = WORKS,
    *,
    key: Ed25519PrivateKey = KEY,
    keys: Iterable[Ed25519PrivateKey] = (),
) -> bytes:
    """``keys`` are those that a gate is to believe from then on."""
    contents = dict([_pip(), _wheel(version, does)])
    manifest = Manifest(
        Version.parse(version), "tiny-gate", entries_of(contents), tuple(map(public, keys))
    )
    return packed(manifest, contents, key)


def packed(manifest: Manifest, contents: dict[str, bytes], key: Ed25519PrivateKey) -> bytes:
    file = io.BytesIO()
    write_release(file, manifest, contents, key.sign(signed_part(manifest.to_json())))
    return file.getvalue()


def _pip() -> tuple[str, bytes]:
    """The wheel that comes with Python."""
    path = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
    return path.name, path.read_bytes()


def _wheel(version: str, does: str) -> tuple[str, bytes]:
    info = f"tiny_gate-{version}.dist-info"
    files = {
        "tiny_gate.py": _MODULE.format(version=version, does=does),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny-gate\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={_digest(text)},{len(text.encode())}\n" for name, text in files.items()
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(name, text)
    return f"tiny_gate-{version}-py3-none-any.whl", packed.getvalue()


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Supervisor:
    """Keeps ``current`` running as systemd does: what ends is started again."""

    def __init__(self, root: Path, sign: Path) -> None:
        self._root = root
        self._sign = sign
        self._stop = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._supervise)
        self._thread.start()

    def restart(self) -> None:
        with self._lock:
            self._end()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.restart()

    def _supervise(self) -> None:
        while not self._stop.wait(0.02):
            with self._lock:
                if self._running is not None and self._running.poll() is None:
                    continue
                self._end()
                self._begin()

    def _begin(self) -> None:
        python = self._root / "current/bin/python"
        if python.exists():
            self._running = subprocess.Popen(
                (os.fspath(python), "-I", "-m", "tiny_gate", os.fspath(self._sign))
            )

    def _end(self) -> None:
        if self._running is not None:
            self._running.send_signal(signal.SIGKILL)
            self._running.wait()
            self._running = None
        self._sign.unlink(missing_ok=True)  # systemd empties /run/school-gate between two lives
