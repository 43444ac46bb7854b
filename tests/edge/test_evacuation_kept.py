"""The sealed list on the gate's disk: refreshed while central answers, kept while it does not."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.fields import ContractError
from edge_agent.evacuation.kept import (
    REACHABLE_SECONDS,
    Fetched,
    KeptList,
    Refresher,
    SourceUnavailable,
)
from tests.edge.evacuation import DEVICE, a_list, sealed

Answers = Callable[[str | None], Fetched]


class ScriptedSource:
    """Answers one after another, and notes the tags it was asked with."""

    def __init__(self, *answers: Fetched | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[str | None] = []

    def fetch(self, etag: str | None) -> Fetched:
        self.asked.append(etag)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class StandingClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "evacuation.sealed"


def test_a_restart_without_network_still_has_the_last_list(file: Path) -> None:
    KeptList(file, DEVICE).replace(sealed(a_list()))

    again = KeptList(file, DEVICE)
    again.load()

    assert again.current is not None
    assert again.current.made_at == a_list().made_at
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_list_of_another_gate_and_an_older_one_are_refused(file: Path) -> None:
    kept = KeptList(file, DEVICE)
    kept.replace(sealed(a_list(minutes=5)))

    with pytest.raises(ContractError, match="another"):
        kept.replace(sealed(a_list(minutes=6), device="sur-1"))
    with pytest.raises(ContractError, match="older"):
        kept.replace(sealed(a_list(minutes=4)))

    assert kept.current is not None
    assert kept.current.made_at == a_list(minutes=5).made_at


def test_a_damaged_file_is_no_list_and_no_crash(file: Path) -> None:
    file.write_bytes(b"\x00 not json")
    kept = KeptList(file, DEVICE)

    kept.load()

    assert kept.current is None


def test_it_asks_with_the_tag_of_what_it_has(file: Path) -> None:
    kept, clock = KeptList(file, DEVICE), StandingClock()
    source = ScriptedSource(
        Fetched(sealed(a_list()), "v1"), Fetched(None, "v1"), Fetched(None, "v1")
    )
    refresher = Refresher(source, kept, clock)

    for _ in range(3):
        refresher.refresh()

    assert source.asked == [None, "v1", "v1"]
    assert kept.current is not None


def test_central_counts_as_gone_only_after_some_silence(file: Path) -> None:
    clock = StandingClock()
    source = ScriptedSource(
        Fetched(sealed(a_list()), "v1"), SourceUnavailable("refused"), SourceUnavailable("refused")
    )
    refresher = Refresher(source, KeptList(file, DEVICE), clock)
    assert not refresher.central_reachable

    refresher.refresh()
    clock.seconds += REACHABLE_SECONDS / 2
    refresher.refresh()
    missed_once = refresher.central_reachable
    clock.seconds += REACHABLE_SECONDS / 2
    refresher.refresh()

    assert missed_once
    assert not refresher.central_reachable


def test_nonsense_from_central_leaves_the_list_that_we_have(file: Path) -> None:
    kept = KeptList(file, DEVICE)
    source = ScriptedSource(Fetched(sealed(a_list()), "v1"), Fetched(b"<html>", "v2"))
    refresher = Refresher(source, kept, StandingClock())

    refresher.refresh()
    refresher.refresh()

    assert kept.current is not None
    assert kept.current.made_at == a_list().made_at
