"""The gate's service, as far as it can be judged without a Pi."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

from edge_agent.__main__ import main

UNIT = Path("firmware_config/systemd/gate-agent.service")


@pytest.fixture
def service() -> dict[str, str]:
    """Its last value of each key; systemd allows a key to be given more than once."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys have capitals
    parser.read_string(UNIT.read_text())
    return dict(parser["Service"])


def test_the_unit_starts_a_command_that_the_agent_has(
    service: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python, dash_m, module, *arguments = shlex.split(service["ExecStart"])
    arguments[-1] = str(tmp_path / "missing.toml")

    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(arguments))

    assert (dash_m, module) == ("-m", "edge_agent")
    assert python.endswith("/python")
    assert ended.value.code == 2
    assert "missing.toml" in capsys.readouterr().err


def test_the_unit_may_look_at_the_clock_and_hold_no_rights(service: dict[str, str]) -> None:
    assert "adjtimex" in UNIT.read_text()
    assert "ProtectClock=" not in UNIT.read_text().replace("No ProtectClock", "")
    assert service["CapabilityBoundingSet"] == ""
    assert service["NoNewPrivileges"] == "yes"
    assert service["Restart"] == "always"
