"""Templates and styles that keep to the strict policy, and the built files as they are served."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from apiflask import APIFlask

from central.web.assets import STATIC
from tests.central.pages import Person

WEB = Path(__file__).parents[2] / "central" / "web"
TEMPLATES = sorted(WEB.glob("templates/**/*.html"))
FORBIDDEN = {
    "a style attribute": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "an event attribute": re.compile(r"\s(on[a-z]+|hx-on[:\w-]*)\s*=", re.IGNORECASE),
    "a script address": re.compile(r"javascript:", re.IGNORECASE),
    "another host": re.compile(r"""(src|href|action)\s*=\s*["'](https?:)?//""", re.IGNORECASE),
    "htmx that needs eval": re.compile(r"""hx-vals\s*=\s*["']js:|hx-trigger\s*=\s*"[^"]*\["""),
}
TOKEN = re.compile(r"--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_a_template_has_nothing_inline(path: Path) -> None:
    text = path.read_text()

    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_every_form_that_changes_something_carries_its_token(path: Path) -> None:
    text = path.read_text()

    forms = re.findall(r'<form[^>]*method="post".*?(?:</form>|endmacro)', text, re.DOTALL)
    assert all('name="csrf_token"' in form for form in forms)


@pytest.fixture(scope="module")
def tokens() -> dict[str, tuple[str, str]]:
    css = (WEB / "frontend" / "styles" / "tokens.css").read_text()
    return {name: (light, dark) for name, light, dark in TOKEN.findall(css)}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


STATES = ("inside", "late", "missing", "excused", "unknown")
READ_ON = [
    *((text, ground) for text in ("text", "muted") for ground in ("ground", "surface", "sunken")),
    *((state, ground) for state in STATES for ground in ("ground", "surface", f"{state}-soft")),
    ("accent", "ground"),
    ("accent", "surface"),
    ("accent", "accent-soft"),
    ("accent-strong", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    *(("text", f"{state}-soft") for state in STATES),
]


@pytest.mark.parametrize(("text", "ground"), READ_ON)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_in_both_themes(
    tokens: dict[str, tuple[str, str]], text: str, ground: str, theme: int
) -> None:
    assert contrast(tokens[text][theme], tokens[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_edges_of_fields_are_visible(tokens: dict[str, tuple[str, str]], theme: int) -> None:
    assert contrast(tokens["line-strong"][theme], tokens["surface"][theme]) >= 3


def test_every_bundle_and_icon_is_built_and_served(app: APIFlask) -> None:
    bundles = json.loads((STATIC / "dist" / "manifest.json").read_text())
    person = Person(app)

    assert {"app.js", "app.css", "mark.svg"} <= set(bundles)
    for name, built in bundles.items():
        answer = person.get(f"/static/dist/{built}")
        assert answer.status_code == 200, name
        assert "immutable" in answer.headers["Cache-Control"], name
        assert "no-store" not in answer.headers["Cache-Control"], name


def test_swagger_ui_is_served_from_here(app: APIFlask) -> None:
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js"):
        assert Person(app).get(f"/static/dist/swagger/{name}").status_code == 200


@pytest.mark.parametrize(("accepted", "sent"), [("br, gzip", "br"), ("gzip", "gzip"), ("", None)])
def test_files_travel_compressed_as_the_browser_likes(
    app: APIFlask, accepted: str, sent: str | None
) -> None:
    built = json.loads((STATIC / "dist" / "manifest.json").read_text())["app.css"]

    answer = Person(app).get(f"/static/dist/{built}", Accept_Encoding=accepted)

    assert answer.headers.get("Content-Encoding") == sent
    assert answer.mimetype == "text/css"
    assert "Accept-Encoding" in answer.headers["Vary"]
    if sent:
        assert len(answer.data) < 100_000


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/dist/../../i18n.py"]
)
def test_nothing_beside_the_static_files_is_served(app: APIFlask, path: str) -> None:
    assert Person(app).get(path).status_code == 404


def test_the_scripts_of_every_page_stay_small() -> None:
    built = json.loads((STATIC / "dist" / "manifest.json").read_text())["app.js"]

    assert (STATIC / "dist" / f"{built}.gz").stat().st_size < 25_000
