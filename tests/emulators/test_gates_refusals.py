"""The rig of emulated gates: its process, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.emulators.processes import REPOSITORY
from tests.emulators.rig import (
    CARDS,
    SmallAgent,
    present,
    write_cards,
    write_config,
)


@pytest.mark.parametrize(
    ("order", "status", "error", "field"),
    [
        ({"gate": "oeste", "student": 1}, 404, "unknown_gate", "gate"),
        ({"gate": None, "student": 1}, 400, "missing_gate", "gate"),
        ({"student": 4711}, 404, "unknown_student", "student"),
        ({"student": "1"}, 400, "bad_student", "student"),
        ({"student": True}, 400, "bad_student", "student"),
        ({"card": "gold"}, 404, "unknown_card", "card"),
        ({"card": 5}, 400, "bad_card", "card"),
        ({"student": 1, "card": "torn"}, 400, "one_card_expected", "student"),
        ({}, 400, "one_card_expected", "student"),
        ({"student": 1, "repeat": -1}, 400, "bad_repeat", "repeat"),
        ({"student": 1, "repeat": 1000}, 400, "bad_repeat", "repeat"),
    ],
)
def test_a_wrong_order_is_refused_with_the_field_named(
    gates: str, order: dict[str, Any], status: int, error: str, field: str
) -> None:
    answer = present(gates, **order)

    assert answer.status_code == status
    assert answer.json()["error"] == error
    assert answer.json()["field"] == field
    assert answer.json()["detail"]


def test_what_is_not_json_or_not_a_path_is_refused(gates: str) -> None:
    form = requests.post(f"{gates}/present", data={"gate": "norte"}, timeout=5)
    broken = requests.post(
        f"{gates}/present", data="{", headers={"Content-Type": "application/json"}, timeout=5
    )

    assert form.status_code == 415
    assert broken.status_code == 400
    assert requests.get(f"{gates}/present", timeout=5).status_code == 405
    assert requests.get(f"{gates}/nothing", timeout=5).status_code == 404
    assert requests.post(f"{gates}/readers/oeste/plug", timeout=5).status_code == 404


def test_a_broken_cards_file_is_said_and_does_not_stop_the_gates(
    gates: str, agent: SmallAgent, folder: Path
) -> None:
    (folder / "cards.json").write_text('{"domain": "x", "cards": [{"student": 1, "uid": "zz"}]}')
    refused = present(gates, student=1)

    write_cards(folder, CARDS)

    assert refused.status_code == 503
    assert "cards[0]" in refused.json()["detail"]
    assert present(gates, student=1).json()["read"] is True


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"http_port": "80"}, "http_port"),
        ({"gates": []}, "gates"),
        ({"gates": [{"gate": "norte"}]}, "gates[0].feedback_socket"),
        ({"cards_file": None}, "cards_file"),
    ],
)
def test_a_wrong_configuration_names_the_key_and_stops(
    folder: Path, changes: dict[str, Any], named: str
) -> None:
    config = write_config(folder, **changes)

    stopped = subprocess.run(
        [sys.executable, "-m", "emulators.gates", "--config", str(config)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert stopped.returncode == 2
    assert named in stopped.stderr
