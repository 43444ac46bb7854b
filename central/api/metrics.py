"""Figures for Prometheus: requests and how long they took. Not for the public.

With several worker processes ``PROMETHEUS_MULTIPROC_DIR`` must name an empty folder that they
share; prometheus_client itself reads that variable when it is imported.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from ipaddress import ip_address
from typing import Final

from flask import Flask, Response, abort, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy.exc import SQLAlchemyError

from central.db import db
from central.identity.queries import list_ends_at
from central.settings import Settings

PATH: Final = "/metrics"
_FORWARDED: Final = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")

# The route, not the path: a path holds ids, and there would be as many series as students.
REQUESTS: Final = Counter(
    "http_requests", "Answers given by the web", ("method", "route", "status")
)
DURATION: Final = Histogram(
    "http_request_duration_seconds",
    "Seconds until the answer began",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def register(app: Flask, settings: Settings) -> None:
    app.before_request(_begin)
    app.after_request(_count)
    # without the folder there is one process, whose own figures are all there are
    folder = settings.prometheus_multiproc_dir

    def metrics() -> Response:
        if not _may_scrape(settings.metrics_token):
            abort(404)
        registry: CollectorRegistry = REGISTRY
        if folder:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]  # not typed
        figures = generate_latest(registry) + _revocation_list()
        return Response(figures, content_type=CONTENT_TYPE_LATEST)

    app.add_url_rule(PATH, "metrics", metrics)


def _revocation_list() -> bytes:
    """How far the broker's list reaches: one that has ended locks every gate out.

    Asked of the database, whichever process answers; left out while that is away.
    """
    try:
        ends_at = list_ends_at(db.session())
    except SQLAlchemyError:
        return b""
    if ends_at is None:
        return b""
    days = (ends_at - datetime.now(UTC)) / timedelta(days=1)
    name = "gate_revocation_list_days_left"
    return (
        f"# HELP {name} Days until the broker lets no gate in for want of a newer list\n"
        f"# TYPE {name} gauge\n{name} {days:.3f}\n"
    ).encode()


def _may_scrape(token: str) -> bool:
    """Whoever knows the token; if there is none, whoever is on this machine.

    A proxy here also comes from loopback, but it says for whom.
    """
    if token:
        given = request.headers.get("Authorization", "")
        return compare_digest(given.encode(), f"Bearer {token}".encode())
    if any(name in request.headers for name in _FORWARDED) or not request.remote_addr:
        return False
    return ip_address(request.remote_addr).is_loopback


def _begin() -> None:
    g.began = time.perf_counter()


def _count(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else "none"
    if route == PATH:
        return response
    # an unknown method is the caller's invention, like an unknown path
    method = request.method if request.url_rule else "other"
    REQUESTS.labels(method, route, response.status_code).inc()
    if "began" in g:  # an earlier check may have refused the request before it was counted
        DURATION.labels(route).observe(time.perf_counter() - g.began)
    return response
