"""A blank machine becomes a gate: the whole first boot in a Debian of its own, against a central.

Raspberry Pi OS is made of Debian's bookworm. That is unpacked once into ``.dev`` (needs root and
Debian's mirror) and copied for the test. What stays untried without a Pi: the firmware's reading of
config.txt, NetworkManager, and systemd starting the units by itself.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from apiflask import APIFlask
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from central.app import create_app
from central.db import db
from central.identity import authority_service
from central.identity.sealing import Safe
from central.media.store import store_of
from central.models import Device, Gate, Rollout, School
from central.releases import service
from central.settings import Settings
from contracts.releases import Version
from devkit import debian
from devkit.errors import DevError
from devkit.places import INSTALLED
from edge_agent.updates.sign_of_life import read_sign
from firmware_config.build_release import Target, collect, own_wheel, public_half, sign
from firmware_config.firstboot.steps import SYSTEM_FILES
from tests.builders import a_gate, a_school
from tests.central.api import a_caller_as
from tests.central.served import served
from tests.emulators.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a system of its own"),
]

VERSION = Version(9, 9, 9)
KEY = Ed25519PrivateKey.generate()
DEVICE = "los-aromos-norte-1"
WIFI_PASSWORD = "patio y cancha 7"
CONFIG_TXT = "dtparam=audio=on\n"
CMDLINE_TXT = "console=serial0,115200 console=tty1 root=PARTUUID=0-02 rootwait\n"
PACKAGES = "python3,systemd,systemd-sysv,udev,ca-certificates,tzdata,unattended-upgrades"


@dataclass(frozen=True)
class Pi:
    """A blank system, and its boot partition."""

    root: Path

    @property
    def boot(self) -> Path:
        return self.root / "boot/firmware"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """As on the machine itself; what it started ends with it."""
        return subprocess.run(
            self.command(*command), capture_output=True, text=True, check=False, timeout=300
        )

    def command(self, *command: str) -> list[str]:
        # no systemd runs in there: it enables units, and leaves starting them to the test
        inside = [
            "env",
            "SYSTEMD_OFFLINE=1",
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--propagation=private",
        ]
        # the shell stays in between: who changes its user no longer dies with its parent
        mounted = 'mount -t proc proc "$1/proc" && chroot "$@"; exit $?'
        return [*inside, "sh", "-c", mounted, "sh", str(self.root), *command]

    def text(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def is_enabled(self, unit: str) -> bool:
        wanted = (self.root / "etc/systemd/system").glob("*.wants/*")  # links into that root
        return unit in {link.name for link in wanted}


def blank_system() -> Path:
    """A tar of a fresh Debian, made the first time."""
    kept = INSTALLED / "opt" / "bookworm-root.tar"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / "bookworm-root.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            work = kept.with_suffix(".new")
            shutil.rmtree(work, ignore_errors=True)
            make_root(work)
            draft = kept.with_suffix(".tar.new")
            subprocess.run(["tar", "-C", work, "-cf", draft, "."], check=True)
            shutil.rmtree(work)
            draft.rename(kept)
    return kept


def make_root(folder: Path) -> None:
    try:
        program = debian.tool("debootstrap", "debootstrap")
    except DevError as error:
        pytest.skip(str(error))
    scripts = program.path.parents[1] / "share/debootstrap"  # also where it is only unpacked
    options = ("--variant=minbase", f"--include={PACKAGES}")
    subprocess.run(
        [program.path, *options, "bookworm", folder],
        env={**os.environ, "DEBOOTSTRAP_DIR": str(scripts), **program.env},
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """This very repository, for this machine and Debian's Python."""
    folder = tmp_path_factory.mktemp("release")
    contents = collect(VERSION, [Target(platform.machine(), "3.11", 36)], folder)
    return sign(VERSION, contents, KEY)


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["tar", "-C", root, "-xf", blank_system()], check=True)
    pi = Pi(root)
    pi.boot.mkdir(parents=True)
    (pi.boot / "config.txt").write_text(CONFIG_TXT)
    (pi.boot / "cmdline.txt").write_text(CMDLINE_TXT)
    return pi


@dataclass
class Office:
    """Central, and the school whose gate this is to be."""

    app: APIFlask
    session: Session
    school: School
    gate: Gate

    def zip_for_the_gate(self) -> bytes:
        technician = a_caller_as(self.app, self.session, self.school, "technician")
        place = f"/gates/{self.gate.id}/devices"
        technician.post(place, {"id": DEVICE})
        wishes = {"wifi": {"ssid": "Colegio", "password": WIFI_PASSWORD}}
        answer = technician.post(f"{place}/{DEVICE}/boot-files", wishes)
        assert answer.status_code == 200, answer.text
        archive: bytes = answer.data
        return archive

    def device(self) -> Device:
        self.session.expire_all()
        return self.session.get_one(Device, (self.school.id, DEVICE))


