"""The first boot needs a central: that of the tests of central."""

from __future__ import annotations

from tests.central.conftest import database, owner, session, settings

__all__ = ["database", "owner", "session", "settings"]
