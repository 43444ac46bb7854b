"""The documented HTTP interface for programs, under ``/api/v1``, and what operators watch."""

from __future__ import annotations

from apiflask import APIFlask

from central.accounts.tokens import Signer
from central.api.docs import bp as docs
from central.api.errors import register as answer_failures
from central.api.health import register as tell_health
from central.api.metrics import register as tell_figures
from central.api.spec import register as describe
from central.api.v1 import BLUEPRINTS, OTHERS
from central.settings import Settings


def register(app: APIFlask, settings: Settings) -> None:
    """Add the API, its documentation, health and metrics to ``app``."""
    app.extensions["api_signer"] = Signer(settings.secret_key)
    answer_failures(app)
    describe(app)
    for blueprint in (*BLUEPRINTS, *OTHERS, docs):
        app.register_blueprint(blueprint)
    tell_health(app, settings)
    tell_figures(app, settings)
