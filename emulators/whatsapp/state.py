"""Keeps phones, and webhooks that still wait, between two runs of the emulator."""

from __future__ import annotations

import json
import os
from pathlib import Path

from emulators.processes import WrongConfig, read_object
from emulators.whatsapp.deliveries import Deliveries
from emulators.whatsapp.phones import Phones


class StateFile:
    """Readable by its owner only: it holds telephone numbers and texts."""

    def __init__(self, path: Path, phones: Phones, deliveries: Deliveries) -> None:
        self._path = path
        self._phones = phones
        self._deliveries = deliveries
        self._saved_revision = -1

    def load(self) -> None:
        """Nothing if there is no file yet. Raises WrongConfig for one that is none of ours."""
        if not self._path.exists():
            return
        raw = read_object(self._path)
        try:
            self._phones.load(raw["messages"])
            self._deliveries.load(raw["webhooks"])
        except (KeyError, TypeError) as error:
            raise WrongConfig(f"state: {self._path} was not written by this emulator") from error

    def save(self) -> None:
        state = {"messages": self._phones.messages(), "webhooks": self._deliveries.dump()}
        fresh = self._path.with_name(f".{self._path.name}.new")
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(state, file)
        fresh.replace(self._path)

    def save_if_changed(self) -> None:
        revision = self._phones.revision
        if revision != self._saved_revision:
            self.save()
            self._saved_revision = revision
