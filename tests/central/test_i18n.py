"""Both languages, complete: every text has its Spanish, and the right one is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from apiflask import APIFlask
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from sqlalchemy.orm import Session

from central.accounts.models import User
from central.web.i18n import TRANSLATIONS, catalogue
from tests.builders import a_school
from tests.central.pages import Person, a_member, signed_in

CENTRAL = Path(__file__).parents[2] / "central"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {
    "_": None,
    "_l": None,
    "gettext": None,
    "ngettext": (1, 2),
    "lazy_gettext": None,
    "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


@pytest.fixture(scope="module")
def said() -> Catalog:
    """Every text of the code and the templates."""
    found = Catalog()
    options = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}
    for name, line, message, _, context in extract_from_dir(
        CENTRAL, method_map=METHODS, options_map=options, keywords=KEYWORDS
    ):
        found.add(message, locations=[(name, line)], context=context)
    return found


@pytest.fixture(scope="module")
def spanish() -> Catalog:
    with (TRANSLATIONS / "es" / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return read_po(source, locale="es")


def test_every_text_has_its_spanish(said: Catalog, spanish: Catalog) -> None:
    missing = [
        f"{message.locations[0]}: {message.id}"
        for message in said
        if message.id and not _translated(spanish, message.id, message.context)
    ]

    assert len(said) > 50
    assert missing == []


def test_the_catalogue_holds_nothing_that_is_not_said(said: Catalog, spanish: Catalog) -> None:
    unused = [message.id for message in spanish if message.id and message.id not in said]

    assert unused == []
    assert list(spanish.obsolete) == []
    assert [message.id for message in spanish if message.fuzzy and message.id] == []


def test_a_translation_keeps_the_places_for_names_and_numbers(spanish: Catalog) -> None:
    for message in spanish:
        if not message.id:
            continue
        english, translated = _texts(message.id), _texts(message.string)
        # a singular may say "one" instead of the number; the plural names everything
        assert _places(translated[-1]) == _places(english[-1]), message.id
        assert all(_places(text) <= _places(english[-1]) for text in translated), message.id


def test_the_catalogue_serves_without_being_compiled() -> None:
    assert catalogue("es").ugettext("Sign in") == "Entrar"
    assert catalogue("es").ungettext("%(num)d browser signed out.", "x", 2).endswith("navegadores.")
    assert catalogue("en").ugettext("Sign in") == "Sign in"


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", "es"),
        ("en-GB,en;q=0.9", "en"),
        ("es-CL,es;q=0.9,en;q=0.8", "es"),
        ("fr", "es"),
    ],
)
def test_a_stranger_is_addressed_in_the_language_of_the_browser_else_in_spanish(
    app: APIFlask, asked: str, shown: str
) -> None:
    page = Person(app).get("/app/sign-in", Accept_Language=asked).text

    assert f'<html lang="{shown}"' in page
    assert ("Entrar" in page) is (shown == "es")


def test_a_choice_made_before_signing_in_holds_for_the_browser(app: APIFlask) -> None:
    person = Person(app)

    answer = person.post("/app/display", language="en", next="/app/sign-in?next=/app/board")

    assert answer.location == "/app/sign-in?next=/app/board"
    assert "Sign in" in person.get("/app/sign-in", Accept_Language="es").text


def test_a_choice_made_by_a_person_follows_to_other_browsers(
    app: APIFlask, session: Session
) -> None:
    user = a_member(session, a_school(session))
    signed_in(app, user).post("/app/display", language="en")

    elsewhere = signed_in(app, user)

    assert "My sessions" in elsewhere.get("/app/sessions", Accept_Language="es").text
    session.expire_all()
    assert session.get_one(User, user.id).locale == "en"


@pytest.mark.parametrize("language", ["fr", "", "../../etc"])
def test_an_unknown_language_is_not_taken(app: APIFlask, language: str) -> None:
    person = Person(app)

    person.post("/app/display", language=language)

    assert person.cookie("language") is None


def test_times_are_those_of_the_school(app: APIFlask, session: Session) -> None:
    easter = a_school(session, timezone="Pacific/Easter")
    person = signed_in(app, a_member(session, easter))

    santiago = signed_in(app, a_member(session, a_school(session)))

    clock = re.compile(r"Último uso: \S+ (\d+):")
    there = int(clock.findall(person.get("/app/sessions").text)[0])
    here = int(clock.findall(santiago.get("/app/sessions").text)[0])
    assert (here - there) % 24 in (1, 2, 3)  # two hours; the clock may tick over between


def _translated(catalog: Catalog, message_id: object, context: str | None) -> bool:
    message = catalog.get(message_id, context)  # type: ignore[arg-type]  # Babel's own ids
    return message is not None and all(_texts(message.string))


def _texts(either: object) -> list[str]:
    """The forms of a text: one, or singular and plural."""
    forms = either if isinstance(either, list | tuple) else (either,)
    return [str(text or "") for text in forms]


def _places(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))
