"""Installing a release, watching it work, and going back if it does not."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from contracts.releases import Release, ReleaseRefused, Version, open_release
from edge_agent.kept_file import kept_json, replace_file
from edge_agent.updates import inbox
from edge_agent.updates.environments import CURRENT, PREVIOUS, PROVEN, Environments
from edge_agent.updates.record import TRYING, Record, keep_record, read_record
from edge_agent.updates.sign_of_life import NOTHING, Before, complaint, read_sign, up_s
from edge_agent.updates.signatures import signed_by

log = logging.getLogger(__name__)

KEYS: Final = "keys.json"
RECORD: Final = "update.json"
_LOOK_EVERY: Final = 0.5
# A trial that a power cut interrupts begins again; one that itself takes the power is ended.
_MOST_TRIALS: Final = 3


class Agent(Protocol):
    def restart(self) -> None:
        """Have the agent started anew from ``current``; returns without waiting for it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a new version must achieve: work within ``within_s``, then for ``steady_s`` on end."""

    within_s: float
    steady_s: float


@dataclass(frozen=True, slots=True)
class Places:
    """``root`` holds the versions, the keys and the record, and belongs to root."""

    root: Path
    inbox: Path
    sign: Path


class Updater:
    """Runs once for each file in the inbox, and once at each boot."""

    def __init__(
        self, places: Places, environments: Environments, agent: Agent, terms: Terms
    ) -> None:
        self._places = places
        self._environments = environments
        self._agent = agent
        self._terms = terms

    def run(self) -> None:
        """Finish what a power cut interrupted, then install what lies in the inbox."""
        record = read_record(self._record_file)
        if record.state == TRYING:
            self._finish(record)
        try:
            file = inbox.take(self._places.inbox)
            if file is None:
                return
            with file:
                self._install(open_release(file, signed_by(self.keys())))
        except ReleaseRefused as refused:
            log.warning("the release in the inbox is refused: %s", refused)
            self._keep(self._record().ended("refused", None, refused.code))

    def back(self) -> bool:
        """Return to the version before this one, at somebody's wish. Whether there is one."""
        previous = self._environments.version_at(PREVIOUS)
        leaving = self._environments.version_at(CURRENT)
        if previous is None or leaving is None or previous == leaving:
            return False
        self._environments.point(PROVEN, previous)
        self._environments.point(CURRENT, previous)
        self._agent.restart()
        self._keep(self._record().ended("rolled_back", str(leaving), "by_hand"))
        return True

    def keys(self) -> list[str]:
        """The public keys that this gate believes."""
        kept = kept_json(self._places.root / KEYS)
        return [str(key) for key in kept] if isinstance(kept, list) else []

    def _install(self, release: Release) -> None:
        manifest = release.manifest
        version, record = manifest.version, self._record()
        proven = self._environments.version_at(PROVEN)
        if proven is not None and version <= proven:
            raise ReleaseRefused("not_newer", f"{version} after {proven}")
        if str(version) in record.failed:
            raise ReleaseRefused("failed_before", str(version))
        wheels = {name: release.read(name) for name in manifest.files}
        log.info("installing %s after %s", version, proven)
        self._environments.install(version, manifest.package, wheels)
        # written before the switch: after a power cut somebody must judge what then runs
        record = replace(
            record,
            state=TRYING,
            version=str(version),
            reason=None,
            before=self._before(),
            trials=0,
            keys=manifest.keys,
        )
        self._keep(record)
        self._environments.point(CURRENT, version)
        self._agent.restart()
        self._judge(record, version)

    def _finish(self, record: Record) -> None:
        """Go on with the trial that was interrupted."""
        version = Version.parse(str(record.version))
        if self._environments.version_at(CURRENT) != version:  # cut before the switch
            self._keep(record.ended("refused", str(version), "interrupted"))
        elif record.trials >= _MOST_TRIALS:
            self._go_back(record, version, "interrupted")
        else:
            self._judge(record, version)

    def _judge(self, record: Record, version: Version) -> None:
        """Keep the new version if it works, else go back."""
        self._keep(replace(record, trials=record.trials + 1))
        reason = self._watch(str(version), record.before)
        if reason is not None:
            self._go_back(record, version, reason)
            return
        before = self._environments.version_at(PROVEN)
        if before is not None:
            self._environments.point(PREVIOUS, before)
        self._environments.point(PROVEN, version)
        self._environments.forget_others()
        if record.keys:
            keep_keys(self._places.root, record.keys)
        self._keep(record.ended("active", str(version)))
        log.info("%s works", version)

    def _go_back(self, record: Record, version: Version, reason: str) -> None:
        proven = self._environments.version_at(PROVEN)
        log.error("%s does not work (%s); back to %s", version, reason, proven)
        if proven is not None:
            self._environments.point(CURRENT, proven)
            self._agent.restart()
        self._keep(record.ended("rolled_back", str(version), reason))
        self._environments.forget_others()

    def _watch(self, version: str, before: Before) -> str | None:
        """Why it does not work; None once it has worked steadily, in one and the same process."""
        began = time.monotonic()
        steady_since, pid, reason = began, -1, "no_sign_of_life"
        while time.monotonic() - began < self._terms.within_s + self._terms.steady_s:
            sign = read_sign(self._places.sign)
            found = complaint(sign, version, before, up_s())
            if found is not None or sign is None:
                reason, pid = found or reason, -1
            elif sign.pid != pid:
                reason, pid, steady_since = "restarts", sign.pid, time.monotonic()
            elif time.monotonic() - steady_since >= self._terms.steady_s:
                return None
            time.sleep(_LOOK_EVERY)
        return reason

    def _before(self) -> Before:
        """What the running version achieves; none that runs asks nothing of the next."""
        sign = read_sign(self._places.sign)
        running = self._environments.version_at(CURRENT)
        if sign is None or complaint(sign, str(running), NOTHING, up_s()) is not None:
            return NOTHING
        return Before(sign.online, sign.readers)

    @property
    def _record_file(self) -> Path:
        return self._places.root / RECORD

    def _record(self) -> Record:
        return read_record(self._record_file)

    def _keep(self, record: Record) -> None:
        keep_record(self._record_file, record)


def keep_keys(root: Path, keys: Iterable[str]) -> None:
    """Believe these public keys (hex) and no others. Raises OSError."""
    replace_file(root / KEYS, json.dumps(list(keys)).encode())
