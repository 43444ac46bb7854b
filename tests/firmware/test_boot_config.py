"""What the Pi's firmware, its kernel, NetworkManager and the agent are told."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from contracts.provisioning import Wifi
from edge_agent.settings import Settings
from firmware_config.firstboot.boot_config import (
    wants_serial_port,
    with_serial_port,
    without_serial_console,
)
from firmware_config.firstboot.enrolment import STATE, agent_settings
from firmware_config.firstboot.wifi import connection
from tests.firmware.provisions import a_provision

CONFIG = "dtparam=audio=on\n[cm4]\notg_mode=1\n"


def test_the_reader_gets_the_fast_port_on_every_model() -> None:
    edited = with_serial_port(CONFIG)

    assert edited.startswith(CONFIG)
    assert "[pi5]\ndtparam=uart0=on\n" in edited
    assert "[pi4]\ndtoverlay=disable-bt\n" in edited
    assert edited.index("[all]") > edited.index("[pi3]")  # a filter holds until the next one


def test_doing_it_again_changes_nothing() -> None:
    once = with_serial_port(CONFIG)

    assert with_serial_port(once) == once


def test_what_others_added_later_stays() -> None:
    edited = with_serial_port(with_serial_port(CONFIG) + "dtparam=i2c_arm=on\n")

    assert edited.count("school gate: begin") == 1
    assert "dtparam=i2c_arm=on" in edited


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("console=serial0,115200 console=tty1 root=x rootwait\n", "console=tty1 root=x rootwait\n"),
        ("console=tty1 console=ttyAMA0,115200 root=x", "console=tty1 root=x\n"),
        ("console=tty1 root=PARTUUID=1-02 quiet\n", "console=tty1 root=PARTUUID=1-02 quiet\n"),
    ],
)
def test_no_console_speaks_to_the_reader(before: str, after: str) -> None:
    assert without_serial_console(before) == after


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("tty:AMA0:pn532", True), ("/dev/ttyAMA0", True), ("usb:072f:2200", False), ("pcsc", False)],
)
def test_only_a_reader_on_the_port_takes_it(path: str, wanted: bool) -> None:
    assert wants_serial_port(path) is wanted


def read(wifi: Wifi) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parsed.read_string(connection(wifi))
    return parsed


def test_a_network_is_kept_as_networkmanager_reads_it() -> None:
    parsed = read(Wifi("Ñandú 5G", "clave segura", "CL"))

    ssid = bytes(int(byte) for byte in parsed["wifi"]["ssid"].strip(";").split(";"))
    assert ssid.decode() == "Ñandú 5G"
    assert parsed["wifi-security"]["psk"] == "clave segura"
    assert parsed["connection"]["type"] == "wifi"


def test_an_open_network_has_no_security() -> None:
    assert "wifi-security" not in read(Wifi("Abierta", None, "CL"))


@pytest.mark.parametrize(
    ("password", "written"), [("  spaces  ", "\\s spaces"), ("back\\slash", "back\\\\slash")]
)
def test_a_password_survives_the_file(password: str, written: str) -> None:
    lines = connection(Wifi("x", password, "CL")).splitlines()

    assert any(line.startswith(f"psk={written}") for line in lines)


TOLD = {
    "broker": {"host": "broker.example.cl", "port": 8883},
    "token_domain": "asistencia.example.cl",
}


@pytest.mark.parametrize("answers", [(), ("lights", "screen")])
def test_the_agent_takes_the_settings_that_are_written_for_it(
    tmp_path: Path, answers: tuple[str, ...]
) -> None:
    provision = a_provision(direction="in", answers=answers, evacuation_list=True)
    for name in ("device.pem", "device.key", "authorities.pem"):
        (tmp_path / "identity" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "identity" / name).touch()
    (tmp_path / "identity/site-key").write_text("ab" * 32)
    file = tmp_path / "agent.toml"
    file.write_text(agent_settings(provision, TOLD).replace(STATE, str(tmp_path)))

    settings = Settings.from_file(file)

    assert (settings.device, settings.broker.host) == (provision.device, "broker.example.cl")
    assert [(one.name, one.direction) for one in settings.readers] == [("entrada", "in")]
    assert set(settings.feedback.kinds) == {*answers, "console"}
    assert (settings.screen is not None) is ("screen" in answers)
    assert settings.evacuation is not None
    assert settings.updates is not None
