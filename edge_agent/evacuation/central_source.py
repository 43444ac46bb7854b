"""Fetches sealed lists from central, in this device's name."""

from __future__ import annotations

from typing import Final

from edge_agent.central_link import CentralLink, CentralRefused, CentralUnavailable
from edge_agent.evacuation.kept import Fetched, SourceUnavailable

PATH: Final = "/api/v1/devices/me/evacuation-list"
_NOT_MODIFIED: Final = 304


class CentralSource:
    def __init__(self, link: CentralLink) -> None:
        self._link = link

    def fetch(self, etag: str | None) -> Fetched:
        """Raises SourceUnavailable."""
        try:
            answer = self._link.get(PATH, etag)
        except (CentralUnavailable, CentralRefused) as error:
            raise SourceUnavailable(str(error)) from error
        if answer.status == _NOT_MODIFIED:
            return Fetched(None, etag)
        return Fetched(answer.body, answer.etag)
