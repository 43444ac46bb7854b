"""Answers leave at once, whether or not somebody sees them."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.feedback import ConsoleFeedback, EmulatedFeedback, Outcome, pattern_of
from tests.edge.values import MORNING

ACCEPTED = Outcome("accept", "Ana P.", "accepted", 7, MORNING)
LOST = Outcome("not_stored", "Ana P.", "accepted", None, MORNING)


@pytest.mark.parametrize(
    ("verdict", "pattern"),
    [
        ("accepted", "accept"),
        ("torn", "hold"),
        ("unknown", "reject"),
        ("revoked", "reject"),
        ("not_today", "reject"),
        ("some_later_code", "reject"),
    ],
)
def test_a_verdict_has_its_pattern(verdict: str, pattern: str) -> None:
    assert pattern_of(verdict) == pattern


def test_an_emulated_light_receives_one_datagram_an_answer(short_folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lights:
        lights.bind(str(short_folder / "lights"))

        with closing(EmulatedFeedback(short_folder / "lights")) as feedback:
            feedback.show(ACCEPTED)

        assert json.loads(lights.recv(4096)) == {
            "pattern": "accept",
            "name": "Ana P.",
            "verdict": "accepted",
            "seq": 7,
            "at": "2026-03-04T10:50:00+00:00",
        }


def test_an_answer_that_nobody_hears_costs_nothing_and_is_said_once(
    short_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(EmulatedFeedback(short_folder / "nobody")) as feedback:
        for _ in range(3):
            feedback.show(ACCEPTED)

    assert len(caplog.records) == 1
    assert "Ana" not in caplog.text


def test_a_listener_that_does_not_keep_up_never_blocks_the_gate(short_folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lights:
        lights.bind(str(short_folder / "lights"))
        with closing(EmulatedFeedback(short_folder / "lights")) as feedback:
            for _ in range(5000):  # far beyond any socket's queue
                feedback.show(ACCEPTED)

        assert json.loads(lights.recv(4096))["seq"] == 7


def test_lights_that_come_on_later_are_found(short_folder: Path) -> None:
    feedback = EmulatedFeedback(short_folder / "lights")
    feedback.show(ACCEPTED)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lights:
        lights.bind(str(short_folder / "lights"))

        feedback.show(LOST)

        assert json.loads(lights.recv(4096))["pattern"] == "not_stored"
    feedback.close()


def test_the_console_says_what_happened_but_not_who(capsys: pytest.CaptureFixture[str]) -> None:
    feedback = ConsoleFeedback()

    feedback.show(ACCEPTED)
    feedback.show(LOST)

    assert capsys.readouterr().out == (
        "accept verdict=accepted seq=7\nnot_stored verdict=accepted seq=-\n"
    )
