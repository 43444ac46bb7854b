"""Debian's Chromium, watched: what a page complains about, and what it asks of other hosts.

with chromium() as browser:
    visit = Visit(browser, origin, width=PHONE, theme="dark", language="en")
    visit.sign_in("directora@demo.cl", "…")
    visit.photograph("/app/board", folder / "board.png")
    assert visit.complaints == []
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Request, sync_playwright

PHONE: Final = 390
DESKTOP: Final = 1440
HEIGHTS: Final = {PHONE: 844, DESKTOP: 900}
PATIENCE_MS: Final = 10_000

_FLAGS: Final = (
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
    "--no-first-run",
    "--no-pings",
)
_REPORT_VIOLATIONS: Final = """
document.addEventListener('securitypolicyviolation', (event) =>
  window.reportViolation(`${event.effectiveDirective} refused ${event.blockedURI || 'inline'}`));
"""


def chromium_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for some visits. Without Chromium the test is skipped, and under CI it fails."""
    path = chromium_path()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed: apt-get install chromium")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One person's browser window: own cookies, one page."""

    def __init__(
        self,
        browser: Browser,
        origin: str,
        *,
        width: int = DESKTOP,
        theme: Literal["light", "dark"] = "light",
        language: str = "es",
    ) -> None:
        self._origin = origin
        self.complaints: list[str] = []  # console errors, exceptions, CSP violations, other hosts
        self._context = browser.new_context(
            base_url=origin,
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            color_scheme=theme,
            locale=language,
            timezone_id="America/Santiago",
            has_touch=width < 768,
            reduced_motion="reduce",
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self._context.expose_binding(
            "reportViolation", lambda _, text: self.complaints.append(f"CSP: {text}")
        )
        self._context.add_init_script(_REPORT_VIOLATIONS)
        self.page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("request", self._asked)

    def sign_in(self, email: str, password: str) -> None:
        self.page.goto("/app/sign-in")
        self.page.locator("#email").fill(email)
        self.page.locator("#password").fill(password)
        self.page.locator("form.card button[type=submit]").click()
        self.page.locator("details.menu").first.wait_for()

    def photograph(self, path: str, file: Path) -> None:
        """Open ``path`` and keep what is seen without scrolling as a PNG."""
        self.page.goto(path)
        self.keep(file)

    def keep(self, file: Path) -> None:
        """Keep what the window shows now as a PNG, once its fonts are there."""
        self.page.evaluate("document.fonts.ready")
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file)

    def close(self) -> None:
        self._context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme.startswith(("http", "ws")) and (
            address.netloc != urlsplit(self._origin).netloc
        ):
            self.complaints.append(f"other host: {request.url}")
