"""What makes a gate of a machine, step by step. Each may be repeated: the power can go at any time.

Standard library only, and nothing of the agent but what installs it.
"""

from __future__ import annotations

import hashlib
import io
import json
from importlib import resources
from pathlib import Path
from typing import Final

from contracts.provisioning import Provision
from contracts.releases import ReleaseRefused, open_release
from edge_agent.updates.environments import CURRENT, PROVEN, Environments
from firmware_config.firstboot import boot_config, wifi
from firmware_config.firstboot.enrolment import CONFIG, STATE
from firmware_config.firstboot.machine import Machine, SomebodyMustAct, StepFailed, replace_whole

VERSIONS: Final = "/opt/gate"
_SYSTEM_PYTHON: Final = "/usr/bin/python3"

# Our file -> where it belongs.
SYSTEM_FILES: Final = {
    "systemd/gate-agent.service": "/etc/systemd/system/gate-agent.service",
    "systemd/gate-update.service": "/etc/systemd/system/gate-update.service",
    "systemd/gate-update.path": "/etc/systemd/system/gate-update.path",
    "system/60-gate-readers.rules": "/etc/udev/rules.d/60-gate-readers.rules",
    "system/gate-readers-modprobe.conf": "/etc/modprobe.d/gate-readers.conf",
    "system/gate-journald.conf": "/etc/systemd/journald.conf.d/gate.conf",
    "system/gate-watchdog.conf": "/etc/systemd/system.conf.d/gate.conf",
    "system/gate-sysusers.conf": "/etc/sysusers.d/gate.conf",
    "system/52gate-upgrades": "/etc/apt/apt.conf.d/52gate-upgrades",
}
_WIFI: Final = "/etc/NetworkManager/system-connections/school-gate.nmconnection"
# Their questions to a person on the screen, and a console on the reader's port.
_NOT_WANTED: Final = ("userconfig.service", "hciuart.service", "serial-getty@ttyAMA0.service")


def put_system_files(machine: Machine) -> None:
    """Units, rules and limits, and the agent's user."""
    ours = resources.files("firmware_config")
    for name, place in SYSTEM_FILES.items():
        machine.write(place, ours.joinpath(name).read_bytes())
    machine.run("systemd-sysusers", "/etc/sysusers.d/gate.conf")
    machine.run("install", "-d", "-m", "0755", CONFIG)
    machine.run("install", "-d", "-o", "gate", "-g", "gate", "-m", "0700", STATE)
    machine.run("systemctl", "daemon-reload")
    machine.try_to("udevadm", "control", "--reload")


def name_machine(machine: Machine, provision: Provision) -> None:
    """Host name and time zone, also where the image's own mechanism has not set them."""
    machine.write("/etc/hostname", f"{provision.device}\n".encode())
    machine.try_to("hostname", provision.device)
    zone = Path("/usr/share/zoneinfo") / provision.timezone
    if machine.path(str(zone)).exists():
        local, draft = machine.path("/etc/localtime"), machine.path("/etc/localtime.new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(zone)
        draft.replace(local)


def join_network(machine: Machine, provision: Provision) -> None:
    """Let the machine into the school's Wi-Fi, if that is how it is connected."""
    if provision.wifi is None:
        return
    machine.write(_WIFI, wifi.connection(provision.wifi).encode(), 0o600)
    # Raspberry Pi OS keeps the radio off until it is told the country
    machine.try_to("raspi-config", "nonint", "do_wifi_country", provision.wifi.country)
    machine.try_to("rfkill", "unblock", "wifi")
    machine.try_to("nmcli", "connection", "reload")
    machine.try_to("nmcli", "connection", "up", "school-gate")


def free_serial_port(machine: Machine, provision: Provision) -> bool:
    """Give the serial port to the reader. Whether the machine has to restart for it."""
    if not any(boot_config.wants_serial_port(reader.path) for reader in provision.readers):
        return False
    changed = False
    for name, edited in (
        ("config.txt", boot_config.with_serial_port),
        ("cmdline.txt", boot_config.without_serial_console),
    ):
        path = machine.boot / name
        if not path.exists():  # not a Raspberry Pi
            continue
        before = path.read_text()
        after = edited(before)
        if after != before:
            replace_whole(path, after.encode(), 0o755)
            changed = True
    return changed


def install_agent(machine: Machine, provision: Provision) -> None:
    """The release beside ``gate.json``, unless it is installed already."""
    environments = Environments(machine.path(VERSIONS), _SYSTEM_PYTHON)
    if environments.version_at(PROVEN) is not None:
        return
    content = _release(machine.boot / "gate/release.zip", provision.release_sha256)
    try:
        # Whoever wrote gate.json wrote this hash; its signature matters from the next version on.
        release = open_release(io.BytesIO(content), lambda _signed, _signature: True)
        manifest = release.manifest
        wheels = {name: release.read(name) for name in manifest.files}
        environments.install(manifest.version, manifest.package, wheels)
    except ReleaseRefused as refused:
        raise SomebodyMustAct(
            f"The software could not be installed ({refused}). Make new files for this gate."
        ) from refused
    machine.write(f"{VERSIONS}/keys.json", json.dumps(list(provision.release_keys)).encode())
    environments.point(CURRENT, manifest.version)
    environments.point(PROVEN, manifest.version)


def start_agent(machine: Machine) -> None:
    """Now and at every boot; this service never again."""
    machine.run(
        *("systemctl", "enable"),
        *("gate-agent.service", "gate-update.service", "gate-update.path"),
    )
    for unit in _NOT_WANTED:
        machine.try_to("systemctl", "disable", "--now", unit)
    machine.run("systemctl", "disable", "gate-firstboot.service")
    machine.run("systemctl", "start", "--no-block", "gate-agent.service", "gate-update.path")


def keep_system_current(machine: Machine) -> bool:
    """Have security upgrades installed by themselves. Whether that is arranged."""
    if machine.path("/usr/bin/unattended-upgrade").exists():
        return True
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet")
    try:
        machine.run(*apt, "update")
        machine.run(*apt, "--yes", "--no-install-recommends", "install", "unattended-upgrades")
    except StepFailed:
        return False
    return True


def _release(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SomebodyMustAct(f"{path.name} cannot be read: write the files again.") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SomebodyMustAct(f"{path.name} was damaged on its way: write the files again.")
    return content
