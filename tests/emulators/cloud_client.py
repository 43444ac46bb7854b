"""A sender as the school's worker is one, and the emulator it talks to."""

from __future__ import annotations

from typing import Any

import requests

TOKEN = "EAAG-test-token"
APP_SECRET = "app secret with ñ"
PHONE_NUMBER_ID = "106540352242922"
BUSINESS_ACCOUNT_ID = "102290129340398"
GUARDIAN = "56912345678"
MORNING = ("Sofía", "8:07", "Puerta Norte")


def template_message(
    to: str = GUARDIAN,
    name: str = "ingreso_ok",
    language: str = "es",
    values: tuple[str, ...] = MORNING,
    **more: Any,
) -> dict[str, Any]:
    parameters = [{"type": "text", "text": value} for value in values]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": {
            "name": name,
            "language": {"code": language},
            "components": [{"type": "body", "parameters": parameters}],
        },
        **more,
    }


def text_message(to: str = GUARDIAN, text: str = "Buenos días") -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "text",
        "text": {"body": text},
    }


class Cloud:
    """Calls the emulator at ``url`` over one connection, as a sender and as its puppeteer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {TOKEN}"

    def post(self, body: Any, *, version: str = "v23.0", timeout: float = 10) -> requests.Response:
        url = f"{self.url}/{version}/{PHONE_NUMBER_ID}/messages"
        return self._session.post(url, json=body, timeout=timeout)

    def send(self, **changes: Any) -> str:
        """Send a template message that must be accepted; its wamid."""
        answer = self.post(template_message(**changes))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["messages"][0]["id"])

    def error(self, body: Any) -> tuple[int, dict[str, Any]]:
        """HTTP status and error of a request that must be refused."""
        answer = self.post(body)
        return answer.status_code, answer.json()["error"]

    def get(self, path: str, **query: str) -> Any:
        answer = self._session.get(f"{self.url}{path}", params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def behave(self, **rule: Any) -> None:
        answer = self.order("/emulator/behaviour", rule)
        assert answer.status_code == 200, answer.text

    def order(self, path: str, body: Any) -> requests.Response:
        return self._session.post(f"{self.url}{path}", json=body, timeout=10)

    def messages(self, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/emulator/messages", **query)["messages"]
        return found
