"""The agent's part in an update: asks central for a version, leaves the file, tells the outcome.

What it leaves is believed by nobody before its signature was checked; see ``updater.py``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts import fields
from contracts.fields import ContractError
from contracts.releases import MOST_BYTES, Version
from edge_agent.backoff import Backoff
from edge_agent.central_link import CentralLink, CentralRefused, CentralUnavailable
from edge_agent.kept_file import keep_json, kept_json
from edge_agent.updates.inbox import NAME
from edge_agent.updates.record import TRYING, Record, read_record

log = logging.getLogger(__name__)

PATH: Final = "/api/v1/devices/me/release"
EVERY_SECONDS: Final = 900.0
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PART: Final = "release.part"


@dataclass(frozen=True, slots=True)
class Offer:
    """What central would have us install."""

    version: Version
    sha256: str
    size: int

    @classmethod
    def from_json(cls, payload: bytes) -> Offer:
        """Raises ContractError."""
        raw = fields.load(payload)
        return cls(
            Version.parse(str(raw.get("version"))),
            fields.text(raw, "sha256", _SHA256),
            fields.whole(raw, "size", least=1, most=MOST_BYTES),
        )


class ReleaseFetch:
    """Runs in a thread of its own: a release takes minutes on a slow line."""

    def __init__(self, link: CentralLink, ours: Version, inbox: Path, record: Path) -> None:
        """``ours`` is the version that runs. ``record`` is the updater's file."""
        self._link = link
        self._ours = ours
        self._inbox = inbox
        self._record = record
        self._asked = threading.Event()
        self._memory = inbox / "memory.json"
        self._backoff = Backoff(first=30.0, most=900.0)

    def ask(self) -> None:
        """Look now, not only when it is time to. Returns at once."""
        self._asked.set()

    def run(self, stop: threading.Event) -> None:
        """Look soon, then every quarter of an hour, until ``stop`` is set.

        ``ask`` after ``stop`` ends it without delay.
        """
        while not stop.is_set():
            self._asked.clear()
            self._asked.wait(self._pause_after(self.look(stop)))
        self._link.close()

    def look(self, stop: threading.Event) -> bool:
        """Tell what became of the last update, and fetch the next. Whether central answered."""
        try:
            record = read_record(self._record)
            self._tell(record)
            offer = self._offer()
            if offer is not None and self._wanted(offer, record):
                self._fetch(offer, stop)
        except (CentralUnavailable, CentralRefused, ContractError, OSError) as error:
            log.warning("no release from central: %s", error)
            return False
        return True

    def _tell(self, record: Record) -> None:
        """Once each, also over a restart: told again, a refusal would pause what was resumed."""
        memory = self._remembered()
        # a file that is no release does not say which one it should have been
        version = record.version or memory.get("offered")
        if record.state is None or version is None:
            return
        report = {"version": version, "state": record.state}
        if record.reason is not None:
            report["reason"] = record.reason
        if report == memory.get("told"):
            return
        self._link.post(PATH, json.dumps(report).encode())
        self._remember(memory | {"told": report})

    def _offer(self) -> Offer | None:
        answer = self._link.get(PATH)
        return None if answer.status == 204 else Offer.from_json(answer.body)

    def _wanted(self, offer: Offer, record: Record) -> bool:
        if offer.version <= self._ours or str(offer.version) in record.failed:
            return False
        return record.state != TRYING and not (self._inbox / NAME).exists()

    def _fetch(self, offer: Offer, stop: threading.Event) -> None:
        """Slice by slice, going on where the last attempt ended. Raises CentralUnavailable."""
        self._inbox.mkdir(mode=0o700, exist_ok=True)
        part = self._inbox / f"{offer.sha256[:16]}.{_PART}"
        for other in self._inbox.glob(f"*.{_PART}"):
            if other != part:
                other.unlink()
        with part.open("ab") as file:
            while file.tell() < offer.size and not stop.is_set():
                query = f"?version={offer.version}&first={file.tell()}"
                content = self._link.get(f"{PATH}/content{query}").body
                if not content:
                    raise CentralUnavailable("the release ended early")
                file.write(content)
        if part.stat().st_size < offer.size:
            return
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        if digest != offer.sha256:
            part.unlink()  # from the beginning, next time
            raise CentralUnavailable("the release came damaged")
        self._remember({"offered": str(offer.version)})
        part.replace(self._inbox / NAME)
        log.info("release %s is in the inbox", offer.version)

    def _remembered(self) -> dict[str, Any]:
        kept = kept_json(self._memory)
        return kept if isinstance(kept, dict) else {}

    def _remember(self, memory: dict[str, Any]) -> None:
        self._inbox.mkdir(mode=0o700, exist_ok=True)
        keep_json(self._memory, memory)

    def _pause_after(self, answered: bool) -> float:
        if not answered:
            return self._backoff.wait()
        self._backoff.reset()
        # not all gates of a city in the same second, for ever
        return EVERY_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load
