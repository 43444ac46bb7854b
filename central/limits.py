"""Rate limits, counted in Redis by all web processes together; each on its own while Redis is away.

Signing in is guarded three ways, counting failures only: a person who mistypes waits minutes, a
guesser gets nowhere, and a whole school behind one address can sign in on the same morning.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final, ParamSpec, TypeVar

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from central.settings import Settings

ACCOUNT_AT_ADDRESS: Final = "8 per 5 minutes"
ACCOUNT: Final = "60 per hour"  # from anywhere; higher, so that a stranger hardly locks one out
ADDRESS: Final = "100 per 15 minutes"
ENROLMENT: Final = "30 per 15 minutes"  # wrong codes; nobody guesses one, it is about the noise

P = ParamSpec("P")
R = TypeVar("R")


class _Limiter(Limiter):
    def init_app(self, app: Flask) -> None:
        """A new application has its own store: what was known of another one's is forgotten."""
        self._storage_dead = False
        super().init_app(app)


limiter = _Limiter(
    get_remote_address,
    strategy="moving-window",
    key_prefix="limit",
    in_memory_fallback_enabled=True,
    swallow_errors=True,  # a limit that cannot be counted must not keep the school out
)


def register(app: Flask, settings: Settings) -> None:
    """Count in the Redis of ``settings``; a silent one delays a request half a second, once."""
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url
    app.config["RATELIMIT_STORAGE_OPTIONS"] = {
        "socket_connect_timeout": 0.5,
        "socket_timeout": 0.5,
    }
    limiter.init_app(app)


def limit_sign_in(account: Callable[[], str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Guard a view that checks passwords; ``account`` reads the e-mail from the request.

    A failure is an answer with status 401. Views guarded with this share their counts, so the
    API is no way around the sign-in page. Put it below the route decorator.
    """

    def per_account() -> str:
        # the name is hashed: keys stay in Redis, and nothing personal belongs there
        return sha256(account().strip().lower().encode()).hexdigest()[:32]

    def per_account_at_address() -> str:
        return f"{per_account()} {get_remote_address()}"

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        limits = (
            ("sign-in-account-address", ACCOUNT_AT_ADDRESS, per_account_at_address),
            ("sign-in-account", ACCOUNT, per_account),
            ("sign-in-address", ADDRESS, get_remote_address),
        )
        for scope, limit, key in limits:
            view = limiter.shared_limit(
                limit, scope, key_func=key, deduct_when=_failed, exempt_when=_harmless
            )(view)
        return view

    return guard


def limit_enrolment(view: Callable[P, R]) -> Callable[P, R]:
    """Guard a view that takes one-time codes. Put it below the route decorator."""
    limit = limiter.shared_limit(
        ENROLMENT, "enrolment", key_func=get_remote_address, deduct_when=_failed
    )
    guarded: Callable[P, R] = limit(view)
    return guarded


def _failed(response: Response) -> bool:
    return response.status_code == 401


def _harmless() -> bool:
    return request.method != "POST"
