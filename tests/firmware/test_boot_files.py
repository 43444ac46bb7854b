"""The files for a boot partition, as each generation of images reads them."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.fields import ContractError
from contracts.provisioning import Provision, ReaderGiven, Wifi
from firmware_config.render import Software, boot_files, boot_zip
from tests.firmware.provisions import CODE, WIFI_PASSWORD, a_provision

SOFTWARE = Software(release=b"PK release", first_boot=b"PK program")

# cloud-init takes a misspelt key at the top without a word (22.4.2), so we keep the list ourselves.
CLOUD_INIT_KEYS = {
    *("hostname", "manage_etc_hosts", "timezone", "ssh_pwauth", "disable_root", "users", "runcmd"),
}
USER_KEYS = {"name", "system", "lock_passwd", "shell", "homedir", "no_create_home"}
# Of the schema in github.com/raspberrypi/rpi-preseed, which skips unknown ones with a warning.
PRESEED_KEYS = {
    *("config_version", "system.hostname", "ssh.enabled", "locale.timezone", "runcmd.early"),
}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return boot_files(a_provision(), SOFTWARE, "5f0c")


def dotted(values: dict[str, Any], before: str = "") -> set[str]:
    found: set[str] = set()
    for key, value in values.items():
        inside = dotted(value, f"{before}{key}.") if isinstance(value, dict) else {before + key}
        found |= inside
    return found


def test_gate_json_says_what_was_asked_for(files: dict[str, bytes]) -> None:
    assert Provision.from_json(files["gate.json"]) == a_provision()


def test_secrets_are_in_gate_json_and_nowhere_else(files: dict[str, bytes]) -> None:
    holding = {
        name
        for name, content in files.items()
        if CODE.encode() in content or WIFI_PASSWORD.encode() in content
    }

    assert holding == {"gate.json"}


def test_secrets_do_not_show_in_a_log() -> None:
    shown = repr(a_provision()) + repr(a_provision().wifi)

    assert CODE not in shown
    assert WIFI_PASSWORD not in shown


@pytest.mark.parametrize("name", ["user-data", "rpi-preseed.toml", "firstrun.sh"])
def test_every_generation_runs_the_same_script(files: dict[str, bytes], name: str) -> None:
    assert b"/boot/firmware/gate/begin.sh" in files[name]
    assert "gate/begin.sh" in files


def test_cloud_init_is_told_nothing_that_it_does_not_know(files: dict[str, bytes]) -> None:
    user_data = yaml.safe_load(files["user-data"])

    assert files["user-data"].startswith(b"#cloud-config\n")
    assert set(user_data) - CLOUD_INIT_KEYS == set()
    assert set(user_data["users"][0]) - USER_KEYS == set()
    assert user_data["hostname"] == "los-aromos-norte-1"
    assert user_data["users"][0]["lock_passwd"] is True


@pytest.mark.skipif(shutil.which("cloud-init") is None, reason="cloud-init is not installed")
def test_cloud_init_finds_its_file_valid(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "user-data"
    path.write_bytes(files["user-data"])

    done = subprocess.run(
        ["cloud-init", "schema", "-c", str(path)], capture_output=True, text=True, check=False
    )

    assert "Valid" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_another_set_of_files_is_another_instance(files: dict[str, bytes]) -> None:
    """Else cloud-init, which has seen this machine, would do nothing."""
    meta = yaml.safe_load(files["meta-data"])

    assert meta == {
        "instance-id": "los-aromos-norte-1-5f0c",
        "local-hostname": "los-aromos-norte-1",
    }


def test_a_boot_does_not_wait_for_a_cable(files: dict[str, bytes]) -> None:
    network = yaml.safe_load(files["network-config"])

    assert network["version"] == 2
    assert network["ethernets"]["eth0"]["optional"] is True


def test_rpi_preseed_is_told_nothing_that_it_does_not_know(files: dict[str, bytes]) -> None:
    preseed = tomllib.loads(files["rpi-preseed.toml"].decode())

    assert dotted(preseed) - PRESEED_KEYS == set()
    assert preseed["system"]["hostname"] == "los-aromos-norte-1"
    assert preseed["ssh"]["enabled"] is False


def test_the_zip_holds_the_same_files(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(boot_zip(a_provision(), SOFTWARE, "5f0c"))) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}

    assert packed == files


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("device", "Norte 1"),
        ("device", "../etc"),
        ("server", "ftp://x"),
        ("server", "https://x/y"),
        ("code", "short"),
        ("authority", "not PEM"),
        ("fingerprint", "not hex"),
        ("answers", ["smoke"]),
        ("evacuation_list", "yes"),
        ("release_sha256", "00"),
        ("release_keys", ["zz"]),
        ("readers", []),
        ("readers", [{"name": "a", "driver": "nfcpy", "path": "$(reboot)"}]),
        ("direction", "up"),
        ("locale", "de"),
        ("timezone", "../../etc/shadow"),
        ("wifi", {"ssid": "x" * 33, "password": None, "country": "CL"}),
        ("wifi", {"ssid": "x", "password": "short", "country": "CL"}),
        ("wifi", {"ssid": "x", "password": "line\nbreak", "country": "CL"}),
        ("wifi", {"ssid": "x", "password": None, "country": "Chile"}),
        ("format", 2),
    ],
)
def test_a_gate_json_that_is_not_right_is_refused(key: str, value: object) -> None:
    document = json.loads(a_provision().to_json())

    with pytest.raises(ContractError):
        Provision.from_json(json.dumps({**document, key: value}).encode())


def test_two_readers_have_two_names() -> None:
    twice = a_provision(readers=(ReaderGiven("a", "nfcpy", "tty:AMA0:pn532"),) * 2)

    with pytest.raises(ContractError, match="name"):
        Provision.from_json(twice.to_json())


@pytest.mark.parametrize("wifi", [None, Wifi("Abierta", None, "CL")])
def test_a_gate_by_cable_or_in_an_open_network_needs_no_password(wifi: Wifi | None) -> None:
    provision = a_provision(wifi=wifi)

    assert Provision.from_json(provision.to_json()) == provision
