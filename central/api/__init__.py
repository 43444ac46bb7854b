"""The documented HTTP interface for programs, under ``/api/v1``."""

from __future__ import annotations

from apiflask import APIFlask

from central.settings import Settings


def register(app: APIFlask, settings: Settings) -> None:
    """Add the API, its documentation and the health endpoints to ``app``."""
