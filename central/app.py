"""Application factory: wires settings, extensions, blueprints and error handlers."""

from __future__ import annotations

from apiflask import APIFlask

from central import api, limits, web
from central import models as models  # registers the tables
from central.db import WEB_ENGINE, db
from central.settings import Settings


def create_app(settings: Settings) -> APIFlask:
    """The web application: pages, API and webhooks, as the database role ``attendance_web``."""
    app = APIFlask(
        __name__,
        title="School Attendance",
        version="1.0",
        spec_path="/api/openapi.json",
        docs_path=None,  # api.docs: APIFlask's own page has inline script
        static_folder=None,  # type: ignore[arg-type]  # web.assets serves the files instead
        template_folder="web/templates",
    )
    app.config["SECRET_KEY"] = settings.secret_key
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url_for("web")
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = WEB_ENGINE
    app.extensions["settings"] = settings
    db.init_app(app)
    web.register(app, settings)
    limits.register(app, settings)
    api.register(app, settings)
    return app
