"""Server-rendered pages for staff, and the endpoints that browsers and providers call."""

from __future__ import annotations

from flask import Flask

from central.settings import Settings


def register(app: Flask, settings: Settings) -> None:
    """Add the pages to ``app``."""
