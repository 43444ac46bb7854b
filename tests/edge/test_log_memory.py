"""What a technician far away gets to read of the log."""

from __future__ import annotations

import logging

import pytest

from edge_agent.log_memory import LINES_KEPT, MOST_SENT, LogMemory, redacted


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("card 3f2a9c1e7b2d4860a1b2c3d4e5f60718 unknown", "card <hex> unknown"),
        ("call +56 9 4000 0001 now", "call <number> now"),
        ("call +56940000001", "call <number>"),
        ("Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln", "Bearer <token>"),
        ("mqtts://gate:word@school.example.cl", "mqtts://<login>@school.example.cl"),
        ("password = hunter2", "password = <secret>"),
        (
            "2026-03-04 10:58:07,120 INFO x: 50 waiting",
            "2026-03-04 10:58:07,120 INFO x: 50 waiting",
        ),
        ("next try in 12.5 s, session 17726", "next try in 12.5 s, session 17726"),
    ],
)
def test_a_line_loses_what_nobody_needs_to_see(line: str, kept: str) -> None:
    assert redacted(line) == kept


def remembering(*lines: str) -> LogMemory:
    memory = LogMemory()
    for line in lines:
        memory.handle(logging.LogRecord("x", logging.INFO, "", 1, line, None, None))
    return memory


def test_the_newest_lines_come_oldest_first() -> None:
    memory = remembering("first", "second", "third")

    assert [line.rpartition(" ")[2] for line in memory.last(2)] == ["second", "third"]


def test_a_long_life_and_long_lines_stay_within_bounds() -> None:
    memory = remembering(*("long " * 500 for _ in range(3 * LINES_KEPT)))

    assert 10 < len(memory.last(LINES_KEPT)) < LINES_KEPT
    assert sum(len(line) for line in memory.last(LINES_KEPT)) <= MOST_SENT
