"""Sealed lists, and a browser on the school's network, for tests of the gate's own page."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

from central.evacuation.sealing import OpenerKey, opener_of_card, seal
from contracts.evacuation import Contact, Course, InsideList, Person
from tests.edge.values import MORNING

DEVICE = "norte-1"
TOKEN = bytes(range(16))


def a_list(*, minutes: int = 0, name: str = "Ñuñez Ñandú, Ana") -> InsideList:
    """Two students, as of so many minutes after the morning began."""
    ana = Person(name, "7:58", sure=True, contacts=(Contact("Rosa Ñandú", "+56912345678"),))
    return InsideList(
        school="Colegio Los Aromos",
        made_at=MORNING + timedelta(minutes=minutes),
        clock="7:50",
        locale="es",
        courses=(Course("1° Básico A", (ana, Person("Pérez, Luis", "", sure=False))),),
    )


def sealed(content: InsideList, *openers: OpenerKey, device: str = DEVICE) -> bytes:
    return seal(content, device, openers or (opener_of_card(TOKEN),)).to_json()


@dataclass
class Page:
    status: int
    text: str
    location: str


@dataclass
class Browser:
    """Keeps its cookie, follows nothing by itself."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    trusted: Path | None = None  # the page's own certificate: then by HTTPS

    def get(self, path: str = "/") -> Page:
        return self._ask("GET", path, "")

    def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: str) -> Page:
        return self._ask("POST", path, urlencode(fields), headers)

    def _ask(
        self, method: str, path: str, body: str, headers: dict[str, str] | None = None
    ) -> Page:
        connection = self._connection()
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body or None, {"Cookie": cookie, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        connection.close()
        return Page(answer.status, text, answer.headers.get("Location", ""))

    def _connection(self) -> http.client.HTTPConnection:
        if self.trusted is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        trust = ssl.create_default_context(cafile=self.trusted)
        trust.check_hostname = False  # somebody types an address
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=trust)
