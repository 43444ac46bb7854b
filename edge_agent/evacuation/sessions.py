"""Who may look at the list: tries of the PIN are few, taps of a card are meant, looks end.

A tap of a staff card comes every morning, and a stranger on the network could be waiting for it.
So a card opens only for the one browser that asked, and only by two taps within half a minute,
which nobody does by the way.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_agent.evacuation.opening import OpenerKey

LOOK_SECONDS: Final = 30 * 60.0  # then the key leaves the memory and the page asks again
CARD_SECONDS: Final = 30.0
TAPS_NEEDED: Final = 2
# A wrong PIN costs a minute after the third, doubling up to an hour: a few dozen tries a day of
# ten digits, while somebody who mistyped twice in an emergency waits for nothing.
FREE_TRIES: Final = 3
FIRST_WAIT_SECONDS: Final = 60.0
LONGEST_WAIT_SECONDS: Final = 3600.0
MOST_LOOKS: Final = 32


class TooManyTries(Exception):
    """Wait ``seconds`` before the next PIN."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} s")
        self.seconds = seconds


class Tries:
    """Wrong PINs, of the whole gate: who guesses can change the address more easily than wait."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._wrong = 0
        self._not_before = 0.0

    def check(self) -> None:
        """Raises TooManyTries."""
        with self._lock:
            left = self._not_before - self._monotonic()
        if left > 0:
            raise TooManyTries(left)

    def wrong(self) -> None:
        with self._lock:
            self._wrong += 1
            if self._wrong >= FREE_TRIES:
                doubled = FIRST_WAIT_SECONDS * 2.0 ** (self._wrong - FREE_TRIES)
                self._not_before = self._monotonic() + min(doubled, LONGEST_WAIT_SECONDS)

    def right(self) -> None:
        with self._lock:
            self._wrong, self._not_before = 0, 0.0


@dataclass
class _Look:
    key: OpenerKey
    until: float


@dataclass
class _Asking:
    """The browser that waits for a card, and the card that was tapped for it so far."""

    browser: str
    until: float
    token: bytes = b""
    taps: int = 0


class Looks:
    """Keys of people who are looking at the list, by the secret in their browser's cookie."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looks: dict[str, _Look] = {}
        self._asking: _Asking | None = None

    def begin(self, key: OpenerKey) -> str:
        """Let somebody look. Returns the secret for the cookie."""
        browser = secrets.token_urlsafe(32)
        with self._lock:
            self._keep(browser, key)
        return browser

    def key_of(self, browser: str) -> OpenerKey | None:
        with self._lock:
            self._forget_old()
            found = next(
                (
                    look
                    for known, look in self._looks.items()
                    if hmac.compare_digest(known, browser)
                ),
                None,
            )
            return None if found is None else found.key

    def end(self, browser: str) -> None:
        with self._lock:
            self._looks.pop(browser, None)

    def ask_for_card(self) -> str | None:
        """Wait for a card for one browser: its future secret; None while another one waits."""
        with self._lock:
            now = self._monotonic()
            if self._asking is not None and now < self._asking.until:
                return None
            self._asking = _Asking(secrets.token_urlsafe(32), now + CARD_SECONDS)
            return self._asking.browser

    def waits(self, browser: str) -> bool:
        """Whether a card is still awaited for this browser."""
        with self._lock:
            asking = self._asking
            return (
                asking is not None
                and self._monotonic() < asking.until
                and hmac.compare_digest(asking.browser, browser)
            )

    def card_tapped(self, token: bytes) -> None:
        """A staff card was read at the gate."""
        with self._lock:
            asking = self._asking
            if asking is None or self._monotonic() >= asking.until:
                return
            same = hmac.compare_digest(asking.token, token)
            asking.token, asking.taps = token, asking.taps + 1 if same else 1
            if asking.taps < TAPS_NEEDED:
                return
            self._asking = None
            self._keep(asking.browser, OpenerKey.of_card(token))

    def _keep(self, browser: str, key: OpenerKey) -> None:
        self._forget_old()
        if len(self._looks) >= MOST_LOOKS:
            del self._looks[min(self._looks, key=lambda known: self._looks[known].until)]
        self._looks[browser] = _Look(key, self._monotonic() + LOOK_SECONDS)

    def _forget_old(self) -> None:
        now = self._monotonic()
        for browser in [known for known, look in self._looks.items() if now >= look.until]:
            del self._looks[browser]
