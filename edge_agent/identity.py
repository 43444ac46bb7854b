"""Keeping a gate's certificate and its authorities fresh, and noticing that it was revoked.

Central says when to renew, and we do so by ourselves at two thirds of a certificate's life, should
it not. The key stays the same, so a renewal is one file that is replaced; a power cut leaves the
old one or the new one, and both are good.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from contracts import fields
from contracts.fields import ContractError
from edge_agent.backoff import Backoff
from edge_agent.central_link import CentralLink, CentralRefused, CentralUnavailable
from edge_agent.clock import Clock
from edge_agent.identity_files import (
    IdentityUnusable,
    certificate_for,
    certificates_in,
    key_in,
    signing_request,
)
from edge_agent.kept_file import replace_file
from edge_agent.settings import TlsFiles

log = logging.getLogger(__name__)

IDENTITY: Final = "/api/v1/devices/me/identity"
CERTIFICATE: Final = "/api/v1/devices/me/certificate"
EVERY_SECONDS: Final = 900.0  # so long a stolen gate that nobody taps at may know what it knows
# After trouble at the broker, which may mean that we are revoked, or that it has another authority;
# not at each of its retries, and not all gates at once when the broker has restarted.
LEAST_SECONDS: Final = 5.0
SPREAD_SECONDS: Final = 4.0
RENEW_BEFORE: Final = timedelta(days=397) / 3
REVOKED: Final = "revoked"  # central's code for it
_FRESH: Final = 304


class IdentityKeeper:
    """Runs in a thread of its own.

    ``renewed`` is told that the files are others now, ``revoked`` that this gate was put out of
    action; that is the last thing that is told.
    """

    def __init__(
        self,
        link: CentralLink,
        device: str,
        files: TlsFiles,
        clock: Clock,
        *,
        renewed: Callable[[], None],
        revoked: Callable[[], None],
    ) -> None:
        self._link = link
        self._device = device
        self._files = files
        self._clock = clock
        self._renewed = renewed
        self._revoked = revoked
        self._asked = threading.Event()
        self._backoff = Backoff(first=20.0, most=3600.0)
        self._etag: str | None = None
        self._expires_at = self._read_end()

    def doubt(self) -> None:
        """The broker does not let us speak: ask central why. Returns at once."""
        self._asked.set()

    def leave(self) -> None:
        """Let ``run`` look whether it should stop."""
        self._asked.set()

    def days_left(self) -> int | None:
        """Whole days until the certificate ends; None without a certificate."""
        if self._expires_at is None:
            return None
        return (self._expires_at - self._clock().at.astimezone(UTC)).days

    def run(self, stop: threading.Event) -> None:
        """Ask at once, then every quarter of an hour and when in doubt, until ``stop`` is set."""
        while not stop.is_set():
            asked_at = time.monotonic()
            pause = self._look()
            if pause is None:
                break
            if self._asked.wait(pause) and not stop.is_set():
                spread = random.uniform(0, SPREAD_SECONDS)  # noqa: S311 - spreads load
                stop.wait(max(spread, asked_at + LEAST_SECONDS - time.monotonic()))
            self._asked.clear()
        self._link.close()

    def _look(self) -> float | None:
        """How long to wait before the next look; None after a revocation."""
        try:
            self._follow()
        except CentralRefused as error:
            if error.code == REVOKED:
                self._revoked()
                return None
            return self._trouble(error)
        except (CentralUnavailable, ContractError, IdentityUnusable, OSError) as error:
            return self._trouble(error)
        self._backoff.reset()
        # not all gates of a city in the same second, for ever
        return EVERY_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load

    def _trouble(self, error: Exception) -> float:
        log.warning("central says nothing about our identity: %s", error)
        return self._backoff.wait()

    def _follow(self) -> None:
        answer = self._link.get(IDENTITY, self._etag)
        renew = self._is_late()
        if answer.status != _FRESH:
            told = fields.load(answer.body)
            self._trust(told.get("authorities"))
            renew = renew or told.get("renew") is True
        if renew:
            self._renew()
            self._etag = None
            answer = self._link.get(IDENTITY)  # says whether that was all
        if answer.etag is not None and answer.etag != self._etag:
            self._etag = answer.etag
            self._link.get(IDENTITY, self._etag)  # shows central what we hold

    def _is_late(self) -> bool:
        """Whether two thirds of the certificate's life are over, as far as we know the time."""
        now = self._clock()
        if now.clock != "synced" or self._expires_at is None:
            return False
        return self._expires_at - now.at.astimezone(UTC) <= RENEW_BEFORE

    def _trust(self, pem: Any) -> None:
        """Believe these authorities from now on."""
        certificates_in(pem)
        if self._files.ca_file.read_text() == pem:
            return
        replace_file(self._files.ca_file, str(pem).encode())
        log.info("the authorities are others now")
        self._renewed()

    def _renew(self) -> None:
        if self._files.key_file is None or self._files.cert_file is None:
            return
        key = key_in(self._files.key_file)
        request = json.dumps({"csr": signing_request(key)}).encode()
        told: Mapping[str, Any] = fields.load(self._link.post(CERTIFICATE, request).body)
        certificate = certificate_for(told.get("certificate"), key, self._device)
        self._trust(told.get("authorities"))
        replace_file(self._files.cert_file, str(told["certificate"]).encode())
        self._expires_at = certificate.not_valid_after_utc
        log.info("a new certificate, good until %s", self._expires_at.date())
        self._renewed()

    def _read_end(self) -> datetime | None:
        if self._files.cert_file is None:
            return None
        try:
            return certificates_in(self._files.cert_file.read_text())[0].not_valid_after_utc
        except (OSError, IdentityUnusable) as error:
            log.error("our certificate cannot be read: %s", error)
            return None
