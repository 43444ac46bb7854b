"""Where new versions of the software arrive on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_agent.tables import Table


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """``inbox`` is where a release is left, ``record`` the updater's file, ``sign`` ours."""

    inbox: Path
    record: Path
    sign: Path


def update_settings(table: Table) -> UpdateSettings:
    """Raises SettingsError."""
    settings = UpdateSettings(
        inbox=table.path("inbox"), record=table.path("record"), sign=table.path("sign")
    )
    table.done()
    return settings
