"""Worker and scheduler as they run in earnest: processes of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from central.settings import Settings
from devkit.places import ROOT, VENV_PYTHON
from devkit.process import Program, Running

SECONDS = 60  # to start: a loaded machine imports slowly


def environment(
    settings: Settings, redis_url: str, whatsapp_url: str, token: str
) -> dict[str, str]:
    """What a worker needs to send to ``whatsapp_url`` for real."""
    return {
        "PATH": "/usr/bin:/bin",
        "APP_ENV": "development",
        "DATABASE_URL": settings.database_url_override,
        "REDIS_URL": redis_url,
        "ENABLE_REAL_NOTIFICATIONS": "true",
        "WHATSAPP_API_URL": whatsapp_url,
        "WHATSAPP_ACCESS_TOKEN": token,
        "WHATSAPP_PHONE_NUMBER_ID": "1000",
        "LOG_LEVEL": "DEBUG",
    }


def start(command: str, env: Mapping[str, str], log: Path, *, says: str) -> Running:
    """``python -m central.jobs COMMAND``, once it has logged ``says``."""
    program = Program(
        name=command,
        argv=(str(VENV_PYTHON), "-m", "central.jobs", command),
        env=env,
        log=log,
        ready=lambda running: says in events(running),
        cwd=ROOT,
    )
    running = Running(program)
    running.wait_ready(SECONDS)
    return running


def lines(running: Running) -> list[dict[str, Any]]:
    """Its log so far. Fails on a line that is not one JSON object."""
    whole, _, _ = running.output().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def events(running: Running) -> list[str]:
    return [line["event"] for line in lines(running)]
