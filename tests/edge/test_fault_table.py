"""The fault table of docs/gate.md and the tests of faults name each other."""

from __future__ import annotations

import re
from pathlib import Path

from devkit.places import ROOT

COLUMNS = 6


def rows() -> list[list[str]]:
    """The cells of each fault."""
    text = (ROOT / "docs" / "gate.md").read_text().partition("\n## Faults\n")[2]
    table = text.partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def trials() -> set[str]:
    files = Path(__file__).parent.glob("test_faults_*.py")
    return {
        name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)
    }


def test_each_fault_says_everything_that_one_has_to_know() -> None:
    assert len(rows()) >= 10
    assert [row for row in rows() if len(row) != COLUMNS or not all(row)] == []


def test_each_fault_is_tried_and_each_trial_is_told_of() -> None:
    named = {name for row in rows() for name in re.findall(r"test_\w+", row[-1])}

    assert named == trials()
