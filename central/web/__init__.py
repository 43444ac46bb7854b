"""Server-rendered pages for staff, and the endpoints that browsers and providers call."""

from __future__ import annotations

from flask import Flask

from central.settings import Settings
from central.web import (
    absences,
    access,
    assets,
    auth,
    board,
    calendar,
    calendar_exceptions,
    calendar_hours,
    calendar_years,
    closing,
    corrections,
    cors,
    desk_forms,
    errors,
    evacuation,
    gates_dev,
    home,
    i18n,
    inside,
    live,
    messages,
    navigation,
    no_shows,
    photos,
    reports,
    request_log,
    school_settings,
    search,
    security,
    student_day,
    tasks,
    theme,
    webhooks,
    withdrawals,
    withdrawals_collectors,
    wording,
)


def register(app: Flask, settings: Settings) -> None:
    """Add the pages to ``app``. The order of the first ones is the order of their checks."""
    request_log.register(app)
    security.register(app, settings)
    cors.register(app, settings)
    access.register(app)
    i18n.register(app)
    theme.register(app)
    assets.register(app)
    navigation.register(app)
    wording.register(app)
    errors.register(app)
    tasks.register(app)
    desk_forms.register(app, settings)
    board.register(app)
    calendar.register(app)
    live.register(app, settings)
    evacuation.register(app)
    gates_dev.register(app, settings)
    pages = (
        home,
        auth,
        webhooks,
        messages,
        search,
        no_shows,
        closing,
        inside,
        reports,
        absences,
        calendar_exceptions,
        calendar_hours,
        calendar_years,
        school_settings,
        photos,
        corrections,
        student_day,
        withdrawals,
        withdrawals_collectors,
    )
    for blueprint in (page.bp for page in pages):
        app.register_blueprint(blueprint)
