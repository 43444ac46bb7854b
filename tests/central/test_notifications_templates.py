"""What guardians read. The approved texts are kept as a file to be read by people."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from central.notifications.channel import Change
from central.notifications.templates import TEMPLATES, clock_time, parameters, preview
from central.notifications.whatsapp import template_request
from emulators.whatsapp.templates import APPROVED
from tests.central.messages import a_message

SNAPSHOT = Path(__file__).parent / "snapshots" / "messages.txt"


NO_CLASS = Change("suspension", date(2026, 9, 18), date(2026, 9, 18))
# what a message of each kind is made of
MESSAGES: dict[str, dict[str, object]] = {
    "entry": {},
    "exit": {},
    "arrived_after_alert": {},
    "absence": {"gate": None},
    "withdrawal": {"gate": None},
    "calendar_change": {"gate": None, "change": NO_CLASS},
}


def test_the_texts_are_those_that_people_have_agreed_on() -> None:
    texts = []
    for kind, changes in MESSAGES.items():
        for locale in ("es", "en"):
            message = a_message(kind=kind, locale=locale, **changes)
            texts.append(f"{kind} {locale}: {preview(kind, locale, parameters(message))}")

    assert "\n".join(texts) + "\n" == SNAPSHOT.read_text()


def test_every_text_is_the_one_that_meta_has_approved() -> None:
    ours = {
        (template.name, language): body
        for template in TEMPLATES.values()
        for language, body in template.bodies.items()
    }

    assert ours == {key: approved.body for key, approved in APPROVED.items()}
    for template in TEMPLATES.values():
        for language in template.bodies:
            approved = APPROVED[template.name, language]
            assert approved.parameter_count == len(template.parameters)


@pytest.mark.parametrize(
    ("at", "timezone", "clock"),
    [
        (datetime(2026, 3, 4, 11, 7, 59, tzinfo=UTC), "America/Santiago", "8:07"),
        (datetime(2026, 6, 4, 12, 7, tzinfo=UTC), "America/Santiago", "8:07"),  # winter
        (datetime(2026, 3, 4, 18, 30, tzinfo=UTC), "America/Santiago", "15:30"),
        (datetime(2026, 3, 4, 3, 5, tzinfo=UTC), "America/Santiago", "0:05"),
        (datetime(2026, 3, 4, 13, 7, tzinfo=UTC), "Pacific/Easter", "8:07"),
    ],
)
def test_the_time_is_the_schools_own(at: datetime, timezone: str, clock: str) -> None:
    assert clock_time(at, timezone) == clock


@pytest.mark.parametrize(
    ("change", "dates", "said"),
    [
        (NO_CLASS, "viernes 18 de septiembre", "no hay clases"),
        (
            Change("holiday", date(2026, 7, 13), date(2026, 7, 24)),
            "lunes 13 de julio – viernes 24 de julio",
            "no hay clases",
        ),
        (
            Change("early_leave", date(2026, 3, 4), date(2026, 3, 4), ends_at=time(13)),
            "miércoles 4 de marzo",
            "la salida es a las 13:00",
        ),
        (
            Change("hours", date(2026, 3, 4), date(2026, 3, 4), starts_at=time(9, 30)),
            "miércoles 4 de marzo",
            "las clases empiezan a las 9:30",
        ),
        (
            Change("hours", date(2026, 3, 4), date(2026, 3, 4), time(9), time(12, 30)),
            "miércoles 4 de marzo",
            "las clases son de 9:00 a 12:30",
        ),
        (
            Change("recovery", date(2026, 3, 7), date(2026, 3, 7)),
            "sábado 7 de marzo",
            "hay clases en el horario habitual",
        ),
    ],
)
def test_a_change_of_the_calendar_is_told_in_words(change: Change, dates: str, said: str) -> None:
    message = a_message(kind="calendar_change", gate=None, change=change)

    assert parameters(message) == ("Sofía", dates, said)


def test_a_parameter_is_one_line_as_meta_demands() -> None:
    message = a_message(given_name="María \n José", gate="Puerta\t\tNorte     2")

    assert parameters(message) == ("María José", "8:07", "Puerta Norte 2")


def test_a_request_names_template_language_parameters_and_our_reference() -> None:
    request = template_request(a_message(school_id=7, id=40, kind="exit", locale="en"))

    assert request == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+56940000001",
        "type": "template",
        "template": {
            "name": "salida_ok",
            "language": {"code": "en"},
            "components": [
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "text": "Sofía"},
                        {"type": "text", "text": "8:07"},
                        {"type": "text", "text": "Puerta Norte"},
                    ],
                }
            ],
        },
        "biz_opaque_callback_data": "7:40",
    }


def test_a_value_that_looks_like_a_placeholder_is_left_as_it_is() -> None:
    text = preview("entry", "es", ("{{2}}", "8:07", "Puerta Norte"))

    assert "{{2}} ingresó al colegio a las 8:07" in text


def test_a_language_without_text_gets_spanish() -> None:
    assert TEMPLATES["entry"].language("pt") == "es"
