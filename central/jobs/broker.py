"""Keeping the broker's certificates, revocation lists and refusals as the database says.

They go into a folder that the broker's container watches (``scripts/mosquitto-start.sh``): no
process of central can, or need, touch the broker itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session, sessionmaker

from central.identity import broker_service
from central.identity.broker_rules import Held, Wanted, version
from central.identity.rules import LIST_ALARM, LIST_LIFETIME
from central.identity.sealing import Safe
from central.logging import job_context

KEEP_EVERY: Final = timedelta(seconds=1)  # so long a stolen gate speaks on, and again the watcher's
_STATE: Final = "state.json"
_VERSION: Final = "version"

log = structlog.stdlib.get_logger(__name__)


class BrokerFolder:
    """Files for the broker; the one named ``version`` changes last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def held(self) -> Held | None:
        """What was written last; None if that cannot be told."""
        try:
            told: dict[str, Any] = json.loads((self._folder / _STATE).read_text())
            return Held(
                Wanted(**told["wanted"]),
                datetime.fromisoformat(told["listed_at"]),
                datetime.fromisoformat(told["server_expires_at"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, delivery: broker_service.Delivery) -> None:
        """Raises OSError; written again, all is well."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, content in delivery.files.items():
            self._put(name, content)
        self._put(_VERSION, version(delivery.held))
        self._put(_STATE, json.dumps(asdict(delivery.held), default=datetime.isoformat))

    def _put(self, name: str, content: str) -> None:
        draft = self._folder / f"{name}.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / name)


class BrokerKeeper:
    """The job. Only the leader runs it, so there is one who writes."""

    def __init__(
        self, sessions: sessionmaker[Session], safe: Safe, folder: BrokerFolder, host: str
    ) -> None:
        self._sessions = sessions
        self._safe = safe
        self._folder = folder
        self._host = host

    def keep(self) -> None:
        """Write what the broker lacks. What fails is tried again the next time."""
        with job_context("broker"):
            now, held = datetime.now(UTC), self._folder.held()
            if held is not None and now - held.listed_at > LIST_LIFETIME - LIST_ALARM:
                log.critical("revocation_list_ends", at=held.listed_at + LIST_LIFETIME)
            with self._sessions.begin() as session:
                delivery = broker_service.deliver(session, self._safe, self._host, held, now=now)
            if delivery is None:
                return
            try:
                self._folder.write(delivery)
            except OSError as error:
                log.error("broker_not_told", reason=f"{type(error).__name__}: {error.strerror}")
                return
            log.info("broker_told", files=sorted(delivery.files))
