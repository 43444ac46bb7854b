"""The documented HTTP interface for programs, under ``/api/v1``, and what operators watch."""

from __future__ import annotations

from apiflask import APIFlask

from central.accounts.tokens import Signer
from central.api import docs, errors, health, metrics, spec, v1
from central.settings import Settings


def register(app: APIFlask, settings: Settings) -> None:
    """Add the API, its documentation, health and metrics to ``app``."""
    app.extensions["api_signer"] = Signer(settings.secret_key)
    errors.register(app)
    spec.register(app)
    for blueprint in v1.BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_blueprint(docs.bp)
    health.register(app, settings)
    metrics.register(app, settings)
