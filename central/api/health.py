"""Liveness and readiness, for whoever supervises the process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Flask, current_app

from central.health import Readiness, Report
from central.media.store import store_of
from central.settings import Settings

bp = Blueprint("health", __name__)


def register(app: Flask, settings: Settings) -> None:
    app.extensions["readiness"] = Readiness(settings, store_of(settings))
    app.register_blueprint(bp)


@bp.get("/healthz")
def alive() -> dict[str, str]:
    """The process answers; nothing else is looked at."""
    return {"state": "alive"}


@bp.get("/health")
def ready() -> tuple[dict[str, Any], int]:
    """Whether the process can serve now: 503 if anything that it needs is missing.

    How long ago the last tap was stored is told and not judged: at night there is none.
    """
    readiness = current_app.extensions["readiness"]
    assert isinstance(readiness, Readiness)
    report = readiness.report()
    return _body(report, datetime.now(UTC)), 200 if report.ready else 503


def _body(report: Report, now: datetime) -> dict[str, Any]:
    last = report.last_tap_received_at
    return {
        "ready": report.ready,
        "checks": {
            name: {"state": check.state, "ms": check.milliseconds}
            for name, check in sorted(report.checks.items())
        },
        "last_tap_received_at": None if last is None else last.astimezone(UTC).isoformat(),
        "last_tap_seconds_ago": None if last is None else round((now - last).total_seconds(), 1),
    }
