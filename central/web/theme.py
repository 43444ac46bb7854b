"""Light, dark, or as the system is: chosen for each browser, kept in a cookie."""

from __future__ import annotations

from typing import Final

from flask import Flask, request
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

THEME_COOKIE: Final = "theme"
THEMES: Final[dict[str, LazyString]] = {
    "system": _l("As the system"),
    "light": _l("Light"),
    "dark": _l("Dark"),
}


def register(app: Flask) -> None:
    app.context_processor(lambda: {"theme": chosen_theme(), "themes": THEMES})


def chosen_theme() -> str:
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else "system"
