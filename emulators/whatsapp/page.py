"""The page that shows each phone as a guardian would see it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path

from emulators.web import Refused, Request, Response, Route

LANGUAGES = ("es", "en")  # the first is for everybody else

_FOLDER = Path(__file__).parent / "static"
_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Page:
    """``school`` is the name at the head of each chat."""

    def __init__(self, school: str) -> None:
        self._files = {
            path.name: path.read_bytes() for path in _FOLDER.iterdir() if path.suffix in _TYPES
        }
        frame = (_FOLDER / "page.html").read_text(encoding="utf-8")
        self._pages = {language: _filled(frame, language, school) for language in LANGUAGES}

    def routes(self) -> list[Route]:
        return [Route("GET", "/", self.show), Route("GET", r"/static/([\w.]+)", self.send_file)]

    def show(self, request: Request) -> Response:
        language = request.query.get("lang") or _preferred(request.headers)
        page = self._pages.get(language, self._pages[LANGUAGES[0]])
        return Response(page, content_type="text/html; charset=utf-8", headers=_HEADERS)

    def send_file(self, _request: Request, name: str) -> Response:
        if name not in self._files:
            raise Refused(404, f"path: there is no {name}")
        kind = _TYPES[Path(name).suffix]
        return Response(self._files[name], content_type=kind, headers=_HEADERS)


def _preferred(headers: Mapping[str, str]) -> str:
    for choice in headers.get("accept-language", "").lower().split(","):
        language = choice.strip()[:2]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def _filled(frame: str, language: str, school: str) -> bytes:
    words = json.loads((_FOLDER / f"words.{language}.json").read_text(encoding="utf-8"))
    words |= {"language": language, "school": html.escape(school)}
    return _PLACEHOLDER.sub(lambda match: words[match[1]], frame).encode()
