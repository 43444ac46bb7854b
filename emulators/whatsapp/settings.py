"""How the emulator is told its settings.

Every option of the command line may instead stand in the JSON object of ``--config FILE``, with
underscores: ``{"port": 8101, "token": …, "app_secret": …}``. What is on the command line wins.
Secrets belong in the file: other users of a machine can read a command line.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emulators.processes import WrongConfig, read_object


@dataclass(frozen=True, slots=True)
class Account:
    """The school's side at Meta: its business account, its number, and the app's secrets."""

    phone_number_id: str
    business_account_id: str
    display_phone_number: str
    display_name: str
    token: str
    app_secret: str
    verify_token: str


@dataclass(frozen=True, slots=True)
class Settings:
    host: str
    port: int
    webhook_url: str
    account: Account
    state: Path | None


# option → (help, default); None: must be given
_OPTIONS: Mapping[str, tuple[str, str | None]] = {
    "host": ("address to listen on", "127.0.0.1"),
    "port": ("port to listen on; 0 takes a free one", None),
    "token": ("bearer token that senders must present", None),
    "app_secret": ("key of the webhooks' X-Hub-Signature-256", None),
    "verify_token": ("sent when the webhook is verified (POST /emulator/verify)", ""),
    "webhook_url": ("where statuses and replies are posted", None),
    "phone_number_id": ("the sender's id in the path", None),
    "business_account_id": ("the id in webhooks and before /message_templates", "100000000000001"),
    "display_phone_number": ("the school's number as guardians see it", "56220000000"),
    "display_name": ("the school's name as guardians see it", "Colegio"),
    "state": ("file that keeps phones and undelivered webhooks between runs", ""),
}


def from_arguments(arguments: Sequence[str]) -> Settings:
    """Raises WrongConfig, which names the option; exits by itself on ``--help``."""
    parser = argparse.ArgumentParser(
        prog="python -m emulators.whatsapp",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, help="JSON file with any of the options below")
    for name, (meaning, _) in _OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=meaning)
    chosen = vars(parser.parse_args(arguments))
    config = chosen.pop("config")
    given = {name: value for name, value in chosen.items() if value is not None}
    return _settings((read_object(config) if config else {}) | given)


def _settings(raw: Mapping[str, Any]) -> Settings:
    for name in raw:
        if name not in _OPTIONS:
            raise WrongConfig(f"{name}: there is no such option")
    values = {name: _text(raw, name) for name in _OPTIONS}
    if not values["port"].isdecimal() or int(values["port"]) > 65_535:
        raise WrongConfig("port: expected a port number")
    if urlsplit(values["webhook_url"]).scheme != "http":
        raise WrongConfig("webhook_url: expected http://…; the emulator speaks no TLS")
    for name in ("phone_number_id", "business_account_id"):
        if not values[name].isascii() or not values[name].isalnum():
            raise WrongConfig(f"{name}: expected letters and digits")
    account = {name: values[name] for name in Account.__slots__}
    return Settings(
        host=values["host"],
        port=int(values["port"]),
        webhook_url=values["webhook_url"],
        account=Account(**account),
        state=Path(values["state"]) if values["state"] else None,
    )


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name, _OPTIONS[name][1])
    if value is None:
        raise WrongConfig(f"{name}: missing")
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise WrongConfig(f"{name}: expected text")
    return str(value)
