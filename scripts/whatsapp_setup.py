"""Checks the WhatsApp settings against the provider: ``whatsapp_setup.py --validate``.

Sends no message. Says line by line what is in order and what is not; the exit status is 1 if
anything is not.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

# Also when it is run by its path, as the deployment's instructions do.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from central.notifications.templates import TEMPLATES
from central.notifications.whatsapp import GRAPH_VERSION
from central.settings import Settings, SettingsError

SECONDS = 10
PLACEHOLDERS = ("", "dummy")


class Wrong(Exception):
    """One thing that is not in order, in a sentence."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--validate", action="store_true", required=True)
    parser.parse_args()
    try:
        settings = Settings.from_env(os.environ)
        for fact in validate(settings):
            print(f"ok     {fact}")
    except (SettingsError, Wrong) as problem:
        print(f"wrong  {problem}")
        return 1
    return 0


def validate(settings: Settings) -> Iterator[str]:
    """What is in order, one sentence at a time; raises Wrong at the first thing that is not."""
    required = {
        "WHATSAPP_ACCESS_TOKEN": settings.whatsapp_access_token,
        "WHATSAPP_PHONE_NUMBER_ID": settings.whatsapp_phone_number_id,
        "WHATSAPP_BUSINESS_ACCOUNT_ID": settings.whatsapp_business_account_id,
        "WHATSAPP_APP_SECRET": settings.whatsapp_app_secret,
        "WHATSAPP_VERIFY_TOKEN": settings.whatsapp_verify_token,
    }
    for name, value in required.items():
        if value in PLACEHOLDERS:
            raise Wrong(f"{name} is not set")
    yield "every variable is set"
    number = _ask(settings, settings.whatsapp_phone_number_id, fields="display_phone_number")
    yield f"the token may send from {number.get('display_phone_number', 'the number')}"
    for name, language, count in _templates_needed():
        _check_template(settings, name, language, count)
        yield f"template {name} ({language}) is approved with {count} parameters"
    real = "on" if settings.enable_real_notifications else "off: messages are recorded, not sent"
    yield f"ENABLE_REAL_NOTIFICATIONS is {real}"


def _templates_needed() -> Iterator[tuple[str, str, int]]:
    for template in TEMPLATES.values():
        for language in template.bodies:
            yield template.name, language, len(template.parameters)


def _check_template(settings: Settings, name: str, language: str, count: int) -> None:
    account = settings.whatsapp_business_account_id
    found = _ask(settings, f"{account}/message_templates", name=name, language=language)
    # The provider's filter by name also finds longer names.
    matching = [
        each
        for each in found.get("data", [])
        if each.get("name") == name and each.get("language") == language
    ]
    if not matching:
        raise Wrong(f"template {name} ({language}) does not exist in account {account}")
    if matching[0].get("status") != "APPROVED":
        raise Wrong(f"template {name} ({language}) is {matching[0].get('status')}")
    if _parameter_count(matching[0]) != count:
        raise Wrong(f"template {name} ({language}) does not have {count} parameters")


def _parameter_count(template: dict[str, Any]) -> int:
    texts = [str(part.get("text", "")) for part in template["components"] if part["type"] == "BODY"]
    return len(set(re.findall(r"\{\{\s*\w+\s*\}\}", " ".join(texts))))


def _ask(settings: Settings, node: str, **query: str) -> dict[str, Any]:
    url = f"{settings.whatsapp_api_url.rstrip('/')}/{GRAPH_VERSION}/{node}"
    headers = {"Authorization": f"Bearer {settings.whatsapp_access_token}"}
    try:
        answer = requests.get(
            url, params=query, headers=headers, timeout=SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        raise Wrong(
            f"{settings.whatsapp_api_url} cannot be reached: {type(error).__name__}"
        ) from error
    if answer.status_code != 200:
        raise Wrong(f"{node}: the provider answered {answer.status_code}: {_reason(answer)}")
    body: dict[str, Any] = answer.json()
    return body


def _reason(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"


if __name__ == "__main__":
    sys.exit(main())
