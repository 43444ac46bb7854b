"""The gate's services, rules and scripts, as far as they can be judged without a Pi."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_agent.__main__ import main
from edge_agent.updates.__main__ import main as update
from firmware_config.firstboot.steps import SYSTEM_FILES

FOLDER = Path("firmware_config")
UNITS = sorted((FOLDER / "systemd").iterdir())
LASTING = ("gate-agent.service", "gate-update.service")  # the first boot's own is gone after it
MOST_EXPOSURE = 2.5

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def service_of(name: str) -> dict[str, str]:
    """Its last value of each key; systemd allows a key to be given more than once."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys have capitals
    parser.read_string((FOLDER / "systemd" / name).read_text())
    return dict(parser["Service"])


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Copies whose programs exist here, which systemd-analyze insists on."""
    for unit in UNITS:
        text = re.sub(r"/opt/gate/\w+/bin/python", "/bin/sh", unit.read_text())
        text = text.replace("/usr/bin/python3", "/bin/sh")
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def test_the_agents_unit_starts_a_command_that_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = shlex.split(service_of("gate-agent.service")["ExecStart"])
    python, arguments = command[0], command[command.index("-m") + 1 :]
    arguments[-1] = str(tmp_path / "missing.toml")

    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(arguments[1:]))

    assert arguments[0] == "edge_agent"
    assert python.endswith("/python")
    assert ended.value.code == 2
    assert "missing.toml" in capsys.readouterr().err


def test_the_updaters_unit_starts_a_command_that_it_has(tmp_path: Path) -> None:
    command = shlex.split(service_of("gate-update.service")["ExecStart"])
    module, *arguments = command[command.index("-m") + 1 :]

    ended = update([*arguments, "--root", str(tmp_path), "--inbox", str(tmp_path / "none")])

    assert module == "edge_agent.updates"
    assert "/proven/" in command[0]  # a version on trial must not judge itself
    assert ended == 0


def test_the_agent_may_look_at_the_clock_and_hold_no_rights() -> None:
    unit, service = FOLDER / "systemd/gate-agent.service", service_of("gate-agent.service")

    assert "adjtimex" in unit.read_text()
    assert "ProtectClock=" not in unit.read_text().replace("No ProtectClock", "")
    assert service["CapabilityBoundingSet"] == ""
    assert service["NoNewPrivileges"] == "yes"
    assert service["Restart"] == "always"


def test_the_updater_is_root_without_a_network() -> None:
    service = service_of("gate-update.service")

    assert "User" not in service
    assert service["PrivateNetwork"] == "yes"
    assert service["ProtectSystem"] == "strict"


@needs_systemd
@pytest.mark.parametrize("name", [unit.name for unit in UNITS])
def test_systemd_has_nothing_to_say_about_a_unit(units: Path, name: str) -> None:
    """A misspelt key is a warning only, with a status of 0: so nothing may be said at all."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(units / name)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.returncode == 0


@needs_systemd
def test_systemd_would_complain_of_a_misspelt_key(units: Path) -> None:
    path = units / "gate-agent.service"
    path.write_text(path.read_text().replace("ProtectHome=", "ProtectHoem="))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, check=False
    )

    assert b"ProtectHoem" in done.stderr


@needs_systemd
@pytest.mark.parametrize("name", LASTING)
def test_a_service_that_stays_is_little_exposed(units: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(units / name)],
        capture_output=True,
        text=True,
        check=True,
    )

    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_every_file_of_ours_has_its_place() -> None:
    ours = {
        path.relative_to(FOLDER).as_posix()
        for folder in ("systemd", "system")
        for path in (FOLDER / folder).iterdir()
    }

    assert ours - {"systemd/gate-firstboot.service"} == set(SYSTEM_FILES)


_RULE = re.compile(
    r'(?:ACTION|SUBSYSTEM|ENV\{\w+\}|ATTR\{[\w/]+\}|TAG|GROUP|MODE|GOTO|LABEL)(?:==|!=|\+=|=)"[^"]+"'
)


def test_the_rules_for_readers_are_well_formed() -> None:
    """``udevadm verify`` came with systemd 254; this holds what it would on an older one."""
    lines = (FOLDER / "system/60-gate-readers.rules").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    wrong = [rule for rule in rules for part in rule.split(", ") if not _RULE.fullmatch(part)]
    ids = [part for rule in rules for part in re.findall(r'ATTR\{id\w+\}=="([^"]+)"', rule)]

    assert wrong == []
    assert all(re.fullmatch(r"[0-9a-f]{4}(\|[0-9a-f]{4})*", part) for part in ids)
    assert 'GOTO="gate_readers_end"' in rules[0]
    assert 'LABEL="gate_readers_end"' in rules[-1]


def test_the_kernels_own_drivers_stay_away() -> None:
    lines = (FOLDER / "system/gate-readers-modprobe.conf").read_text().splitlines()
    words = [line.split() for line in lines if not line.startswith("#")]

    assert {tuple(line) for line in words} == {
        ("blacklist", name) for name in ("pn533_usb", "pn533", "port100", "nfc")
    }


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", sorted((FOLDER / "boot").glob("*.sh")), ids=lambda one: one.name)
def test_the_scripts_are_sound(script: Path) -> None:
    done = subprocess.run(
        ["shellcheck", "--shell=sh", str(script)], capture_output=True, text=True, check=False
    )

    assert done.stdout == ""
