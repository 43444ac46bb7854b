"""The WhatsApp emulator's options, from the command line and from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulators.processes import WrongConfig
from emulators.whatsapp.settings import from_arguments

NEEDED = {
    "port": 8101,
    "token": "T",
    "app_secret": "S",
    "webhook_url": "http://127.0.0.1:8080/webhooks/whatsapp",
    "phone_number_id": "106540352242922",
}


def file_with(folder: Path, **changes: Any) -> str:
    options = {key: value for key, value in (NEEDED | changes).items() if value is not None}
    path = folder / "whatsapp.json"
    path.write_text(json.dumps(options))
    return str(path)


def test_secrets_may_stay_in_the_file_and_the_command_line_wins(tmp_path: Path) -> None:
    settings = from_arguments(["--config", file_with(tmp_path, verify_token="V"), "--port", "9000"])

    assert settings.port == 9000
    assert settings.account.token == "T"
    assert settings.account.verify_token == "V"
    assert settings.host == "127.0.0.1"
    assert settings.state is None


def test_everything_may_be_on_the_command_line() -> None:
    arguments = [
        part
        for name, value in NEEDED.items()
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]

    assert from_arguments(arguments).account.app_secret == "S"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"token": None}, "token: missing"),
        ({"colour": "blue"}, "colour: there is no such option"),
        ({"port": "http"}, "port: expected a port number"),
        ({"port": 70000}, "port: expected a port number"),
        ({"webhook_url": "https://colegio.example/"}, "webhook_url: expected http://"),
        ({"phone_number_id": "a/b"}, "phone_number_id: expected letters and digits"),
        ({"app_secret": ["S"]}, "app_secret: expected text"),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(WrongConfig) as wrong:
        from_arguments(["--config", file_with(tmp_path, **changes)])

    assert str(wrong.value).startswith(named)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongConfig, match=r"nothing\.json: No such file"):
        from_arguments(["--config", str(tmp_path / "nothing.json")])
