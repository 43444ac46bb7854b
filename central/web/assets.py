"""The built front end: names with their hash, icons, and the files themselves.

``npm run build`` writes ``static/dist``: the bundles, ``manifest.json`` and ``icons.json``.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flask import Flask, Response, request, send_from_directory, url_for
from markupsafe import Markup
from werkzeug.security import safe_join

STATIC: Final = Path(__file__).parent / "static"
ONE_YEAR_SECONDS: Final = 31_536_000
ONE_HOUR_SECONDS: Final = 3_600

_HASHED: Final = re.compile(r"-[A-Z0-9]{8}\.[a-z0-9.]+$")  # as the build names what it hashes
_COMPRESSED: Final = (("br", ".br"), ("gzip", ".gz"))  # best first; made by the build


class NotBuilt(Exception):
    """The front end is missing or older than the template that asks for it."""


class _Listing:
    """A JSON object on disk, read again when the build has replaced it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = -1
        self._entries: Mapping[str, str] = {}

    def __getitem__(self, name: str) -> str:
        try:
            written_at = self._path.stat().st_mtime_ns
            if written_at != self._read_at:
                self._entries = json.loads(self._path.read_text())
                self._read_at = written_at
            return self._entries[name]
        except (FileNotFoundError, KeyError):
            raise NotBuilt(f"{name} is not in {self._path}: run `npm run build`") from None


def register(app: Flask) -> None:
    bundles = _Listing(STATIC / "dist" / "manifest.json")
    icons = _Listing(STATIC / "dist" / "icons.json")

    def asset(name: str) -> str:
        """The address of a bundle such as ``app.js``, which changes with its content."""
        return url_for("static", filename=f"dist/{bundles[name]}")

    def icon(name: str) -> Markup:
        """A Tabler icon, decorative: say in words beside it what it means."""
        return Markup(icons[name])  # noqa: S704 - our own build made it, from the icon package

    app.add_url_rule("/static/<path:filename>", "static", static_file)
    app.jinja_env.globals["asset"] = asset
    app.jinja_env.globals["icon"] = icon


def static_file(filename: str) -> Response:
    """A file of the front end, compressed in advance where the browser takes it."""
    response = _best_form(filename)
    response.vary.add("Accept-Encoding")
    if _HASHED.search(filename):
        response.cache_control.immutable = True
        response.cache_control.max_age = ONE_YEAR_SECONDS
    else:
        response.cache_control.max_age = ONE_HOUR_SECONDS
    response.cache_control.no_cache = None
    response.cache_control.public = True
    return response


def _best_form(filename: str) -> Response:
    for encoding, suffix in _COMPRESSED:
        path = safe_join(str(STATIC), filename + suffix)
        if path and request.accept_encodings[encoding] and Path(path).is_file():
            kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
            response = send_from_directory(STATIC, filename + suffix, mimetype=kind)
            response.content_encoding = encoding
            return response
    return send_from_directory(STATIC, filename)
