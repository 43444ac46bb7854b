"""The same card again within the window is the same tap: answered again, not counted again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recent:
    """The tap that a repeated card belongs to."""

    seq: int
    verdict: str
    up_ms: int


class Debounce:
    """Times are milliseconds since boot, which a corrected wall clock does not disturb."""

    def __init__(self, window_s: int) -> None:
        self._window_ms = window_s * 1000
        self._recent: dict[tuple[str, str], Recent] = {}

    def set_window(self, window_s: int) -> None:
        """From the next card on."""
        self._window_ms = window_s * 1000

    def tap_of(self, reader: str, digest: str, verdict: str, up_ms: int) -> Recent | None:
        """The tap that this card made on this reader inside the window, with the same verdict.

        With another verdict it is news: the roster changed in between. On another reader too: the
        child went in by one and out by the other.
        """
        recent = self._recent.get((reader, digest))
        if recent is None or recent.verdict != verdict or up_ms - recent.up_ms >= self._window_ms:
            return None
        return recent

    def remember(self, reader: str, digest: str, recent: Recent) -> None:
        """Only taps inside the window are kept, so a morning's rush does not add up."""
        oldest = recent.up_ms - self._window_ms
        self._recent = {key: tap for key, tap in self._recent.items() if tap.up_ms > oldest}
        self._recent[reader, digest] = recent
