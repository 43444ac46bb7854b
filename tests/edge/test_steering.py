"""An agent that is steered from afar, over a real broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import topics
from contracts.control import Command, RosterNotice
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from tests.edge.central import Central
from tests.edge.gate import PATIENCE, Gate, card, roster
from tests.edge.website import Asked, Reply, Website, a_key_file


@pytest.fixture
def running(gate: Gate, central: Central) -> Gate:
    gate.start()
    central.wait_for_statuses(1)
    return gate


def test_a_configuration_is_applied_at_once_and_kept(running: Gate, central: Central) -> None:
    running.tap(card(1))
    assert running.tap(card(1))["seq"] == 1  # inside the window of 45 s

    reported = central.desire(3, repeat_window_s=0)

    assert (reported.version, reported.errors) == (3, {})
    assert running.tap(card(1))["seq"] == 2
    running.kill()
    running.start()
    assert running.tap(card(1))["seq"] == 3
    assert running.tap(card(1))["seq"] == 4


def test_what_cannot_be_applied_is_refused_with_a_reason_and_the_rest_is_not(
    running: Gate, central: Central
) -> None:
    reported = central.desire(
        1, repeat_window_s=-1, log_level="loud", feedback="console", colour="red"
    )

    assert reported.errors == {
        "repeat_window_s": "expected a whole number from 0 to 3600",
        "log_level": "expected one of debug, info, warning, error",
        "colour": "unknown here: a newer agent may know it",
    }
    with pytest.raises(TimeoutError):  # it answers on its console now
        running.tap(card(1), seconds=0.5)
    central.desire(2)
    assert running.tap(card(2))["pattern"] == "accept"


def test_an_older_configuration_changes_nothing(running: Gate, central: Central) -> None:
    central.desire(5, repeat_window_s=0)

    reported = central.desire(4, repeat_window_s=45)

    assert reported.version == 5
    assert [running.tap(card(1))["seq"] for _ in range(2)] == [1, 2]


def test_a_gate_shows_which_one_it_is(running: Gate, central: Central) -> None:
    answer = central.order("identify", seconds=1)

    assert (answer.ok, answer.result) == (True, {"seconds": 1})
    assert running.answers.next()["pattern"] == "identify"


def test_an_order_is_carried_out_once_however_often_it_comes(
    running: Gate, central: Central
) -> None:
    first = central.order("identify", 7, seconds=1)
    running.kill()
    running.start()
    central.wait_for_statuses(3)  # birth, will, birth
    running.answers.all_so_far()

    again = central.order("identify", 7, seconds=1)

    assert first.ok
    assert again == first
    assert running.answers.all_so_far() == []


@pytest.mark.parametrize(
    ("name", "args", "until", "error"),
    [
        ("identify", {}, timedelta(seconds=-1), "expired"),
        ("open-the-door", {}, timedelta(minutes=1), "unknown_command"),
        ("identify", {"seconds": 900}, timedelta(minutes=1), "wrong_args"),
        ("logs", {"lines": "all"}, timedelta(minutes=1), "wrong_args"),
    ],
)
def test_an_order_that_would_be_wrong_is_refused(
    running: Gate,
    central: Central,
    name: str,
    args: dict[str, Any],
    until: timedelta,
    error: str,
) -> None:
    answer = central.order(name, until=until, **args)

    assert (answer.ok, answer.error) == (False, error)
    assert running.answers.all_so_far() == []


def test_a_restart_is_answered_first_and_not_repeated(running: Gate, central: Central) -> None:
    assert central.order("restart", 9).ok
    assert running.wait_for_exit() == 75

    running.start()
    central.wait_for_statuses(3)  # birth, good-bye, birth
    again = central.order("restart", 9)

    assert again.ok
    assert running.tap(card(1))["seq"] == 1  # it went on


def test_the_logs_come_without_what_nobody_needs_to_see(running: Gate, central: Central) -> None:
    running.tap(card(1))

    lines = central.order("logs", lines=50).result["lines"]

    assert any("connected to 127.0.0.1" in line for line in lines)
    assert any("gate" in line and "stream <hex>" in line for line in lines)
    assert len(lines) <= 50


def test_a_self_test_names_each_part(running: Gate, central: Central) -> None:
    running.tap(card(1))  # its reader works

    result = central.order("selftest").result

    checks = {check["part"]: check for check in result["checks"]}
    assert set(checks) == {
        *("reader entrada", "disk", "clock", "broker", "queue", "roster", "certificate")
    }
    assert all(check["ok"] for check in checks.values()), checks
    assert checks["queue"]["detail"] == "1 taps wait"


def test_an_anchor_is_told_once_the_clock_is_right(running: Gate, central: Central) -> None:
    central.wait_for(lambda: central.anchors)

    tap = running.tap(card(1))
    central.wait_for(lambda: central.taps)

    anchor, told = central.anchors[0], central.taps[0]
    assert told.boot == anchor.boot
    assert abs(anchor.offset_ms + told.up_ms - told.at.timestamp() * 1000) < 1000
    assert tap["seq"] == 1


def test_health_tells_how_old_the_roster_is(running: Gate, central: Central) -> None:
    central.wait_for(lambda: central.healths)

    health = central.healths[0]
    assert health.roster_version == "r1"
    assert health.roster_age_s is not None
    assert health.roster_age_s < 60
    assert health.alarms == ()


def test_a_newer_roster_is_fetched_when_central_says_so(
    gate: Gate, central: Central, device: str, mosquitto: Mosquitto
) -> None:
    held = [roster("v1", {1: "revoked"})]

    def answer(asked: Asked) -> Reply:
        etag = f'W/"{held[-1].version}"'
        if asked.etag == etag:
            return Reply(304)
        return Reply(body=held[-1].to_json(), headers={"ETag": etag, "Content-Encoding": "gzip"})

    a_key_file(gate.folder)
    with Website(answer) as site:
        gate.write_config(
            mosquitto.port,
            f'[central]\nurl = "http://127.0.0.1:{site.port}"\nkey_file = "device.key"\n',
        )
        gate.start()
        central.wait_for_statuses(1)
        assert wait_until(lambda: "roster version v1" in gate.logged(), PATIENCE)
        assert gate.tap(card(1))["verdict"] == "revoked"

        held.append(roster("v2"))
        central.send(topics.roster(device), RosterNotice("v2").to_json())
        assert wait_until(lambda: "roster version v2" in gate.logged(), PATIENCE)
        assert gate.tap(card(1))["verdict"] == "accepted"

    gate.kill()
    gate.start()  # without a central to ask
    assert gate.tap(card(2))["verdict"] == "accepted"
    assert site.asked[-1].path == "/api/v1/devices/me/roster"


def test_an_order_given_while_the_gate_was_away_is_carried_out_once_when_it_is_back(
    running: Gate, central: Central
) -> None:
    running.terminate()
    order = Command("c-away", "logs", {"lines": 3}, datetime.now(UTC) + timedelta(minutes=1))
    late = Command("c-late", "logs", {"lines": 3}, datetime.now(UTC) - timedelta(seconds=1))
    for command in (order, order, late):
        central.send(topics.command(running.device), command.to_json(), retain=False)

    running.start()

    central.wait_for(lambda: len(central.answers) == 3)
    assert [(answer.id, answer.error) for answer in central.answers if answer.ok] in (
        [("c-away", None)],
        [("c-away", None), ("c-away", None)],  # answered again, and carried out once
    )
    assert "expired" in {answer.error for answer in central.answers if answer.id == "c-late"}
    assert running.logged().count("order c-away: logs") == 1
