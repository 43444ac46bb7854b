"""The script that checks the WhatsApp settings, against the emulator."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.places import ROOT
from devkit.ports import free_port
from devkit.process import Program, Running

TOKEN = "a-token"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a WhatsApp emulator."""
    port = free_port()
    options = (
        *("--port", str(port), "--token", TOKEN, "--app-secret", "s", "--verify-token", "v"),
        *("--phone-number-id", "1001", "--business-account-id", "2002"),
        *("--webhook-url", f"http://127.0.0.1:{free_port()}/"),
    )
    emulator = Running(
        Program(
            name="whatsapp",
            argv=(sys.executable, "-m", "emulators.whatsapp", *options),
            env={},
            log=tmp_path_factory.mktemp("whatsapp") / "log",
            ready=lambda running: "WhatsApp emulator at" in running.output(),
            cwd=ROOT,
        )
    )
    emulator.wait_ready(20)
    yield f"http://127.0.0.1:{port}"
    emulator.stop()


def validate(provider: str, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {
        "WHATSAPP_API_URL": provider,
        "WHATSAPP_ACCESS_TOKEN": TOKEN,
        "WHATSAPP_PHONE_NUMBER_ID": "1001",
        "WHATSAPP_BUSINESS_ACCOUNT_ID": "2002",
        "WHATSAPP_APP_SECRET": "s",
        "WHATSAPP_VERIFY_TOKEN": "v",
        **changes,
    }
    script = str(ROOT / "scripts" / "whatsapp_setup.py")
    return subprocess.run(
        [sys.executable, script, "--validate"],
        env=env,
        cwd=Path("/"),
        capture_output=True,
        text=True,
        check=False,
    )


def test_settings_that_work_are_confirmed_one_by_one(provider: str) -> None:
    said = validate(provider)

    assert said.returncode == 0, said.stdout + said.stderr
    assert "template ingreso_ok (es) is approved with 3 parameters" in said.stdout
    assert "template salida_ok (es) is approved with 3 parameters" in said.stdout
    assert all(line.startswith("ok ") for line in said.stdout.splitlines())
    assert TOKEN not in said.stdout


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"WHATSAPP_ACCESS_TOKEN": "dummy"}, "WHATSAPP_ACCESS_TOKEN is not set"),
        ({"WHATSAPP_ACCESS_TOKEN": "stolen"}, "1001: the provider answered 401"),
        ({"WHATSAPP_PHONE_NUMBER_ID": "9"}, "9: the provider answered 400"),
        ({"WHATSAPP_BUSINESS_ACCOUNT_ID": "9"}, "9/message_templates: the provider answered 400"),
        ({"WHATSAPP_API_URL": "http://127.0.0.1:1"}, "cannot be reached: ConnectionError"),
    ],
)
def test_what_is_wrong_is_named(provider: str, changes: dict[str, str], problem: str) -> None:
    said = validate(provider, **changes)

    assert said.returncode == 1
    assert said.stderr == ""
    assert said.stdout.splitlines()[-1].startswith("wrong ")
    assert problem in said.stdout
