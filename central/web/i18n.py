"""Languages of the interface: English in the code, Spanish in the catalogue and by default.

The catalogue is read from its ``.po`` when the application starts. Nothing compiled is kept, so
what is shown can neither be missing on a clean clone nor older than the translation.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, g, request
from flask_babel import Babel, Domain, get_locale

LANGUAGES: Final = {"es": "Español", "en": "English"}  # each in its own words
DEFAULT: Final = "es"
LANGUAGE_COOKIE: Final = "language"
TRANSLATIONS: Final = Path(__file__).parent / "translations"


class _Catalogues(Domain):  # type: ignore[misc]  # Flask-Babel has no types
    """Flask-Babel's catalogues, filled beforehand instead of from ``.mo`` files."""

    def __init__(self) -> None:
        super().__init__()
        for language in LANGUAGES:
            self.cache[language, self.domain[0]] = catalogue(language)


class _Languages(Babel):  # type: ignore[misc]  # likewise
    @property
    def domain_instance(self) -> Domain:
        return self._catalogues

    def init_app(self, app: Flask, *args: Any, **kwargs: Any) -> None:
        self._catalogues = _Catalogues()
        super().init_app(app, *args, **kwargs)


@cache
def catalogue(language: str) -> Translations:
    """The texts of one language; English is what the code says."""
    compiled = BytesIO()
    path = TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"
    if language == "en":
        return Translations()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def register(app: Flask) -> None:
    _Languages().init_app(
        app,
        default_locale=DEFAULT,
        default_timezone="America/Santiago",
        locale_selector=chosen_language,
        timezone_selector=school_timezone,
    )
    app.context_processor(lambda: {"language": str(get_locale()), "languages": LANGUAGES})


def chosen_language() -> str:
    """The person's own choice, else this browser's, else what the browser asks for."""
    viewer = g.get("viewer")
    if viewer is not None:
        return str(viewer.locale)
    cookie = request.cookies.get(LANGUAGE_COOKIE)
    if cookie in LANGUAGES:
        return cookie
    return request.accept_languages.best_match(list(LANGUAGES), DEFAULT)


def school_timezone() -> str | None:
    """Times are shown as the clock on the school's wall shows them."""
    viewer = g.get("viewer")
    return viewer.school.timezone if viewer is not None and viewer.school is not None else None
