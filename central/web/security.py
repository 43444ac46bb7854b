"""What every answer of the web carries to protect the browser, and what every form must carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from central.settings import Settings

# data: is Tabler's own small pictures inside its style sheet (check marks, arrows)
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
PERMISSIONS_POLICY: Final = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "microphone", "geolocation", "payment", "usb", "browsing-topics")
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Cache-Control": "no-store",  # names of children: nothing stays on a shared computer
}
TWO_YEARS_SECONDS: Final = 63_072_000
LARGEST_BODY: Final = 4 * 1024 * 1024  # Meta's webhooks reach 3 MB
LARGEST_UPLOAD: Final = 11 * 1024 * 1024  # a document of 10 MB and the form around it
UPLOADS: Final = frozenset({"absences.create", "collectors.authorise"})

# Called by programs: they prove themselves by a token or a signature, which no browser adds by
# itself. `/dev/` takes JSON only, which no other site's page can send without our permission.
_NOT_FORMS: Final = ("/api/", "/webhooks/", "/dev/")

csrf = CSRFProtect()


def served_by_https(settings: Settings) -> bool:
    """Whether people reach the web by https, which then ends at a proxy in front of it."""
    return settings.webauthn_rp_origin.startswith("https://")


def register(app: Flask, settings: Settings) -> None:
    secure = served_by_https(settings)
    _name_cookies(app, secure=secure)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # _check_form decides
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # the board stays open all day; signing in renews it
    # the __Host- cookie already keeps other hosts from planting a token of theirs
    app.config["WTF_CSRF_SSL_STRICT"] = False
    csrf.init_app(app)
    headers = dict(HEADERS)
    if secure:
        headers["Strict-Transport-Security"] = f"max-age={TWO_YEARS_SECONDS}; includeSubDomains"
        # one proxy, which ends TLS: the last address it appended is the true one
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's documented way
            app.wsgi_app, x_for=1, x_proto=1, x_host=1
        )

    def harden(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    app.before_request(_check_form)
    app.after_request(harden)


def _name_cookies(app: Flask, *, secure: bool) -> None:
    """With https the names promise the browser that no other host or path may set them."""
    prefix = "__Host-" if secure else ""
    app.config["SIGN_IN_COOKIE"] = f"{prefix}attendance"
    app.config["SESSION_COOKIE_NAME"] = f"{prefix}attendance_form"
    app.config["SESSION_COOKIE_SECURE"] = secure
    app.config["SESSION_COOKIE_HTTPONLY"] = True
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"


def _check_form() -> None:
    if request.endpoint is None:
        return  # nothing there to act on
    if request.endpoint in UPLOADS:
        request.max_content_length = LARGEST_UPLOAD
    if request.path.startswith(_NOT_FORMS[:2]):
        return
    if request.path.startswith(_NOT_FORMS[2]) and request.is_json:
        return
    csrf.protect()