@pytest.fixture
def office(
    settings: Settings, session: Session, tmp_path: Path, release: bytes
) -> Iterator[Office]:
    keys = (public_half(KEY),)
    ours = replace(settings, s3_endpoint=(tmp_path / "store").as_uri(), release_keys=keys)
    app = create_app(ours)
    school = a_school(session)
    gate = a_gate(session, school, name="Puerta Norte")
    now = datetime.now(UTC)
    authority_service.establish(session, Safe(settings.identity_secret), now=now)
    service.publish(session, store_of(ours), release, keys, now=now)
    session.commit()
    with served(app) as origin:
        public = origin.replace("localhost", "127.0.0.1")
        app.extensions["settings"] = replace(ours, webauthn_rp_origin=public)
        yield Office(app, session, school, gate)
    with app.app_context():
        db.engine.dispose()


def unpacked(archive: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        opened.extractall(folder)


def first_boot(pi: Pi) -> subprocess.CompletedProcess[str]:
    """What systemd would start: the command of the unit that is installed."""
    unit = pi.text("/etc/systemd/system/gate-firstboot.service")
    command = re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert command is not None
    return pi.run(*command[1].split())


@contextmanager
def agent_running(pi: Pi) -> Iterator[None]:
    """As its unit has it run, for as long as the context."""
    unit = pi.text("/etc/systemd/system/gate-agent.service")
    command = re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert command is not None
    pi.run("install", "-d", "-o", "gate", "-g", "gate", "/run/school-gate")
    as_gate = ("setpriv", "--reuid=gate", "--regid=gate", "--init-groups", "--")
    with (pi.root / "agent.log").open("w") as log:
        agent = subprocess.Popen(pi.command(*as_gate, *command[1].split()), stderr=log)
        try:
            yield
        finally:
            agent.kill()
            agent.wait()


def begin(pi: Pi, archive: bytes) -> None:
    """What every generation of images does with the files."""
    unpacked(archive, pi.boot)
    done = pi.run("sh", "/boot/firmware/gate/begin.sh", "start")
    assert done.returncode == 0, done.stderr


def test_a_blank_machine_becomes_the_gate_and_reports_to_central(pi: Pi, office: Office) -> None:
    archive = office.zip_for_the_gate()

    begin(pi, archive)
    enabled_for_the_boot = pi.is_enabled("gate-firstboot.service")
    done = first_boot(pi)

    assert enabled_for_the_boot
    assert done.returncode == 0, done.stderr
    assert "READY" in (pi.boot / "gate-status.txt").read_text()
    assert (pi.root / "opt/gate/current").readlink() == Path("9.9.9")
    assert pi.is_enabled("gate-agent.service")
    assert pi.is_enabled("gate-update.path")
    assert not pi.is_enabled("gate-firstboot.service")
    assert "dtparam=uart0=on" in (pi.boot / "config.txt").read_text()
    assert "serial0" not in (pi.boot / "cmdline.txt").read_text()
    assert pi.text("/etc/hostname") == f"{DEVICE}\n"
    assert all((pi.root / place.lstrip("/")).exists() for place in SYSTEM_FILES.values())
    assert json.loads(pi.text("/opt/gate/keys.json")) == [public_half(KEY)]
    assert office.device().public_key is not None
    with agent_running(pi):
        eventually(lambda: (pi.root / "var/lib/school-gate/roster.json").exists(), within=60)
        sign = eventually(lambda: read_sign(pi.root / "run/school-gate/alive.json"), within=60)
    assert sign is not None
    assert sign.version == "9.9.9"
    no_secrets_lie_about(pi)
    the_zip_is_worthless_now(pi, archive)


def no_secrets_lie_about(pi: Pi) -> None:
    connection = pi.root / "etc/NetworkManager/system-connections/school-gate.nmconnection"
    assert stat.S_IMODE(connection.stat().st_mode) == 0o600
    assert WIFI_PASSWORD in connection.read_text()
    assert not (pi.boot / "gate.json").exists()
    holding = [
        path
        for path in pi.boot.rglob("*")
        if path.is_file() and WIFI_PASSWORD.encode() in path.read_bytes()
    ]
    assert holding == []
    private = pi.root / "var/lib/school-gate"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert not (pi.root / "run/gate-code").exists()


def the_zip_is_worthless_now(pi: Pi, archive: bytes) -> None:
    """Somebody finds the zip and makes another machine of it."""
    shutil.rmtree(pi.root / "var/lib/school-gate/identity")
    unpacked(archive, pi.boot)

    done = first_boot_again(pi)

    assert done.returncode == 3, done.stderr
    assert "NOT READY" in (pi.boot / "gate-status.txt").read_text()
    assert not (pi.boot / "gate.json").exists()
    assert not (pi.root / "var/lib/school-gate/identity/device.pem").exists()


def first_boot_again(pi: Pi) -> subprocess.CompletedProcess[str]:
    begin_again = pi.run("sh", "/boot/firmware/gate/begin.sh")
    assert begin_again.returncode == 0, begin_again.stderr
    return first_boot(pi)


def test_files_that_came_damaged_are_said_to_be(pi: Pi, office: Office) -> None:
    begin(pi, office.zip_for_the_gate())
    with (pi.boot / "gate/release.zip").open("r+b") as file:
        file.write(b"scratch")

    done = first_boot(pi)

    assert done.returncode == 3
    assert "write the files again" in (pi.boot / "gate-status.txt").read_text()
    assert (pi.boot / "gate.json").exists()  # its code is still good


def test_a_central_that_is_away_is_waited_for(pi: Pi, office: Office) -> None:
    begin(pi, office.zip_for_the_gate())
    told = json.loads((pi.boot / "gate.json").read_text())
    nobody = json.dumps({**told, "server": "http://127.0.0.1:9"})
    (pi.boot / "gate.json").write_text(nobody)

    away = first_boot(pi)
    (pi.boot / "gate.json").write_text(json.dumps(told))
    back = first_boot(pi)

    assert (away.returncode, back.returncode) == (1, 0), away.stderr + back.stderr
    assert office.device().public_key is not None


def newer(release: bytes, version: Version, folder: Path) -> bytes:
    """The same libraries with this repository stamped as another version."""
    with zipfile.ZipFile(io.BytesIO(release)) as opened:
        names = [name for name in opened.namelist() if not name.startswith("manifest")]
        kept = {name: opened.read(name) for name in names if "school_attendance" not in name}
    (folder / "wheels").mkdir()
    own_wheel(version, folder, folder / "wheels")
    (wheel,) = (folder / "wheels").iterdir()
    return sign(version, {**kept, wheel.name: wheel.read_bytes()}, KEY)


def test_a_new_version_goes_all_the_way_from_central_to_the_gate(
    pi: Pi, office: Office, release: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Published, rolled out, fetched by the agent, installed by the updater, and told back."""
    begin(pi, office.zip_for_the_gate())
    assert first_boot(pi).returncode == 0
    following = newer(release, Version(9, 9, 10), tmp_path_factory.mktemp("newer"))
    now, store = datetime.now(UTC), office.app.extensions["documents"]
    service.publish(office.session, store, following, [public_half(KEY)], now=now)
    rollout = service.start(office.session, office.school.id, "9.9.10", [], by=None, now=now)
    office.session.commit()

    with agent_running(pi):
        inbox = pi.root / "var/lib/school-gate/update/release.zip"
        eventually(inbox.exists, within=60)
    with the_updater(pi) as updater:
        eventually(lambda: (pi.root / "opt/gate/current").readlink() == Path("9.9.10"), within=90)
        with agent_running(pi):  # what "systemctl restart" does where there is a systemd
            assert updater.wait(timeout=120) == 0
            eventually(lambda: state_of(office, rollout) == "done", within=60)

    assert (pi.root / "opt/gate/proven").readlink() == Path("9.9.10")
    assert (pi.root / "opt/gate/previous").readlink() == Path("9.9.9")
    assert not inbox.exists()


@contextmanager
def the_updater(pi: Pi) -> Iterator[subprocess.Popen[bytes]]:
    unit = pi.text("/etc/systemd/system/gate-update.service")
    command = re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert command is not None
    patience = ("--within", "90", "--steady", "1")
    with (pi.root / "updater.log").open("w") as log:
        updater = subprocess.Popen(pi.command(*command[1].split(), *patience), stderr=log)
        try:
            yield updater
        finally:
            updater.kill()
            updater.wait()


def state_of(office: Office, rollout: Rollout) -> str:
    office.session.expire_all()
    return rollout.state
