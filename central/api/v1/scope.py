"""Whom a caller acts for."""

from __future__ import annotations

from central.accounts.rules import Viewer


def school_of(viewer: Viewer) -> int:
    """The school of the caller's token."""
    assert viewer.school is not None  # a token is for one school
    return viewer.school.id
