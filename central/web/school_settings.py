"""The school's settings: when and of what families are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _l

from central.db import db
from central.errors import Conflict
from central.no_shows.policy_queries import alert_settings, volumes
from central.no_shows.policy_rules import AlertSettings, messages_a_day
from central.no_shows.policy_service import set_alerts
from central.web import desk_forms as forms
from central.web.access import requires
from central.web.desk_forms import Here
from central.web.desk_wording import problem_words

PROBLEMS: Final[Mapping[str, LazyString]] = {
    "grace_does_not_fit": _l("The wait before an alert is from 0 to 240 minutes."),
    "share_does_not_fit": _l("The share of absent students is from 1 to 100 percent."),
    "silence_does_not_fit": _l("A gate is silent after 2 to 240 minutes."),
}

bp = Blueprint("school_settings", __name__, url_prefix="/app/settings")


@bp.get("")
@requires("see_settings")
def index() -> ResponseReturnValue:
    place = forms.here()
    return _page(place, alert_settings(db.session(), place.id))


@bp.post("")
@requires("manage_alerts")
def save() -> ResponseReturnValue:
    place = forms.here()
    problem = forms.try_to(
        lambda: set_alerts(db.session(), place.id, _asked(), place.user_id),
        gettext("The settings are kept. They count from now on."),
    )
    if problem is not None:
        words = PROBLEMS.get(problem) or problem_words(problem)
        return _page(place, alert_settings(db.session(), place.id), words), 409
    return redirect(url_for("school_settings.index"), 303)


def _page(place: Here, chosen: AlertSettings, problem: Any = None) -> str:
    usual = volumes(db.session(), place.id, place.today)
    return render_template(
        "settings/alerts.html",
        chosen=chosen,
        typed=request.form if problem else None,
        problem=problem,
        volumes=usual,
        total=messages_a_day(chosen, usual),
        everything=messages_a_day(chosen._replace(tell_entries=True, tell_exits=True), usual),
        exceptions=messages_a_day(AlertSettings(), usual),
        installation_grace=current_app.extensions["settings"].no_show_grace_minutes,
    )


def _asked() -> AlertSettings:
    grace = request.form.get("grace_minutes", "").strip()
    return AlertSettings(
        grace_minutes=_whole("grace_minutes") if grace else None,
        most_absent_percent=_whole("most_absent_percent"),
        silent_after_minutes=_whole("silent_after_minutes"),
        tell_entries="tell_entries" in request.form,
        tell_exits="tell_exits" in request.form,
        tell_late="tell_late" in request.form,
        ask_first=forms.choice("absences", {"told": "", "asked": ""}) == "asked",
    )


def _whole(name: str) -> int:
    number = request.form.get(name, type=int)
    if number is None or abs(number) > 10_000:
        raise Conflict("incomplete")
    return number
