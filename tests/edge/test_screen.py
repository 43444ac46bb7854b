"""What the screen says for each answer, to whom it says it, and that it never holds up a gate."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import edge_agent.screen
from devkit.servers import free_port
from devkit.waiting import wait_until
from edge_agent.answer_settings import ScreenSettings
from edge_agent.feedback import Outcome
from edge_agent.findings import Finding
from edge_agent.screen.hub import MOST_BROWSERS, Screen
from edge_agent.screen.server import ScreenPage
from edge_agent.screen.showing import Showing, showing_of
from edge_agent.screen.words import WORDS
from tests.edge.gate import PATIENCE
from tests.edge.values import MORNING

SANTIAGO = ZoneInfo("America/Santiago")
CSS = (Path(edge_agent.screen.__file__).parent / "page" / "screen.css").read_text()
AAA = 7.0  # WCAG 2.2, success criterion 1.4.6


def outcome(
    pattern: str, name: str | None = "Ana P.", verdict: str = "accepted", **more: str
) -> Outcome:
    return Outcome(pattern, name, verdict, 1, MORNING, **more)  # type: ignore[arg-type]


def shown(answer: Outcome, locale: str = "es") -> Showing:
    return showing_of(answer, "norte-1", locale, SANTIAGO)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (outcome("accept"), ("accept", "¡Hola,", "Ana!", "Listo")),
        (outcome("accept", direction="in"), ("accept", "¡Hola,", "Ana!", "Entrada")),
        (outcome("accept", direction="out"), ("accept", "¡Hasta pronto,", "Ana!", "Salida")),
        (outcome("hold", None, "torn"), ("hold", "", "Otra vez, por favor")),
        (outcome("reject", None, "unknown"), ("office", "", "¡Hola!")),
        (outcome("reject", "Ana P.", "not_today"), ("office", "¡Hola,", "Ana!")),
        (outcome("reject", "Ana P.", "some_later_code"), ("office", "¡Hola,", "Ana!")),
        (outcome("not_stored"), ("not_stored", "¡Hola,", "Ana!")),
        (outcome("identify", None, "identify"), ("identify", "Soy esta puerta", "norte-1")),
    ],
    ids=lambda value: value.verdict if isinstance(value, Outcome) else value[0],
)
def test_each_answer_has_a_shape_and_a_greeting(answer: Outcome, expected: tuple[str, ...]) -> None:
    showing = shown(answer)

    found = (showing.state, showing.line, showing.title, showing.word)
    assert found[: len(expected)] == expected


def test_who_found_a_card_does_not_learn_whose_it_was() -> None:
    assert "Ana" not in json.dumps(shown(outcome("reject", "Ana P.", "revoked")).wire())


def test_the_time_is_that_of_the_school_and_not_shown_when_it_may_be_wrong() -> None:
    assert shown(outcome("accept")).clock == "7:50"
    assert shown(outcome("accept", clock="unsynced")).clock == ""


def test_a_self_test_counts_what_is_wrong() -> None:
    findings = (
        Finding("reader entrada", True, "reader_ready", {"resets": 0}),
        Finding("broker", False, "broker_down", {"port": 8883}),
    )
    tested = Outcome("tested_fault", None, "selftest", None, MORNING, findings=findings)

    showing = shown(tested)

    assert showing.title == "Para revisar: 1"
    assert [(check["part"], check["ok"]) for check in showing.checks] == [
        ("Lector entrada", True),
        ("Conexión", False),
    ]
    assert "puerto 8883" in showing.checks[1]["detail"]


def test_both_languages_say_everything() -> None:
    assert WORDS["es"].keys() == WORDS["en"].keys()


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_every_ground_is_read_at_the_highest_contrast() -> None:
    root = re.search(r":root \{(.*?)\}", CSS, re.DOTALL)
    assert root is not None
    usual = dict(re.findall(r"--(ground|text|soft): (#\w{6})", root[1]))
    states = re.findall(r'\n((?:body\[data-state="\w+"\],?\n?)+) \{(.*?)\}', CSS, re.DOTALL)
    grounds = [usual] + [
        usual | colours
        for _, rules in states
        if (colours := dict(re.findall(r"--(ground|text): (#\w{6})", rules)))
    ]

    assert len(grounds) == 6
    for colours in grounds:
        assert contrast(colours["ground"], colours["text"]) >= AAA, colours
    assert contrast(usual["ground"], usual["soft"]) >= AAA


@pytest.fixture
def settings() -> ScreenSettings:
    return ScreenSettings(free_port(), "es", SANTIAGO, sound=True)


@pytest.fixture
def screen(settings: ScreenSettings) -> Iterator[Screen]:
    """With its page on its port."""
    made, stop = Screen(settings, "norte-1"), threading.Event()
    serving = threading.Thread(target=ScreenPage(settings, made).serve, args=(stop,))
    serving.start()
    assert wait_until(lambda: answers(settings.port), PATIENCE)
    yield made
    stop.set()
    serving.join()


def answers(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, path: str, host: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{port}")
    connection.endheaders()
    return connection.getresponse()


class Kiosk:
    """A browser that only listens."""

    def __init__(self, port: int) -> None:
        self._answer = ask(port, "/events")

    def next(self) -> tuple[str, dict[str, object]]:
        """The next event and what it says."""
        name = ""
        while line := self._answer.readline().decode():
            if line.startswith("event: "):
                name = line[7:].strip()
            elif line.startswith("data: "):
                return name, json.loads(line[6:])
        raise EOFError

    def close(self) -> None:
        self._answer.close()


def test_a_browser_hears_of_the_connection_first_and_then_of_each_card(
    screen: Screen, settings: ScreenSettings
) -> None:
    screen.note(online=False, clock="unsynced")
    kiosk = Kiosk(settings.port)
    first = kiosk.next()

    screen.show(outcome("accept"))
    card = kiosk.next()
    screen.note(online=False, clock="unsynced")
    screen.note(online=True, clock="synced")

    assert first == ("link", {"online": False, "clock": False})
    assert card[0] == "show"
    assert (card[1]["title"], card[1]["seconds"]) == ("Ana!", 3.0)
    assert kiosk.next() == ("link", {"online": True, "clock": True})
    kiosk.close()


def test_a_browser_that_does_not_read_holds_up_nobody(
    screen: Screen, settings: ScreenSettings
) -> None:
    deaf, kiosk = Kiosk(settings.port), Kiosk(settings.port)
    kiosk.next()

    for _ in range(20_000):  # far beyond what any socket keeps
        screen.show(outcome("hold", None, "torn"))
    kiosk.close()
    late = Kiosk(settings.port)

    assert late.next()[0] == "link"
    for browser in (deaf, late):
        browser.close()


def test_of_too_many_browsers_the_oldest_is_let_go(
    screen: Screen, settings: ScreenSettings
) -> None:
    kiosks = [Kiosk(settings.port) for _ in range(MOST_BROWSERS + 1)]
    for kiosk in kiosks[1:]:
        kiosk.next()
    kiosks[0].next()

    with pytest.raises(EOFError):
        kiosks[0].next()

    for kiosk in kiosks:
        kiosk.close()


def test_only_who_asks_for_this_very_host_is_answered(
    screen: Screen, settings: ScreenSettings
) -> None:
    elsewhere = ask(settings.port, "/", host=f"evil.example:{settings.port}")
    stolen = ask(settings.port, "/events", host="evil.example")
    ours = ask(settings.port, "/", host=f"localhost:{settings.port}")

    assert (elsewhere.status, stolen.status, ours.status) == (421, 421, 200)
    policy = ours.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert ask(settings.port, "/../settings.py").status == 404


def test_a_port_in_use_is_said_once_and_ends_nothing(
    caplog: pytest.LogCaptureFixture, settings: ScreenSettings
) -> None:
    stop = threading.Event()
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        page = ScreenPage(settings, Screen(settings, "norte-1"))
        serving = threading.Thread(target=page.serve, args=(stop,))
        serving.start()

        assert wait_until(lambda: "cannot be served" in caplog.text, PATIENCE)
        assert serving.is_alive()

        stop.set()
        serving.join()
